"""Services that are expected: by a catalogue, by workloads, by tagged bill lines."""

from datetime import UTC, date, datetime
from typing import Final

import polars as pl

from transforms.coverage import expected, inventory
from transforms.coverage.identity import IDENTITY
from warehouse.tables.core import SERVICE, WORKLOAD_DAILY

NOW: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY: Final = date(2026, 11, 22)
HEAD: Final = ",".join([*inventory.COLUMNS, "aliases", "period_hours"])
PRODUCTION: Final = ["production"]


def catalogue(*rows: str) -> pl.LazyFrame:
    """Give a catalogue from lines `namespace,name,kind,team,tier,reason,until,aliases,period`."""
    lines = []
    for row in rows:
        space, name, *rest = [*row.split(","), *[""] * 7][:9]
        kind, team, tier, reason, until, aliases, period = rest
        parts = [space, name, "production", kind or "service", team or "t", tier or "2"]
        lines.append(",".join([*parts, reason, until, aliases, period]))
    return inventory.parse_inventory("\n".join([HEAD, *lines]))


def workloads(*names: str) -> pl.LazyFrame:
    """Give core_workload_daily of `namespace/name`."""
    rows = [
        {
            "day": DAY,
            "cluster": "c",
            "namespace": name.split("/")[0],
            "workload": name.split("/")[1],
            "workload_kind": "Deployment",
            "environment": "production",
            "team": "",
            "first_event_at": NOW,
            "last_event_at": NOW,
        }
        for name in names
    ]
    return pl.LazyFrame(rows, schema=WORKLOAD_DAILY.schema)


def billed(*names: str) -> pl.LazyFrame:
    """Give services that bill lines name."""
    schema = {name: SERVICE.schema[name] for name in IDENTITY}
    times = {name: SERVICE.schema[name] for name in ("first_seen_at", "last_seen_at")}
    rows = [("", name, "production", NOW, NOW, "bill:service") for name in names]
    types = {**schema, **times, "sources": pl.String()}
    return pl.LazyFrame(rows, schema=types, orient="row")


def services(
    known: pl.LazyFrame, running: pl.LazyFrame | None = None, bill: pl.LazyFrame | None = None
) -> pl.LazyFrame:
    """Give core_service, checked."""
    made = expected.services(
        known,
        workloads() if running is None else running,
        billed() if bill is None else bill,
        environments=PRODUCTION,
    )
    return SERVICE.check(made.collect()).lazy()

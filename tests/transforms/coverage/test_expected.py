"""What makes a service expected: a cluster's last 30 days, and those of the bill."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from transforms.coverage import expected
from transforms.coverage.inventory import parse_inventory
from warehouse.tables.core import SERVICE, WORKLOAD_DAILY
from warehouse.tables.raw import COST_LINE

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = date(2026, 11, 22)


def seen(**ago: int) -> list[str]:
    """Give the services that are expected of workloads by how many days ago they ran."""
    blank = WORKLOAD_DAILY.sample(1).to_dicts()[0] | {"cluster": "c", "environment": "production"}
    rows = [
        {**blank, "workload": name, "day": DAY - timedelta(days=days)} for name, days in ago.items()
    ]
    billed = pl.LazyFrame(
        schema={name: SERVICE.schema[name] for name in SERVICE.key}
        | {name: SERVICE.schema[name] for name in ("first_seen_at", "last_seen_at")}
        | {"sources": pl.String()}
    )
    made = expected.services(
        parse_inventory(""),
        pl.LazyFrame(rows, schema=WORKLOAD_DAILY.schema),
        billed,
        environments=["production"],
    )
    return made.collect()["service_name"].sort().to_list()


def test_a_workload_is_expected_for_thirty_days() -> None:
    """The day its cluster was last heard of is the first of them: 29 days before it, not 30."""
    assert seen(now=0, last=29, gone=30) == ["last", "now"]


def tagged(*starts: datetime, now: datetime = NOW) -> list[str]:
    """Give the lines that name a service; each is of a day from its start on."""
    blank = dict.fromkeys(COST_LINE.schema.names())
    rows = [
        {
            **blank,
            "x_line_hash": f"line {number}",
            "tags": [{"key": "user:Service", "value": "web"}],
            "charge_period_start": start,
            "charge_period_end": start + timedelta(days=1),
        }
        for number, start in enumerate(starts)
    ]
    lines = pl.LazyFrame(rows, schema=COST_LINE.schema)
    found = expected.tagged_lines(lines, service_tag="service", now=now).collect()
    return found["x_line_hash"].sort().to_list()


def test_lines_of_the_last_thirty_days_billed_are_read() -> None:
    """They end with the last line: one that begins just 30 days before that is left out."""
    last = datetime(2026, 11, 10, tzinfo=UTC)
    edge = last + timedelta(days=1) - timedelta(days=30)

    assert tagged(last, edge, edge + timedelta(seconds=1)) == ["line 0", "line 2"]


def test_lines_of_the_future_do_not_move_the_thirty_days() -> None:
    """A charge that ends next year leaves the 30 days before now."""
    later = NOW + timedelta(days=200)
    edge = NOW - timedelta(days=30)

    assert tagged(later, edge, edge + timedelta(seconds=1)) == ["line 0", "line 2"]


@pytest.mark.parametrize("tag", ["service", "user:Service", "resource_tags_user_ser-vice"])
def test_a_tag_is_found_in_each_exporters_spelling(tag: str) -> None:
    """Without case, separators and the prefixes that exports put before it."""
    blank = dict.fromkeys(COST_LINE.schema.names())
    row = {**blank, "tags": [{"key": tag, "value": "web"}], "charge_period_start": NOW,
           "charge_period_end": NOW, "x_line_hash": "h"}  # fmt: skip
    lines = pl.LazyFrame([row], schema=COST_LINE.schema)

    found = expected.tagged_lines(lines, service_tag="Ser_vice", now=NOW).collect()

    assert found["service_name"].to_list() == ["web"]

"""What stands between telemetry and the inventory, with what to do."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from transforms.coverage.findings import coverage_findings
from warehouse.tables.core import SERVICE, SIGNAL_DAILY
from warehouse.tables.mart_coverage import COVERAGE_FINDING, COVERAGE_SERVICE

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def known(*rows: dict[str, Any]) -> pl.LazyFrame:
    """Give core_service."""
    blank = {
        "service_namespace": "shop",
        "environment": "production",
        "team": "t",
        "kind": "service",
        "tier": 2,
        "sources": "catalogue",
        "first_seen_at": None,
        "last_seen_at": None,
        "exempt_reason": "",
        "exempt_until": None,
        "aliases": "",
        "period_hours": None,
    }
    return pl.LazyFrame([{**blank, **row} for row in rows], schema=SERVICE.schema)


def observed(*names: str, at: datetime = NOW, environment: str = "production") -> pl.LazyFrame:
    """Give core_signal_daily of `namespace/name` with three log records each."""
    rows = []
    for name in names:
        space, _, bare = name.rpartition("/")
        rows.append((NOW.date(), space, bare, environment, "logs", 3, at, 1, 1))
    return pl.LazyFrame(rows, schema=SIGNAL_DAILY.schema, orient="row")


def states(inventory: pl.LazyFrame) -> pl.LazyFrame:
    """Give mart_coverage_service in which all are dark."""
    blank = COVERAGE_SERVICE.sample(1).to_dicts()[0]
    rows = [
        {**blank, **{key: row[key] for key in COVERAGE_SERVICE.key}, "state": "dark"}
        for row in inventory.collect().to_dicts()
    ]
    return pl.LazyFrame(rows, schema=COVERAGE_SERVICE.schema)


def found(inventory: pl.LazyFrame, sent: pl.LazyFrame) -> list[tuple[str, ...]]:
    """Give finding, name and detail of each row of mart_coverage_finding, checked."""
    made = coverage_findings(
        inventory, sent, states(inventory), now=NOW, environments=["production"]
    )
    frame = COVERAGE_FINDING.check(made.collect())
    assert (frame["action"] != "").all()
    return frame.select("finding", "service_name", "detail").rows()


def test_an_exemption_that_is_over_is_listed() -> None:
    """The day after its last day, with its reason and how the service stands now."""
    inventory = known(
        {"service_name": "over", "exempt_reason": "moves", "exempt_until": date(2026, 11, 21)},
        {"service_name": "live", "exempt_reason": "moves", "exempt_until": date(2026, 11, 22)},
    )

    assert found(inventory, observed()) == [
        ("expired_exemption", "over", "moves, until 2026-11-21; now dark")
    ]


def test_a_name_that_two_bear_is_listed_with_both() -> None:
    """By name or by alias; what is matched, or nobody's at all, is no finding."""
    inventory = known(
        {"service_name": "web"},
        {"service_name": "web", "service_namespace": "blog"},
        {"service_name": "api", "aliases": "front"},
        {"service_name": "page", "aliases": "front"},
    )

    assert found(inventory, observed("web", "shop/web", "front", "x/stranger")) == [
        ("ambiguous", "front", "may be shop/api, shop/page"),
        ("ambiguous", "web", "may be blog/web, shop/web"),
    ]


def test_telemetry_without_a_name_is_listed() -> None:
    """`unknown_service` in any spelling, of the last seven days, in the environments in scope."""
    sent = pl.concat(
        [
            observed("unknown_service:java", "unknown_service"),
            observed("unknown_service:go", environment="staging"),
            observed("unknown_service:old", at=NOW - timedelta(days=7)),
        ]
    )

    assert [row[:2] for row in found(known({"service_name": "web"}), sent)] == [
        ("unattributed", "unknown_service"),
        ("unattributed", "unknown_service:java"),
    ]

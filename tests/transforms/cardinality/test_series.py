"""Windows of activity, and what teams pay for their series."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from transforms.cardinality.series import Backend, Charges, series_cost, series_day
from transforms.owners.ownership import Ownership, parse_ownership
from warehouse.tables import BY_NAME, raw

LAST = date(2026, 10, 31)
START = datetime(2026, 10, 31, tzinfo=UTC)


def checked(made: Any) -> dict[str, pl.DataFrame]:
    """Collect tables, each checked."""
    return {name: BY_NAME[name].check(frame.collect()) for name, frame in made.items()}


def test_hours_of_a_day(telemetry: Any) -> None:
    """A series in two hours is active in both and present once."""
    telemetry.add("m", {}).add("m", {"a": 1})
    is_first = pl.col("series_id") == pl.col("series_id").first()
    hour = pl.col("first_hour_at").dt.hour().cast(pl.UInt32)
    both = pl.col("hours") + pl.lit(2, pl.Int32).pow(hour + 3)
    seen = telemetry.series.with_columns(
        pl.when(is_first).then(both).otherwise("hours").alias("hours"),
        pl.when(is_first)
        .then(pl.col("first_hour_at") + timedelta(hours=3))
        .otherwise("last_hour_at")
        .alias("last_hour_at"),
    )

    made = checked(series_day(seen, date(2026, 10, 1)))

    hours = made["mart_series_hourly"]
    assert hours["event_hour"].to_list()[0] == seen.collect()["first_hour_at"][0]
    assert (hours["event_hour"][1] - hours["event_hour"][0]) == timedelta(hours=3)
    assert made["mart_series_hourly"]["series_count"].to_list() == [2, 1]
    daily = made["core_series_daily"]
    assert (daily["last_hour_at"] - daily["first_hour_at"]).to_list() == [
        timedelta(hours=3),
        timedelta(0),
    ]


RULES = """
version: 1
teams: [{id: shop}, {id: pay}]
rules:
  - {id: by-namespace, match: {namespace: [payments]}, team: pay}
"""


def costs(telemetry: Any, ownership: Ownership, **terms: Any) -> dict[str, pl.DataFrame]:
    """Give costs and quotas; histogram points have four bounds."""
    points = pl.LazyFrame(
        [{"series_id": 1, "bounds": [1.0, 2.0, 3.0, 4.0], "quantiles": []}],
        schema={name: raw.HISTOGRAM.schema[name] for name in ("series_id", "bounds", "quantiles")},
    )
    day = date(2026, 10, 1)
    return checked(series_cost(telemetry.series, points, ownership, day, Charges(**terms)))


def test_each_backend_has_its_price(telemetry: Any) -> None:
    """A histogram of four bounds is seven series; a sample price counts a month of such days."""
    telemetry.add("h", {"team": "shop"}, kind="histogram").add("g", {"team": "shop"})
    backends = [
        Backend("default", "series", Decimal("6.5")),
        Backend("meter", "samples", Decimal("0.30")),
    ]

    made = costs(telemetry, Ownership.default(), backends=backends)["mart_series_cost"]

    shown = made.select("backend", "metric", "team", "stored_series_count", "monthly_cost").rows()
    assert shown == [
        ("default", "g", "shop", 1, Decimal("0.0065")),
        ("default", "h", "shop", 7, Decimal("0.0455")),
        ("meter", "g", "shop", 1, Decimal("0.000009")),
        ("meter", "h", "shop", 7, Decimal("0.000063")),
    ]


def test_parts_change_no_cost(telemetry: Any) -> None:
    """One metric after the other costs what all together cost; a metric of two teams is whole."""
    for metric in ("a", "b", "c"):
        for team in ("shop", "pay"):
            telemetry.add(metric, {"team": team}).add(metric, {"team": team, "pod": "p"})
    backends = [Backend("default", "series", Decimal("6.5"))]
    given: dict[str, Any] = {"backends": backends, "quotas": {"shop": 5}}

    whole, parts = (
        costs(telemetry, Ownership.default(), **given, part_series=size) for size in (1000, 1)
    )

    assert whole["mart_series_cost"].height == 6
    assert whole["mart_series_quota"]["is_over"].sum() == 1
    for name, frame in whole.items():
        assert parts[name].equals(frame), name


def test_rules_say_whose_series_they_are(telemetry: Any) -> None:
    """By namespace here; what no rule knows is unallocated, and no series is lost."""
    for place in ("payments", "payments", "shop"):
        telemetry.add("m", {"k8s.namespace.name": place, "n": len(telemetry.series.collect())})
    telemetry.add("m", {})

    made = costs(telemetry, parse_ownership(RULES), quotas={"pay": 1, "*": 2})

    assert made["mart_series_quota"].select(
        "team", "series_count", "quota_count", "is_over"
    ).rows() == [("__unallocated__", 2, 2, False), ("pay", 2, 1, True)]


def test_without_a_quota_nobody_is_over(telemetry: Any) -> None:
    """Nothing is configured: no limit, no money."""
    made = costs(telemetry.add("m", {}), Ownership.default())

    assert made["mart_series_cost"].is_empty()
    assert made["mart_series_quota"].select("quota_count", "is_over").rows() == [(None, False)]

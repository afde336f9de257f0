"""Windows of activity, and what teams pay for their series."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.cardinality.registry import registry
from transforms.cardinality.series import Backend, Charges, series_cost, series_day
from transforms.owners.ownership import Ownership, parse_ownership
from warehouse.tables import BY_NAME, raw
from warehouse.tables.series import SERIES_DAILY

LAST = date(2026, 10, 31)
START = datetime(2026, 10, 31, tzinfo=UTC)


def presence(days: dict[int, list[int]]) -> pl.LazyFrame:
    """Give core_series_daily: days back from the last to the series seen at their noon."""
    rows = [
        (LAST - timedelta(days=back), ident, "m", noon, noon)
        for back, found in days.items()
        for ident in found
        for noon in [START - timedelta(days=back) + timedelta(hours=12)]
    ]
    return pl.LazyFrame(rows, schema=SERIES_DAILY.schema, orient="row")


def checked(made: Any) -> dict[str, pl.DataFrame]:
    """Collect tables, each checked."""
    return {name: BY_NAME[name].check(frame.collect()) for name, frame in made.items()}


def test_windows_are_unions_not_sums() -> None:
    """Series 1 of three days counts once a window; what is 30 days old is in none."""
    made = checked(registry(presence({0: [1, 2], 1: [1, 3], 6: [4], 7: [1, 5], 29: [6], 30: [7]})))

    active = made["mart_series_active"].row(0, named=True)
    assert (active["hour_series_count"], active["day_series_count"]) == (2, 2)
    assert (active["week_series_count"], active["month_series_count"]) == (4, 6)
    known = made["core_series"].filter(pl.col("series_id") == 1).row(0, named=True)
    assert known["day_count"] == 3
    assert known["first_seen_at"] == START + timedelta(hours=12 - 7 * 24)
    assert known["last_seen_at"] == START + timedelta(hours=12)


@given(st.dictionaries(st.integers(0, 40), st.lists(st.integers(0, 9), unique=True), min_size=1))
def test_every_window_is_a_recount(days: dict[int, list[int]]) -> None:
    """The size of a union of sets, counted back from the last day with any series."""
    made = checked(registry(presence(days)))

    seen = {back: set(found) for back, found in days.items() if found}
    latest = min(seen, default=0)

    def union(length: int) -> int:
        return len({s for back, found in seen.items() if back - latest < length for s in found})

    rows = (
        made["mart_series_active"]
        .select("day_series_count", "week_series_count", "month_series_count")
        .rows()
    )
    assert rows == ([(union(1), union(7), union(30))] if seen else [])


@pytest.mark.parametrize(("limit", "is_estimate"), [(3, False), (2, True)])
def test_as_many_rows_as_the_limit_are_counted_exactly(limit: int, is_estimate) -> None:
    """Three rows of presence within 30 days, beside one of 30 days ago that counts nowhere."""
    made = checked(registry(presence({0: [1], 1: [1, 2], 30: [3]}), exact_rows=limit))

    assert made["mart_series_active"]["is_estimate"].to_list() == [is_estimate]


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

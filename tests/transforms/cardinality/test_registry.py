"""The registry of series, and how many are active in each window."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.cardinality.registry import registry
from warehouse.tables import BY_NAME
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


def many_days(count: int) -> pl.LazyFrame:
    """Give ten days on each of which a tenth of the series goes and as many come."""
    days = pl.LazyFrame({"back": range(10)}, schema={"back": pl.Int64()})
    ids = pl.LazyFrame({"n": range(count)}, schema={"n": pl.Int64()})
    at = pl.lit(datetime(2026, 10, 31, 12, tzinfo=UTC)) - pl.duration(days=pl.col("back"))
    return (
        days.join(ids, how="cross")
        .select(
            (pl.lit(LAST) - pl.duration(days=pl.col("back"))).cast(pl.Date).alias("day"),
            (pl.col("n") + pl.col("back") * (count // 10)).cast(pl.UInt64).alias("series_id"),
            pl.when(pl.col("n") % 2 == 0).then(pl.lit("a")).otherwise(pl.lit("b")).alias("metric"),
            at.cast(SERIES_DAILY.schema["first_hour_at"]).alias("first_hour_at"),
            at.cast(SERIES_DAILY.schema["last_hour_at"]).alias("last_hour_at"),
        )
        .cast(SERIES_DAILY.schema)
    )


@pytest.fixture
def made() -> dict[str, pl.DataFrame]:
    """Give the windows of 2 x 10,000 series a day with a limit of ten rows."""
    found: Any = registry(many_days(20_000), exact_rows=10)
    return {name: BY_NAME[name].check(frame.collect()) for name, frame in found.items()}


def test_beyond_the_limit_long_windows_are_estimates(made: dict[str, pl.DataFrame]) -> None:
    """The last day is exact; 7 days have 1.6 times its series, 30 days 1.9 times; both say so."""
    active = made["mart_series_active"]

    assert active["is_estimate"].to_list() == [True, True]
    assert active["hour_series_count"].to_list() == active["day_series_count"].to_list()
    assert active["day_series_count"].to_list() == [10_000, 10_000]
    for name, want in (("week", 16_000), ("month", 19_000)):
        for found in active[f"{name}_series_count"]:
            assert found == pytest.approx(want, rel=0.08)
            assert found != want


def test_beyond_the_limit_the_registry_has_the_last_day(made: dict[str, pl.DataFrame]) -> None:
    """A series of the last day knows on how many days it was seen; those that went are left out."""
    known = made["core_series"]

    assert known.height == 20_000
    assert known.filter(pl.col("series_id") == 0)["day_count"].to_list() == [1]
    oldest = known.filter(pl.col("series_id") == 19_999)
    assert oldest["day_count"].to_list() == [10]
    assert oldest.select(pl.col("last_seen_at") - pl.col("first_seen_at")).item() == timedelta(9)


def test_small_sketches_are_exact_windows() -> None:
    """Few series beyond a limit of none give what is counted without one."""
    few = many_days(200)

    rough, exact = (
        registry(few, exact_rows=limit)["mart_series_active"].drop("is_estimate").collect()
        for limit in (1, 10**6)
    )

    assert rough.equals(exact)


def test_the_hour_is_that_of_the_last_series_of_all() -> None:
    """Of metric a at 12:00 and b at 11:00: in the last hour a alone is active, today both are."""
    rows = presence({0: [1, 2]}).with_columns(
        metric=pl.when(pl.col("series_id") == 1).then(pl.lit("a")).otherwise(pl.lit("b")),
        last_hour_at=pl.when(pl.col("series_id") == 1)
        .then("last_hour_at")
        .otherwise(pl.col("last_hour_at") - timedelta(hours=1)),
    )

    active = checked(registry(rows))["mart_series_active"]

    assert active.select("metric", "hour_series_count", "day_series_count").rows() == [
        ("a", 1, 1), ("b", 0, 1),
    ]  # fmt: skip


def test_a_metric_that_is_gone_today_is_in_longer_windows() -> None:
    """Last seen 6 days ago: in the week and the month, not in the day; 7 days ago, in the month."""
    rows = presence({0: [1], 6: [2], 7: [3]}).with_columns(
        metric=pl.lit("m") + pl.col("series_id").cast(pl.String)
    )
    windows = [f"{name}_series_count" for name in ("day", "week", "month")]

    for limit in (100, 1):
        active = checked(registry(rows, exact_rows=limit))["mart_series_active"]
        assert active.select("metric", *windows).rows() == [
            ("m1", 1, 1, 1), ("m2", 0, 1, 1), ("m3", 0, 0, 1),
        ]  # fmt: skip


@pytest.mark.parametrize(("limit", "is_estimate"), [(3, False), (2, True)])
def test_so_many_rows_are_counted_exactly(limit: int, is_estimate: object) -> None:
    """Three rows of presence in the month: a limit of three is kept, one of two is not."""
    rows = presence({0: [1, 2], 1: [1], 30: [9]})

    active = checked(registry(rows, exact_rows=limit))["mart_series_active"]

    assert active["is_estimate"].to_list() == [is_estimate]


def test_no_day_has_no_series() -> None:
    """Empty tables in the declared types."""
    made = checked(registry(presence({})))

    assert [frame.height for frame in made.values()] == [0, 0]

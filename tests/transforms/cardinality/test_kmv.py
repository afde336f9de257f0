"""Sketches of the smallest hashes: unions are those of their rows, estimates are within bounds."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.cardinality import kmv
from transforms.cardinality.registry import registry
from warehouse.tables import BY_NAME
from warehouse.tables.series import SERIES_DAILY

hashes = st.lists(st.integers(0, 40), max_size=40)
LAST = date(2026, 10, 31)


def rows(key: str, found: list[int]) -> pl.LazyFrame:
    """Give rows of a key."""
    schema = {"key": pl.String(), "hash": pl.UInt64()}
    return pl.LazyFrame([(key, value) for value in found], schema=schema, orient="row")


@given(one=hashes, other=hashes, k=st.integers(1, 50))
def test_the_union_of_two_halves_is_the_sketch_of_the_whole(
    one: list[int], other: list[int], k: int
) -> None:
    """It is the k smallest of both together, each once."""
    halves = pl.concat(kmv.sketch(rows("a", half), ["key"], k=k) for half in (one, other))

    union = kmv.merged(halves, ["key"], k=k).collect()

    assert union.equals(kmv.sketch(rows("a", one + other), ["key"], k=k).collect())
    assert union["hashes"].to_list() == ([sorted({*one, *other})[:k]] if one + other else [])


@given(found=hashes)
def test_few_are_counted_exactly(found: list[int]) -> None:
    """Fewer distinct hashes than k are no estimate."""
    sketch = kmv.sketch(rows("a", found), ["key"], k=42)

    counted = sketch.select(kmv.estimated(k=42)).collect().to_series().to_list()

    assert counted == ([len(set(found))] if found else [])


@pytest.mark.parametrize(("largest", "guess"), [(2**63, 4), (2**62, 8)])
def test_as_many_hashes_as_k_are_an_estimate(largest: int, guess: int) -> None:
    """The third of three stands at half of all numbers: two below it there, so four in all."""
    sketch = kmv.sketch(rows("a", [largest - n for n in range(3)]), ["key"], k=3)

    assert sketch.select(kmv.estimated(k=3)).collect().item() == guess


@settings(max_examples=10, deadline=None)
@given(start=st.integers(0, 2**62), count=st.sampled_from([5_000, 60_000, 300_000]))
def test_the_error_is_within_its_bound(start: int, count: int) -> None:
    """Five standard errors of 1 / sqrt(k - 2), also for numbers one after the other."""
    ids = pl.select(pl.int_range(start, start + count, dtype=pl.Int64).cast(pl.UInt64).alias("id"))
    spread = ids.lazy().select(pl.lit("a").alias("key"), kmv.mixed(pl.col("id")).alias("hash"))

    guess = kmv.sketch(spread, ["key"]).select(kmv.estimated()).collect().item()

    assert abs(guess - count) <= count * 5 / (kmv.K - 2) ** 0.5


@given(st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=30))
def test_mixing_is_one_to_one(found: list[int]) -> None:
    """Different numbers stay different."""
    frame = pl.DataFrame({"id": found}, schema={"id": pl.UInt64()})

    assert frame.select(kmv.mixed(pl.col("id")).n_unique()).item() == len(found)


def presence(count: int) -> pl.LazyFrame:
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
    found: Any = registry(presence(20_000), exact_rows=10)
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
    few = presence(200)

    rough, exact = (
        registry(few, exact_rows=limit)["mart_series_active"].drop("is_estimate").collect()
        for limit in (1, 10**6)
    )

    assert rough.equals(exact)

"""Sketches of the smallest hashes: unions are those of their rows, estimates are within bounds."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.cardinality import kmv

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

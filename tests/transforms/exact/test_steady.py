"""Sums of floats: the same bits in every run, nothing counts as 0."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from transforms.exact.steady import steady_sum


def sums(groups: pl.DataFrame) -> dict[str, float]:
    """Give the sum of each group."""
    made = groups.lazy().group_by("group").agg(steady_sum(pl.col("value"))).collect()
    return dict(zip(made["group"], made["value"], strict=True))


def frame(rows: list[tuple[str, float | None]]) -> pl.DataFrame:
    """Give a group and a value per row."""
    return pl.DataFrame(rows, schema={"group": pl.String(), "value": pl.Float64()}, orient="row")


def test_what_stands_between_a_groups_rows_changes_no_bit() -> None:
    """20,000 thirds, alone and in two pieces among 200,000 rows of others: one and the same sum.

    A plain sum differs here in its last bits, with two threads or more.
    """
    mine = frame([("mine", (n * 7919 % 100_003 - 50_000) / 3) for n in range(20_000)])
    others = frame([(f"other-{n % 50}", 1 / (n + 1)) for n in range(200_000)])
    mixed = pl.concat([others[:100_000], mine[:7_000], others[100_000:], mine[7_000:]])

    found = {sums(rows)["mine"] for rows in (mine, mixed, mixed.rechunk()) for _ in range(3)}

    assert len(found) == 1


def test_nothing_counts_as_zero() -> None:
    """A null beside 1.5 leaves 1.5; a group of nulls is 0.0, not null; no rows are no groups."""
    assert sums(frame([("a", 1.5), ("a", None), ("b", None)])) == {"a": 1.5, "b": 0.0}
    assert sums(frame([])) == {}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-(2**40), 2**40)), max_size=30))
def test_whole_numbers_are_added_exactly(rows: list[tuple[str, int]]) -> None:
    """Floats hold whole numbers up to 2^53: their sums are those of Python's integers."""
    wanted: dict[str, int] = {}
    for group, value in rows:
        wanted[group] = wanted.get(group, 0) + value

    assert sums(frame([(group, float(value)) for group, value in rows])) == wanted

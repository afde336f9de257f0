"""Metrics in parts, the largest first, and the pieces of one that is too large."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from transforms.cardinality.metric_parts import Part, metric_parts, pieces_of


def sent(**counts: int) -> pl.LazyFrame:
    """Give series of metrics, so many of each."""
    names = [name for name, count in counts.items() for _ in range(count)]
    rows = {"metric_name": names, "series_id": range(len(names))}
    return pl.LazyFrame(rows, schema={"metric_name": pl.String(), "series_id": pl.UInt64()})


def test_parts_hold_whole_metrics_the_largest_first() -> None:
    """Two parts of five series: the large metric alone, the others together."""
    day = sent(big=5, b=3, a=1)

    assert metric_parts([day], 5) == [Part(("big",)), Part(("b", "a"))]
    assert metric_parts([day], 9) == [Part()]
    assert metric_parts([day, day], 9) == [Part(("big",), 2), Part(("b", "a"))]


def test_metrics_of_equal_size_stand_by_name() -> None:
    """Two of two, in parts of two: a before b, whichever was sent first."""
    assert metric_parts([sent(b=2, a=2)], 2) == [Part(("a",)), Part(("b",))]


def test_a_metric_of_more_series_than_a_part_comes_in_pieces() -> None:
    """5 of at most 2 are three pieces; 2 of at most 2 are one, and whole."""
    assert metric_parts([sent(big=5, small=2)], 2) == [Part(("big",), 3), Part(("small",))]


def test_pieces_are_cut_by_the_number_of_the_series() -> None:
    """Of 5 series in 2 pieces: 0, 2, 4 and 1, 3; a part of no names is all there is."""
    day = sent(a=5, b=2)

    pieces = [set(one.collect()["series_id"]) for one in pieces_of(day, Part(("a",), 2))]
    (whole,) = pieces_of(day, Part())

    assert pieces == [{0, 2, 4}, {1, 3}]
    assert whole.collect().height == 7


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 9), max_size=6),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 9), max_size=6),
    st.integers(1, 12),
)
def test_every_series_is_in_one_piece(
    today: dict[str, int], before: dict[str, int], size: int
) -> None:
    """Of both days, in parts of any size; each metric is in one part."""
    days = [sent(**today), sent(**before)]
    wanted = [day.collect().rows() for day in days]

    parts = metric_parts(days, size)

    for day, rows in zip(days, wanted, strict=True):
        pieces = [piece.collect() for part in parts for piece in pieces_of(day, part)]
        assert sorted(row for piece in pieces for row in piece.rows()) == sorted(rows)
    named = [name for part in parts for name in part.metrics]
    assert len(named) == len(set(named))

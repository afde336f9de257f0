"""Equal lines are counted, however they are cut into batches."""

from collections import Counter

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from collector.billing.delivery.duplicates import Duplicates


@given(st.lists(st.lists(st.integers(0, 12), max_size=9), max_size=12))
def test_each_line_is_reported_how_many_equal_ones_came_before(batches):
    """The number is that of a plain count over all batches, in order."""
    duplicates, seen = Duplicates(), Counter[int]()
    for batch in batches:
        wanted = []
        for key in batch:
            wanted.append(seen[key])
            seen[key] += 1

        nth = duplicates.earlier(pl.Series(batch, dtype=pl.UInt64))

        assert (nth.to_list() if nth is not None else [0] * len(batch)) == wanted


def test_the_highest_key_is_found_again():
    """A search that ends past a run's last key does not look outside it."""
    duplicates = Duplicates()
    top = 2**64 - 1
    duplicates.earlier(pl.Series([5], dtype=pl.UInt64))

    nth = duplicates.earlier(pl.Series([top, 5, top], dtype=pl.UInt64))

    assert nth is not None
    assert nth.to_list() == [0, 1, 1]

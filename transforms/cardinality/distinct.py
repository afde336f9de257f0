"""Distinct hashes per group, exactly, without a hash set or a sort as long as groups are small.

Takes    columns of 64-bit hashes, all with the same groups (numbers from 0)
Gives    per column the number of distinct hashes of each group
Holds    exact whatever the hashes and their order; memory is a few bytes a row

Each row writes its number into its group's part of a table, at the place that the upper bits of its
hash name. Who is still there afterwards is counted. Who was overwritten by an equal hash is not.
Who was overwritten by another hash goes one more round, with other bits: there are few of them. A
table has four to eight places a row, so that it stays in the cache for some ten thousand rows.
"""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

Numbers = NDArray[Any]
WORKING_ROWS: Final = 1 << 15
"""Rows that are counted at a time where groups are small: their table stays in the cache."""
SLACK_BITS: Final = 2
LARGE_ROWS: Final = 1 << 20
"""More rows have no table that stays in the cache: polars' own count is quicker."""
_NEXT: Final = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that unequal hashes stay unequal; the upper bits of a product depend on all bits."""


def distinct(columns: Iterable[Numbers], groups: Numbers, count: int) -> list[Numbers]:
    """Count the distinct hashes of each of `count` groups, column by column."""
    if len(groups) > LARGE_ROWS:
        return [_by_polars(hashes, groups, count) for hashes in columns]
    sizes = np.bincount(groups, minlength=count)
    bits = np.ceil(np.log2(np.maximum(sizes, 1))).astype(np.int64) + SLACK_BITS
    room = np.left_shift(np.int64(1), bits)
    shift = (64 - bits).astype(np.uint64)[groups]
    first = (np.cumsum(room) - room).astype(np.uint64)[groups]
    owner = np.empty(int(room.sum()), np.int32)
    rows, there = np.arange(len(groups), dtype=np.int32), np.empty(len(groups), np.int32)
    found = []
    for hashes in columns:
        places = hashes >> shift
        places += first
        at = places.view(np.int64)
        owner[at] = rows
        owner.take(at, mode="clip", out=there)
        lost = np.flatnonzero(there != rows)
        others = lost[hashes[lost] != hashes[there[lost]]]
        counted = sizes - np.bincount(groups[lost], minlength=count)
        if len(others):
            counted += distinct([hashes[others] * _NEXT], groups[others], count)[0]
        found.append(counted)
    return found


def _by_polars(hashes: Numbers, groups: Numbers, count: int) -> Numbers:
    """Count with a hash set."""
    if count == 1:
        return np.array([pl.Series(hashes).n_unique()])
    rows = pl.DataFrame({"group": groups, "hash": hashes})
    found = rows.group_by("group").agg(pl.col("hash").n_unique())
    counts = np.zeros(count, np.int64)
    counts[found["group"].to_numpy()] = found["hash"].to_numpy()
    return counts

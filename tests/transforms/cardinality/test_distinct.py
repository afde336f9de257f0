"""Distinct hashes per group, held against sets; full tables and hashes alike change nothing."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.cardinality import distinct as counting
from transforms.cardinality.distinct import distinct

ALIKE = [0, 1, 2, 3, 2**63, 2**63 + 1, 2**64 - 1]
pairs = st.lists(
    st.tuples(st.integers(0, 3), st.one_of(st.sampled_from(ALIKE), st.integers(0, 2**64 - 1))),
    max_size=200,
)


def by_sets(rows: Sequence[tuple[int, int]]) -> list[int]:
    """Count by sets."""
    return [len({value for group, value in rows if group == one}) for one in range(4)]


def counted(rows: Sequence[tuple[int, int]], columns: int = 1) -> list[list[int]]:
    """Count the same column so many times."""
    groups = np.array([group for group, _ in rows], np.int64)
    hashes = np.array([value for _, value in rows], np.uint64)
    return [found.tolist() for found in distinct([hashes] * columns, groups, 4)]


@given(rows=pairs)
def test_as_many_as_in_a_set(rows: list[tuple[int, int]]) -> None:
    """Groups may lie in any order, be empty, and hold hashes whose upper bits are the same."""
    assert counted(rows, 2) == [by_sets(rows)] * 2


@settings(max_examples=30)
@given(rows=pairs)
def test_a_table_with_few_places(rows: list[tuple[int, int]]) -> None:
    """Rows that find their place taken go on until each has found one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "SLACK_BITS", 1)

        assert counted(rows) == [by_sets(rows)]


@settings(max_examples=30)
@given(rows=pairs)
def test_large_groups(rows: list[tuple[int, int]]) -> None:
    """What has no table that stays in the cache is counted with a set; the answer is the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "LARGE_ROWS", 0)

        assert counted(rows, 2) == [by_sets(rows)] * 2
        alone = np.array([value for _, value in rows], np.uint64)
        assert distinct([alone], np.zeros(len(rows), np.int64), 1)[0].tolist() == [
            len({value for _, value in rows})
        ]

"""Names to numbers: the same number exactly for the same name, whatever the hashes say."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.exact.numbers import numbered

names = st.one_of(st.none(), st.text(max_size=2), st.text(min_size=13, max_size=14))
ROWS = [("a", "bc"), ("ab", "c"), ("a", "bc"), (None, "bc"), ("a", None), (None, "bc")]


def frame(rows: list[tuple[str | None, str | None]]) -> pl.DataFrame:
    """Give two columns of names and one that is no part of them."""
    named = pl.DataFrame(rows, schema={"x": pl.String, "y": pl.String}, orient="row")
    return named.with_row_index("row")


@given(st.lists(st.tuples(names, names), max_size=20))
def test_numbers_are_those_of_names_as_they_first_appear(
    rows: list[tuple[str | None, str | None]],
) -> None:
    """What a dict of names, filled in order, would give; each name stands there once."""
    known: dict[tuple[str | None, str | None], int] = {}
    wanted = [known.setdefault(row, len(known)) for row in rows]

    distinct, number = numbered(frame(rows), ["x", "y"])

    assert number.to_list() == wanted
    assert distinct.rows() == list(known)


def test_names_that_hash_alike_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were all hashes equal, the numbers would be the same."""
    expected = numbered(frame(ROWS), ["x", "y"])
    monkeypatch.setattr(
        pl.DataFrame, "hash_rows", lambda it: pl.zeros(it.height, pl.UInt64, eager=True)
    )

    distinct, number = numbered(frame(ROWS), ["x", "y"])

    assert number.to_list() == [0, 1, 0, 2, 3, 2]
    assert distinct.equals(expected[0])
    assert number.equals(expected[1])

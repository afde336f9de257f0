"""Names to numbers: rows that say the same get the same number.

Takes    a frame and the columns that name something
Gives    what is named, once each, and per row the number of its name
Holds    two rows have the same number exactly when they say the same; numbers follow the order in
         which names first appear
"""

from collections.abc import Sequence

import polars as pl


def numbered(frame: pl.DataFrame, key: Sequence[str]) -> tuple[pl.DataFrame, pl.Series]:
    """Give the distinct names of a key, and for every row of the frame which of them it bears.

    Hashes are compared in a third of the time that names take. They may collide, so the names that
    they led to are compared once, row by row; where one differs, all are looked up by name.
    """
    names = frame.select(key)
    first, number = _first(pl.DataFrame({"hash": names.hash_rows()}))
    row = first.gather(number)
    is_same = names.select(
        (pl.col(name).eq_missing(pl.col(name).gather(row))).all() for name in key
    )
    if not all(is_same.row(0)):
        first, number = _first(names)
    return names[first], number


def _first(names: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Give the row of each name's first appearance, and the number of every row's name."""
    key = names.columns
    found = names.with_row_index("_row").unique(key, keep="first", maintain_order=True)
    known = found.select(*key).with_row_index("_number")
    every = names.join(
        known, on=key, how="left", validate="m:1", nulls_equal=True, maintain_order="left"
    )
    return found["_row"], every["_number"]

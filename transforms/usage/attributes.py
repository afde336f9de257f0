"""How one attribute is read from a list of typed attributes."""

from typing import Final

import polars as pl

ANNOTATION: Final = "annotation:"
"""How the key of an annotation begins among the labels of a workload."""


def value_of(column: str, key: str) -> pl.Expr:
    """Give the value of an attribute in `column`; null when it is not there."""
    entry = pl.element().struct
    return (
        pl.col(column)
        .list.eval(entry.field("value").filter(entry.field("key") == key))
        .list.first()
    )


def first_of(*values: pl.Expr) -> pl.Expr:
    """Give the first value that is there, else the empty text."""
    return pl.coalesce(*values, pl.lit(""))

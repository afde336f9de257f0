"""What a mapping of a native format to the normal form consists of: data, not code.

Takes    the names of a file's columns
Gives    which native column each of them is, and per column of the normal form one expression
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from warehouse.table import USD
from warehouse.tables.focus import COST_LINE_COLUMNS

MONEY: Final = USD
TEXT: Final = pl.String()
OWN: Final = frozenset(
    {
        *("x_line_hash", "x_source", "x_source_format", "x_source_version"),
        *("x_delivery_id", "x_file", "x_row_number"),
    }
)
"""Columns that say where a line came from; the loader fills them, no mapping does."""

NORMAL: Final[Mapping[str, pl.DataType]] = {
    column.name: column.dtype for column in COST_LINE_COLUMNS
}


@dataclass(frozen=True)
class Rule:
    """One line of a mapping: a column of the normal form, where it comes from, and why so."""

    column: str
    expression: pl.Expr
    reason: str = ""


@dataclass(frozen=True)
class Format:
    """A format of bills.

    `natives` gives the type of each native column that the rules read, `required` those without
    which no line can be made, `gathered` prefixes whose columns are the entries of one map column,
    `unpacked` columns that may stand as a key of a map column, `kept` natives that also go to
    `x_extra`, `native_total` the sum that `billed_cost` must reach.
    """

    name: str
    natives: Mapping[str, pl.DataType]
    required: tuple[str, ...]
    rules: tuple[Rule, ...]
    version: Callable[[Collection[str]], str]
    canonical: Callable[[str], str]
    native_total: pl.Expr
    known_types: frozenset[str] = frozenset()
    gathered: Mapping[str, str] | None = None
    unpacked: Mapping[str, tuple[str, tuple[str, ...]]] | None = None
    kept: frozenset[str] = frozenset()


def value_of(tags: str, keys: Collection[str]) -> pl.Expr:
    """Give the value of the first of a list's entries whose key is one of these."""
    entry = pl.element().struct
    found = pl.when(entry.field("key").is_in(list(keys))).then(entry.field("value"))
    return pl.col(tags).list.eval(found).list.drop_nulls().list.first()

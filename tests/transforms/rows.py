"""Rows of a table by hand: what is not given is empty."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl

from tests.transforms.conftest import DAY, START
from warehouse.table import Column, Table


def rows(table: Table, *given: Mapping[str, Any]) -> pl.DataFrame:
    """Give rows of a table; texts are empty, numbers 0, days and instants those of the tests."""
    blank = {column.name: _blank(column) for column in table.columns}
    unknown = {name for row in given for name in row} - blank.keys()
    assert not unknown, f"{table.name} has no {unknown}"
    return pl.DataFrame([{**blank, **row} for row in given], schema=table.schema)


def _blank(column: Column) -> Any:
    """Give what stands where nothing is given."""
    if column.is_nullable:
        return None
    kinds: dict[type[Any], Any] = {str: "", bool: False, datetime: START, date: DAY, list: []}
    return kinds.get(column.dtype.to_python(), 0)

"""How a table is declared, and what follows from the declaration.

Takes    names, polars types, sentences
Gives    DuckDB DDL, the check before every write, empty and sample frames
Refuses  a frame that misses a column, has another one, or has another type
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

import polars as pl
from polars._typing import PolarsDataType

from meterbook.base.errors import CheckFailedError, SchemaMismatchError
from meterbook.base.lists import UNEXPLAINED, one_of

Level = Literal["fail", "warn"]

USD: Final = pl.Decimal(38, 12)
"""The one scale of money: an atom is 1e-12 of the currency."""

INSTANT: Final = pl.Datetime("us", "UTC")
"""The one type of instants."""

type_names: Final[dict[str, str]] = {
    "String": "VARCHAR",
    "Boolean": "BOOLEAN",
    "Int8": "TINYINT",
    "Int16": "SMALLINT",
    "Int32": "INTEGER",
    "Int64": "BIGINT",
    "UInt8": "UTINYINT",
    "UInt16": "USMALLINT",
    "UInt32": "UINTEGER",
    "UInt64": "UBIGINT",
    "Float64": "DOUBLE",
    "Date": "DATE",
}


def sql_type(dtype: pl.DataType) -> str:
    """Name a polars type in DuckDB's SQL."""
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision},{dtype.scale})"
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMPTZ" if dtype.time_zone else "TIMESTAMP"
    if isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.DataType):
        return f"{sql_type(dtype.inner)}[]"
    if isinstance(dtype, pl.Struct):
        inner = ", ".join(
            f'"{part.name}" {sql_type(part.dtype)}'
            for part in dtype.fields
            if isinstance(part.dtype, pl.DataType)
        )
        return f"STRUCT({inner})"
    return type_names[type(dtype).__name__]


@dataclass(frozen=True)
class Column:
    """One quantity: its name, type, meaning and unit; its values where it has but a few."""

    name: str
    dtype: pl.DataType
    text: str
    unit: str = ""
    is_nullable: bool = False
    values: tuple[str, ...] = ()


def count(name: str, text: str) -> Column:
    """Declare a column that counts: whole, without a unit."""
    return Column(name, pl.Int64(), text, unit="1")


def choice(
    name: str,
    values: Sequence[str],
    text: str = "",
    meanings: Mapping[str, str] = UNEXPLAINED,
    *,
    is_nullable: bool = False,
) -> Column:
    """Declare a column that has one of a few values; its text lists them."""
    if unknown := set(meanings) - set(values):
        raise ValueError(f"{name}: {sorted(unknown)} are no values")
    words = f"{text}: {one_of(values, meanings)}" if text else one_of(values, meanings)
    return Column(name, pl.String(), words, is_nullable=is_nullable, values=tuple(values))


@dataclass(frozen=True)
class Check:
    """A fact about a table's rows: SQL that gives the rows which break it."""

    name: str
    level: Level
    sql: str


@dataclass(frozen=True)
class Table:
    """A table, declared once. `partition` is the column by which a build replaces rows."""

    name: str
    text: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    partition: str | None = None
    is_published: bool = True
    checks: tuple[Check, ...] = field(default=())

    @property
    def schema(self) -> pl.Schema:
        """Give the polars schema, in the declared order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    @property
    def layer(self) -> str:
        """Give `raw`, `core` or `mart`."""
        return self.name.split("_", 1)[0]

    def ddl(self) -> str:
        """Give a statement that makes the table where it is not there yet."""
        columns = ",\n  ".join(
            f'"{column.name}" {sql_type(column.dtype)}{"" if column.is_nullable else " NOT NULL"}'
            for column in self.columns
        )
        return f'CREATE TABLE IF NOT EXISTS "{self.name}" (\n  {columns}\n)'

    def empty(self) -> pl.DataFrame:
        """Give a frame of no rows in the declared types."""
        return pl.DataFrame(schema=self.schema)

    def check(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give the frame back in the declared order, or refuse it.

        Errors: SchemaMismatchError for other columns or types, CheckFailedError for a null where
        none may be, or a key that is not unique.
        """
        have, want = frame.schema, self.schema
        missing = [name for name in want if name not in have]
        unexpected = [name for name in have if name not in want]
        wrong = [
            f"{name}: have {have[name]}, want {want[name]}"
            for name in want
            if name in have and have[name] != want[name]
        ]
        if missing or unexpected or wrong:
            raise SchemaMismatchError(
                self.name, missing=missing, unexpected=unexpected, wrong_type=wrong
            )
        frame = frame.select(want.names())
        self._refuse_nulls(frame)
        self._refuse_doubles(frame.select(self.key))
        return frame

    def _refuse_doubles(self, keys: pl.DataFrame) -> None:
        if not self.key or rises(keys, self.key):
            return
        is_double = keys.is_duplicated()
        if is_double.any():
            found = f"{keys.filter(is_double).row(0)} stands twice"
            raise CheckFailedError(self.name, "key is unique", found)

    def _refuse_nulls(self, frame: pl.DataFrame) -> None:
        for column in self.columns:
            if not column.is_nullable and (count := frame[column.name].null_count()):
                raise CheckFailedError(self.name, f"{column.name} is not null", f"{count} nulls")

    def sample(self, rows: int = 3) -> pl.DataFrame:
        """Give rows of made-up values that pass the table's own check, for docs and tests."""
        return pl.DataFrame(
            {
                column.name: [
                    column.values[i % len(column.values)]
                    if column.values
                    else _sample(column.dtype, i)
                    for i in range(rows)
                ]
                for column in self.columns
            },
            schema=self.schema,
        )


def rises(frame: pl.DataFrame, key: Sequence[str]) -> bool:
    """Tell whether rows stand in the order of their keys, each key once; nulls come first.

    Most frames do, and to see that costs a part of what sorting or counting keys would.
    """
    is_greater = pl.lit(value=False)
    for name in reversed(key):
        own, before = pl.col(name), pl.col(name).shift(1)
        is_first = before.is_null() & own.is_not_null()
        is_greater = (own > before).fill_null(is_first) | (own.eq_missing(before) & is_greater)
    return bool(frame.select(is_greater.slice(1).all()).item())


def _sample(dtype: PolarsDataType, i: int) -> object:
    if isinstance(dtype, pl.List):
        return [_sample(dtype.inner, i)]
    if isinstance(dtype, pl.Struct):
        return {part.name: _sample(part.dtype, i) for part in dtype.fields}
    simple: dict[object, object] = {
        pl.String: f"name-{i}",
        pl.Boolean: i % 2 == 0,
        pl.Float64: 1.5 * (i + 1),
        pl.Date: date(2026, 10, 1) + timedelta(days=i),
        pl.Datetime: datetime(2026, 10, 1, tzinfo=UTC) + timedelta(hours=i),
        pl.Decimal: Decimal(i + 1) / 4,
    }
    return simple.get(dtype.base_type(), i + 1)

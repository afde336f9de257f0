"""The warehouse file: made from the declarations, written by one build at a time.

Takes    frames that pass their table's check
Gives    tables in `warehouse.duckdb`
Refuses  a frame its declaration refuses; broken `fail` checks (nothing of the change is kept)
Never    is opened by a reader: they read published snapshots
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import duckdb
import polars as pl
from polars.io.plugins import register_io_source

from meterbook.base.errors import CheckFailedError
from warehouse.store.ask import ask
from warehouse.table import Check, Table, rises
from warehouse.tables import ALL, BY_NAME
from warehouse.tables.step import MARKS

_COLUMNS: Final = "SELECT table_name, column_name, data_type FROM duckdb_columns()"
_IN_ORDER: Final = "ORDER BY table_name, column_index"
BATCH_ROWS: Final = 250_000
CHECKPOINT_SIZE: Final = "128MB"
"""Of the log of changes, which is on disk at each commit. DuckDB's own 16 MB would have the file
checkpointed after nearly every day of a build, which writes the end of each table anew."""
BrokenCheck = tuple[Table, Check, int, str]


READABLE: Final[dict[str, str | bool | int | float | list[str]]] = {
    "storage_compatibility_version": "v1.5.0"
}
"""Every DuckDB that is allowed reads what another one wrote; snapshots, too."""


class Store:
    """The writer's connection. Use it as a context manager."""

    def __init__(self, path: Path, makers: Mapping[str, str] | None = None) -> None:
        """Open the file and make what is not there yet.

        `makers` names the step that makes each table; without it, a table of an earlier
        declaration has every step built again.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._con = duckdb.connect(path, config=READABLE)
        self._con.execute("SET GLOBAL TimeZone = 'UTC'")
        self._con.execute(f"SET GLOBAL checkpoint_threshold = '{CHECKPOINT_SIZE}'")
        have = self._columns()
        self.remade = [
            table.name
            for table in self.tables
            if have.get(table.name, _declared()[table.name]) != _declared()[table.name]
        ]
        """Tables of an earlier declaration: made anew, so what makes them is built again."""
        new = [table.name for table in self.tables if table.name not in have]
        for marks in MARKS:
            if marks.name in have:
                self._forget_makers(marks, [*self.remade, *new], makers)
        for name in self.remade:
            self._remake(BY_NAME[name], have[name])
        with self.change() as change:  # each in a transaction of its own would be synced alone
            for table in self.tables:
                if table.name not in have:
                    change.make(table)

    def _forget_makers(
        self, marks: Table, names: Sequence[str], makers: Mapping[str, str] | None
    ) -> None:
        """Forget, before these tables are made, from what the steps that fill them were built."""
        if (self.remade and makers is None) or marks.name in self.remade:
            self._con.execute(f'DELETE FROM "{marks.name}"')  # noqa: S608 - a declared name
            return
        for step in sorted({(makers or {}).get(name, "") for name in names}):
            self._con.execute(
                f'DELETE FROM "{marks.name}" WHERE step = $step',  # noqa: S608 - a declared name
                {"step": step},
            )

    def _columns(self) -> dict[str, dict[str, str]]:
        """Give per table of the file its columns, with their types."""
        where = "WHERE database_name = current_database()"
        return _by_table(self.ask(f"{_COLUMNS} {where} {_IN_ORDER}"))

    def _remake(self, table: Table, have: Mapping[str, str]) -> None:
        """Make a table anew; its rows stay where nothing new must be told."""
        want = _declared()[table.name]
        reported = [column.name for column in table.columns if not column.is_nullable]
        is_kept = all(want.get(name, kind) == kind for name, kind in have.items()) and all(
            name in have for name in reported
        )
        common = ", ".join(f'"{name}"' for name in want if name in have)
        with self.change() as change:
            change.remake(table, common if is_kept else "")

    @property
    def tables(self) -> Sequence[Table]:
        """Give the tables that live here: all but the lake's."""
        return [table for table in ALL if table.layer != "raw" or table.is_published]

    def __enter__(self) -> Self:
        """Give the store."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._con.close()

    def ask(self, sql: str, **params: object) -> pl.DataFrame:
        """Answer a question; parameters are named `$name`."""
        return ask(self._con, sql, **params)

    def read(self, table: Table) -> pl.DataFrame:
        """Give a whole table in its declared types."""
        return self.ask(f'SELECT * FROM "{table.name}"').cast(table.schema)  # noqa: S608 - a declared name

    def read_day(self, table: Table, day: date) -> pl.DataFrame:
        """Give a day's rows of a table in its declared types, in the order of its key."""
        # Not `$day`: DuckDB 1.5 hands the rows of a query with parameters on one by one. Days are
        # kept in their order as a rule, and to see that takes a part of what sorting them would.
        order = "" if table.key else " ORDER BY ALL"
        where = f"\"{table.partition}\" = DATE '{day}'"
        frame = self.ask(f'SELECT * FROM "{table.name}" WHERE {where}{order}').cast(table.schema)  # noqa: S608 - declared names, and a day
        return frame if rises(frame, table.key) else frame.sort(table.key)

    def scan(self, table: Table) -> pl.LazyFrame:
        """Give a table lazily: what a query does not ask for is never in memory.

        Columns are chosen by DuckDB, rows filtered batch by batch. The file must stay open until
        the frame is collected; what a change has not yet committed is not seen.
        """

        def batches(
            columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, size: int | None
        ) -> Iterator[pl.DataFrame]:
            names = [name for name in table.schema if columns is None or name in columns]
            chosen = ", ".join(f'"{name}"' for name in names) or "NULL"
            most = f" LIMIT {rows}" if rows is not None and predicate is None else ""
            relation = self._con.cursor().sql(f'SELECT {chosen} FROM "{table.name}"{most}')  # noqa: S608 - declared names
            types = pl.Schema({name: table.schema[name] for name in names})
            for batch in relation.to_arrow_reader(size or BATCH_ROWS):
                frame = pl.DataFrame(batch).cast(types)
                yield frame if predicate is None else frame.filter(predicate)

        return register_io_source(batches, schema=table.schema)

    @contextmanager
    def change(self) -> Iterator["Change"]:
        """Give one transaction: all of it is kept, or nothing."""
        cursor = self._con.cursor()
        cursor.execute("BEGIN TRANSACTION")
        try:
            yield Change(cursor)
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")
        cursor.close()

    def broken_checks(self) -> list[BrokenCheck]:
        """Run every declared check on data; give all, with the number of rows that break each."""
        found: list[BrokenCheck] = []
        for table in self.tables:
            for check in table.checks:
                rows = self.ask(check.sql)
                sample = str(rows.row(0, named=True)) if rows.height else ""
                found.append((table, check, rows.height, sample[:500]))
        return found

    def copy_to(self, path: Path, tables: Sequence[Table]) -> dict[str, int]:
        """Write tables to a new file, sorted by partition and key; give the rows of each."""
        self._con.execute(f"ATTACH '{_quoted(path)}' AS snapshot")
        try:
            with self.change() as change:
                return {table.name: change.copy(table, "snapshot") for table in tables}
        finally:
            self._con.execute("DETACH snapshot")

    def count(self, table: Table) -> int:
        """Count the rows of a table."""
        frame = self.ask(f'SELECT count(*) AS n FROM "{table.name}"')  # noqa: S608 - a declared name
        return int(frame["n"][0])


@cache
def _declared() -> dict[str, dict[str, str]]:
    """Give per table the columns it should have, with their types as DuckDB spells them."""
    con = duckdb.connect()
    try:
        for table in ALL:
            con.execute(table.ddl())
        return _by_table(con.cursor().sql(f"{_COLUMNS} {_IN_ORDER}").pl())
    finally:
        con.close()


def _by_table(found: pl.DataFrame) -> dict[str, dict[str, str]]:
    """Give table, column and type as a column's type by table and column."""
    columns: dict[str, dict[str, str]] = {}
    for name, column, kind in zip(*found.get_columns(), strict=True):
        columns.setdefault(name, {})[column] = kind
    return columns


class Change:
    """Writes inside one transaction."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Keep the cursor that holds the transaction."""
        self._cursor = cursor

    def replace(self, table: Table, frame: pl.DataFrame, partition: object | None = None) -> int:
        """Replace a partition (a value of `table.partition`), or without one the whole table.

        Errors: SchemaMismatchError, CheckFailedError; the transaction is given up by the caller.
        """
        frame = table.check(frame)
        if partition is None:
            self._cursor.execute(f'DELETE FROM "{table.name}"')  # noqa: S608 - a declared name
        else:
            self._cursor.execute(
                f'DELETE FROM "{table.name}" WHERE "{table.partition}" = $partition',  # noqa: S608
                {"partition": partition},
            )
        self.insert(table, frame)
        return frame.height

    def make(self, table: Table) -> None:
        """Make a table that is not there."""
        self._cursor.execute(table.ddl())

    def copy(self, table: Table, database: str) -> int:
        """Write a table, sorted by partition and key, to an attached database; give its rows.

        Readers ask for days: what stands by the day is found without reading the others.
        """
        names = dict.fromkeys((table.partition, *table.key)) if table.key else {}
        order = ", ".join(f'"{name}"' for name in names if name) or "ALL"
        made = self._cursor.execute(
            f'CREATE TABLE {database}."{table.name}" AS '  # noqa: S608 - declared names
            f'SELECT * FROM "{table.name}" ORDER BY {order}'
        ).fetchone()
        return int(made[0]) if made else 0

    def remake(self, table: Table, columns: str) -> None:
        """Make a table of an earlier declaration anew; these columns of its rows are kept."""
        self._cursor.execute(f'ALTER TABLE "{table.name}" RENAME TO "_former"')
        self._cursor.execute(table.ddl())
        if columns:
            self._cursor.execute(
                f'INSERT INTO "{table.name}" ({columns}) SELECT {columns} FROM "_former"'  # noqa: S608
            )
        self._cursor.execute('DROP TABLE "_former"')

    def forget(self, table: Table, before: object) -> None:
        """Remove partitions before this one."""
        self._cursor.execute(
            f'DELETE FROM "{table.name}" WHERE "{table.partition}" < $before',  # noqa: S608
            {"before": before},
        )

    def refuse_broken(self, tables: Sequence[Table]) -> None:
        """Hold the `fail` checks of these tables against what this change would leave.

        Errors: CheckFailedError with the first row that breaks one.
        """
        for table in tables:
            for check in table.checks:
                if check.level == "fail":
                    for row in self._cursor.sql(f"{check.sql} LIMIT 1").fetchall():
                        raise CheckFailedError(table.name, check.name, str(row))

    def insert(self, table: Table, frame: pl.DataFrame) -> None:
        """Add rows that were checked."""
        if frame.is_empty():
            return
        # As polars keeps it: texts are not copied first.
        self._cursor.register("incoming", frame.to_arrow(compat_level=pl.CompatLevel.newest()))
        self._cursor.execute(f'INSERT INTO "{table.name}" SELECT * FROM incoming')  # noqa: S608
        self._cursor.unregister("incoming")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")

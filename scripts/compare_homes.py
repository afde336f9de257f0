"""Two homes held against each other: every table of their warehouses, row by row.

Takes    two homes that no build is running on
Gives    a line per table with its rows; where they differ, how many rows only one of them has, and
         a sample; exit status 1 where anything differs
Leaves   the columns that name a run, and tables that are the log of one: two builds differ in them
"""

import sys
from pathlib import Path
from typing import Final

import click
import duckdb

from meterbook.base.home import Home

RUN_COLUMNS: Final = frozenset({"run_id", "built_at", "wall_seconds", "started_at"})
LOGS: Final = frozenset({"mart_run", "core_partition", "core_whole_step"})


def columns(con: duckdb.DuckDBPyConnection, home: str) -> dict[str, dict[str, str]]:
    """Give column and type by table of a home."""
    found: dict[str, dict[str, str]] = {}
    wanted = "SELECT table_name, column_name, data_type FROM duckdb_columns()"
    sql = f"{wanted} WHERE database_name = $home"
    for table, column, kind in con.cursor().sql(sql, params={"home": home}).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def rows_only_in(one: str, other: str, names: str) -> str:
    """Give the SQL of the rows that only the first table has; equal rows are counted."""
    return f"SELECT {names} FROM {one} EXCEPT ALL SELECT {names} FROM {other}"


def differences(con: duckdb.DuckDBPyConnection, table: str, names: str) -> tuple[int, int, str]:
    """Count the rows that only the first home has, and only the second; give one of them."""
    counts, sample = [], ""
    for one, other in (("first", "second"), ("second", "first")):
        sql = rows_only_in(f'{one}."{table}"', f'{other}."{table}"', names)
        found = con.cursor().sql(f"SELECT count(*) FROM ({sql})").fetchall()[0][0]
        if found and not sample:
            row = con.cursor().sql(f"SELECT row::VARCHAR FROM ({sql} LIMIT 1) row").fetchall()[0][0]
            sample = f"only in the {one}: {row}"
        counts.append(int(found))
    return counts[0], counts[1], sample


def compare(con: duckdb.DuckDBPyConnection) -> bool:
    """Print a line per table; tell whether all are equal."""
    first, second = columns(con, "first"), columns(con, "second")
    is_equal = True
    for table in sorted({*first, *second} - LOGS):
        if first.get(table) != second.get(table):
            click.echo(f"{table}: other columns: {first.get(table)} against {second.get(table)}")
            is_equal = False
            continue
        names = ", ".join(f'"{name}"' for name in first[table] if name not in RUN_COLUMNS)
        left, right, sample = differences(con, table, names)
        count = con.cursor().sql(f'SELECT count(*) FROM first."{table}"').fetchall()[0][0]
        state = f"DIFFER: {left} and {right} rows. {sample}" if left or right else "equal"
        click.echo(f"{table}: {count} rows, {state}")
        is_equal &= not (left or right)
    return is_equal


@click.command()
@click.argument("first", type=click.Path(exists=True, path_type=Path))
@click.argument("second", type=click.Path(exists=True, path_type=Path))
def main(first: Path, second: Path) -> None:
    """Compare two homes, run identifiers aside."""
    con = duckdb.connect()
    for name, home in (("first", first), ("second", second)):
        con.execute(f"ATTACH '{Home(home).warehouse}' AS {name} (READ_ONLY)")
    is_equal = compare(con)
    click.echo("equal" if is_equal else "not equal")
    sys.exit(0 if is_equal else 1)


if __name__ == "__main__":
    main()

"""One question to DuckDB, answered as a frame.

Takes    a connection, SQL, values by name
Gives    the rows as polars has them
"""

import duckdb
import polars as pl


def ask(con: duckdb.DuckDBPyConnection, sql: str, **params: object) -> pl.DataFrame:
    """Answer a question; `$name` stands for the value of that name."""
    frame: pl.DataFrame = con.cursor().sql(sql, params=params or None).pl()
    return frame

"""How coverage went: M7 and the size of the inventory, day by day.

Reads    mart_coverage_team, the history so far
Writes   mart_coverage_daily
Holds    a past day stays as its last build saw it, whatever is built, deleted or sent afterwards;
         the same build again changes nothing
"""

from datetime import date, timedelta
from typing import Final

import polars as pl

from warehouse.tables.mart_coverage import COVERAGE_DAILY

HISTORY_DAYS: Final = 90


def coverage_daily(
    history: pl.LazyFrame, teams: pl.LazyFrame, *, day: date, days: int = HISTORY_DAYS
) -> pl.LazyFrame:
    """Give mart_coverage_daily of the last days: those before as they were kept, and this one.

    A day that no build saw has no row; an inventory of that day is known to nobody.
    """
    kept = history.filter((pl.col("day") < day) & (pl.col("day") > day - timedelta(days=days)))
    reported = [name for name in COVERAGE_DAILY.schema if name not in {"day", "expected_change"}]
    today = teams.select(pl.lit(day).alias("day"), *reported)
    before = pl.col("expected_count").shift().over("team", order_by="day")
    return (
        pl.concat([kept.select("day", *reported), today])
        .with_columns((pl.col("expected_count") - before).alias("expected_change"))
        .select(COVERAGE_DAILY.schema.names())
        .cast(COVERAGE_DAILY.schema)
        .sort(COVERAGE_DAILY.key)
    )

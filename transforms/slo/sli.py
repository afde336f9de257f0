"""The figures M1 to M12 as rows: numerator and denominator beside the value.

Reads    mart_coverage_team, mart_cost_daily_team
Writes   mart_sli_daily    one row per day, SLI and scope; without data there is no row
"""

from datetime import date
from typing import Final

import polars as pl

from warehouse.tables.mart_coverage import SLI_DAILY

COVERAGE: Final = "M7"


def coverage_sli(coverage: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give M7 per team and pooled: services fresh on all expected signals over those expected."""
    return (
        coverage.filter(pl.col("expected_count") > 0)
        .select(
            pl.lit(day).alias("day"),
            pl.lit(COVERAGE).alias("sli"),
            pl.col("team").alias("scope"),
            pl.col("coverage_ratio").alias("value"),
            pl.col("complete_count").alias("numerator"),
            pl.col("expected_count").alias("denominator"),
        )
        .cast(SLI_DAILY.schema)
        .sort(SLI_DAILY.key)
    )

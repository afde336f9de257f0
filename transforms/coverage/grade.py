"""One letter for a team, for who demands one: the band of its score, capped by what is not seen.

Reads    mart_coverage_service, mart_coverage_team, mart_score_service
Writes   mart_coverage_grade
Holds    points are pooled over services, never averaged; coverage is not mixed into the score: it
         only caps the letter; without a score there is no letter
"""

from typing import Final

import polars as pl

from transforms.coverage.coverage import EVERYBODY
from warehouse.tables.mart_coverage import COVERAGE_GRADE
from warehouse.tables.values import EXPECTED_STATES, GRADES

CAP: Final = "C"
WINDOW_DAYS: Final = 30


def coverage_grade(
    coverage: pl.LazyFrame, teams: pl.LazyFrame, scores: pl.LazyFrame
) -> pl.LazyFrame:
    """Give mart_coverage_grade. A score is of a service.name, whatever its namespace."""
    expected = coverage.filter(pl.col("state").is_in(EXPECTED_STATES))
    owned = expected.select("team", "service_name").unique()
    everybody = expected.select(pl.lit(EVERYBODY).alias("team"), "service_name").unique()
    scored = scores.filter(pl.col("window_days") == WINDOW_DAYS).select(
        "service_name",
        pl.col("applicable_points").alias("points"),
        pl.col("applicable_max_points").alias("max_points"),
    )
    pooled = (
        pl.concat([owned, everybody])
        .join(scored, on="service_name", how="inner", validate="m:1")
        .group_by("team")
        .agg(pl.len().cast(pl.Int64).alias("scored_count"), pl.col("points", "max_points").sum())
    )
    score = 100 * pl.col("points") / pl.col("max_points")
    gap = pl.col("has_tier_1_gap")
    return (
        teams.select("team", "has_tier_1_gap")
        .join(pooled, on="team", how="left", validate="1:1")
        .with_columns(pl.col("scored_count", "points", "max_points").fill_null(0))
        .with_columns(pl.when(pl.col("max_points") > 0).then(score).alias("score"))
        .with_columns(
            grade(pl.col("score"), gap).alias("grade"),
            (gap & (pl.col("score") >= _least("B"))).fill_null(value=False).alias("is_capped"),
        )
        .select(COVERAGE_GRADE.schema.names())
        .cast(COVERAGE_GRADE.schema)
        .sort("team")
    )


def grade(score: pl.Expr, has_tier_1_gap: pl.Expr) -> pl.Expr:
    """Give the letter: the score's band, at best C when a tier-1 service misses a signal."""
    letter: pl.Expr = pl.lit(None, pl.String)
    for least, name in reversed(GRADES):
        capped = pl.when(has_tier_1_gap).then(pl.lit(max(name, CAP))).otherwise(pl.lit(name))
        letter = pl.when(score >= least).then(capped).otherwise(letter)
    return letter


def _least(letter: str) -> int:
    return next(least for least, name in GRADES if name == letter)

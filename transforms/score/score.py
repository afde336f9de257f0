"""The Instrumentation Score of a service, from the verdicts on its rules.

Takes    one row per service and rule: `service_name`, `rule`, `is_passed`, `is_applicable`
Gives    per service: `points`, `max_points` and `score` over the rules that were evaluated, the
         same over those whose target was seen, bands, and what was not evaluated
Holds    rules that are not the specification's are refused, so nothing else enters the score; the
         score of no rules is null; bands go by the unrounded score
"""

from typing import Final

import polars as pl

from transforms.score.rules import BY_ID, RULES
from warehouse.tables.values import BANDS

_WEIGHTS: Final = pl.DataFrame(
    {"rule": list(BY_ID), "weight": [rule.weight for rule in RULES]},
    schema={"rule": pl.String(), "weight": pl.Int64()},
)


def ratio(points: pl.Expr, most: pl.Expr) -> pl.Expr:
    """Give the score; null when nothing was judged."""
    return pl.when(most > 0).then(points * 100 / most)


def band(points: pl.Expr, most: pl.Expr) -> pl.Expr:
    """Give the band by whole numbers, so no rounding lifts a score into it; null without rules."""
    found = pl.lit(None, pl.String)
    for least, name in reversed(BANDS):
        found = (
            pl.when((most > 0) & (points * 100 >= most * least)).then(pl.lit(name)).otherwise(found)
        )
    return found


def score_service(verdicts: pl.LazyFrame) -> pl.LazyFrame:
    """Give the strict score and the applicable one per service.

    `is_passed` is null for a rule that was not evaluated; vacuous truth is a pass.
    """
    weighted = verdicts.join(_WEIGHTS.lazy(), on="rule", how="inner", validate="m:1")
    weight, is_judged = pl.col("weight"), pl.col("is_passed").is_not_null()
    passed, seen = pl.col("is_passed").fill_null(value=False), pl.col("is_applicable")
    summed = weighted.group_by("service_name").agg(
        weight.filter(passed).sum().alias("points"),
        weight.filter(is_judged).sum().alias("max_points"),
        weight.filter(passed & seen).sum().alias("applicable_points"),
        weight.filter(is_judged & seen).sum().alias("applicable_max_points"),
        pl.col("rule").filter(is_judged).alias("rated"),
    )
    every = pl.lit(list(BY_ID), pl.List(pl.String))
    parts = (("", "points", "max_points"), ("_applicable", "applicable_points",
                                            "applicable_max_points"))  # fmt: skip
    return (
        summed.with_columns(
            every.list.set_difference("rated").list.sort().list.join("+").alias("not_evaluated")
        )
        .with_columns(
            (pl.col("not_evaluated") == "").alias("is_complete"),
            *(ratio(pl.col(p), pl.col(m)).alias(f"score{end}") for end, p, m in parts),
            *(band(pl.col(p), pl.col(m)).alias(f"band{end}") for end, p, m in parts),
        )
        .drop("rated")
        .sort("service_name")
    )


def points_if_fixed(rule: str, max_points: int) -> float | None:
    """Give what a rule's fix adds to a score over rules of so many points; null without any."""
    return BY_ID[rule].weight * 100 / max_points if max_points else None

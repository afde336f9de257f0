"""What sets of labels, rewrites and coarser histograms would save, in series and in money.

Reads    the wide layout of a day; per metric its series and stored series
Writes   mart_cardinality_set, mart_cardinality_rewrite
Units    series; money a month at a price per 1,000 stored series
Holds    saved + left == series; a coarser histogram saves stored series, never series
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from transforms.cardinality.fingerprint import Wide
from transforms.cardinality.label_sets import label_sets
from transforms.cardinality.rewrites import rewrites
from transforms.exact.money import money
from warehouse.table import USD
from warehouse.tables.mart_cardinality import CARDINALITY_REWRITE, CARDINALITY_SET


@dataclass(frozen=True)
class Prices:
    """What series cost, when growth counts, and how far to search."""

    per_1000_month: Decimal | None
    guard_series: int = 100
    guard_ratio: Decimal = Decimal("0.10")
    top_values: int = 10
    metric_budget: int = 1000
    searched_metrics: int = 50
    part_series: int = 1_000_000
    """Series of both days that are laid out at a time: what the memory depends on."""


def monthly_cost(count: pl.Expr, prices: Prices) -> pl.Expr:
    """Give what stored series cost in a month, rounded down to the atom."""
    if prices.per_1000_month is None:
        return pl.lit(None, dtype=USD)
    price = int(prices.per_1000_month.scaleb(12))
    return money(count.cast(pl.Int128) * price // 1000)


def _stored_of(count: pl.Expr) -> pl.Expr:
    """Give how many stored series so many of a metric's series are."""
    return (count.cast(pl.Int128) * pl.col("stored") // pl.col("series")).cast(pl.Int64)


def set_mart(
    series: Wide, metrics: pl.DataFrame, prices: Prices, day: date, searched: Collection[str]
) -> pl.LazyFrame:
    """Give labels that say the same, the instance, and the smallest set within the budget."""
    sets = label_sets(series, budget=prices.metric_budget, searched=searched)
    counts = metrics.lazy().select("metric", "series", "stored")
    saved = pl.col("series") - pl.col("left")
    return (
        sets.lazy()
        .join(counts, on="metric", how="left", validate="m:1")
        .with_columns(
            pl.lit(day).alias("day"),
            pl.col("labels").list.join(" + "),
            saved.alias("saved_count"),
            monthly_cost(_stored_of(saved), prices).alias("saved_cost"),
        )
        .rename({"left": "series_without_count"})
        .select(CARDINALITY_SET.schema.names())
        .cast(CARDINALITY_SET.schema)
        .sort(CARDINALITY_SET.key)
    )


def rewrite_mart(
    series: Wide, metrics: pl.DataFrame, prices: Prices, day: date, searched: Collection[str]
) -> pl.LazyFrame:
    """Give what fewer values of a label, or fewer bounds of a histogram, would leave."""
    counts = metrics.lazy().select("metric", "series", "stored")
    found = rewrites(series, top=prices.top_values, searched=searched)
    labels = (
        found.lazy()
        .join(counts, on="metric", how="left", validate="m:1")
        .with_columns(_stored_of(pl.col("left")).alias("stored_after"))
    )
    return (
        pl.concat([labels, _coarser(metrics.lazy())], how="diagonal")
        .with_columns(
            pl.lit(day).alias("day"),
            (pl.col("series") - pl.col("left")).alias("saved_count"),
            monthly_cost(pl.col("stored") - pl.col("stored_after"), prices).alias("saved_cost"),
        )
        .rename(
            {
                "left": "series_after_count",
                "stored_after": "stored_after_count",
                "distinct_after": "distinct_after_count",
            }
        )
        .select(CARDINALITY_REWRITE.schema.names())
        .cast(CARDINALITY_REWRITE.schema)
        .sort(CARDINALITY_REWRITE.key)
    )


def _coarser(metrics: pl.LazyFrame) -> pl.LazyFrame:
    """Give histograms with every second bound; the bounds that remain stay what they were."""
    bounds = pl.col("stored") - 3 * pl.col("series")
    kept = 3 * pl.col("series") + bounds // 2
    return metrics.filter((pl.col("metric_kind") == "histogram") & (bounds > 1)).select(
        "metric",
        "series",
        "stored",
        pl.lit("").alias("level"),
        pl.lit("").alias("label"),
        pl.lit("half_the_bounds").alias("rewrite"),
        pl.lit(0, pl.Int64).alias("distinct_after"),
        pl.col("series").alias("left"),
        kept.alias("stored_after"),
    )

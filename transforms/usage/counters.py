"""What counters counted in a day: the units of work behind cost per unit.

Reads    raw_series, raw_point, raw_histogram
Writes   core_counter_daily
Holds    counters count their increases: a value that drops, or a new start, counts from 0; delta
         sums are added; a histogram's count is its number of values, and its sum gives the mean

A histogram's first point of a day counts only if it began that day: at most one interval is missed.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Final

import polars as pl

from transforms.exact.steady import steady_sum
from transforms.usage.attributes import first_of, value_of
from warehouse.tables.mart_unit import COUNTER_DAILY

SUMMED: Final = ("value", "total")


def counter_daily(
    series: pl.LazyFrame,
    points: pl.LazyFrame,
    histograms: pl.LazyFrame,
    day: date,
    counters: Sequence[str],
) -> pl.LazyFrame:
    """Give core_counter_daily of the counters named."""
    resource = "resource_attributes"
    named = (
        series.filter(pl.col("metric_name").is_in(list(counters)))
        .unique("series_id", keep="any")
        .select(
            "series_id",
            "temporality",
            metric=pl.col("metric_name"),
            namespace=first_of(
                value_of(resource, "k8s.namespace.name"), value_of(resource, "service.namespace")
            ),
        )
    )
    values = pl.concat(
        [
            points.select(
                "series_id", "event_at", "start_at", "value", pl.lit(None).alias("total")
            ),
            histograms.select(
                "series_id", "event_at", "start_at", pl.col("count").alias("value"),
                pl.col("sum").alias("total"),
            ),
        ],
        how="vertical_relaxed",
    ).with_columns(pl.col(SUMMED).cast(pl.Float64))  # fmt: skip
    reported = values.join(named, on="series_id", how="inner", validate="m:1")
    begins = datetime.combine(day, time(), UTC)
    return (
        reported.sort("series_id", "event_at")
        .unique(["series_id", "event_at"], keep="last", maintain_order=True)
        .with_columns(*(increase(name, begins).alias(name) for name in SUMMED))
        .filter(pl.col("event_at").dt.date() == day)
        .group_by("metric", "namespace")
        .agg(
            steady_sum(pl.col("value")).alias("unit_count"),
            pl.when(pl.col("total").is_not_null().any())
            .then(steady_sum(pl.col("total")))
            .alias("value_sum"),
        )
        .with_columns(pl.lit(day).alias("charge_date"))
        .select(COUNTER_DAILY.schema.names())
        .cast(COUNTER_DAILY.schema)
        .sort(COUNTER_DAILY.key)
    )


def increase(name: str, begins: datetime) -> pl.Expr:
    """Give what a point adds to the one before of its series."""
    value, before = pl.col(name), pl.col(name).shift(1).over("series_id")
    start, last = pl.col("start_at"), pl.col("event_at").shift(1).over("series_id")
    is_new = (value < before) | (start.is_not_null() & (start > last))
    return (
        pl.when(pl.col("temporality") == "delta")
        .then(value)
        .when(before.is_null())
        .then(pl.when(start >= begins).then(value).otherwise(0.0 * value))
        .when(is_new)
        .then(value)
        .otherwise(value - before)
    )

"""Series that came and went between two days, and the label that explains the growth.

Takes    the wide layout of both days, the root cause of each metric
Writes   mart_churn_metric
Holds    previous + new = series + gone, per metric; equal labels under two metrics are two series

What either day has is counted once, metric by metric side by side: new = either - previous and
gone = either - series. No join of all series with all series.
"""

from collections.abc import Iterator
from datetime import date

import polars as pl

from transforms.fingerprint import WORKING_ROWS, Wide
from warehouse.tables.mart_cardinality import CHURN_METRIC


def churned(now: Wide, then: Wide) -> pl.DataFrame:
    """Count per metric: `metric series previous either new gone`."""
    counts = [
        both.group_by("metric").agg(pl.col("fp").n_unique().cast(pl.Int64).alias("either"))
        for both in _side_by_side(now, then)
    ]
    schema = {"metric": pl.String(), "either": pl.Int64()}
    previous = then.series.rename({"series": "previous"})
    return (
        pl.concat([pl.DataFrame(schema=schema), *counts])
        .join(now.series, on="metric", how="left", validate="1:1")
        .join(previous, on="metric", how="left", validate="1:1")
        .with_columns(pl.col("series", "previous").fill_null(0))
        .with_columns(
            new=pl.col("either") - pl.col("previous"), gone=pl.col("either") - pl.col("series")
        )
        .sort("metric")
    )


def _side_by_side(now: Wide, then: Wide) -> Iterator[pl.DataFrame]:
    """Give the fingerprints of both days, `metric fp`, some whole metrics at a time."""
    both = now.extents.join(
        then.extents, on="metric", how="full", coalesce=True, validate="1:1", suffix="_then"
    ).sort("metric")
    parts: list[pl.DataFrame] = []
    gathered = 0
    for metric, *places in both.rows():
        for day, (first, rows) in zip((now, then), (places[:2], places[2:]), strict=True):
            if rows:
                found = day.rows.select("fp").slice(first, rows)
                parts.append(found.select(pl.lit(metric).alias("metric"), "fp"))
                gathered += rows
        if gathered >= WORKING_ROWS:
            yield pl.concat(parts)
            parts, gathered = [], 0
    if parts:
        yield pl.concat(parts)


def churn_mart(now: Wide, then: Wide, labels: pl.DataFrame, day: date) -> pl.LazyFrame:
    """Give the metrics of which any series came or went."""
    causes = labels.filter("is_root_cause").select(
        "metric",
        pl.col("label").alias("root_cause_label"),
        pl.col("level").alias("root_cause_level"),
    )
    return (
        churned(now, then)
        .lazy()
        .filter(pl.col("new") + pl.col("gone") > 0)
        .join(causes.lazy(), on="metric", how="left", validate="1:1")
        .with_columns(
            pl.lit(day).alias("day"),
            pl.col("new").alias("new_count"),
            pl.col("gone").alias("gone_count"),
            pl.col("root_cause_label", "root_cause_level").fill_null(""),
        )
        .select(CHURN_METRIC.schema.names())
        .cast(CHURN_METRIC.schema)
        .sort(CHURN_METRIC.key)
    )

"""Metrics in parts, so that a day of many series takes the memory of one part.

Takes    series of one or more days, each row with its metric; how many series a part may have
Gives    groups of metrics, those with most series first; a metric is never divided
Holds    every metric is in one part; the same series give the same parts
"""

from collections.abc import Sequence

import polars as pl

Part = tuple[str, ...]


def metric_parts(days: Sequence[pl.LazyFrame], series: int) -> list[Part]:
    """Give the parts; one part of no names where all metrics fit together."""
    counts = (
        pl.concat([day.group_by("metric_name").agg(rows=pl.len().cast(pl.Int64)) for day in days])
        .group_by("metric_name")
        .agg(pl.col("rows").sum())
        .sort(["rows", "metric_name"], descending=[True, False])
        .collect()
    )
    if counts["rows"].sum() <= series:
        return [()]
    before = pl.col("rows").cum_sum() - pl.col("rows")
    parts = counts.group_by(before // series, maintain_order=True).agg("metric_name")
    return [tuple(names) for names in parts["metric_name"].to_list()]


def of_part(series: pl.LazyFrame, part: Part) -> pl.LazyFrame:
    """Give the series of the metrics of a part, all of them for the part without names."""
    return series.filter(pl.col("metric_name").is_in(list(part))) if part else series

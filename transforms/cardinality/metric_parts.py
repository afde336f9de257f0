"""Metrics in parts, so that a day of many series takes the memory of one part.

Takes    series of one or more days, each row with its metric; how many series a part may have
Gives    groups of metrics, those with most series first; a metric with more series than a part may
         have stands alone, and its series come in pieces
Holds    every metric is in one part, every series in one piece; the same series give the same parts
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Part:
    """Some metrics, all of them where none is named; in how many pieces their series come."""

    metrics: tuple[str, ...] = ()
    pieces: int = 1


def metric_parts(days: Sequence[pl.LazyFrame], series: int) -> list[Part]:
    """Give the parts; one of no names where all metrics fit together."""
    counts = (
        pl.concat([day.group_by("metric_name").agg(rows=pl.len().cast(pl.Int64)) for day in days])
        .group_by("metric_name")
        .agg(pl.col("rows").sum())
        .sort(["rows", "metric_name"], descending=[True, False])
        .collect()
    )
    if counts["rows"].sum() <= series:
        return [Part()]
    before = pl.col("rows").cum_sum() - pl.col("rows")
    parts = counts.group_by((before // series).alias("part"), maintain_order=True).agg(
        "metric_name", pl.col("rows").first()
    )
    return [
        Part(tuple(names), -(-rows // series) if len(names) == 1 else 1)
        for names, rows in parts.select("metric_name", "rows").rows()
    ]


def pieces_of(series: pl.LazyFrame, part: Part) -> Iterator[pl.LazyFrame]:
    """Give the series of a part, piece by piece."""
    mine = series.filter(pl.col("metric_name").is_in(part.metrics)) if part.metrics else series
    for piece in range(part.pieces):
        is_mine = pl.col("series_id") % part.pieces == piece
        yield mine.filter(is_mine) if part.pieces > 1 else mine

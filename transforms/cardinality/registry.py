"""The registry of series, and how many are active in windows that end with the last day.

Reads    core_series_daily of all days
Writes   core_series, mart_series_active
Holds    a window counts each series once, however many days it was seen; up to `exact_rows` rows
         of presence all is exact, beyond them week and month are estimates and say so

Beyond the limit memory is that of one day: the registry has the series of the last day only, and a
longer window is estimated from the smallest hashes of its series (`kmv.py`), read in one pass that
keeps no others.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import polars as pl

from transforms.cardinality import kmv
from warehouse.table import INSTANT
from warehouse.tables.series import SERIES, SERIES_ACTIVE

WEEK: Final = 7
MONTH: Final = 30
EXACT_ROWS: Final = 50_000_000
_PART: Final = ("metric", "is_week")


def registry(
    daily: pl.LazyFrame, *, exact_rows: int = EXACT_ROWS, k: int = kmv.K
) -> Mapping[str, pl.LazyFrame]:
    """Give the registry of the last 30 days, and how many series each window has."""
    counts = (
        daily.group_by("day", "metric")
        .agg(pl.len().cast(pl.Int64).alias("rows"), pl.col("last_hour_at").max())
        .collect(engine="streaming")
    )
    last = counts["day"].max() or date(1970, 1, 1)
    assert isinstance(last, date)  # noqa: S101 - tells the type
    counts = counts.filter(pl.col("day") > last - timedelta(days=MONTH))
    kept = daily.filter(pl.col("day") > last - timedelta(days=MONTH))
    if counts["rows"].sum() <= exact_rows:
        known = _known(kept, counts, last)
        active = _exact(known, last)
    else:
        of_day = kept.filter(pl.col("day") == last)
        ids = of_day.select("series_id")
        known = _known(kept.join(ids, on="series_id", how="semi"), counts, last)
        active = _estimated(kept, known, counts, last, k)
    return {
        "core_series": known.select(SERIES.schema.names()).sort(SERIES.key),
        "mart_series_active": active.select(SERIES_ACTIVE.schema.names()).sort(SERIES_ACTIVE.key),
    }


def _known(kept: pl.LazyFrame, counts: pl.DataFrame, last: date) -> pl.LazyFrame:
    """Give a row per series, with the age of its last day in days."""
    hour = pl.lit(counts["last_hour_at"].max(), INSTANT)
    known = kept.group_by("series_id").agg(
        pl.col("metric").first(),
        pl.col("first_hour_at").min().alias("first_seen_at"),
        pl.col("last_hour_at").max().alias("last_seen_at"),
        pl.len().cast(pl.Int64).alias("day_count"),
        (pl.lit(last) - pl.col("day").max()).dt.total_days().alias("age"),
        (pl.col("last_hour_at").max() == hour).alias("is_now"),
    )
    return known.collect(engine="streaming").lazy()


def _exact(known: pl.LazyFrame, last: date) -> pl.LazyFrame:
    """Count the series of each window."""
    windows = (("day", 1), ("week", WEEK), ("month", MONTH))
    return known.group_by("metric").agg(
        pl.lit(last).alias("day"),
        pl.lit(value=False).alias("is_estimate"),
        pl.col("is_now").sum().cast(pl.Int64).alias("hour_series_count"),
        *(
            (pl.col("age") < days).sum().cast(pl.Int64).alias(f"{name}_series_count")
            for name, days in windows
        ),
    )


def _estimated(
    kept: pl.LazyFrame, known: pl.LazyFrame, counts: pl.DataFrame, last: date, k: int
) -> pl.LazyFrame:
    """Count the last day, estimate the longer windows."""
    is_week = (pl.col("day") > last - timedelta(days=WEEK)).alias("is_week")
    largest = counts.lazy().group_by("metric", is_week).agg(pl.col("rows").max())
    limits = largest.select(*_PART, kmv.limit_for(pl.col("rows"), k=k).alias("limit"))
    hashes = kept.select("metric", is_week, kmv.mixed(pl.col("series_id")).alias("hash"))
    small = (
        hashes.join(limits, on=_PART, how="left", validate="m:1")
        .filter(pl.col("hash") <= pl.col("limit"))
        .collect(engine="streaming")
    )
    parts = kmv.sketch(small.lazy(), _PART, k=k)
    month = kmv.merged(parts, ["metric"], k=k)
    counted = _exact(known, last).drop("week_series_count", "month_series_count", "is_estimate")
    windows = [
        frame.select("metric", kmv.estimated(k=k).alias(f"{name}_series_count"))
        for name, frame in (("week", parts.filter("is_week")), ("month", month))
    ]
    week, whole = windows
    numbers = pl.col("week_series_count", "day_series_count", "hour_series_count")
    return (
        whole.join(week, on="metric", how="left", validate="1:1")
        .join(counted, on="metric", how="left", validate="1:1")
        .with_columns(
            numbers.fill_null(0),
            pl.lit(last).alias("day"),
            pl.lit(value=True).alias("is_estimate"),
        )
    )

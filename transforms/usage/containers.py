"""What containers asked for and used, hour by hour.

Reads    `known_series` of a day; raw_point of it and of the days beside it, for the samples around
         midnight
Writes   core_usage_hourly        one row per container and hour
         core_fact_source_daily   which metric gave which fact, and which only repeated it
Units    core-seconds, byte-seconds, GPU-seconds, seconds
Time     UTC hours; a sample at the hour's start belongs to that hour
Holds    counters count their increases, resets from 0, gaps bridged in proportion; gauges hold
         until the next sample, at most 3 times the series' median interval of the day; one source
         per fact, container and hour; what one source tells twice for the same time counts once
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import polars as pl

from transforms.exact.steady import steady_sum
from transforms.usage.facts import (
    CPU_REQUEST,
    CPU_USE,
    GPU_REQUEST,
    GPU_USE,
    MEMORY_REQUEST,
    MEMORY_USE,
)
from transforms.usage.nodes import node_hourly
from transforms.usage.pods import POD, Observed, run_seconds
from transforms.usage.subject import known_series
from warehouse.tables.core import USAGE_HOURLY
from warehouse.tables.core_usage import FACT_SOURCE

__all__ = ["fact_hours", "fact_source", "known_series", "node_hourly", "samples_of", "usage_hourly"]

HOUR: Final = timedelta(hours=1)
HOLD_INTERVALS: Final = 3
CONTAINER: Final = (*POD, "container")
AMOUNTS: Final = {
    CPU_REQUEST: "cpu_request_core_seconds",
    CPU_USE: "cpu_usage_core_seconds",
    MEMORY_REQUEST: "memory_request_byte_seconds",
    MEMORY_USE: "memory_usage_byte_seconds",
    GPU_REQUEST: "gpu_request_gpu_seconds",
    GPU_USE: "gpu_usage_gpu_seconds",
}
SOURCES: Final = {
    CPU_USE: "cpu_usage_source",
    MEMORY_USE: "memory_usage_source",
    GPU_USE: "gpu_usage_source",
}


def midnight(day: date) -> datetime:
    """Give the start of a UTC day."""
    return datetime.combine(day, time(), UTC)


def samples_of(known: pl.LazyFrame, points: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give the points of known series, in order, each instant of a series once.

    Of the days beside, a series needs its last point before the day and its first after it.
    """
    start = midnight(day)
    at = pl.col("event_at")
    mine = (
        points.filter(pl.col("value").is_not_null())
        .select("series_id", "event_at", "start_at", "value")
        .join(known.select("series_id"), on="series_id", how="semi")
    )
    others = pl.col("event_at", "start_at", "value")
    before = mine.filter(at < start).group_by("series_id").agg(others.get(at.arg_max()))
    after = mine.filter(at >= start + 24 * HOUR).group_by("series_id").agg(others.get(at.arg_min()))
    within = mine.filter(at.is_between(start, start + 24 * HOUR, closed="left"))
    is_again = (pl.col("series_id") == pl.col("series_id").shift(1)) & (at == at.shift(1))
    return (
        pl.concat([before, within, after])
        .sort("series_id", "event_at", maintain_order=True)
        .filter(~is_again.fill_null(value=False))
    )


def fact_hours(observed: Observed, day: date) -> pl.LazyFrame:
    """Give what each source told of each fact, container and hour; the one that counts is marked.

    The source of lowest rank counts, of its senders the one that told most of the hour. What is
    told only per pod counts where no container tells it.
    """
    reported = (
        observed.pods.filter(pl.col("fact").is_in(list(AMOUNTS)))
        .join(observed.runs, on=POD, how="inner", validate="m:1")
        .with_columns(
            pl.struct(*CONTAINER, "fact", "rank", "teller", "part").hash().alias("fact_id")
        )
        .with_columns((pl.len().over("fact_id") > 1).alias("is_reported_twice"))
    )
    amounts = amounts_of(reported, observed.samples, day)
    container = [*CONTAINER, "fact", "usage_hour"]
    has_container = (pl.col("container") != "").any().over([*POD, "fact", "usage_hour"])
    names = ["series_id", *CONTAINER, "fact", "rank", "source", "teller"]
    return (
        amounts.join(reported.select(names), on="series_id", how="inner", validate="m:1")
        .sort([*container, "rank", "teller", "series_id"])
        .group_by([*container, "rank", "source", "teller"], maintain_order=True)
        .agg(steady_sum(pl.col("amount", "seconds")))
        .filter((pl.col("container") != "") | ~has_container)
        .with_columns((pl.col("seconds") / 60).round().alias("minutes"))
        .sort(
            [*container, "rank", "minutes", "teller"],
            descending=[*([False] * len(container)), False, True, False],
        )
        .with_columns((pl.int_range(pl.len()).over(container) == 0).alias("is_chosen"))
        .drop("seconds", "minutes")
    )


def usage_hourly(observed: Observed, reported: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give core_usage_hourly of a UTC day; `told` is what `fact_hours` gives."""
    ran = run_seconds(observed.runs, midnight(day))
    return (
        ran.join(_wide(reported), on=[*POD, "usage_hour"], how="left", validate="1:m")
        .join(observed.identities, on=POD, how="left", validate="m:1")
        .with_columns(
            pl.col("container").fill_null(""),
            pl.col(*AMOUNTS.values()).fill_null(0.0),
            pl.col(*SOURCES.values()).fill_null(""),
            pl.col("duplicate_source_count").fill_null(0),
            pl.col("usage_hour").dt.date().alias("usage_date"),
        )
        .select(USAGE_HOURLY.schema.names())
        .cast(USAGE_HOURLY.schema)
        .sort(USAGE_HOURLY.key)
    )


def fact_source(reported: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give core_fact_source_daily from what `fact_hours` gives."""
    counted = pl.col("is_chosen").sum().cast(pl.Int64)
    return (
        reported.group_by("cluster", "namespace", "fact", "source", "teller")
        .agg(
            counted.alias("counted_hours"),
            (pl.len().cast(pl.Int64) - counted).alias("repeated_hours"),
        )
        .with_columns(pl.lit(day).alias("usage_date"))
        .select(FACT_SOURCE.schema.names())
        .cast(FACT_SOURCE.schema)
        .sort(FACT_SOURCE.key)
    )


def amounts_of(reported: pl.LazyFrame, samples: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give what each series reported per hour.

    `reported` has fact_id, is_reported_twice, run_start and run_end.
    """
    return _amounts(_once(_segments(reported, samples, day)), day)


def _segments(reported: pl.LazyFrame, samples: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give stretches of constant rate: of a counter between samples, of a gauge after one.

    What a gauge holds is cut to the time its pod ran.
    """
    is_sum = (pl.col("metric_kind") == "sum") & (
        pl.col("is_monotonic") | (pl.col("temporality") == "delta")
    )
    forms = reported.select(
        "series_id",
        "fact_id",
        "is_reported_twice",
        "scale",
        is_sum.alias("is_sum"),
        (is_sum & (pl.col("temporality") == "delta")).alias("is_delta"),
        "run_start",
        "run_end",
    )
    series = samples.join(forms, on="series_id", how="inner", validate="m:1", maintain_order="left")
    at, value = pl.col("event_at"), pl.col("value") * pl.col("scale")
    marked = series.with_columns(
        at.shift(1).over("series_id").alias("before"),
        at.shift(-1).over("series_id").alias("after"),
        value.shift(1).over("series_id").alias("was"),
    )
    step = (pl.col("after") - at).dt.total_microseconds()
    usual = pl.coalesce(step.filter(at.dt.date() == day).median(), step.median())
    hold = pl.duration(microseconds=(usual.over("series_id") * HOLD_INTERVALS).cast(pl.Int64))
    restarted = (pl.col("start_at") > pl.col("before")).fill_null(value=False)
    increase = (
        pl.when(pl.col("is_delta") | (value < pl.col("was")) | restarted)
        .then(value)
        .otherwise(value - pl.col("was"))
    )
    begins = pl.when("is_delta").then(pl.coalesce("start_at", "before")).otherwise("before")
    seconds = (at - begins).dt.total_microseconds() / 1e6
    until = pl.min_horizontal(pl.col("after"), at + hold, pl.col("run_end"))
    return marked.select(
        "series_id",
        "fact_id",
        "is_reported_twice",
        pl.when("is_sum")
        .then(begins)
        .otherwise(pl.max_horizontal(at, "run_start"))
        .alias("from_at"),
        pl.when("is_sum").then(at).otherwise(until).alias("to_at"),
        pl.when("is_sum").then(increase / seconds).otherwise(value).alias("rate"),
    ).filter(pl.col("to_at") > pl.col("from_at"))


def _once(segments: pl.LazyFrame) -> pl.LazyFrame:
    """Cut what several series of one fact report of the same time, so that it counts once.

    A container that was restarted has a new series after the old one; two scrapers of one job have
    two at once.
    """
    earlier = pl.col("to_at").cum_max().shift(1).over("fact_id")
    several = segments.filter("is_reported_twice").sort("fact_id", "from_at", "to_at", "series_id")
    cut = several.with_columns(pl.max_horizontal("from_at", earlier).alias("from_at"))
    return pl.concat([segments.filter(~pl.col("is_reported_twice")), cut]).drop(
        "fact_id", "is_reported_twice"
    )


def _amounts(segments: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Add up rate times seconds per series and hour of the day."""
    start = midnight(day)
    end = start + timedelta(days=1)
    cut = segments.with_columns(
        pl.max_horizontal("from_at", pl.lit(start)).alias("from_at"),
        pl.min_horizontal("to_at", pl.lit(end)).alias("to_at"),
    ).filter(pl.col("to_at") > pl.col("from_at"))
    first = pl.col("from_at").dt.truncate("1h")
    last = (pl.col("to_at") - timedelta(microseconds=1)).dt.truncate("1h")
    hourly = cut.with_columns(
        pl.datetime_ranges(first, last, interval="1h", time_zone="UTC").alias("usage_hour")
    ).explode("usage_hour")
    hour = pl.col("usage_hour")
    overlap = pl.min_horizontal(pl.col("to_at"), hour + HOUR) - pl.max_horizontal(
        pl.col("from_at"), hour
    )
    seconds = overlap.dt.total_microseconds() / 1e6
    return (
        hourly.with_columns((pl.col("rate") * seconds).alias("amount"), seconds.alias("seconds"))
        .sort("series_id", "usage_hour", "from_at")
        .group_by("series_id", "usage_hour", maintain_order=True)
        .agg(steady_sum(pl.col("amount", "seconds")))
    )


def _wide(reported: pl.LazyFrame) -> pl.LazyFrame:
    """Give one row per container and hour with each fact in a column."""
    is_chosen = pl.col("is_chosen")

    def of(fact: str, column: str) -> pl.Expr:
        return pl.col(column).filter(is_chosen & (pl.col("fact") == fact)).first()

    return reported.group_by([*CONTAINER, "usage_hour"]).agg(
        *(of(fact, "amount").alias(column) for fact, column in AMOUNTS.items()),
        *(of(fact, "source").alias(column) for fact, column in SOURCES.items()),
        (~is_chosen).sum().cast(pl.Int32).alias("duplicate_source_count"),
    )

"""How steadily services send: the hours with a signal over the hours expected, in seven days.

Reads    core_signal_daily, services with what they should send
Writes   columns of mart_coverage_service
Time     hours of the event time, the last whole 168 before `now`
Holds    an hour counts once, whatever names a service goes by; hours of the future, and those
         before the window, count nothing; one stray record is one hour
"""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Final

import polars as pl

from transforms.coverage.identity import IDENTITY

WINDOW_HOURS: Final = 168


def observed_hours(
    signals: pl.LazyFrame, names: pl.DataFrame, *, now: datetime, kinds: tuple[str, ...]
) -> pl.DataFrame:
    """Give per known service in how many hours of the window each signal was heard.

    `names` has for each identity heard the service it is: `known_namespace`, `known_name`.
    """
    service = {"service_namespace": "known_namespace", "service_name": "known_name"}
    known = names.select(*IDENTITY, *service.values()).drop_nulls("known_name")
    hours = (pl.col("hours") & pl.col("in_window")).bitwise_or().bitwise_count_ones()
    by_day = (
        signals.join(_window(now), on="day", how="inner", validate="m:1")
        .join(known.lazy(), on=IDENTITY, how="inner", validate="m:1")
        .group_by(*service.values(), "environment", "signal", "day")
        .agg(hours.cast(pl.Int64).alias("count"))
    )
    return (
        by_day.rename({name: real for real, name in service.items()})
        .group_by(IDENTITY)
        .agg(
            pl.col("count").filter(pl.col("signal") == kind).sum().alias(f"{kind}_hours")
            for kind in kinds
        )
        .sort(IDENTITY)
        .collect()
    )


def _window(now: datetime) -> pl.LazyFrame:
    """Give the days of the window, with a bit for each of their hours in it."""
    end = now.replace(minute=0, second=0, microsecond=0)
    start = end - timedelta(hours=WINDOW_HOURS)
    days = [start.date() + timedelta(days=n) for n in range(WINDOW_HOURS // 24 + 1)]
    rows = []
    for day in days:
        midnight = datetime.combine(day, time(), UTC)
        hours = (h for h in range(24) if start <= midnight + timedelta(hours=h) < end)
        rows.append((day, sum(1 << hour for hour in hours)))
    return pl.LazyFrame(rows, schema={"day": pl.Date(), "in_window": pl.Int32()}, orient="row")


def steadiness(
    services: pl.DataFrame, *, now: datetime, kinds: tuple[str, ...], least: Decimal
) -> pl.DataFrame:
    """Add heard and expected hours, their ratio, and whether a service that is seen has gaps.

    A signal is expected in each hour since its service was first seen in a cluster or on the bill,
    of what runs now and then once a period; what was heard beyond that adds nothing. A signal that
    never came or is stale is missing, which is another matter than gaps.
    """
    end = now.replace(minute=0, second=0, microsecond=0)
    began = pl.col("first_seen_at").dt.truncate("1h")
    lived = (pl.lit(end) - began).dt.total_hours().clip(0, WINDOW_HOURS).fill_null(WINDOW_HOURS)
    runs = lived // pl.coalesce("every_hours", pl.lit(1)).cast(pl.Int64)
    part, whole = least.as_integer_ratio()
    each, expected = pl.col("hours_each"), pl.col("expected_hours")
    observed, rare = [], []
    for kind in kinds:
        hours = pl.min_horizontal(f"{kind}_hours", each)
        is_wanted = pl.col("wanted").list.contains(kind)
        observed.append(pl.when(is_wanted).then(hours).otherwise(0))
        rare.append(is_wanted & pl.col(f"has_{kind}") & (hours * whole < each * part))
    is_seen = pl.col("state").is_in(["complete", "partial"])
    return (
        services.with_columns(pl.col(f"{kind}_hours").fill_null(0) for kind in kinds)
        .with_columns(runs.alias("hours_each"))
        .with_columns(
            pl.sum_horizontal(observed).cast(pl.Int64).alias("heard_hours"),
            (pl.col("hours_each") * pl.col("wanted_count")).alias("expected_hours"),
        )
        .with_columns(
            pl.when(expected > 0).then(pl.col("heard_hours") / expected).alias("continuity_ratio"),
            (is_seen & pl.any_horizontal(rare)).alias("has_gaps"),
        )
    )

"""Which pods had which volume mounted, hour by hour.

Reads    `known_series` and `samples` of a day
Writes   core_volume_hourly    one row per claim, hour and pod; one without a pod where none had it
Time     UTC hours; a volume is mounted as long as a pod runs that names its claim
Holds    a claim has a row in each hour in which it was heard of or mounted, and in no other; a
         cluster whose telemetry does not tell who mounts what has no rows at all
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import polars as pl

from transforms.usage.facts import CLAIM_INFO, POD_CLAIM, VOLUME, VOLUME_INFO
from transforms.usage.pods import POD, Observed
from warehouse.tables.core_usage import VOLUME_HOURLY

HOUR: Final = timedelta(hours=1)
CLAIM: Final = ("cluster", "namespace", "pvc")
OF_POD: Final = ("pod", "pod_uid", "workload", "labels")


def volume_hourly(observed: Observed, day: date) -> pl.LazyFrame:
    """Give core_volume_hourly of a UTC day."""
    known, samples = observed.known, observed.samples
    named = known.filter(
        pl.col("fact").is_in([VOLUME, POD_CLAIM, CLAIM_INFO]) & (pl.col("pvc") != "")
    )
    # Where nothing tells who mounts, silence is no proof that nobody does.
    about = named.join(named.filter(pl.col("fact") != CLAIM_INFO), on="cluster", how="semi")
    mounts = _mounts(observed, datetime.combine(day, time(), UTC))
    seconds = (pl.col("mounted_to") - pl.col("mounted_from")).dt.total_microseconds() / 1e6
    return (
        pl.concat([_observed(about, samples, day), mounts.select(*CLAIM, "usage_hour")])
        .unique()
        .join(mounts, on=[*CLAIM, "usage_hour"], how="left", validate="1:m")
        .join(_names(about, known), on=list(CLAIM), how="left", validate="m:1")
        .join(_sizes(about, samples, day), on=list(CLAIM), how="left", validate="m:1")
        .with_columns(
            pl.col(*OF_POD, "pv", "disk").fill_null(""),
            seconds.fill_null(0.0).alias("mounted_seconds"),
            pl.col("capacity_bytes").fill_null(0.0),
            pl.col("usage_hour").dt.date().alias("usage_date"),
        )
        .rename({"pvc": "claim", "pv": "volume"})
        .select(VOLUME_HOURLY.schema.names())
        .cast(VOLUME_HOURLY.schema)
        .sort(VOLUME_HOURLY.key)
    )


def _observed(about: pl.LazyFrame, samples: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give the hours of the day in which a claim was heard of."""
    at = pl.col("event_at")
    hours = samples.filter(at.dt.date() == day).select(
        "series_id", at.dt.truncate("1h").alias("usage_hour")
    )
    return (
        hours.unique()
        .join(about.select("series_id", *CLAIM), on="series_id", how="inner", validate="m:1")
        .select(*CLAIM, "usage_hour")
    )


def _sizes(about: pl.LazyFrame, samples: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give the greatest size that was told of each claim on the day."""
    sizes = about.filter(pl.col("source").str.ends_with("volume.capacity"))
    return (
        samples.filter(pl.col("event_at").dt.date() == day)
        .join(sizes.select("series_id", *CLAIM), on="series_id", how="inner", validate="m:1")
        .group_by(CLAIM)
        .agg(pl.col("value").max().alias("capacity_bytes"))
    )


def _mounts(observed: Observed, start: datetime) -> pl.LazyFrame:
    """Give who had a claim mounted, from when to when within each hour."""
    reported = observed.pods.filter(
        pl.col("fact").is_in([VOLUME, POD_CLAIM]) & (pl.col("pvc") != "")
    )
    reported = reported.select(*POD, "pvc").unique()
    hours = pl.LazyFrame(
        {"usage_hour": [start + HOUR * number for number in range(24)]},
        schema={"usage_hour": pl.Datetime("us", "UTC")},
    )
    hour = pl.col("usage_hour")
    return (
        reported.join(observed.runs, on=POD, how="inner", validate="m:1")
        .join(observed.identities, on=POD, how="inner", validate="m:1")
        .join(hours, how="cross")
        .with_columns(
            pl.max_horizontal("run_start", hour).alias("mounted_from"),
            pl.min_horizontal(pl.col("run_end"), hour + HOUR).alias("mounted_to"),
        )
        .filter(pl.col("mounted_to") > pl.col("mounted_from"))
        .select(*CLAIM, "usage_hour", *OF_POD, "mounted_from", "mounted_to")
    )


def _names(about: pl.LazyFrame, known: pl.LazyFrame) -> pl.LazyFrame:
    """Give each claim its volume and the disk behind it, by its own samples or its volume's."""
    disks = (
        known.filter((pl.col("fact") == VOLUME_INFO) & (pl.col("pv") != ""))
        .group_by("cluster", "pv")
        .agg(pl.col("disk").max().alias("disk_of_volume"))
    )
    return (
        about.group_by(CLAIM)
        .agg(pl.col("pv", "disk").max())
        .join(disks, on=["cluster", "pv"], how="left", validate="m:1")
        .with_columns(
            pl.when(pl.col("disk") == "").then("disk_of_volume").otherwise("disk").alias("disk")
        )
        .drop("disk_of_volume")
    )

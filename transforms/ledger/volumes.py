"""Bill lines of volumes, split by time and by the number of pods that had them mounted.

Reads    lines with the volume they pay for; which claim it is in each hour it was heard of; who had
         it mounted from when to when
Gives    rows (see transforms.ledger.shares)
Holds    per line and hour the rows add up to the line: every stretch of time costs the same, and is
         shared evenly by the pods that had the volume mounted; without any it is `__unmounted__`,
         named by its claim; an hour in which nothing was heard of it is `__no_telemetry__`
"""

from datetime import timedelta
from typing import Final

import polars as pl

from transforms.exact.money import split
from transforms.ledger.shares import LINE, RECEIVER, ROW, UNMOUNTED, silence, summed, weighed

HOUR: Final = timedelta(hours=1)
AMOUNTS: Final = ("effective", "billed")
VOLUME: Final = ("cluster", "volume", "usage_hour")
_INTERVAL: Final = (*VOLUME, "begins", "ends")


def by_mounts(lines: pl.LazyFrame, observed: pl.LazyFrame, mounts: pl.LazyFrame) -> pl.LazyFrame:
    """Split lines (x_line_hash, charge_hour, cluster, volume, effective, billed) by mounts.

    `observed` has cluster, volume, usage_hour, namespace and claim; `mounts` has volume,
    usage_hour, receiver, pod, mounted_from and mounted_to. A line of a whole day is spread
    over the hours in which the volume was observed.
    """
    is_daily = pl.col("charge_hour").is_null()
    even = split(
        by_hours(lines, observed), AMOUNTS, "weight", group=["x_line_hash"], order=["charge_hour"]
    )
    columns = ["x_line_hash", "charge_hour", "cluster", "volume", *AMOUNTS]
    hourly = pl.concat([lines.filter(~is_daily).select(columns), even.select(columns)])
    intervals = cut_intervals(observed, mounts)
    timed = split(by_time(hourly, intervals), AMOUNTS, "weight", group=LINE, order=["begins"])
    silent = timed.filter(pl.col("begins").is_null()).select(*LINE, "cluster", *silence(), *AMOUNTS)
    mine = by_pods(timed.filter(pl.col("begins").is_not_null()), intervals, mounts)
    rows = split(mine, AMOUNTS, "weight", group=LINE, order=RECEIVER)
    owned = rows.select(ROW).with_columns(pl.col("x_line_hash").str.replace(r"@\d+$", ""))
    return summed(pl.concat([silent.select(ROW), owned]))


def by_hours(lines: pl.LazyFrame, observed: pl.LazyFrame) -> pl.LazyFrame:
    """Give the lines of a whole day once for each hour in which the volume was heard of."""
    hours = observed.select(VOLUME).unique()
    return (
        lines.filter(pl.col("charge_hour").is_null())
        .drop("charge_hour")
        .join(hours, on=["cluster", "volume"], how="left", validate="m:m")
        .rename({"usage_hour": "charge_hour"})
        .with_columns(pl.lit(1, pl.Int64).alias("weight"))
    )


def by_time(hourly: pl.LazyFrame, intervals: pl.LazyFrame) -> pl.LazyFrame:
    """Give each line and hour once for each of its stretches, with its length."""
    return hourly.join(
        intervals,
        left_on=["cluster", "volume", "charge_hour"],
        right_on=list(VOLUME),
        how="left",
        validate="m:m",
    ).with_columns(
        (pl.col("ends") - pl.col("begins")).dt.total_microseconds().fill_null(1).alias("weight")
    )


def cut_intervals(observed: pl.LazyFrame, mounts: pl.LazyFrame) -> pl.LazyFrame:
    """Cut each hour of a volume wherever a mount begins or ends."""
    hour = pl.col("usage_hour")
    edges = pl.concat(
        [
            observed.select(*VOLUME, hour.alias("begins")),
            observed.select(*VOLUME, (hour + HOUR).alias("begins")),
            *(
                mounts.select(*VOLUME, pl.col(edge).clip(hour, hour + HOUR).alias("begins"))
                for edge in ("mounted_from", "mounted_to")
            ),
        ]
    )
    named = observed.group_by(VOLUME).agg(
        pl.concat_str("namespace", "claim", separator="/").min().alias("workload")
    )
    return (
        edges.unique()
        .sort(*VOLUME, "begins")
        .with_columns(pl.col("begins").shift(-1).over(VOLUME).alias("ends"))
        .filter(pl.col("ends").is_not_null())
        .join(named, on=list(VOLUME), how="inner", validate="m:1")
    )


def _mounted(intervals: pl.LazyFrame, mounts: pl.LazyFrame) -> pl.LazyFrame:
    """Give the pods of each stretch, each once; its workload is the receiver."""
    pods = mounts.select(*VOLUME, *RECEIVER[1:], "pod", "mounted_from", "mounted_to")
    return (
        intervals.drop("workload")
        .join(pods, on=list(VOLUME), how="inner", validate="m:m")
        .filter(
            (pl.col("mounted_from") <= pl.col("begins")) & (pl.col("mounted_to") >= pl.col("ends"))
        )
        .unique([*_INTERVAL, "namespace", "pod"])
        .with_columns(pl.lit(1, pl.Int64).alias("weight"))
    )


def by_pods(timed: pl.LazyFrame, intervals: pl.LazyFrame, mounts: pl.LazyFrame) -> pl.LazyFrame:
    """Give each stretch of a line once for each receiver, with how many pods it had there.

    A stretch is a line of its own while it is split: `x_line_hash` becomes `hash@begins`.
    """
    stretch = pl.concat_str("x_line_hash", pl.col("begins").dt.epoch("us"), separator="@")
    lines = timed.drop("weight").with_columns(
        stretch.alias("x_line_hash"),
        pl.col("charge_hour").alias("usage_hour"),
        pl.lit("-").alias("node"),
    )
    mounted = _mounted(intervals, mounts)
    return weighed(lines, mounted, on=_INTERVAL, bucket=(UNMOUNTED, "unmounted"))

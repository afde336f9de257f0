"""Bill lines of load balancers, split by how long pods stood behind them.

Reads    lines with the balancer they pay for; who stood behind each, per hour
Gives    rows (see transforms.ledger.shares)
Holds    per line and hour the rows add up to the line; a balancer without pods is `__unmounted__`

Formula: cost times a pod's overlap hours over all overlap hours (OpenCost's specification).
"""

from typing import Final

import polars as pl

from transforms.exact.money import split
from transforms.ledger.shares import LINE, RECEIVER, ROW, UNMOUNTED, summed, weighed

AMOUNTS: Final = ("effective", "billed")


def by_overlap(lines: pl.LazyFrame, behind: pl.LazyFrame) -> pl.LazyFrame:
    """Split lines by overlap, as `by_receiver` gives them."""
    rows = by_receiver(lines, behind)
    return summed(split(rows, AMOUNTS, "weight", group=LINE, order=RECEIVER).select(ROW))


def by_receiver(lines: pl.LazyFrame, behind: pl.LazyFrame) -> pl.LazyFrame:
    """Give lines (x_line_hash, charge_hour, cluster, balancer, amounts) by receiver, weighed.

    `behind` has usage_hour, balancer, receiver and overlap_seconds. A line of a whole day is split
    by the overlap of the day.
    """
    weight = (pl.col("overlap_seconds") * 1e6).round(0, mode="half_to_even").cast(pl.Int64)
    hourly = behind.with_columns(pl.col("usage_hour").alias("scope_hour"), weight.alias("weight"))
    day = pl.lit(0).cast(pl.Datetime("us", "UTC"))
    scoped = pl.concat([hourly, hourly.with_columns(day.alias("scope_hour"))])
    placed = lines.with_columns(
        pl.col("charge_hour").fill_null(day).alias("scope_hour"),
        pl.lit("-").alias("node"),
        pl.col("balancer").alias("workload"),
    )
    return weighed(
        placed,
        scoped,
        on=["cluster", "balancer", "scope_hour"],
        bucket=(UNMOUNTED, "unmounted"),
    )

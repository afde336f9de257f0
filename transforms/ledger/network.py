"""Bill lines of network traffic, split by the bytes that pods sent.

Reads    lines with cluster, node (empty: of the whole cluster) and class; bytes per workload, hour
         and class
Gives    rows (see transforms.ledger.shares)
Holds    per line and hour the rows add up to the line; usage is never idle: an hour without bytes
         goes to `__no_telemetry__`

A line is weighed by the bytes of its own class; where telemetry does not tell classes, by all.
"""

from typing import Final

import polars as pl

from transforms.exact.money import split
from transforms.ledger.shares import LINE, NO_TELEMETRY, RECEIVER, ROW, summed, weighed

ANY: Final = "unknown"
AMOUNTS: Final = ("effective", "billed")
CLASSES: Final = (
    ("cross_region", r"aws-out-bytes|inter[- ]?region|cross[- ]region"),
    ("cross_zone", r"regional-bytes|inter[- ]?(zone|az)|cross[- ](zone|az)"),
    ("internet", r"out-bytes|internet|egress"),
)
"""How meters and descriptions spell the class of traffic, the narrowest first."""


def traffic_class(meter: pl.Expr) -> pl.Expr:
    """Give the class of traffic that a line's meter or description names; empty for none."""
    text = meter.str.to_lowercase()
    chosen = pl.lit("")
    for name, pattern in reversed(CLASSES):
        chosen = pl.when(text.str.contains(pattern)).then(pl.lit(name)).otherwise(chosen)
    return chosen


def by_bytes(lines: pl.LazyFrame, traffic: pl.LazyFrame) -> pl.LazyFrame:
    """Split lines by bytes, as `by_receiver` gives them."""
    rows = by_receiver(lines, traffic)
    return summed(split(rows, AMOUNTS, "weight", group=LINE, order=RECEIVER).select(ROW))


def by_receiver(lines: pl.LazyFrame, traffic: pl.LazyFrame) -> pl.LazyFrame:
    """Give lines (x_line_hash, charge_hour, cluster, node, class, amounts) by receiver, weighed.

    `traffic` has usage_hour, receiver, class, bytes. A line of a whole day (no hour) is split by
    the bytes of the day.
    """
    reported = _scopes(traffic)
    scope = ["scope_hour", "scope_cluster", "scope_node"]
    classes = reported.select(*scope, "class").unique().with_columns(pl.lit(1).alias("is_reported"))
    placed = lines.with_columns(
        pl.col("charge_hour").alias("scope_hour"),
        pl.col("cluster").alias("scope_cluster"),
        pl.col("node").alias("scope_node"),
        pl.lit("").alias("workload"),
    )
    wanted = placed.join(
        classes, on=[*scope, "class"], how="left", validate="m:1", nulls_equal=True
    ).with_columns(
        pl.when(pl.col("is_reported").is_null()).then(pl.lit(ANY)).otherwise("class").alias("class")
    )
    hour = pl.col("scope_hour").fill_null(pl.lit(0).cast(pl.Datetime("us", "UTC")))
    return weighed(
        wanted.with_columns(hour).drop("is_reported"),
        reported.with_columns(hour),
        on=[*scope, "class"],
        bucket=(NO_TELEMETRY, "no_telemetry"),
    ).with_columns(
        pl.when(pl.col("reason") == "no_telemetry")
        .then(pl.lit(NO_TELEMETRY))
        .otherwise("workload")
        .alias("workload")
    )


def _scopes(traffic: pl.LazyFrame) -> pl.LazyFrame:
    """Give the bytes of each node and cluster, hour and day, class and all classes."""
    hourly = traffic.select(
        "class",
        *RECEIVER,
        pl.col("usage_hour").alias("scope_hour"),
        pl.col("cluster").alias("scope_cluster"),
        pl.col("node").alias("scope_node"),
        pl.col("bytes").alias("weight"),
    ).filter(pl.col("weight") > 0)
    all_classes = pl.concat(
        [hourly.filter(pl.col("class") != ANY), hourly.with_columns(pl.lit(ANY).alias("class"))]
    )
    places = pl.concat([all_classes, all_classes.with_columns(pl.lit("").alias("scope_node"))])
    no_hour = pl.lit(None, pl.Datetime("us", "UTC")).alias("scope_hour")
    return pl.concat([places, places.with_columns(no_hour)])

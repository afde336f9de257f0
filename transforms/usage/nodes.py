"""What each node offers, hour by hour.

Reads    `known_series` and `samples` of a day
Writes   core_node_hourly    one row per node and hour in which it or a pod on it was heard of
Units    cores, bytes, whole GPUs
Holds    capacity is capacity; allocatable stands in only where nothing else tells it
"""

from datetime import date, timedelta
from typing import Final

import polars as pl

from transforms.usage.facts import (
    NODE_CPU,
    NODE_CPU_ALLOCATABLE,
    NODE_GPU,
    NODE_LABELS,
    NODE_MEMORY,
    NODE_MEMORY_ALLOCATABLE,
)
from warehouse.tables.core import NODE_HOURLY

HOUR: Final = timedelta(hours=1)
NODE: Final = ("cluster", "node")
SIZES: Final = {
    NODE_CPU: "cpu_capacity_cores",
    NODE_MEMORY: "memory_capacity_bytes",
    NODE_GPU: "gpu_capacity_count",
    NODE_CPU_ALLOCATABLE: "cpu_allocatable_cores",
    NODE_MEMORY_ALLOCATABLE: "memory_allocatable_bytes",
}


def node_hourly(known: pl.LazyFrame, samples: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give core_node_hourly of a UTC day: hours with a sample of the node or of a pod on it."""
    on_nodes = known.filter(pl.col("node") != "")
    pool = pl.when(pl.col("fact") == NODE_LABELS).then("scraped_pool").otherwise("node_pool")
    identity = on_nodes.group_by(NODE).agg(
        pl.col("provider_id").filter(pl.col("provider_id") != "").sort().last(),
        pool.filter(pool != "").sort().last().alias("node_pool"),
    )
    sizes = list(SIZES.values())
    return (
        _observed(on_nodes, samples, day)
        .join(identity, on=NODE, how="left", validate="m:1")
        .sort([*NODE, "usage_hour"])
        .with_columns(pl.col(sizes).forward_fill().backward_fill().over(NODE))
        .with_columns(
            pl.coalesce("cpu_capacity_cores", "cpu_allocatable_cores", pl.lit(0.0)).alias(
                "cpu_capacity_cores"
            ),
            pl.coalesce("memory_capacity_bytes", "memory_allocatable_bytes", pl.lit(0.0)).alias(
                "memory_capacity_bytes"
            ),
            pl.col(
                "gpu_capacity_count", "cpu_allocatable_cores", "memory_allocatable_bytes"
            ).fill_null(0.0),
            pl.col("provider_id", "node_pool").fill_null(""),
            pl.col("usage_hour").dt.date().alias("usage_date"),
            pl.lit(HOUR.total_seconds()).alias("run_seconds"),
        )
        .select(NODE_HOURLY.schema.names())
        .cast(NODE_HOURLY.schema)
        .sort(NODE_HOURLY.key)
    )


def _observed(on_nodes: pl.LazyFrame, samples: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give samples and sizes per node and hour; of a size told twice the greater."""
    reported = ["fact", "rank", "part"]
    return (
        samples.filter(pl.col("event_at").dt.date() == day)
        .group_by("series_id", usage_hour=pl.col("event_at").dt.truncate("1h"))
        .agg(pl.len().cast(pl.Int64).alias("sample_count"), pl.col("value").max())
        .join(
            on_nodes.select("series_id", *NODE, *reported, "scale"),
            on="series_id",
            how="inner",
            validate="m:1",
        )
        .group_by(*NODE, "usage_hour", *reported)
        .agg(pl.col("sample_count").sum(), (pl.col("value") * pl.col("scale")).max())
        .group_by(*NODE, "usage_hour")
        .agg(pl.col("sample_count").sum(), *(_size(fact).alias(SIZES[fact]) for fact in SIZES))
    )


def _size(fact: str) -> pl.Expr:
    """Give the size by the source of lowest rank, summed over kinds of GPUs."""
    mine = pl.col("fact") == fact
    best = mine & (pl.col("rank") == pl.col("rank").filter(mine).min())
    return pl.when(mine.any()).then(pl.col("value").filter(best).sum())

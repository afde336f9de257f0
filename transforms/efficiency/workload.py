"""What each workload asked for, used and cost; how well it used what it asked for.

Reads    core_usage_hourly, core_node_hourly, core_weight_hourly, core_cost_ledger of a day
Writes   mart_workload_daily, core_container_hourly, mart_workload_efficiency
Units    costs Decimal(38, 12); core hours and GiB hours
Holds    cpu_cost + memory_cost + gpu_cost of a day are the ledger's cost of nodes heard, idle too;
         each is what the ledger shared of that part of the nodes, to the last digit

Formulas. Efficiency of a resource = used / requested;
use without a request is 1, neither is 0; of both: weighted by cost.
"""

from datetime import timedelta
from typing import Final

import polars as pl

from transforms.exact.money import atoms, money
from transforms.exact.steady import steady_sum
from transforms.exact.units import KIB
from transforms.usage.attributes import value_of
from warehouse.tables.core import USAGE_HOURLY
from warehouse.tables.mart_workload import CONTAINER_HOURLY, EFFICIENCY, WORKLOAD_DAILY

IDLE: Final = "__idle__"
PLACE: Final = ("cluster", "namespace", "workload")
PART: Final = 10**9
WEIGHTS: Final = ("cpu_weight", "memory_weight", "gpu_weight")
HOUR: Final = 3600.0
GIB: Final = 2.0**30


def workload_daily(
    usage: pl.LazyFrame,
    nodes: pl.LazyFrame,
    weights: pl.LazyFrame,
    ledger: pl.LazyFrame,
    parts: pl.LazyFrame,
) -> pl.LazyFrame:
    """Give mart_workload_daily of a day; `parts` is what the ledger told of CPU and GPUs."""
    used = (
        usage.sort(USAGE_HOURLY.key)
        .group_by(PLACE)
        .agg(
            pl.col("workload_kind").max(),
            (steady_sum(pl.col("run_seconds")) / HOUR).alias("run_hours"),
            *(
                (steady_sum(pl.col(f"{name}_{kind}_{unit}_seconds")) / size).alias(
                    f"{name}_{kind}_{short}"
                )
                for name, unit, size, short in (
                    ("cpu", "core", HOUR, "core_hours"),
                    ("memory", "byte", HOUR * GIB, "gib_hours"),
                )
                for kind in ("request", "usage")
            ),
        )
    )
    charged = pl.concat([
        weights.group_by(PLACE).agg(pl.col(WEIGHTS).sum().cast(pl.Int128)),
        _idle_weights(nodes, weights),
    ])  # fmt: skip
    number = pl.selectors.float()
    return (
        _costs(ledger)
        .join(charged, on=PLACE, how="left", validate="m:1")
        .join(used, on=PLACE, how="left", validate="m:1")
        .join(parts, on=[*PLACE, "currency"], how="left", validate="1:1")
        .with_columns(
            pl.col("cpu_cost", "gpu_cost").fill_null(0),
            pl.col(WEIGHTS).fill_null(0),
            pl.col("workload_kind").fill_null(""),
            number.fill_null(0),
        )
        .with_columns(
            (pl.col("cpu_weight").cast(pl.Float64) / 1e6 / HOUR).alias("cpu_alloc_core_hours"),
            (pl.col("memory_weight").cast(pl.Float64) * KIB / GIB / HOUR).alias(
                "memory_alloc_gib_hours"
            ),
            (pl.col("gpu_weight").cast(pl.Float64) / 1e6 / HOUR).alias("gpu_alloc_gpu_hours"),
            (pl.col("_cost") - pl.col("cpu_cost") - pl.col("gpu_cost")).alias("memory_cost"),
        )
        .select(WORKLOAD_DAILY.schema.names())
        .cast(WORKLOAD_DAILY.schema)
        .sort(WORKLOAD_DAILY.key)
    )


def _costs(ledger: pl.LazyFrame) -> pl.LazyFrame:
    """Give what each workload cost on nodes, and who bears most of it."""
    key = ["charge_date", *PLACE, "currency"]
    on_nodes = ledger.filter((pl.col("line_kind") == "node") & (pl.col("reason") != "no_telemetry"))
    bearer = pl.when(pl.col("pool") == "").then("team").otherwise("__shared__/" + pl.col("pool"))
    sums = (
        on_nodes.with_columns(bearer.alias("team"))
        .group_by(*key, "team")
        .agg(pl.col("effective_cost").sum(), pl.col("is_estimated").any())
        .sort("effective_cost", "team", descending=[True, False])
    )
    return sums.group_by(key, maintain_order=True).agg(
        pl.col("team").first(),
        pl.col("effective_cost").sum().alias("_cost"),
        pl.col("is_estimated").any(),
    )


def _idle_weights(nodes: pl.LazyFrame, weights: pl.LazyFrame) -> pl.LazyFrame:
    """Give what was left of each cluster's nodes, hour by hour, in the units of weights."""
    key = ["usage_hour", "cluster", "node"]
    used = weights.group_by(key).agg(pl.col(WEIGHTS).sum())
    cpu = pl.col("cpu_capacity_cores") * pl.col("run_seconds") * 1e6
    memory = pl.col("memory_capacity_bytes") / KIB * pl.col("run_seconds")
    gpu = pl.col("gpu_capacity_count") * pl.col("run_seconds") * 1e6
    return (
        nodes.join(used, on=key, how="left", validate="1:1")
        .group_by("cluster")
        .agg(
            *(
                pl.max_horizontal(0, room.round(0).cast(pl.Int128) - pl.col(name).fill_null(0))
                .sum()
                .alias(name)
                for name, room in zip(WEIGHTS, (cpu, memory, gpu), strict=True)
            )
        )
        .select(
            "cluster",
            pl.lit(IDLE).alias("namespace"),
            pl.lit(IDLE).alias("workload"),
            pl.col(WEIGHTS).cast(pl.Int128),
        )
    )


def container_hourly(usage: pl.LazyFrame, series: pl.LazyFrame) -> pl.LazyFrame:
    """Give core_container_hourly: the largest replica of each hour, and who is autoscaled."""
    running = usage.filter(pl.col("run_seconds") > 0)

    def each(column: str) -> pl.Expr:
        return (pl.col(column) / pl.col("run_seconds")).max()

    return (
        running.sort(USAGE_HOURLY.key)
        .group_by("usage_hour", *PLACE, "container")
        .agg(
            pl.col("usage_date").first(),
            pl.col("workload_kind").max(),
            pl.col("pod").n_unique().cast(pl.Int64).alias("replica_count"),
            (steady_sum(pl.col("run_seconds")) / HOUR).alias("run_hours"),
            each("cpu_request_core_seconds").alias("cpu_request_cores"),
            each("cpu_usage_core_seconds").alias("cpu_peak_cores"),
            each("memory_request_byte_seconds").alias("memory_request_bytes"),
            each("memory_usage_byte_seconds").alias("memory_peak_bytes"),
        )
        .join(_autoscaled(series), on=["namespace", "workload"], how="left", validate="m:1")
        .with_columns(pl.col("is_autoscaled").fill_null(value=False))
        .select(CONTAINER_HOURLY.schema.names())
        .sort(CONTAINER_HOURLY.key)
    )


def _autoscaled(series: pl.LazyFrame) -> pl.LazyFrame:
    """Give the workloads that a HorizontalPodAutoscaler names as its target, else bears as name."""
    hpa = series.filter(
        pl.col("metric_name").str.contains(r"^(k8s\.hpa\.|k8s_hpa_|kube_horizontalpodautoscaler)")
    )
    resource, point = "resource_attributes", "point_attributes"
    name = pl.coalesce(
        value_of(resource, "k8s.hpa.scaletargetref.name"),
        value_of(point, "scaletargetref_name"),
        value_of(resource, "k8s.hpa.name"),
        value_of(point, "horizontalpodautoscaler"),
    )
    space = pl.coalesce(
        value_of(resource, "k8s.namespace.name"),
        value_of(point, "exported_namespace"),
        value_of(point, "namespace"),
    )
    return (
        hpa.select(namespace=space, workload=name)
        .drop_nulls()
        .unique()
        .with_columns(pl.lit(value=True).alias("is_autoscaled"))
    )


def workload_efficiency(daily: pl.LazyFrame, *, days: int) -> pl.LazyFrame:
    """Give mart_workload_efficiency of the last days with cost."""
    key = [*PLACE, "currency"]
    recent = last_days(daily, "charge_date", days).filter(pl.col("workload") != IDLE)
    sums = (
        recent.sort("charge_date")
        .group_by(key)
        .agg(
            pl.col("workload_kind", "team").last(),
            pl.col("charge_date").min().alias("first_day"),
            pl.col("charge_date").max().alias("last_day"),
            pl.col("cpu_cost", "memory_cost").sum(),
            steady_sum(pl.selectors.float()),
        )
    )
    cpu = efficiency("cpu_usage_core_hours", "cpu_request_core_hours")
    memory = efficiency("memory_usage_gib_hours", "memory_request_gib_hours")
    return (
        sums.with_columns(cpu.alias("cpu_efficiency"), memory.alias("memory_efficiency"))
        .with_columns(of_both().alias("efficiency"), _unused().alias("unused_cost"))
        .select(EFFICIENCY.schema.names())
        .cast(EFFICIENCY.schema)
        .sort(EFFICIENCY.key)
    )


def last_days(daily: pl.LazyFrame, day: str, days: int) -> pl.LazyFrame:
    """Give the rows of the last days there are.

    The last day is asked for first, so that a scan of a table leaves the other days where they are.
    """
    last = daily.select(pl.col(day).max()).collect().item()
    return daily if last is None else daily.filter(pl.col(day) > last - timedelta(days=days))


def efficiency(used: str, requested: str) -> pl.Expr:
    """Give used / requested; use without request is 1, neither is 0."""
    return (
        pl.when(pl.col(requested) > 0)
        .then(pl.col(used) / pl.col(requested))
        .when(pl.col(used) > 0)
        .then(1.0)
        .otherwise(0.0)
    )


def of_both() -> pl.Expr:
    """Give the efficiency of CPU and memory together, weighted by cost; 0 without cost."""
    cpu, memory = (pl.col(f"{name}_cost").cast(pl.Float64) for name in ("cpu", "memory"))
    both = cpu * pl.col("cpu_efficiency") + memory * pl.col("memory_efficiency")
    return pl.when(cpu + memory != 0).then(both / (cpu + memory)).otherwise(0.0)


def _unused() -> pl.Expr:
    """Give the cost of what was requested and not used, resource by resource."""
    parts = [
        atoms(pl.col(f"{name}_cost"))
        * ((1 - pl.col(f"{name}_efficiency")).clip(0, 1) * PART).round(0).cast(pl.Int128)
        // PART
        for name in ("cpu", "memory")
    ]
    return money(parts[0] + parts[1])

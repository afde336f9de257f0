"""What workloads asked for, used and cost; and what they should ask for."""

from typing import Final

import polars as pl

from warehouse.table import INSTANT, USD, Column, Table, choice
from warehouse.tables import values
from warehouse.tables.core import CHARGE_DATE, CLUSTER, CURRENCY, IS_ESTIMATED, NAMESPACE, TEAM

WORKLOAD: Final = Column("workload", pl.String(), "topmost controller, or `__idle__`")
KIND: Final = choice("workload_kind", (*values.WORKLOAD_KINDS, ""), meanings={"": "idle"})
CONTAINER: Final = Column("container", pl.String(), "k8s.container.name; empty for a whole pod")
CPU_COST: Final = Column(
    "cpu_cost", USD, "effective cost of CPU, as the ledger shared it", unit="currency"
)
MEMORY_COST: Final = Column("memory_cost", USD, "the rest of the cost", unit="currency")

WORKLOAD_DAILY: Final = Table(
    name="mart_workload_daily",
    text="What each workload asked for, used and cost on nodes.",
    grain="day, cluster, namespace, workload and currency",
    key=("charge_date", "cluster", "namespace", "workload", "currency"),
    partition="charge_date",
    columns=(
        CHARGE_DATE,
        CLUSTER,
        NAMESPACE,
        WORKLOAD,
        KIND,
        Column("team", pl.String(), "who bears most of it; the pool before it is split"),
        CURRENCY,
        Column("run_hours", pl.Float64(), "hours of its containers", unit="h"),
        Column("cpu_request_core_hours", pl.Float64(), "requested while running", unit="core·h"),
        Column("cpu_usage_core_hours", pl.Float64(), "used", unit="core·h"),
        Column("cpu_alloc_core_hours", pl.Float64(), "what it was charged by", unit="core·h"),
        Column("memory_request_gib_hours", pl.Float64(), "requested while running", unit="GiB·h"),
        Column("memory_usage_gib_hours", pl.Float64(), "used", unit="GiB·h"),
        Column("memory_alloc_gib_hours", pl.Float64(), "what it was charged by", unit="GiB·h"),
        Column("gpu_alloc_gpu_hours", pl.Float64(), "GPUs it held", unit="GPU·h"),
        CPU_COST,
        Column("gpu_cost", USD, "effective cost of GPUs, as the ledger shared it", unit="currency"),
        MEMORY_COST,
        IS_ESTIMATED,
    ),
)

CONTAINER_HOURLY: Final = Table(
    name="core_container_hourly",
    text="The largest of a container's replicas in an hour: what rightsizing looks at.",
    grain="hour and container of a workload",
    key=("usage_hour", "cluster", "namespace", "workload", "container"),
    partition="usage_date",
    is_published=False,
    columns=(
        Column("usage_date", pl.Date(), "UTC day of the hour"),
        Column("usage_hour", INSTANT, "start of the hour"),
        CLUSTER,
        NAMESPACE,
        WORKLOAD,
        KIND,
        CONTAINER,
        Column("replica_count", pl.Int64(), "pods in which it ran", unit="1"),
        Column("run_hours", pl.Float64(), "hours of all replicas", unit="h"),
        Column("cpu_request_cores", pl.Float64(), "largest request of a replica", unit="core"),
        Column("cpu_peak_cores", pl.Float64(), "mean of the hour, largest replica", unit="core"),
        Column("memory_request_bytes", pl.Float64(), "largest request of a replica", unit="By"),
        Column("memory_peak_bytes", pl.Float64(), "mean of the hour, largest replica", unit="By"),
        Column("is_autoscaled", pl.Boolean(), "a HorizontalPodAutoscaler scales its workload"),
    ),
)

EFFICIENCY: Final = Table(
    name="mart_workload_efficiency",
    text="How much of what each workload asked for it used, over the last days with cost.",
    grain="cluster, namespace, workload and currency",
    key=("cluster", "namespace", "workload", "currency"),
    columns=(
        CLUSTER,
        NAMESPACE,
        WORKLOAD,
        KIND,
        TEAM,
        CURRENCY,
        Column("first_day", pl.Date(), "first UTC day looked at"),
        Column("last_day", pl.Date(), "last UTC day looked at"),
        Column("cpu_efficiency", pl.Float64(), "used / requested; 1 without request", unit="1"),
        Column("memory_efficiency", pl.Float64(), "used / requested; 1 without request", unit="1"),
        Column("efficiency", pl.Float64(), "of both, weighted by their cost", unit="1"),
        CPU_COST,
        MEMORY_COST,
        Column("unused_cost", USD, "cost of what was requested, not used", unit="currency"),
    ),
)

RIGHTSIZING: Final = Table(
    name="mart_rightsizing",
    text="What each container should ask for, by three profiles; only with enough history.",
    grain="container of a workload, profile and currency",
    key=("cluster", "namespace", "workload", "container", "profile", "currency"),
    columns=(
        CLUSTER,
        NAMESPACE,
        WORKLOAD,
        CONTAINER,
        KIND,
        TEAM,
        choice("profile", values.PROFILES),
        CURRENCY,
        choice("state", values.RIGHTSIZING_STATES),
        Column("day_count", pl.Int64(), "days seen", unit="1"),
        Column("point_count", pl.Int64(), "container hours seen", unit="1"),
        Column("is_autoscaled", pl.Boolean(), "an autoscaler acts on it: a lower request scales"),
        Column("cpu_request_cores", pl.Float64(), "asked for now", unit="core"),
        Column("cpu_wanted_cores", pl.Float64(), "to ask for", unit="core", is_nullable=True),
        Column("memory_request_bytes", pl.Float64(), "asked for now", unit="By"),
        Column("memory_wanted_bytes", pl.Float64(), "to ask for", unit="By", is_nullable=True),
        Column(
            "saved_cost", USD, "a month, at the price paid; idle until nodes shrink",
            unit="currency", is_nullable=True,
        ),
    ),
)  # fmt: skip

ALL: Final = (CONTAINER_HOURLY, WORKLOAD_DAILY, EFFICIENCY, RIGHTSIZING)

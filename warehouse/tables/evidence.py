"""What the ledger's shares were made from."""

from typing import Final

import polars as pl

from warehouse.table import INSTANT, Column, Table, choice
from warehouse.tables import values
from warehouse.tables.core import CLUSTER, NAMESPACE

WEIGHT_HOURLY: Final = Table(
    name="core_weight_hourly",
    text="What each workload weighs on its node: the numerators of every share of a node's cost.",
    grain="hour, node, workload and its labels",
    key=("usage_hour", "cluster", "node", "namespace", "workload", "labels"),
    partition="usage_date",
    columns=(
        Column("usage_date", pl.Date(), "UTC day of the hour"),
        Column("usage_hour", INSTANT, "start of the hour"),
        CLUSTER,
        Column("node", pl.String(), "k8s.node.name"),
        NAMESPACE,
        Column("workload", pl.String(), "topmost controller; the pod's name without one"),
        Column("labels", pl.String(), "pod labels over namespace labels, JSON object by key"),
        Column(
            "cpu_weight", pl.Int64(), "max(request, usage), or what `basis` says", unit="µcore·s"
        ),
        Column(
            "memory_weight", pl.Int64(), "max(request, usage), or what `basis` says", unit="KiB·s"
        ),
        Column("gpu_weight", pl.Int64(), "GPUs held", unit="µGPU·s"),
    ),
)

TRAFFIC_HOURLY: Final = Table(
    name="core_traffic_hourly",
    text="What the pods of each workload sent: the numerators of every share of a traffic line.",
    grain="hour, node, workload, its labels and class of traffic",
    key=("usage_hour", "cluster", "node", "namespace", "workload", "labels", "class"),
    partition="usage_date",
    columns=(
        Column("usage_date", pl.Date(), "UTC day"),
        Column("usage_hour", INSTANT, "start of the hour"),
        CLUSTER,
        Column("node", pl.String(), "k8s.node.name"),
        NAMESPACE,
        Column("workload", pl.String(), "topmost controller; the pod's name without one"),
        Column("labels", pl.String(), "pod labels over namespace labels, JSON object by key"),
        choice("class", values.TRAFFIC_CLASSES),
        Column("bytes", pl.Int64(), "sent", unit="By"),
    ),
)

OWNERSHIP_FILE: Final = Table(
    name="core_ownership_file",
    text="The ownership file of the last build, and the files that its rule sources name.",
    grain="rule source and file",
    key=("rule_id", "name"),
    columns=(
        Column("rule_id", pl.String(), "rule that names the file; empty for the ownership file"),
        Column("name", pl.String(), "file name, from the folder of the ownership file"),
        Column("text", pl.String(), "what it says"),
        Column("problem", pl.String(), "why it could not be read; empty if it could"),
    ),
)

ALL: Final = (WEIGHT_HOURLY, TRAFFIC_HOURLY, OWNERSHIP_FILE)

"""Which metrics gave the facts of the ledger."""

from typing import Final

import polars as pl

from warehouse.table import INSTANT, Column, Table, choice, count
from warehouse.tables import values
from warehouse.tables.core import CLUSTER, NAMESPACE

FACT_SOURCE: Final = Table(
    name="core_fact_source_daily",
    text="Which metric gave which fact about containers, and which only repeated it.",
    grain="day, cluster, namespace, fact, metric and sender",
    key=("usage_date", "cluster", "namespace", "fact", "source", "teller"),
    partition="usage_date",
    columns=(
        Column("usage_date", pl.Date(), "UTC day"),
        CLUSTER,
        NAMESPACE,
        choice("fact", values.FACTS),
        Column("source", pl.String(), "metric, by the name it stands for"),
        Column("teller", pl.String(), "who sent it: service.name (job) and scope, joined by `|`"),
        count("counted_hours", "container-hours it gave"),
        count("repeated_hours", "container-hours in which another source counted instead"),
    ),
)

VOLUME_HOURLY: Final = Table(
    name="core_volume_hourly",
    text="Which pods had which claim's volume mounted, and in which hours it was heard of.",
    grain="claim, hour and pod that had it mounted; one row without a pod where none had",
    key=("usage_hour", "cluster", "namespace", "claim", "pod", "pod_uid"),
    partition="usage_date",
    columns=(
        Column("usage_date", pl.Date(), "UTC day of the hour"),
        Column("usage_hour", INSTANT, "start of the hour"),
        CLUSTER,
        NAMESPACE,
        Column("claim", pl.String(), "k8s.persistentvolumeclaim.name"),
        Column("volume", pl.String(), "k8s.persistentvolume.name; empty if unknown"),
        Column("disk", pl.String(), "resource id of the volume on the bill; empty if unknown"),
        Column("pod", pl.String(), "k8s.pod.name; empty where no pod had it"),
        Column("pod_uid", pl.String(), "k8s.pod.uid; empty when not sent"),
        Column("workload", pl.String(), "topmost controller of the pod; empty without a pod"),
        Column("labels", pl.String(), "labels of the pod, as in core_usage_hourly"),
        Column("mounted_from", INSTANT, "within this hour", is_nullable=True),
        Column("mounted_to", INSTANT, "within this hour", is_nullable=True),
        Column("mounted_seconds", pl.Float64(), "mounted in this hour", unit="s"),
        Column("capacity_bytes", pl.Float64(), "size told on that day; 0 if unknown", unit="By"),
    ),
)

NETWORK_HOURLY: Final = Table(
    name="core_network_hourly",
    text="What each pod sent; pods on their node's own network are left out, they tell the node's.",
    grain="pod, hour and class of traffic",
    key=("usage_hour", "cluster", "namespace", "pod", "pod_uid", "node", "class"),
    partition="usage_date",
    is_published=False,
    columns=(
        Column("usage_date", pl.Date(), "UTC day of the hour"),
        Column("usage_hour", INSTANT, "start of the hour"),
        CLUSTER,
        NAMESPACE,
        Column("pod", pl.String(), "k8s.pod.name"),
        Column("pod_uid", pl.String(), "k8s.pod.uid; empty when not sent"),
        Column("node", pl.String(), "k8s.node.name"),
        Column("workload", pl.String(), "topmost controller; the pod's name without one"),
        Column("labels", pl.String(), "labels of the pod, as in core_usage_hourly"),
        choice("class", values.TRAFFIC_CLASSES),
        Column("bytes", pl.Int64(), "sent", unit="By"),
        Column("source", pl.String(), "metric it came from"),
    ),
)

RECEIVED_DAILY: Final = Table(
    name="core_received_daily",
    text="What the pods of each workload received; what they sent is core_traffic_hourly.",
    grain="day, cluster, namespace and workload",
    key=("usage_date", "cluster", "namespace", "workload"),
    partition="usage_date",
    columns=(
        Column("usage_date", pl.Date(), "UTC day"),
        CLUSTER,
        NAMESPACE,
        Column("workload", pl.String(), "topmost controller; the pod's name without one"),
        Column("bytes", pl.Int64(), "received", unit="By"),
    ),
)

BALANCER_HOURLY: Final = Table(
    name="core_balancer_hourly",
    text="Which pods stood behind which load balancer, and in which hours it was heard of.",
    grain="balancer, hour and pod behind it; one row without a pod where none was",
    key=("usage_hour", "cluster", "kind", "balancer", "namespace", "pod", "pod_uid"),
    partition="usage_date",
    columns=(
        Column("usage_date", pl.Date(), "UTC day of the hour"),
        Column("usage_hour", INSTANT, "start of the hour"),
        CLUSTER,
        choice("kind", values.BALANCER_KINDS, meanings={"group": "several ingresses of one"}),
        Column("balancer", pl.String(), "namespace/name; of a group its name"),
        Column("address", pl.String(), "host name or IP of the balancer; empty if not told"),
        Column("service_uid", pl.String(), "k8s.service.uid, by which clouds name balancers"),
        Column("namespace", pl.String(), "k8s.namespace.name of the pod; `-` without one"),
        Column("pod", pl.String(), "k8s.pod.name; empty where none stood behind it"),
        Column("pod_uid", pl.String(), "k8s.pod.uid; empty when not sent"),
        Column("workload", pl.String(), "topmost controller of the pod; empty without a pod"),
        Column("labels", pl.String(), "labels of the pod, as in core_usage_hourly"),
        Column("overlap_seconds", pl.Float64(), "ran behind it in this hour", unit="s"),
    ),
)

ALL: Final[tuple[Table, ...]] = (
    FACT_SOURCE,
    VOLUME_HOURLY,
    NETWORK_HOURLY,
    RECEIVED_DAILY,
    BALANCER_HOURLY,
)

"""Who a series is about: cluster, namespace, pod, container, node, whatever names they came under.

Reads    raw_series of a day
Writes   `known_series`: one row per series that tells a fact
Holds    a series stands once; what Prometheus scraped is named by the point (`exported_` first,
         for then the plain label is the exporter's own), the rest by its resource
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from transforms.usage.facts import (
    BY_RESOURCE,
    CONTROLLERS,
    FACTS,
    IN_QUARTERS,
    POOL_LABELS,
    PROMETHEUS,
    RECEIVED,
    RUNNING_POD,
    SENT,
    SPELLINGS,
    WITHOUT_POD,
    resource_kind,
    spelling,
)

ROLES: Final = {
    "cluster": ("k8s.cluster.name", "k8s.cluster.uid", "cluster"),
    "namespace": ("k8s.namespace.name", "exported_namespace", "namespace"),
    "pod": ("k8s.pod.name", "exported_pod", "pod", "pod_name"),
    "pod_uid": ("k8s.pod.uid", "exported_uid", "uid"),
    "container": ("k8s.container.name", "exported_container", "container", "container_name"),
    "node": ("k8s.node.name", "exported_node", "node", "Hostname"),
    "provider_id": (
        "k8s.node.provider_id",
        "host.id",
        "cloud.resource_id",
        "provider_id",
    ),
    "resource": ("resource",),
    "running": ("k8s.pod.status.phase", "phase"),
    "teller": ("service.name", "job"),
    "host_network": ("host_network",),
    "owner_kind": ("owner_kind",),
    "owner_name": ("owner_name",),
    "owned_replicaset": ("replicaset",),
    "owned_job": ("job_name",),
    "cpu_number": ("cpu",),
    "gpu": ("UUID", "gpu"),
    "gpu_instance": ("GPU_I_ID",),
    "direction": ("network.io.direction", "direction"),
    "interface": ("network.interface.name", "interface"),
    "internet": ("internet",),
    "same_zone": ("same_zone",),
    "same_region": ("same_region",),
    "pvc": ("k8s.persistentvolumeclaim.name", "persistentvolumeclaim"),
    "pv": ("k8s.persistentvolume.name", "volumename", "persistentvolume"),
    "disk": (
        "aws.volume.id",
        "gcp.pd.name",
        "csi_volume_handle",
        "ebs_volume_id",
        "gce_persistent_disk_name",
    ),
    **{kind: (key,) for kind, key in CONTROLLERS},
}
"""Attributes that say who a series is about, for each role those that count first before others."""


def pool_roles(own: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
    """Give what names a node's pool: labels of one's own (`own`) before those of providers.

    `node_pool` is what OpenTelemetry attributes say, `scraped_pool` what `kube_node_labels` does.
    """
    labels = (*own, *POOL_LABELS)
    return {
        "node_pool": tuple(f"k8s.node.{kind}.{x}" for x in labels for kind in ("label", "labels")),
        "scraped_pool": tuple(f"label_{_scraped(label)}" for label in labels),
    }


def _scraped(label: str) -> str:
    """Write a label as kube-state-metrics does: `example.com/nodePool` is `…_node_pool`."""
    snake = re.sub("([a-z0-9])([A-Z])", r"\1_\2", label).lower()
    return re.sub(r"[^a-z0-9_]", "_", snake)


_PART: Final = ("cpu_number", "gpu", "gpu_instance")
_PLAIN: Final = 2


def _keys(roles: Mapping[str, tuple[str, ...]]) -> pl.DataFrame:
    rows = []
    for role, keys in roles.items():
        for place, key in enumerate(keys):
            kind = 0 if "." in key else 1 if key.startswith("exported_") else _PLAIN
            rows.append((key, role, kind, place))
            if "." in key:
                rows.append((key.replace(".", "_"), role, kind, place))
    schema = {"key": pl.String(), "role": pl.String(), "kind": pl.Int32(), "place": pl.Int32()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def known_series(series: pl.LazyFrame, pool_labels: Sequence[str] = ()) -> pl.LazyFrame:
    """Give one row per series that tells a fact, with who it is about.

    `pool_labels` are labels of nodes that name a pool, before those that are known.
    """
    roles = ROLES | pool_roles(pool_labels)
    chosen = (
        series.with_columns(spelling(pl.col("metric_name")).alias("spelling"))
        .filter(pl.col("spelling").is_in(SPELLINGS))
        .unique("series_id", keep="last", maintain_order=True)
        .select(
            "series_id",
            "metric_kind",
            "temporality",
            "is_monotonic",
            "spelling",
            "scope_name",
            "resource_attributes",
            "point_attributes",
        )
    )
    container, resource = pl.col("container"), pl.col("resource")
    is_cadvisor = pl.col("source").str.starts_with("container_") & (
        container.is_in(["", "POD"]) & ~pl.col("source").str.ends_with("_allocation")
    )
    is_network = pl.col("fact").is_in([SENT, RECEIVED])
    is_received = (pl.col("fact") == SENT) & (pl.col("direction") == "receive")
    whole = pl.when(resource.str.contains(IN_QUARTERS)).then(4).otherwise(7)
    slices = resource.str.extract(r"_mig_(\d+)g", 1).cast(pl.Float64) / whole
    part = pl.concat_str(
        *_PART,
        pl.when(pl.col("resource_kind") == "gpu").then(resource).otherwise(pl.lit("")),
        separator="|",
    )
    return (
        chosen.join(named(chosen, roles), on="series_id", how="left", validate="1:1")
        .with_columns(pl.col(*roles).fill_null(""))
        .with_columns(
            pl.when(pl.col("spelling").is_in(BY_RESOURCE))
            .then(resource_kind(resource))
            .otherwise(pl.lit(""))
            .alias("resource_kind"),
            pl.when(pl.col("cluster") == "")
            .then(pl.lit("default"))
            .otherwise("cluster")
            .alias("cluster"),
        )
        .join(
            FACTS.lazy(),
            on=["spelling", "resource_kind"],
            how="inner",
            validate="m:1",
            maintain_order="left",
        )
        .filter(
            (is_network | ((container != "POD") & ~is_cadvisor))
            & (~is_network | pl.col("direction").is_in(["", "transmit", "receive"]))
            & ((pl.col("fact") != RUNNING_POD) | pl.col("running").is_in(["", "Running"]))
        )
        .with_columns(
            pl.when(pl.col("fact").is_in(WITHOUT_POD))
            .then(pl.lit(""))
            .otherwise("pod")
            .alias("pod"),
            # One metric tells both ways of the traffic, by its direction.
            pl.when(is_received).then(pl.lit(RECEIVED)).otherwise("fact").alias("fact"),
            (pl.col("scale") * slices.fill_null(1.0)).alias("scale"),
            pl.concat_str("teller", "scope_name", separator="|").alias("teller"),
            part.alias("part"),
        )
    )


def named(chosen: pl.LazyFrame, roles: Mapping[str, tuple[str, ...]]) -> pl.LazyFrame:
    """Give a column per role, each from the attribute that counts first.

    `chosen` has series_id, spelling and both lists of attributes; a role nobody plays is null.
    """
    keys = _keys(roles)
    reported = [
        chosen.select(
            "series_id",
            pl.col("spelling").is_in(PROMETHEUS).alias("is_prometheus"),
            pl.lit(column == "point_attributes").alias("is_point"),
            pl.col(column).alias("attribute"),
        )
        .explode("attribute")
        .unnest("attribute")
        .filter(pl.col("key").is_in(keys["key"].unique().to_list()) & (pl.col("value") != ""))
        .select("series_id", "is_prometheus", "is_point", "key", "value")
        for column in ("resource_attributes", "point_attributes")
    ]
    kind = pl.col("kind")
    by_resource = pl.when(kind == 0).then(~pl.col("is_point")).otherwise("is_point")
    otel = kind * 2 + pl.when(by_resource).then(0).otherwise(1)
    by_point = pl.when(kind == 0).then(8).otherwise(kind * 2)
    prometheus = by_point + pl.when("is_point").then(0).otherwise(1)
    order = pl.when("is_prometheus").then(prometheus).otherwise(otel) * 8 + pl.col("place")
    first = (
        pl.concat(reported)
        .join(keys.lazy(), on="key", how="inner", validate="m:m")
        .with_columns(order.alias("order"))
        .sort("series_id", "role", "order")
        .unique(["series_id", "role"], keep="first", maintain_order=True)
    )
    role, value = pl.col("role"), pl.col("value")
    return first.group_by("series_id").agg(
        value.filter(role == name).first().alias(name) for name in roles
    )

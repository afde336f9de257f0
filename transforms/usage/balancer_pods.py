"""Which pods a service leads to, as telemetry tells it.

Takes    what series tell of services and endpoints (`balancer_hours`), the pods of a day
Gives    a row per service and pod
Holds    of several reporters the first counts, per service: the slices of its endpoints, then their
         addresses, then the labels that it selects
"""

from typing import Final

import polars as pl

from transforms.usage import pods as pod_facts
from transforms.usage.facts import BALANCER, ENDPOINT, ENDPOINT_SLICE, POD_INFO, SELECTOR
from transforms.usage.pods import POD

SERVICE: Final = ("cluster", "namespace", "service")
_TARGET: Final = (*SERVICE, "pod_key", "order")
SLICE_NAME: Final = r"^(.+)-[a-z0-9]{5}$"
"""How Kubernetes names the slices of a service."""
SIGNS: Final = r"[^A-Za-z0-9_]"
"""What Prometheus does not allow in a label's name; there it is `_`."""
SELECTED: Final = r"^k8s\.service\.selector\.(.+)$"


def backends(reported: pl.LazyFrame, pods: pl.LazyFrame) -> pl.LazyFrame:
    """Give cluster, namespace, service and pod_key of the pods behind each service."""
    names = pods.select("cluster", "namespace", "pod", "pod_key").unique()
    by_name = pl.concat([_by_slice(reported), _by_address(reported)]).join(
        names, on=["cluster", "namespace", "pod"], how="inner", validate="m:m"
    )
    every = pl.concat([by_name.select(_TARGET), _by_selector(reported, pods)])
    first = pl.col("order") == pl.col("order").min().over(SERVICE)
    return every.filter(first).select(*SERVICE, "pod_key").unique()


def _by_slice(reported: pl.LazyFrame) -> pl.LazyFrame:
    """Give the pods that endpoint slices name; a slice's service by its label, else its name."""
    slices = (
        reported.filter((pl.col("fact") == ENDPOINT_SLICE) & (pl.col("slice_service") != ""))
        .group_by("cluster", "namespace", "slice")
        .agg(pl.col("slice_service").max().alias("owner"))
    )
    is_pod = pl.col("target_kind").is_in(["", "Pod"]) & (pl.col("target") != "")
    space = pl.when(pl.col("target_namespace") != "").then("target_namespace")
    return (
        reported.filter((pl.col("fact") == ENDPOINT) & is_pod & (pl.col("slice") != ""))
        .with_columns(space.otherwise("namespace").alias("namespace"))
        .join(slices, on=["cluster", "namespace", "slice"], how="left", validate="m:1")
        .with_columns(
            pl.coalesce("owner", pl.col("slice").str.extract(SLICE_NAME, 1), "slice").alias(
                "service"
            ),
            pl.col("target").alias("pod"),
            pl.lit(1).alias("order"),
        )
        .select(*SERVICE, "pod", "order")
    )


def _by_address(reported: pl.LazyFrame) -> pl.LazyFrame:
    """Give the pods whose address an endpoint has, within its namespace."""
    addresses = (
        reported.filter((pl.col("fact") == POD_INFO) & (pl.col("pod_ip") != ""))
        .select("cluster", "namespace", "pod", pl.col("pod_ip").alias("address"))
        .unique()
    )
    return (
        reported.filter((pl.col("fact") == ENDPOINT) & (pl.col("slice") == ""))
        .drop("pod")
        .join(addresses, on=["cluster", "namespace", "address"], how="inner", validate="m:m")
        .with_columns(pl.col("endpoint").alias("service"), pl.lit(2).alias("order"))
        .select(*SERVICE, "pod", "order")
    )


def _by_selector(reported: pl.LazyFrame, pods: pl.LazyFrame) -> pl.LazyFrame:
    """Give the pods that have all the labels that a service selects."""
    name = pl.col("name").str.replace_all(SIGNS, "_")
    selected = pl.concat(
        [
            reported.filter(pl.col("fact").is_in([BALANCER, SELECTOR]))
            .select("series_id", *SERVICE, attribute)
            .explode(attribute)
            .unnest(attribute)
            .with_columns(pl.col("key").str.extract(pattern, 1).alias("name"))
            .filter(pl.col("name").is_not_null())
            .select("series_id", *SERVICE, name, "value")
            for attribute, pattern in (
                ("resource_attributes", SELECTED),
                ("point_attributes", r"^label_(.+)$"),
            )
        ]
    ).with_columns(pl.len().over("series_id").alias("wanted"))
    labels = (
        pod_facts.label_rows(pods)
        .filter((pl.col("place") == 0) & pl.col("label").is_not_null())
        .rename({"label": "name"})
        .select(*POD, name, "value")
        .unique()
    )
    return (
        selected.join(
            labels, on=["cluster", "namespace", "name", "value"], how="inner", validate="m:m"
        )
        .group_by("series_id", *SERVICE, "pod_key", "wanted")
        .agg(pl.len().alias("found"))
        .filter(pl.col("found") == pl.col("wanted"))
        .with_columns(pl.lit(3).alias("order"))
        .select(_TARGET)
    )

"""Who runs, as the cluster's own metrics tell it.

Reads    raw_series_day
Writes   core_workload_daily
Time     UTC days of the event time
"""

from datetime import date
from typing import Final

import polars as pl

from transforms.usage.attributes import first_of, value_of
from transforms.usage.facts import CONTROLLERS
from warehouse.tables.core import WORKLOAD_DAILY

ABOUT_WORKLOADS: Final = r"^(k8s|container|kube|system)[._]"
"""Metrics of these names tell that a workload exists, never that it can be observed."""


def workloads_seen(series: pl.LazyFrame, day: date, environment: str) -> pl.LazyFrame:
    """Give core_workload_daily: who runs, by the cluster's own metrics.

    `environment` is that of workloads whose resource names none.
    """
    resource = "resource_attributes"
    infrastructure = series.filter(pl.col("metric_name").str.contains(ABOUT_WORKLOADS))
    kinds = [pl.coalesce(value_of(resource, key), pl.lit("")).alias(k) for k, key in CONTROLLERS]
    key = ["cluster", "namespace", "workload", "environment"]
    return (
        infrastructure.select(
            value_of(resource, "k8s.cluster.name").fill_null("default").alias("cluster"),
            first_of(value_of(resource, "k8s.namespace.name")).alias("namespace"),
            first_of(value_of(resource, "k8s.pod.name")).alias("pod"),
            first_of(
                value_of(resource, "k8s.pod.label.team"),
                value_of(resource, "k8s.pod.labels.team"),
                value_of(resource, "team"),
            ).alias("team"),
            value_of(resource, "deployment.environment.name")
            .fill_null(environment)
            .alias("environment"),
            *kinds,
            "first_hour_at",
            "last_hour_at",
        )
        .with_columns(
            pl.coalesce(
                *(pl.when(pl.col(k) != "").then(pl.col(k)) for k, _ in CONTROLLERS), pl.col("pod")
            ).alias("workload"),
            pl.coalesce(
                *(pl.when(pl.col(k) != "").then(pl.lit(k)) for k, _ in CONTROLLERS), pl.lit("Pod")
            ).alias("workload_kind"),
        )
        .filter((pl.col("workload") != "") & (pl.col("namespace") != ""))
        .group_by(key)
        .agg(
            pl.col("workload_kind").min(),
            pl.col("team").max(),
            pl.col("first_hour_at").min().alias("first_event_at"),
            pl.col("last_hour_at").max().alias("last_event_at"),
        )
        .with_columns(pl.lit(day).alias("day"))
        .select(WORKLOAD_DAILY.schema.names())
        .cast(WORKLOAD_DAILY.schema)
        .sort(WORKLOAD_DAILY.key)
    )

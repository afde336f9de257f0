"""Which pods stood behind which load balancer, hour by hour.

Reads    `known_series` and `samples` of a day
Writes   core_balancer_hourly    one row per balancer, hour and pod; one without a pod where there
                                 was none
Time     UTC hours; a pod stands behind a balancer as long as it runs
Holds    a balancer has a row in each hour in which it was heard of, and in no other; a pod stands
         once behind it, however many services lead there; a cluster whose telemetry does not tell
         which pods any service leads to has no rows at all

A balancer is a service of type LoadBalancer, an ingress with the services that its paths name, or a
group of ingresses that share one.
"""

from datetime import date
from typing import Final

import polars as pl

from transforms.usage.balancer_pods import backends
from transforms.usage.containers import midnight
from transforms.usage.facts import BALANCER, INGRESS, INGRESS_GROUP, OF_BALANCERS, POD_INFO
from transforms.usage.pods import ATTRIBUTES, POD, Observed, run_seconds
from transforms.usage.subject import named
from warehouse.tables.core_usage import BALANCER_HOURLY

ROLES: Final = {
    "service": ("k8s.service.name", "exported_service", "service"),
    "backend": ("exported_service_name", "service_name"),
    "service_uid": ("k8s.service.uid", "exported_uid", "uid"),
    "service_type": ("k8s.service.type", "exported_type", "type"),
    "address": ("hostname", "ip", "ingress_ip"),
    "ingress": ("exported_ingress", "ingress"),
    "group": ("annotation_alb_ingress_kubernetes_io_group_name",),
    "endpoint": ("exported_endpoint", "endpoint"),
    "slice": ("endpointslice",),
    "slice_service": ("label_kubernetes_io_service_name",),
    "target": ("targetref_name",),
    "target_kind": ("targetref_kind",),
    "target_namespace": ("targetref_namespace",),
    "pod_ip": ("pod_ip",),
}
"""Attributes as transforms.usage.subject.ROLES has them, of what only balancers need."""
OF_EVERY_SERVICE: Final = "kube_service_spec_type"
ONE: Final = ("cluster", "kind", "balancer")
OF_POD: Final = ("pod", "pod_uid", "workload", "labels")


def balancer_hourly(observed: Observed, day: date) -> pl.LazyFrame:
    """Give core_balancer_hourly of a UTC day."""
    # Few rows, needed in many places: a plan that repeats them all would cost more than they do.
    reported = _reported(observed.known).collect().lazy()
    found = _fronts(reported).collect()
    if found.is_empty():
        return BALANCER_HOURLY.empty().lazy()
    every = found.lazy()
    space = ["cluster", "namespace"]
    labelled = observed.known.select("series_id", *ATTRIBUTES)
    pods = (
        observed.pods.join(every.select(space).unique(), on=space, how="semi")
        .join(labelled, on="series_id", how="left", validate="1:1")
        .collect()
        .lazy()
    )
    leads = backends(reported, pods).collect().lazy()
    # Where nothing tells what services lead to, silence is no proof that they lead nowhere.
    fronts = every.join(leads.select("cluster").unique(), on="cluster", how="semi")
    targets = (
        fronts.select(*ONE, "namespace", "service")
        .unique()
        .join(leads, on=["cluster", "namespace", "service"], how="inner", validate="m:m")
        .select(*ONE, "namespace", "pod_key")
        .unique()
    )
    stood = _backing(targets, observed, day)
    facts = fronts.group_by(ONE).agg(pl.col("address", "service_uid").max())
    return (
        _observed(fronts, observed.samples, day)
        .join(stood, on=[*ONE, "usage_hour"], how="left", validate="1:m")
        .join(facts, on=list(ONE), how="left", validate="m:1")
        .with_columns(
            pl.col("namespace").fill_null("-"),
            pl.col(*OF_POD).fill_null(""),
            pl.col("overlap_seconds").fill_null(0.0),
            pl.col("usage_hour").dt.date().alias("usage_date"),
        )
        .select(BALANCER_HOURLY.schema.names())
        .cast(BALANCER_HOURLY.schema)
        .sort(BALANCER_HOURLY.key)
    )


def _reported(known: pl.LazyFrame) -> pl.LazyFrame:
    """Give the series about services, ingresses and endpoints, with what they name."""
    mine = known.filter(pl.col("fact").is_in([*OF_BALANCERS, POD_INFO])).select(
        "series_id", "cluster", "namespace", "pod", "fact", "source", "spelling",
        "resource_attributes", "point_attributes",
    )  # fmt: skip
    is_backend = pl.col("source").is_in(["kubecost_load_balancer_cost", "kube_ingress_path"])
    return (
        mine.join(named(mine, ROLES), on="series_id", how="left", validate="1:1")
        .with_columns(pl.col(*ROLES).fill_null(""))
        .with_columns(pl.when(is_backend).then("backend").otherwise("service").alias("service"))
    )


def _fronts(reported: pl.LazyFrame) -> pl.LazyFrame:
    """Give a row per series and balancer it tells of, with a service behind it."""
    fact, kind = pl.col("fact"), pl.col("service_type")
    is_front = (kind == "LoadBalancer") | ((kind == "") & (pl.col("source") != OF_EVERY_SERVICE))
    services = reported.filter((fact == BALANCER) & is_front & (pl.col("service") != ""))
    paths = reported.filter(
        (fact == INGRESS) & (pl.col("ingress") != "") & (pl.col("service") != "")
    )
    place = ["cluster", "namespace", "ingress"]
    groups = (
        reported.filter((fact == INGRESS_GROUP) & (pl.col("group") != ""))
        .select("series_id", *place, "group")
        .join(paths.select(*place, "service").unique(), on=place, how="inner", validate="m:m")
    )
    empty = [pl.lit("").alias("address"), pl.lit("").alias("service_uid")]

    def front(rows: pl.LazyFrame, kind: str, name: pl.Expr) -> pl.LazyFrame:
        return rows.select(
            "series_id",
            "cluster",
            pl.lit(kind).alias("kind"),
            name.alias("balancer"),
            "namespace",
            "service",
            *(["address", "service_uid"] if kind == "service" else empty),
        )

    return pl.concat(
        [
            front(services, "service", pl.concat_str("namespace", "service", separator="/")),
            front(paths, "ingress", pl.concat_str("namespace", "ingress", separator="/")),
            front(groups, "group", pl.col("group")),
        ]
    )


def _observed(fronts: pl.LazyFrame, samples: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give the hours of the day in which a balancer was heard of."""
    at = pl.col("event_at")
    hours = samples.filter(at.dt.date() == day).select(
        "series_id", at.dt.truncate("1h").alias("usage_hour")
    )
    return (
        hours.unique()
        .join(
            fronts.select("series_id", *ONE).unique(), on="series_id", how="inner", validate="m:m"
        )
        .select(*ONE, "usage_hour")
        .unique()
    )


def _backing(targets: pl.LazyFrame, observed: Observed, day: date) -> pl.LazyFrame:
    """Give how long each pod ran in each hour, for the balancers it stands behind."""
    mine = observed.runs.join(targets.select(POD).unique(), on=POD, how="semi")
    ran = run_seconds(mine, midnight(day))
    return (
        targets.join(ran, on=POD, how="inner", validate="m:m")
        .join(observed.identities, on=POD, how="inner", validate="m:1")
        .select(
            *ONE, "usage_hour", "namespace", *OF_POD, pl.col("run_seconds").alias("overlap_seconds")
        )
    )

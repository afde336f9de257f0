"""What a pod is: its life, its controller, its labels.

Reads    `known_series` and `samples` of a day
Gives    series joined by pod, when each pod ran, and what stands on each of its rows
Holds    a pod is joined by its uid, else by (cluster, namespace, name); uids of one name whose
         samples overlap in time are one pod, for a name has one pod at a time (a static pod has
         the kubelet's uid and the API server's)
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

import polars as pl

from transforms.usage.attributes import ANNOTATION
from transforms.usage.facts import (
    CONTROLLERS,
    INFO,
    JOB_OWNER,
    NAMESPACE_LABELS,
    PHASE,
    POD_LABELS,
    POD_OWNER,
    REPLICASET_OWNER,
    RUNNING_POD,
)

RUNNING: Final = 2
NAMED: Final = ("cluster", "namespace", "pod")
POD: Final = ("cluster", "namespace", "pod_key")
TEMPLATE_HASH: Final = r"^(.+)-[bcdfghjklmnpqrstvwxz2456789]{5,10}$"
SCHEDULED: Final = r"^(.+)-\d{8,10}$"

ATTRIBUTES: Final = ("resource_attributes", "point_attributes")


class Observed(NamedTuple):
    """What a day's telemetry tells of pods: made once, read by all that counts their use."""

    known: pl.LazyFrame
    samples: pl.LazyFrame
    pods: pl.LazyFrame
    """Series of pods with `pod_key`, without their attributes."""
    runs: pl.LazyFrame
    identities: pl.LazyFrame


def observed(known: pl.LazyFrame, samples: pl.LazyFrame) -> Observed:
    """Put the series of a day together by pod, and tell when each ran and what it is."""
    pods = by_pod(known, samples).collect().lazy()
    bare = pods.drop(ATTRIBUTES)
    return Observed(known, samples, bare, runs(bare, samples), identity(known, pods))


def by_pod(known: pl.LazyFrame, samples: pl.LazyFrame) -> pl.LazyFrame:
    """Give the series of pods with `pod_key`, under which a pod's series stand together.

    A series without a uid joins the pod of its name; of several in a row the one that lived
    longest on that day.
    """
    pods = known.filter(pl.col("pod") != "")
    at = pl.col("event_at")
    spans = samples.group_by("series_id").agg(at.min().alias("begins"), at.max().alias("ends"))
    begins, ends = pl.col("begins"), pl.col("ends")
    seen = (
        pods.filter(pl.col("pod_uid") != "")
        .select("series_id", *NAMED, "pod_uid")
        .join(spans, on="series_id", how="inner", validate="1:1")
        .group_by(*NAMED, "pod_uid")
        .agg(begins.min(), ends.max())
        .sort(*NAMED, "begins", "pod_uid")
        .with_columns(ends.cum_max().shift(1).over(NAMED).alias("before"))
        .with_columns(
            (pl.col("before").is_null() | (begins >= pl.col("before")))
            .cum_sum()
            .over(NAMED)
            .alias("life")
        )
        .with_columns(pl.col("pod_uid").first().over(*NAMED, "life").alias("uid_key"))
    )
    by_name = (
        seen.group_by(*NAMED, "uid_key")
        .agg((ends.max() - begins.min()).alias("span"))
        .sort(*NAMED, "span", "uid_key", descending=[False, False, False, True, False])
        .unique(NAMED, keep="first", maintain_order=True)
        .select(*NAMED, pl.col("uid_key").alias("name_key"))
    )
    return (
        pods.join(
            seen.select(*NAMED, "pod_uid", "uid_key"),
            on=[*NAMED, "pod_uid"],
            how="left",
            validate="m:1",
        )
        .join(by_name, on=NAMED, how="left", validate="m:1")
        .with_columns(pl.coalesce("uid_key", "name_key", "pod").alias("pod_key"))
        .drop("uid_key", "name_key")
    )


def runs(pods: pl.LazyFrame, samples: pl.LazyFrame) -> pl.LazyFrame:
    """Give when each pod ran: from its first to its last sample in phase Running.

    Of several sources of the phase the first in rank counts; where none was sent, any sample.
    """
    at, value = pl.col("event_at"), pl.col("value")
    spans = samples.group_by("series_id").agg(
        at.min().alias("first"),
        at.max().alias("last"),
        at.filter(value == RUNNING).min().alias("first_phase"),
        at.filter(value == RUNNING).max().alias("last_phase"),
        at.filter(value != 0).min().alias("first_on"),
        at.filter(value != 0).max().alias("last_on"),
    )
    fact = pl.col("fact")
    is_phased = fact.is_in([PHASE, RUNNING_POD])
    is_best = is_phased & (pl.col("rank") == pl.col("rank").filter(is_phased).min())

    def bound(which: str) -> tuple[pl.Expr, pl.Expr]:
        reported = pl.when(fact == PHASE).then(f"{which}_phase").otherwise(f"{which}_on")
        return reported.filter(is_best), pl.col(which)

    (start, first), (end, last) = bound("first"), bound("last")
    return (
        pods.filter(~fact.is_in(INFO))
        .select("series_id", *POD, "fact", "rank")
        .join(spans, on="series_id", how="inner", validate="1:1")
        .group_by(POD)
        .agg(
            pl.when(is_phased.any()).then(start.min()).otherwise(first.min()).alias("run_start"),
            pl.when(is_phased.any()).then(end.max()).otherwise(last.max()).alias("run_end"),
        )
        .filter(pl.col("run_start").is_not_null())
    )


def run_seconds(lives: pl.LazyFrame, start: datetime) -> pl.LazyFrame:
    """Give the seconds each pod ran in each hour of the day that starts then."""
    hour_long = timedelta(hours=1)
    hours = pl.LazyFrame(
        {"usage_hour": [start + hour_long * n for n in range(24)]},
        schema={"usage_hour": pl.Datetime("us", "UTC")},
    )
    hour = pl.col("usage_hour")
    overlap = pl.min_horizontal(pl.col("run_end"), hour + hour_long) - pl.max_horizontal(
        pl.col("run_start"), hour
    )
    return (
        lives.join(hours, how="cross")
        .with_columns((overlap.dt.total_microseconds() / 1e6).alias("run_seconds"))
        .filter(pl.col("run_seconds") > 0)
        .select(*POD, "usage_hour", "run_seconds")
    )


def identity(known: pl.LazyFrame, pods: pl.LazyFrame) -> pl.LazyFrame:
    """Give what a pod is: its name, uid, node, topmost controller and labels."""
    kinds = [kind for kind, _ in CONTROLLERS]
    reported = pl.col("fact") == POD_OWNER
    rows = pods.group_by(POD).agg(
        pl.col("pod", "pod_uid", "node", *kinds).max(),
        pl.col("owner_kind", "owner_name")
        .filter(reported & (pl.col("owner_name") != "<none>"))
        .max(),
    )
    filled = rows.with_columns(
        pl.when((pl.col(kind) == "") & (pl.col("owner_kind") == kind))
        .then("owner_name")
        .otherwise(kind)
        .alias(kind)
        for kind in kinds
    )
    sets = _owned(known, REPLICASET_OWNER, "owned_replicaset", "Deployment")
    jobs = _owned(known, JOB_OWNER, "owned_job", "CronJob")
    topmost = (
        filled.join(
            sets,
            left_on=[*POD[:2], "ReplicaSet"],
            right_on=[*POD[:2], "owned"],
            how="left",
            validate="m:1",
        )
        .join(
            jobs,
            left_on=[*POD[:2], "Job"],
            right_on=[*POD[:2], "owned"],
            how="left",
            validate="m:1",
            suffix="_job",
        )
        .with_columns(
            _above("Deployment", pl.col("owner"), pl.col("ReplicaSet"), TEMPLATE_HASH),
            _above("CronJob", pl.col("owner_job"), pl.col("Job"), SCHEDULED),
        )
    )
    named = [pl.when(pl.col(kind) != "").then(pl.col(kind)) for kind in kinds]
    kind = [pl.when(pl.col(kind) != "").then(pl.lit(kind)) for kind in kinds]
    return (
        topmost.select(
            *POD,
            "pod",
            "pod_uid",
            "node",
            pl.coalesce(*named, "pod").alias("workload"),
            pl.coalesce(*kind, pl.lit("Pod")).alias("workload_kind"),
        )
        .join(_labels(known, pods), on=POD, how="left", validate="1:1")
        .with_columns(pl.col("labels").fill_null("{}"))
    )


def _owned(known: pl.LazyFrame, fact: str, owned: str, kind: str) -> pl.LazyFrame:
    """Give the owner that kube-state-metrics names for a ReplicaSet or a Job."""
    return (
        known.filter((pl.col("fact") == fact) & (pl.col("owner_kind") == kind))
        .group_by(*POD[:2], pl.col(owned).alias("owned"))
        .agg(pl.col("owner_name").max().alias("owner"))
    )


def _above(kind: str, owner: pl.Expr, below: pl.Expr, generated: str) -> pl.Expr:
    """Give the controller above: as told, else by the name Kubernetes gives to what it owns."""
    return (
        pl.when(pl.col(kind) == "")
        .then(pl.coalesce(owner, below.str.extract(generated, 1), pl.lit("")))
        .otherwise(kind)
        .alias(kind)
    )


def _labels(known: pl.LazyFrame, pods: pl.LazyFrame) -> pl.LazyFrame:
    """Give the labels of each pod as a JSON object, sorted by key; pod beats namespace.

    Annotations stand among them as `annotation:` and their key.
    """
    of_namespace = (
        pods.select(POD)
        .unique()
        .join(
            _scraped(known.filter(pl.col("fact") == NAMESPACE_LABELS), [*POD[:2]], 1),
            on=[*POD[:2]],
            how="inner",
            validate="m:m",
        )
        .select(*POD, "label", "place", "value")
    )
    return _as_json(pl.concat([label_rows(pods), of_namespace]))


def label_rows(pods: pl.LazyFrame) -> pl.LazyFrame:
    """Give a row per pod and label that its own series tell; `place` 0 is the pod itself."""
    pattern = r"^k8s\.(pod|namespace)\.(?:labels?|(annotation)s?)\.(.+)$"
    key = pl.col("key")
    kind = pl.when(key.str.extract(pattern, 2).is_not_null()).then(pl.lit(ANNOTATION))
    plain = key.is_in(["team", "owner"])
    attributes = (
        pods.select(*POD, "resource_attributes")
        .explode("resource_attributes")
        .unnest("resource_attributes")
        .with_columns(
            pl.when(plain)
            .then(key)
            .otherwise(kind.otherwise(pl.lit("")) + key.str.extract(pattern, 3))
            .alias("label"),
            pl.when(plain)
            .then(2)
            .otherwise((key.str.extract(pattern, 1) == "namespace").cast(pl.Int32))
            .cast(pl.Int32)
            .alias("place"),
        )
        .select(*POD, "label", "place", "value")
    )
    of_pod = _scraped(pods.filter(pl.col("fact") == POD_LABELS), [*POD], 0)
    return pl.concat([attributes, of_pod])


def _scraped(series: pl.LazyFrame, key: list[str], place: int) -> pl.LazyFrame:
    """Give the labels that kube-state-metrics puts on a point as `label_…`."""
    return (
        series.select(*key, "point_attributes")
        .explode("point_attributes")
        .unnest("point_attributes")
        .filter(pl.col("key").str.starts_with("label_"))
        .select(
            *key,
            pl.col("key").str.strip_prefix("label_").alias("label"),
            pl.lit(place, pl.Int32).alias("place"),
            "value",
        )
    )


def _as_json(labels: pl.LazyFrame) -> pl.LazyFrame:
    quoted = [
        pl.col(name)
        .str.replace_all("\\", "\\\\", literal=True)
        .str.replace_all('"', '\\"', literal=True)
        for name in ("label", "value")
    ]
    item = pl.concat_str(pl.lit('"'), quoted[0], pl.lit('":"'), quoted[1], pl.lit('"'))
    return (
        labels.filter(pl.col("label").is_not_null())
        .sort(*POD, "label", "place", "value")
        .unique([*POD, "label"], keep="first", maintain_order=True)
        .group_by(POD, maintain_order=True)
        .agg(item.alias("items"))
        .select(
            *POD,
            pl.concat_str(pl.lit("{"), pl.col("items").list.join(","), pl.lit("}")).alias("labels"),
        )
    )

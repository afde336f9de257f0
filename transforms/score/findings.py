"""What the rules of the Instrumentation Score find in a day of resources, logs and traces.

Reads    raw_series_day, raw_signal, raw_span
Writes   core_score_finding_daily
Time     UTC days of the event time
Holds    telemetry about workloads is judged for nobody; a service is its `service.name`, and what
         bears none is judged under the empty name

A trace that goes on over midnight is judged in parts, except for parents, which may be anywhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import polars as pl

from transforms.coverage.signals import is_infrastructure
from transforms.score.advisories import (
    DEBUG_ANYWHERE,
    DEFAULT_NAME,
    PERSONAL_DATA,
    SAMPLE_COUNT,
    is_placeholder,
    personal_labels,
    personal_sample,
)
from transforms.score.sdk_support import is_supported
from transforms.usage.attributes import first_of, value_of
from warehouse.tables.mart_score import FINDING_DAILY

INTERNAL_LIMIT: Final = 10
SHORT_LIMIT: Final = 20
SHORT_NS: Final = 5_000_000
INTERNAL, CLIENT = 1, 3
GRACE: Final = timedelta(minutes=5)
"""A span's parent may come so much later; later ones of the day's spans tell that it has passed."""

_ABOUT_PODS: Final = (
    r"(?:^|\x1f)k8s\.(?:pod|container|namespace|deployment|replicaset|replicationcontroller"
    r"|statefulset|daemonset|job|cronjob)\."
)
"""Keys of a pod, or of what runs pods; a cluster or a node alone is none."""
SEPARATOR: Final = "\x1f"
HOURS: Final = ("first_hour_at", "last_hour_at")
_RESOURCE: Final = "resource_attributes"
_PLACES: Final = ("k8s.pod.name", "k8s.pod.uid", "host.name", "host.id")
"""What tells one logical resource from another; only values of one kind are compared."""
_SDK: Final = ("process.runtime.version", "telemetry.sdk.language", "telemetry.sdk.version")
_FIELD: Final = pl.element().struct.field
_SDK_PAIR: Final = pl.format("{}={}", _FIELD("key"), _FIELD("value")).filter(
    _FIELD("key").is_in(_SDK)
)

_IS_NAME: Final = (
    (_FIELD("key") == "service.name") & (_FIELD("type") == "string") & (_FIELD("value") != "")
)


@dataclass(frozen=True)
class ScoreTerms:
    """Which environments are production, and which scopes tell about others."""

    production: Sequence[str]
    infrastructure_scopes: Sequence[str]


def service() -> pl.Expr:
    """Give the `service.name` of a resource, empty when there is none."""
    return first_of(value_of(_RESOURCE, "service.name")).alias("service_name")


def resources(series: pl.LazyFrame, signals: pl.LazyFrame, terms: ScoreTerms) -> pl.LazyFrame:
    """Give the resources that telemetry came from: identity, keys, first and last hour."""
    keys = pl.element().struct.field("key")
    columns = [
        service(),
        *(first_of(value_of(_RESOURCE, key)).alias(key) for key in _PLACES),
        first_of(value_of(_RESOURCE, "service.instance.id")).alias("instance"),
        pl.col(_RESOURCE).list.eval(keys).list.sort().list.join(SEPARATOR).alias("keys"),
        pl.col(_RESOURCE).list.eval(_IS_NAME.any()).list.first().alias("is_named"),
        pl.col(_RESOURCE).list.eval(_SDK_PAIR).list.sort().list.join(SEPARATOR).alias("sdk"),
    ]
    own = series.filter(~is_infrastructure(terms.infrastructure_scopes)).select(
        *columns, first_at="first_hour_at", last_at="last_hour_at"
    )
    others = signals.filter(~is_infrastructure(terms.infrastructure_scopes, None)).select(
        *columns, first_at="event_hour", last_at="event_hour"
    )
    return (
        pl.concat([own, others])
        .group_by("service_name", "is_named", "instance", "keys", "sdk", *_PLACES)
        .agg(pl.col("first_at").min(), pl.col("last_at").max())
    )


def _found(
    items: pl.LazyFrame, rule: str, is_broken: pl.Expr, sample: pl.Expr, number: pl.Expr
) -> pl.LazyFrame:
    """Count per service what was looked at and what breaks a rule; `number` is what a row is."""
    marked = items.with_columns(
        is_broken.alias("is_broken"), sample.alias("sample"), number.alias("number")
    )
    broken = pl.col("is_broken")
    return marked.group_by("service_name").agg(
        pl.lit(rule).alias("rule"),
        pl.col("number").sum().cast(pl.Int64).alias("checked_count"),
        pl.col("number").filter(broken).sum().cast(pl.Int64).alias("violating_count"),
        pl.col("first_at").filter(broken).min().alias("first_seen_at"),
        pl.col("last_at").filter(broken).max().alias("last_seen_at"),
        pl.col("sample").filter(broken).unique().sort().head(SAMPLE_COUNT).alias("samples"),
    )


_ONE: Final = pl.lit(1, pl.Int64)


def _named_place() -> pl.Expr:
    """Name a resource by what tells it from others, else by its keys."""
    names = {**{key: key for key in _PLACES}, "service.instance.id": "instance"}
    keys = pl.col("keys").str.replace_all(SEPARATOR, ", ", literal=True)
    return pl.coalesce(
        *(
            pl.when(pl.col(column) != "").then(pl.lit(f"{key}=") + pl.col(column))
            for key, column in names.items()
        ),
        pl.when(pl.col("keys") != "").then(pl.lit("a resource with ") + keys),
        pl.lit("a resource without attributes"),
    )


def resource_findings(seen: pl.LazyFrame) -> list[pl.LazyFrame]:
    """Judge RES-001, RES-003, RES-005, SDK-001 and the default name on each resource."""
    name, place = pl.col("service_name"), _named_place()
    pods = seen.filter(pl.col("keys").str.contains(_ABOUT_PODS))
    return [
        _found(seen, "RES-001", pl.col("instance") == "", place, _ONE),
        instance_findings(seen),
        _found(pods, "RES-003", pl.col("k8s.pod.uid") == "", place, _ONE),
        _found(seen, "RES-005", ~pl.col("is_named"), place, _ONE),
        runtime_findings(seen),
        _found(seen, DEFAULT_NAME, is_placeholder(name), name, _ONE),
    ]


def label_findings(series: pl.LazyFrame, terms: ScoreTerms) -> pl.LazyFrame:
    """Count the labels of services' own metrics, and those that name people."""
    own = series.filter(~is_infrastructure(terms.infrastructure_scopes))
    labels = personal_labels(own.select(service(), *HOURS, "point_attributes"))
    return _found(labels, PERSONAL_DATA, pl.col("personal_data") != "", personal_sample(), _ONE)


def runtime_findings(seen: pl.LazyFrame) -> pl.LazyFrame:
    """Judge SDK-001 on resources that tell SDK and runtime, as far as packages declare it."""
    runtime, language, sdk = _SDK
    reported = seen.with_columns(
        pl.col("sdk")
        .str.extract(rf"(?:^|\x1f){re.escape(key)}=([^\x1f]*)")
        .fill_null("")
        .alias(key)
        for key in _SDK
    )
    rated = reported.with_columns(is_supported(language, sdk, runtime).alias("is_supported"))
    known = rated.filter(pl.col("is_supported").is_not_null())
    name = pl.format("{} {} with SDK {}", language, runtime, sdk)
    return _found(known, "SDK-001", ~pl.col("is_supported"), name, _ONE)


def instance_findings(seen: pl.LazyFrame) -> pl.LazyFrame:
    """Judge RES-002: an id that two logical resources of a service bear breaks it."""
    kind = pl.coalesce(
        *(pl.when(pl.col(key) != "").then(pl.lit(key)) for key in _PLACES), pl.lit("")
    )
    place = pl.coalesce(
        *(pl.when(pl.col(key) != "").then(pl.col(key)) for key in _PLACES), pl.lit("")
    )
    ids = (
        seen.filter(pl.col("instance") != "")
        .group_by("service_name", "instance", kind.alias("kind"))
        .agg(
            place.n_unique().alias("places"),
            pl.col("first_at").min(),
            pl.col("last_at").max(),
        )
    )
    return _found(ids, "RES-002", pl.col("places") > 1, pl.col("instance"), _ONE)


def log_findings(signals: pl.LazyFrame, terms: ScoreTerms) -> list[pl.LazyFrame]:
    """Judge LOG-002, and count DEBUG in production and where no environment is named."""
    place = pl.coalesce(
        value_of(_RESOURCE, "deployment.environment.name"),
        value_of(_RESOURCE, "deployment.environment"),
        pl.lit(""),
    )
    own = signals.filter(
        (pl.col("signal") == "logs") & ~is_infrastructure(terms.infrastructure_scopes, None)
    )
    records = (
        own.select(service(), place.alias("environment"), "severities")
        .filter(pl.col("severities").list.len() > 0)
        .explode("severities")
        .unnest("severities")
        .rename({"first_event_at": "first_at", "last_event_at": "last_at"})
    )
    text, how_many = pl.col("severity_text").str.to_uppercase(), pl.col("item_count")
    is_unset = (pl.col("severity_number") == 0) | (text == "UNSET")
    shown = pl.format(
        "number {}, text {}",
        "severity_number",
        pl.when(text == "").then(pl.lit("empty")).otherwise(pl.col("severity_text")),
    )
    where = pl.col("environment")
    production = records.filter(where.is_in(list(terms.production)))
    nowhere = records.filter(where == "")
    is_debug = text == "DEBUG"
    return [
        _found(production, "LOG-001", is_debug, where, how_many),
        _found(records, "LOG-002", is_unset, shown, how_many),
        _found(nowhere, DEBUG_ANYWHERE, is_debug, pl.lit("no environment"), how_many),
    ]


def span_findings(spans: pl.LazyFrame, around: pl.LazyFrame) -> list[pl.LazyFrame]:
    """Judge SPA-001, -002, -004 and -005 on a day's sampled traces; `around` may hold parents."""
    trace = ["tenant", "trace_id"]
    times = [pl.col("event_at").min().alias("first_at"), pl.col("event_at").max().alias("last_at")]
    is_short = pl.col("duration_ns") < SHORT_NS
    traces = spans.group_by(*trace, "service_name").agg(
        (pl.col("kind") == INTERNAL).sum().alias("internal"), is_short.sum().alias("short"), *times
    )
    charged = traces.sort(*trace, "short", "service_name", descending=[False, False, True, False])
    charged = charged.with_columns(
        pl.col("short").sum().over(trace).alias("all_short"),
        (pl.int_range(pl.len()).over(trace) == 0).alias("is_charged"),
    )
    one = spans.with_columns(
        pl.col("event_at").alias("first_at"), pl.col("event_at").alias("last_at")
    )
    roots = one.filter(pl.col("parent_span_id") == 0)
    too_many = pl.col("is_charged") & (pl.col("all_short") > SHORT_LIMIT)
    name = pl.col("trace_id")
    return [
        _found(traces, "SPA-001", pl.col("internal") > INTERNAL_LIMIT, name, _ONE),
        _orphans(one, around, trace),
        _found(roots, "SPA-004", pl.col("kind") == CLIENT, name, _ONE),
        _found(charged, "SPA-005", too_many, name, _ONE),
    ]


def _orphans(one: pl.LazyFrame, around: pl.LazyFrame, trace: list[str]) -> pl.LazyFrame:
    """Judge SPA-002 on the spans that have a parent and were there for the time of grace."""
    parents = around.select(*trace, pl.col("span_id").alias("parent_span_id")).unique()
    parents = parents.with_columns(pl.lit(value=True).alias("is_there"))
    is_due = pl.col("received_at") + GRACE <= pl.col("received_at").max()
    children = one.filter(is_due).filter(pl.col("parent_span_id") != 0)
    joined = children.join(parents, on=[*trace, "parent_span_id"], how="left", validate="m:1")
    return _found(joined, "SPA-002", pl.col("is_there").is_null(), pl.col("trace_id"), _ONE)


def findings(parts: Sequence[pl.LazyFrame], day: date) -> pl.LazyFrame:
    """Give core_score_finding_daily of all that was found."""
    return (
        pl.concat(list(parts), how="vertical_relaxed")
        .with_columns(pl.lit(day).alias("day"))
        .select(FINDING_DAILY.schema.names())
        .cast(FINDING_DAILY.schema)
        .sort(FINDING_DAILY.key)
    )

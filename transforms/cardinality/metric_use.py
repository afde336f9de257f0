"""Which metrics and labels dashboards and rules use, so that what nobody asks for can go.

Reads    metric_uses (what `read_dashboard` and `read_rules` found), mart_cardinality_metric,
         mart_cardinality_label
Writes   mart_metric_use
Holds    without any file every state is `unknown`, never `unused`

Names are compared as an OpenTelemetry exporter writes them for Prometheus: dots become
underscores, the unit and `_total`, `_bucket`, `_sum`, `_count` may follow; `job` is `service.name`
and `instance` is `service.instance.id`. Labels of an Alertmanager's routes count for the metrics
of alerts.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import polars as pl
import yaml

from meterbook.base.errors import BadInputError
from transforms.cardinality.promql import Named, named
from warehouse.tables.mart_cardinality import METRIC_USE

SCHEMA: Final = {
    "kind": pl.String(),
    "place": pl.String(),
    "metric": pl.String(),
    "is_pattern": pl.Boolean(),
    "label": pl.String(),
}
UNITS: Final = {
    "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds",
    "min": "minutes", "h": "hours", "d": "days", "By": "bytes", "KiBy": "kibibytes",
    "MiBy": "mebibytes", "GiBy": "gibibytes", "1": "ratio", "%": "percent", "Cel": "celsius",
    "Hz": "hertz", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams",
}  # fmt: skip
SUFFIXES: Final = ("", "_total", "_bucket", "_sum", "_count")
PROMETHEUS_LABELS: Final = {"service.name": "job", "service.instance.id": "instance"}
SHOWN_PLACES: Final = 5
_LEGEND: Final = re.compile(r"\{\{\s*\.?(?:\$labels\.)?(\w+)\s*\}\}")
_TEMPLATE: Final = re.compile(r"\$labels\.(\w+)|\.Labels\.(\w+)")
_VARIABLE_QUERY: Final = re.compile(r"\s*(?:label_values|query_result|metrics)\(")
Row = tuple[str, str, str, bool, str]


class UnreadableUseError(BadInputError):
    """A dashboard or rule file is no JSON or YAML."""


def uses(rows: list[Row]) -> pl.LazyFrame:
    """Give rows as a frame."""
    return pl.LazyFrame(rows, schema=SCHEMA, orient="row").unique().sort(list(SCHEMA))


def read_dashboard(text: str, place: str) -> list[Row]:
    """Read a Grafana dashboard, of any version of its schema, alone or as the API exports it."""
    try:
        document = json.loads(text)
    except ValueError as exc:
        raise UnreadableUseError(f"{place}: no JSON: {exc}; want an exported dashboard") from exc
    rows: list[Row] = []
    for query, legend, title in _queries(document, ""):
        rows += _rows("dashboard", f"{place}: {title}" if title else place, query, legend)
    return rows


def _queries(node: Any, title: str) -> Iterator[tuple[str, list[str], str]]:
    """Walk all of it: whatever holds `expr`, or a variable's `query`, is a query."""
    if isinstance(node, list):
        for part in node:
            yield from _queries(part, title)
    elif isinstance(node, dict):
        title = str(node.get("title") or title)
        if isinstance(query := node.get("expr"), str):
            yield query, _LEGEND.findall(str(node.get("legendFormat", ""))), title
        if isinstance(query := node.get("query"), str) and _VARIABLE_QUERY.match(query):
            yield query, [], title
        for part in node.values():
            yield from _queries(part, title)


def read_rules(text: str, place: str) -> list[Row]:
    """Read rules of Prometheus (also as a PrometheusRule), or an Alertmanager's configuration."""
    try:
        documents = [part for part in yaml.safe_load_all(text) if isinstance(part, dict)]
    except yaml.YAMLError as exc:
        raise UnreadableUseError(f"{place}: no YAML: {exc}; want groups of rules") from exc
    rows: list[Row] = []
    for document in documents:
        groups = (document.get("spec") or document).get("groups") or []
        for rule in (rule for group in groups for rule in group.get("rules") or []):
            rows += _rule(rule, place)
        rows += [
            ("alertmanager", place, "", False, label) for label in _routed(document.get("route"))
        ]
    return rows


def _rule(rule: dict[str, Any], place: str) -> list[Row]:
    kind = "alert" if "alert" in rule else "recording"
    texts = [*(rule.get("annotations") or {}).values(), *(rule.get("labels") or {}).values()]
    labels = [a or b for text in texts for a, b in _TEMPLATE.findall(str(text))]
    return _rows(kind, f"{place}: {rule.get(kind[:6], rule.get('record', ''))}",
                 str(rule.get("expr", "")), labels)  # fmt: skip


def _routed(route: Any) -> list[str]:
    """Give the labels that routes group by and match."""
    if not isinstance(route, dict):
        return []
    found = [str(label) for label in route.get("group_by") or [] if label != "..."]
    found += [*(route.get("match") or {}), *(route.get("match_re") or {})]
    found += [re.split(r"[=!]", str(one))[0].strip() for one in route.get("matchers") or []]
    return found + [label for part in route.get("routes") or [] for label in _routed(part)]


def _rows(kind: str, place: str, query: str, labels: list[str]) -> list[Row]:
    """Give a row per metric, and per metric and label."""
    found: Named = named(query)
    metrics = [(name, False) for name in found.metrics] + [(name, True) for name in found.patterns]
    every = ["", *found.labels, *labels]
    return [(kind, place, name, is_one, label) for name, is_one in metrics for label in every]


def metric_use(
    metrics: pl.LazyFrame, labels: pl.LazyFrame, found: pl.LazyFrame, *, is_known: bool
) -> pl.LazyFrame:
    """Say of each metric and label of the last day whether a dashboard or rule uses it."""
    last = metrics.sort("day").group_by("metric").agg(pl.col("day", "unit").last())
    candidates = _candidates(last.select("metric", "unit"))
    used = _matched(candidates, found)
    ours = labels.join(last.select("metric", "day"), on=["metric", "day"], how="semi")
    every = pl.concat(
        [
            last.select("metric", pl.lit("").alias("level"), pl.lit("").alias("label")),
            ours.select("metric", "level", "label").unique(),
        ]
    )
    named_as = pl.coalesce(
        pl.col("label").replace_strict(PROMETHEUS_LABELS, default=None),
        _plain(pl.col("label")),
    )
    chosen = used.filter(pl.col("used_label") == "*").select("metric", pl.col("place").alias("any"))
    whole = chosen.group_by("metric").agg(pl.col("any").unique())
    places = used.group_by("metric", "used_label").agg(
        pl.col("place").unique().sort().alias("places")
    )
    listed = pl.col("places").list
    either = pl.concat_list(pl.col("places", "any").fill_null([])).list.unique().list.sort()
    is_label = pl.col("label") != ""
    return (
        every.with_columns(named_as.alias("used_label"))
        .join(places, on=["metric", "used_label"], how="left", validate="m:1")
        .join(whole, on="metric", how="left", validate="m:1")
        .with_columns(
            pl.when(is_label).then(either).otherwise(pl.col("places").fill_null([])).alias("places")
        )
        .with_columns(
            pl.when(not is_known)
            .then(pl.lit("unknown"))
            .when(listed.len() == 0)
            .then(pl.lit("unused"))
            .otherwise(pl.lit("used"))
            .alias("use_state"),
            listed.len().cast(pl.Int64).alias("place_count"),
            listed.head(SHOWN_PLACES).list.join("; ").alias("places"),
        )
        .select(METRIC_USE.schema.names())
        .cast(METRIC_USE.schema)
        .sort(METRIC_USE.key)
    )


def _plain(name: pl.Expr) -> pl.Expr:
    """Write a name as Prometheus does."""
    return name.str.replace_all(r"[^A-Za-z0-9_:]+", "_")


def _candidates(metrics: pl.LazyFrame) -> pl.LazyFrame:
    """Give every name under which a backend may know a metric."""
    base = _plain(pl.col("metric"))
    unit = pl.col("unit").replace_strict(UNITS, default="")
    names = [pl.col("metric")] + [
        pl.concat_str(stem, pl.lit(suffix))
        for stem in (base, pl.format("{}_{}", base, unit))
        for suffix in SUFFIXES
    ]
    return metrics.select("metric", pl.concat_list(names).alias("name")).explode("name").unique()


def _matched(candidates: pl.LazyFrame, found: pl.LazyFrame) -> pl.LazyFrame:
    """Give `metric used_label place` for each use of a known metric."""
    exact = found.filter(~pl.col("is_pattern")).rename({"metric": "name"})
    patterns = found.filter("is_pattern").rename({"metric": "pattern"})
    whole = pl.format("^(?:{})$", "pattern")
    fits = pl.col("name").str.contains(whole, strict=False).fill_null(value=False)
    hits = pl.concat(
        [
            candidates.join(exact, on="name", how="inner").select(
                "metric", "kind", "label", "place"
            ),
            candidates.join(patterns, how="cross")
            .filter(fits)
            .select("metric", "kind", "label", "place"),
        ]
    ).unique()
    alerted = hits.filter(pl.col("kind") == "alert").select("metric").unique()
    routed = found.filter(pl.col("kind") == "alertmanager").select("kind", "label", "place")
    every = pl.concat(
        [hits, alerted.join(routed, how="cross").select("metric", "kind", "label", "place")]
    )
    return every.select("metric", pl.col("label").alias("used_label"), "place").unique()

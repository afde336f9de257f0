"""What each team weighs in a pool that is split by a metric (`split: metric`).

Reads    raw_series, raw_point of a day and its neighbours; core_usage_hourly; the ownership rules
Writes   core_pool_weight_daily    one row per metric, aggregation and team with any weight
Units    whole numbers; only their ratio counts
Holds    the order of input rows changes nothing; parts of a fixed rule take their part of a weight

Each series belongs to whom its namespace and workload belong on that day, by the rules of cost.
Series of pools, buckets and of nobody weigh nothing. `increase` adds what counters rose by in the
day (resets count from 0), `last` the last value of the day of each series; below 0 counts 0. A
metric's name is compared in lower case with `_` for `.`.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final

import polars as pl

from transforms.exact.steady import steady_sum
from transforms.ledger.receivers import PARTS_SCALE
from transforms.owners.ownership import Ownership
from transforms.owners.owning import KEY_PREFIXES, Matcher, Resource
from transforms.usage.counters import increase
from transforms.usage.facts import CONTROLLERS
from warehouse.tables.core_pool import POOL_WEIGHT_DAILY

MICRO: Final = 10**6
DIGITS: Final = 15
"""Weights keep so many digits, so that their product with an amount in atoms fits 128 bits."""
NAMESPACES: Final = ("k8s.namespace.name", "service.namespace", "namespace")
WORKLOADS: Final = (*(key for _, key in CONTROLLERS), "k8s.pod.name", "service.name")
CLUSTERS: Final = ("k8s.cluster.name", "cluster")
Place = tuple[str, str, str]


def pool_weights(
    series: pl.LazyFrame,
    points: pl.LazyFrame,
    usage: pl.LazyFrame,
    ownership: Ownership,
    day: date,
) -> pl.LazyFrame:
    """Give core_pool_weight_daily of the metrics by which the day's pools are split."""
    matcher = Matcher(ownership, day)
    wanted = sorted({(p.metric, p.agg) for p in matcher.pools if p.split == "metric"})
    if not wanted:
        return POOL_WEIGHT_DAILY.empty().lazy()
    names = {plain(metric) for metric, _ in wanted}
    named = (
        series.with_columns(_plain(pl.col("metric_name")).alias("plain"))
        .filter(pl.col("plain").is_in(sorted(names)))
        .unique("series_id", keep="any")
        .select("series_id", "plain", "temporality", "resource_attributes", "point_attributes")
        .sort("series_id")
        .collect()
    )
    teams = _teams(named, matcher, _labels(usage))
    values = _values(named.lazy(), points, day).collect()
    asked = pl.DataFrame(
        [(metric, agg, plain(metric)) for metric, agg in wanted],
        schema={"metric": pl.String(), "agg": pl.String(), "plain": pl.String()},
        orient="row",
    )
    weighed = (
        values.join(asked, on=["plain", "agg"], how="inner", validate="m:m")
        .join(teams, on="series_id", how="inner", validate="m:m")
        .with_columns((pl.col("weight") * pl.col("part") // PARTS_SCALE).alias("weight"))
        .group_by("metric", "agg", "team")
        .agg(pl.col("weight").sum())
    )
    return (
        _shortened(weighed)
        .filter(pl.col("weight") > 0)
        .with_columns(pl.lit(day).alias("charge_date"))
        .select(POOL_WEIGHT_DAILY.schema.names())
        .cast(POOL_WEIGHT_DAILY.schema)
        .sort(POOL_WEIGHT_DAILY.key)
        .lazy()
    )


def plain(metric: str) -> str:
    """Give a metric's name as it is compared."""
    return metric.lower().replace(".", "_")


def _plain(name: pl.Expr) -> pl.Expr:
    return name.str.to_lowercase().str.replace_all(".", "_", literal=True)


def _values(named: pl.LazyFrame, points: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give per series and aggregation its weight of the day in millionths, a whole number."""
    begins = datetime.combine(day, time(), UTC)
    reported = (
        points.filter(pl.col("value").is_not_null() & pl.col("value").is_finite())
        .select("series_id", "event_at", "start_at", "value")
        .join(named.select("series_id", "plain", "temporality"), on="series_id", how="inner",
              validate="m:1")
        .sort("series_id", "event_at", "value")
        .unique(["series_id", "event_at"], keep="last", maintain_order=True)
        .with_columns(increase("value", begins).alias("rise"))
        .filter(pl.col("event_at").dt.date() == day)
    )  # fmt: skip
    sums = reported.group_by("series_id", "plain").agg(
        steady_sum(pl.col("rise")).alias("increase"),
        pl.col("value").sort_by("event_at").last().alias("last"),
    )
    whole = (pl.col("weight").clip(lower_bound=0) * MICRO).round(0).cast(pl.Int128)
    return sums.unpivot(
        ["increase", "last"], index=["series_id", "plain"], variable_name="agg", value_name="weight"
    ).with_columns(whole)


def _labels(usage: pl.LazyFrame) -> dict[Place, str]:
    """Give the labels of each workload, as the ledger's matches have them."""
    place = ["cluster", "namespace", "workload"]
    first = usage.group_by(place).agg(pl.col("labels").min()).collect()
    return {(row[0], row[1], row[2]): row[3] for row in first.select(*place, "labels").rows()}


def _teams(named: pl.DataFrame, matcher: Matcher, labels: Mapping[Place, str]) -> pl.DataFrame:
    """Give a row per series and team that owns it, with its part."""
    rows: list[tuple[int, str, int]] = []
    owners: dict[Resource, list[tuple[str, int]]] = {}
    for ident, *attributes in named.select(
        "series_id", "point_attributes", "resource_attributes"
    ).rows():
        resource = _resource([one for some in attributes for one in some or ()], labels)
        if resource not in owners:
            owners[resource] = _owners(resource, matcher)
        rows += [(ident, team, part) for team, part in owners[resource]]
    schema = {"series_id": named.schema["series_id"], "team": pl.String(), "part": pl.Int128()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _owners(resource: Resource, matcher: Matcher) -> list[tuple[str, int]]:
    owner = matcher.owner(resource, "workload")
    if owner.pool:
        return []
    return [(team, int(part * PARTS_SCALE)) for team, part in owner.shares if team in matcher.teams]


def _resource(attributes: list[dict[str, Any]], labels: Mapping[Place, str]) -> Resource:
    """Give what a series is about; a resource's attribute beats one of the point."""
    reported = {one["key"]: str(one["value"]) for one in attributes}

    def first(keys: tuple[str, ...], default: str) -> str:
        return next((value for key in keys if (value := reported.get(key))), default)

    place = (first(CLUSTERS, "default"), first(NAMESPACES, "-"), first(WORKLOADS, ""))
    own = {
        key.removeprefix(prefix): value
        for prefix in KEY_PREFIXES
        if prefix.startswith("k8s.") and "annotation" not in prefix
        for key, value in sorted(reported.items())
        if key.startswith(prefix)
    }
    own |= {"team": reported["team"]} if "team" in reported and "team" not in own else {}
    return Resource(*place, labels=labels.get(place, json.dumps(own, sort_keys=True)))


def _shortened(weighed: pl.DataFrame) -> pl.DataFrame:
    """Keep the first digits of the weights of each metric and aggregation."""
    rows = weighed.select("metric", "agg", "team", "weight").rows()
    greatest: dict[tuple[str, str], int] = {}
    for metric, agg, _, weight in rows:
        greatest[metric, agg] = max(weight, greatest.get((metric, agg), 0))
    scales = {key: 10 ** max(0, len(str(most)) - DIGITS) for key, most in greatest.items()}
    kept = [
        (metric, agg, team, weight // scales[metric, agg]) for metric, agg, team, weight in rows
    ]
    schema = {name: weighed.schema[name] for name in ("metric", "agg", "team")}
    return pl.DataFrame(kept, schema={**schema, "weight": pl.Int64()}, orient="row")

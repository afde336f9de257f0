"""Active series by day and hour; whose they are, and what they cost where.

Reads    raw_series_day and raw_histogram of a day
Writes   core_series_daily, mart_series_hourly, mart_series_cost, mart_series_quota
Units    money a month, Decimal(38, 12); a price per 1,000 stored series or per million samples
Holds    the teams' series sum to those of all; stored series: explicit histograms bounds + 3,
         summaries quantiles + 2; memory is that of one part of the metrics, and of the table made
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

import polars as pl

from transforms.cardinality.metric_parts import metric_parts, pieces_of
from transforms.exact.money import money
from transforms.owners.ownership import Ownership
from transforms.owners.owning import Matcher, Resource
from warehouse.table import INSTANT, USD
from warehouse.tables.series import (
    SERIES_COST,
    SERIES_DAILY,
    SERIES_HOURLY,
    SERIES_QUOTA,
)

EVERY: Final = "*"
MONTH: Final = 30
WORKLOADS: Final = (
    "k8s.cronjob.name", "k8s.deployment.name", "k8s.statefulset.name", "k8s.daemonset.name",
    "k8s.job.name", "service.name",
)  # fmt: skip
NAMESPACES: Final = ("k8s.namespace.name", "service.namespace")
TEAMS: Final = ("k8s.pod.label.team", "k8s.pod.labels.team", "team")
_KEYS: Final = (*WORKLOADS, *NAMESPACES, *TEAMS, "k8s.cluster.name")


@dataclass(frozen=True)
class Backend:
    """A place where series are stored: a price per 1,000 series a month, or per million samples."""

    name: str
    unit: str
    price: Decimal


@dataclass(frozen=True)
class Charges:
    """Prices of backends, and the series that each team may have (`*` for the others)."""

    backends: Sequence[Backend] = ()
    quotas: Mapping[str, int] = field(default_factory=dict)
    part_series: int = 1_000_000
    """Series that are looked at at a time: what the memory depends on."""


def series_day(series: pl.LazyFrame, day: date) -> Mapping[str, pl.LazyFrame]:
    """Give presence of series in a day, and active series by hour."""
    metric = pl.col("metric_name").alias("metric")
    daily = series.select(
        pl.lit(day).alias("day"), "series_id", metric, "first_hour_at", "last_hour_at"
    )
    was_sent = ((pl.col("hours") // 2**hour % 2).alias(str(hour)) for hour in range(24))
    midnight = pl.lit(datetime.combine(day, time(), UTC)).cast(INSTANT)
    hourly = (
        series.select(metric, *was_sent)
        .group_by("metric")
        .agg(pl.exclude("metric").sum().cast(pl.Int64))
        .unpivot(index="metric", variable_name="hour", value_name="series_count")
        .filter(pl.col("series_count") > 0)
        .with_columns(
            pl.lit(day).alias("day"),
            (midnight + pl.duration(hours=pl.col("hour").cast(pl.Int64))).alias("event_hour"),
        )
    )
    return {
        "core_series_daily": daily.sort(SERIES_DAILY.key),
        "mart_series_hourly": hourly.select(SERIES_HOURLY.schema.names()).sort(SERIES_HOURLY.key),
    }


def series_cost(
    series: pl.LazyFrame,
    histograms: pl.LazyFrame,
    ownership: Ownership,
    day: date,
    charges: Charges,
) -> Mapping[str, pl.LazyFrame]:
    """Give what each team's series cost in each backend, and who is over its quota.

    Some metrics are taken after the other where there are many series.
    """
    sizes = _sizes(histograms).collect().lazy()
    parts = [
        _counted(_owned(piece, ownership, day), sizes).collect()
        for part in metric_parts([series], charges.part_series)
        for piece in pieces_of(series, part)
    ]
    summed = pl.concat(parts).group_by("metric", "team").agg(pl.all().sum())
    counted = summed.with_columns(pl.lit(day).alias("day")).lazy()
    return {
        "mart_series_cost": _costs(counted, charges.backends),
        "mart_series_quota": _quotas(counted, charges.quotas),
    }


def _owned(series: pl.LazyFrame, ownership: Ownership, day: date) -> pl.LazyFrame:
    """Give each series once, with its samples of the day and its team."""
    once = (
        series.group_by("series_id")
        .agg(
            pl.col("metric_name").first().alias("metric"),
            pl.col("metric_kind").first(),
            pl.col("resource_attributes").first(),
            pl.col("point_count").sum(),
        )
        .collect()
    )
    resources = (
        once.select("series_id", "resource_attributes")
        .filter(pl.col("resource_attributes").list.len() > 0)
        .explode("resource_attributes")
        .unnest("resource_attributes")
        .filter(pl.col("key").is_in(_KEYS))
        .group_by("series_id")
        .agg(pl.col("value").filter(pl.col("key") == key).first().alias(key) for key in _KEYS)
    )
    named = once.drop("resource_attributes").join(
        resources, on="series_id", how="left", validate="1:1"
    )
    owners = _owners(named.select(_KEYS).unique(), ownership, day)
    joined = named.join(owners, on=_KEYS, how="left", validate="m:1", nulls_equal=True)
    return joined.drop(_KEYS).rename({"owner": "team"}).lazy()


def _owners(resources: pl.DataFrame, ownership: Ownership, day: date) -> pl.DataFrame:
    """Judge each distinct resource: its own team label first where no rule knows better."""
    matcher = Matcher(ownership, day)
    teams = [_team(matcher, row) for row in resources.to_dicts()]
    return resources.with_columns(pl.Series("owner", teams, dtype=pl.String()))


def _team(matcher: Matcher, resource: Mapping[str, str | None]) -> str:
    def first(keys: Sequence[str]) -> str:
        return next((value for key in keys if (value := resource.get(key))), "")

    team = first(TEAMS)
    owned = Resource(
        cluster=resource.get("k8s.cluster.name") or "-",
        namespace=first(NAMESPACES) or "-",
        workload=first(WORKLOADS),
        labels=json.dumps({"team": team} if team else {}),
    )
    owner = matcher.owner(owned, "series")
    if owner.reason == "no_rule" and team and not matcher.ownership.rules:
        return team
    return max(owner.shares, key=lambda share: (share[1], share[0]))[0]


def _sizes(histograms: pl.LazyFrame) -> pl.LazyFrame:
    """Give the most bounds and quantiles that a series had."""
    return histograms.group_by("series_id").agg(
        pl.col("bounds").list.len().max().alias("bounds"),
        pl.col("quantiles").list.len().max().alias("quantiles"),
    )


def _counted(owned: pl.LazyFrame, sizes: pl.LazyFrame) -> pl.LazyFrame:
    """Count series, stored series and stored samples per metric and team."""
    kind = pl.col("metric_kind")
    factor = (
        pl.when(kind == "histogram")
        .then(pl.col("bounds").fill_null(0) + 3)
        .when(kind == "summary")
        .then(pl.col("quantiles").fill_null(0) + 2)
        .otherwise(1)
        .cast(pl.Int64)
    )
    return (
        owned.join(sizes, on="series_id", how="left", validate="1:1")
        .with_columns(factor.alias("factor"))
        .group_by("metric", "team")
        .agg(
            pl.len().cast(pl.Int64).alias("series_count"),
            pl.col("factor").sum().alias("stored_series_count"),
            (pl.col("factor") * pl.col("point_count")).sum().alias("stored_sample_count"),
        )
    )


def _costs(counted: pl.LazyFrame, backends: Sequence[Backend]) -> pl.LazyFrame:
    """Price the counts, rounded down to the atom."""
    parts = [counted.head(0).with_columns(_priced(Backend("", "series", Decimal(0))))]
    parts += [counted.with_columns(_priced(backend)) for backend in backends]
    return (
        pl.concat(parts)
        .select(SERIES_COST.schema.names())
        .cast(SERIES_COST.schema)
        .sort(SERIES_COST.key)
    )


def _priced(backend: Backend) -> list[pl.Expr]:
    atoms = int(backend.price.scaleb(12))
    if backend.unit == "samples":
        cost = pl.col("stored_sample_count").cast(pl.Int128) * MONTH * atoms // 1_000_000
    else:
        cost = pl.col("stored_series_count").cast(pl.Int128) * atoms // 1000
    return [
        pl.lit(backend.name).alias("backend"),
        pl.lit(backend.unit).alias("price_unit"),
        money(cost).cast(USD).alias("monthly_cost"),
    ]


def _quotas(counted: pl.LazyFrame, quotas: Mapping[str, int]) -> pl.LazyFrame:
    given = {team: limit for team, limit in quotas.items() if team != EVERY}
    limit = pl.col("team").replace_strict(
        given, default=quotas.get(EVERY), return_dtype=pl.Int64()
    ) if given else pl.lit(quotas.get(EVERY), pl.Int64())  # fmt: skip
    return (
        counted.group_by("day", "team")
        .agg(pl.col("series_count").sum())
        .with_columns(limit.alias("quota_count"))
        .with_columns(
            (pl.col("series_count") > pl.col("quota_count")).fill_null(value=False).alias("is_over")
        )
        .select(SERIES_QUOTA.schema.names())
        .cast(SERIES_QUOTA.schema)
        .sort(SERIES_QUOTA.key)
    )


def forgotten_before(day: date) -> date:
    """Give the day before which presence is not kept any more."""
    return day - timedelta(days=MONTH)

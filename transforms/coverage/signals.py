"""What services send of their own, day by day: the partial of coverage.

Reads    raw_series_day, raw_signal
Writes   core_signal_daily
Time     UTC days of the event time; `last_received_at` is the time of receipt
Holds    metrics about a workload cover nobody
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from transforms.coverage.identity import IDENTITY, UNKNOWN, is_unknown
from transforms.coverage.workloads import ABOUT_WORKLOADS
from transforms.usage.attributes import first_of, value_of
from transforms.usage.facts import CONTROLLERS
from warehouse.tables.core import SIGNAL_DAILY


def signals_seen(
    series: pl.LazyFrame,
    signals: pl.LazyFrame,
    day: date,
    *,
    infrastructure_scopes: Sequence[str],
    environment: str,
) -> pl.LazyFrame:
    """Give core_signal_daily: what services sent themselves.

    Metrics about workloads (by scope, glob patterns, or by name) cover nobody. Without a usable
    `service.name` the workload and its namespace stand in; without a workload the row stays
    `unknown_service`, which is counted and covers nobody.
    """
    own = series.filter(~is_infrastructure(infrastructure_scopes)).select(
        *_identity(environment),
        pl.lit("metrics").alias("signal"),
        pl.col("hours").bitwise_count_ones().cast(pl.Int64).alias("item_count"),
        "received_at",
        "hours",
    )
    hour = pl.lit(2, pl.Int32).pow(pl.col("event_hour").dt.hour().cast(pl.UInt32))
    others = signals.select(
        *_identity(environment), "signal", "item_count", "received_at", hour.alias("hours")
    )
    return (
        pl.concat([own, others])
        .group_by(*IDENTITY, "signal")
        .agg(
            pl.col("item_count").sum(),
            pl.col("received_at").max().alias("last_received_at"),
            pl.col("hours").bitwise_or(),
        )
        .with_columns(
            pl.lit(day).alias("day"), pl.col("hours").bitwise_count_ones().alias("hour_count")
        )
        .select(SIGNAL_DAILY.schema.names())
        .cast(SIGNAL_DAILY.schema)
        .sort(SIGNAL_DAILY.key)
    )


def is_infrastructure(scopes: Sequence[str], metric: str | None = "metric_name") -> pl.Expr:
    """Tell whether a row tells about workloads: by its scope, or by the name of its metric."""
    named = [pl.col("scope_name").str.contains(_pattern(name)) for name in scopes]
    about = [] if metric is None else [pl.col(metric).str.contains(ABOUT_WORKLOADS)]
    return pl.any_horizontal(pl.lit(value=False), *about, *named)


def _pattern(glob: str) -> str:
    escaped = "".join(c if c.isalnum() or c in "*?" else "\\" + c for c in glob)
    return "^" + escaped.replace("*", ".*").replace("?", ".") + "$"


def _identity(environment: str) -> list[pl.Expr]:
    resource = "resource_attributes"
    name = first_of(value_of(resource, "service.name"))
    workload = first_of(*(value_of(resource, key) for _, key in CONTROLLERS))
    is_usable = ~is_unknown(name)
    has_workload = workload != ""
    return [
        pl.when(is_usable | ~has_workload)
        .then(first_of(value_of(resource, "service.namespace")))
        .otherwise(first_of(value_of(resource, "k8s.namespace.name")))
        .alias("service_namespace"),
        pl.when(is_usable)
        .then(name)
        .when(has_workload)
        .then(workload)
        .when(name == "")
        .then(pl.lit(UNKNOWN))
        .otherwise(name)
        .alias("service_name"),
        value_of(resource, "deployment.environment.name")
        .fill_null(environment)
        .alias("environment"),
    ]

"""What services cost in a month, by currency.

Reads    core_cost_ledger, core_workload_daily, tagged bill lines, rates by day, core_service
Writes   core_service_paid_daily, from it mart_service_cost
Units    monthly_cost in `currency`, report_cost in `report_currency`, Decimal(38, 12)
Holds    currencies are never added; what is converted is converted day by day, and is null for a
         service of which one day has no rate
"""

from datetime import datetime
from typing import Final

import polars as pl

from transforms.coverage.expected import HISTORY
from transforms.coverage.identity import IDENTITY, matched
from warehouse.table import USD
from warehouse.tables.mart_coverage import PAID_DAILY, SERVICE_COST

RUNNING: Final = ("workload", "no_rule", "unknown_team")
"""Reasons of the ledger for cost of a workload itself, whether or not somebody owns it."""

_CELL: Final = [*IDENTITY, "currency"]


def paid_daily(ledger: pl.LazyFrame, lines: pl.LazyFrame) -> pl.LazyFrame:
    """Give core_service_paid_daily: what of a day's ledger may be the cost of a service.

    A line inside a cluster is paid by what runs there; its tag is not looked at again.
    """
    cost = ("charge_date", "currency", "effective_cost")
    none = pl.lit("")
    running = ledger.filter(pl.col("reason").is_in(RUNNING) & (pl.col("cluster") != "-")).select(
        "cluster", "namespace", "workload", none.alias("x_line_hash"), *cost
    )
    tagged = lines.filter(pl.col("tags").list.len() > 0).select("x_line_hash")
    outside = (
        ledger.filter(pl.col("cluster") == "-")
        .join(tagged, on="x_line_hash", how="semi")
        .select("cluster", "namespace", none.alias("workload"), "x_line_hash", *cost)
    )
    return (
        pl.concat([running, outside])
        .group_by(PAID_DAILY.key)
        .agg(pl.col("effective_cost").sum())
        .select(PAID_DAILY.schema.names())
        .cast(PAID_DAILY.schema)
        .sort(PAID_DAILY.key)
    )


def service_costs(
    paid: pl.LazyFrame,
    workloads: pl.LazyFrame,
    tagged: pl.LazyFrame,
    *,
    environment: str,
    now: datetime,
) -> pl.LazyFrame:
    """Give what services cost on each of the last 30 days: workloads, and lines tagged with them.

    `paid` is core_service_paid_daily.
    """
    recent = paid.filter(pl.col("charge_date") > now.date() - HISTORY)
    cost = ("charge_date", "currency", "effective_cost")
    place = ["cluster", "namespace", "workload"]
    where = workloads.group_by(place).agg(pl.col("environment").sort_by("day").last())
    running = (
        recent.filter(pl.col("cluster") != "-")
        .join(where, on=place, how="left", validate="m:1")
        .select(
            pl.col("namespace").alias("service_namespace"),
            pl.col("workload").alias("service_name"),
            pl.col("environment").fill_null(environment),
            *cost,
        )
    )
    named = tagged.select("x_line_hash", tag="service_name")
    outside = (
        recent.filter(pl.col("cluster") == "-")
        .select("x_line_hash", *cost)
        .join(named, on="x_line_hash", how="inner", validate="m:1")
        .select(
            pl.lit("").alias("service_namespace"),
            pl.col("tag").alias("service_name"),
            pl.lit(environment).alias("environment"),
            *cost,
        )
    )
    by_day = [*_CELL, "charge_date"]
    summed = pl.concat([running, outside]).group_by(by_day).agg(pl.col("effective_cost").sum())
    return summed.sort(by_day)


def service_cost(
    costs: pl.LazyFrame,
    inventory: pl.LazyFrame,
    rates: pl.LazyFrame,
    *,
    report_currency: str,
) -> pl.LazyFrame:
    """Give mart_service_cost: costs by the service they belong to, matched as telemetry is.

    `costs` has the identity, `currency`, `charge_date` and `effective_cost`; `rates` what a unit of
    a currency is worth in the report currency on a day.
    """
    named = matched(costs.collect(), inventory.collect()).lazy()
    own, cost = pl.col("currency") == report_currency, pl.col("effective_cost")
    rate = pl.when(own).then(pl.lit(1, USD)).otherwise(pl.col("x_fx_rate"))
    converted = (cost * rate).cast(USD)
    is_whole = pl.lit(bool(report_currency)) & converted.is_not_null().all()
    return (
        named.join(rates, on=["charge_date", "currency"], how="left", validate="m:1")
        .group_by(
            pl.coalesce("known_namespace", "service_namespace").alias("service_namespace"),
            pl.coalesce("known_name", "service_name").alias("service_name"),
            "environment",
            "currency",
        )
        .agg(
            cost.sum().alias("monthly_cost"),
            pl.when(is_whole).then(converted.sum()).alias("report_cost"),
        )
        .with_columns(pl.lit(report_currency).alias("report_currency"))
        .select(SERVICE_COST.schema.names())
        .cast(SERVICE_COST.schema)
        .sort(SERVICE_COST.key)
    )


def one_cost(costs: pl.LazyFrame) -> pl.DataFrame:
    """Give each service one amount: in the report currency where all of it is, else the greatest.

    What stands in other currencies is left out of the amount, never added to it.
    """
    is_converted = pl.col("report_cost").is_not_null().all()
    greatest = pl.col("monthly_cost", "currency").sort_by("monthly_cost", "currency").last()
    return (
        costs.group_by(IDENTITY)
        .agg(
            pl.when(is_converted).then(pl.col("report_cost").sum()).alias("report_cost"),
            pl.col("report_currency").first(),
            greatest,
        )
        .select(
            *IDENTITY,
            pl.coalesce("report_cost", "monthly_cost").alias("monthly_cost"),
            pl.when(pl.col("report_cost").is_not_null())
            .then("report_currency")
            .otherwise("currency")
            .alias("currency"),
        )
        .sort(IDENTITY)
        .collect()
    )

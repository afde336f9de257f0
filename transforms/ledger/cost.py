"""Cost per namespace, team, service and day, and the proof that nothing was lost.

Reads    raw_cost_line, core_cost_ledger, the bill lines of a day
Writes   core_cost_line, mart_cost_daily_namespace, mart_cost_daily_team, mart_cost_daily_service,
         mart_cost_daily_statement, mart_reconciliation_daily
Units    Decimal(38, 12) in the line's currency; currencies are never added
Holds    each mart sums to the ledger it was made from; sums of parts are sums of the whole, since
         only Decimals are added
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from warehouse.table import Table
from warehouse.tables.core import COST_LINE
from warehouse.tables.mart_cost import (
    COST_DAILY_NAMESPACE,
    COST_DAILY_SERVICE,
    COST_DAILY_STATEMENT,
    COST_DAILY_TEAM,
    RECONCILIATION_DAILY,
)

ESTIMATED = "is_estimated"


def dated(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Give bill lines with the UTC day on which their charge period begins."""
    return lines.with_columns(pl.col("charge_period_start").dt.date().alias("charge_date"))


def cost_line(lines: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give core_cost_line of the lines that begin on a day."""
    return (
        dated(lines)
        .filter(pl.col("charge_date") == day)
        .select(COST_LINE.schema.names())
        .sort(COST_LINE.key)
    )


def cost_daily_namespace(ledger: pl.LazyFrame) -> pl.LazyFrame:
    """Sum to one row per day, cluster and namespace, before shared pools are split."""
    return _summed(ledger, COST_DAILY_NAMESPACE)


def cost_daily_service(ledger: pl.LazyFrame) -> pl.LazyFrame:
    """Sum to one row per day, team, place and provider's service."""
    return _summed(ledger, COST_DAILY_SERVICE)


def cost_daily_statement(ledger: pl.LazyFrame, lines: pl.LazyFrame) -> pl.LazyFrame:
    """Sum as statements name cost: what came from a pool is shared, then buckets, then credits."""
    reason = pl.col("reason")
    section = (
        pl.when(pl.col("pool") != "")
        .then(pl.lit("shared"))
        .when(reason.is_in(["idle", "no_telemetry", "unmounted"]))
        .then(reason)
        .when(pl.col("charge_category") == "Credit")
        .then(pl.lit("credit"))
        .otherwise(pl.lit("direct"))
    )
    facts = lines.select("x_line_hash", "charge_category", delivery_id="x_delivery_id")
    reported = ledger.join(facts, on="x_line_hash", how="left", validate="m:1").with_columns(
        section.alias("section"),
        pl.when(pl.col("cluster") == "-").then(pl.lit("")).otherwise("workload").alias("workload"),
    )
    return _summed(reported, COST_DAILY_STATEMENT)


def cost_daily_team(ledger: pl.LazyFrame) -> pl.LazyFrame:
    """Sum to one row per day and team; what came from a pool is `shared_cost`."""
    effective, shared = pl.col("effective_cost"), pl.col("pool") != ""
    zero = pl.lit(0, dtype=COST_DAILY_TEAM.schema["direct_cost"])
    divided = ledger.with_columns(
        pl.when(shared).then(zero).otherwise(effective).alias("direct_cost"),
        pl.when(shared).then(effective).otherwise(zero).alias("shared_cost"),
    )
    return _summed(divided, COST_DAILY_TEAM)


def reconciliation_daily(lines: pl.LazyFrame, ledger: pl.LazyFrame) -> pl.LazyFrame:
    """Hold the bill lines of a day against its ledger, per currency.

    The two sums come by separate ways: the bill's from the lines, the ledger's from its rows.
    """
    key = ["charge_date", "currency"]
    bill = (
        lines.rename({"billing_currency": "currency"})
        .group_by(key)
        .agg(
            pl.col("effective_cost").sum().alias("bill_cost"),
            pl.col("billed_cost").sum().alias("bill_billed_cost"),
            pl.len().cast(pl.Int64).alias("line_count"),
        )
    )
    out = ledger.group_by(key).agg(
        pl.col("effective_cost").sum().alias("ledger_cost"),
        pl.col("billed_cost").sum().alias("ledger_billed_cost"),
        pl.len().cast(pl.Int64).alias("ledger_row_count"),
        pl.col("config_hash").max(),
    )
    return (
        bill.join(out, on=key, how="full", coalesce=True, validate="1:1")
        .with_columns(pl.exclude(*key, "config_hash").fill_null(0))
        .with_columns(pl.col("config_hash").fill_null(""))
        .with_columns((pl.col("bill_cost") - pl.col("ledger_cost")).alias("difference"))
        .select(RECONCILIATION_DAILY.schema.names())
        .cast(RECONCILIATION_DAILY.schema)
        .sort(key)
    )


def _summed(rows: pl.LazyFrame, table: Table) -> pl.LazyFrame:
    """Sum a table's money over its key; a sum is estimated when a part of it is."""
    costs: Sequence[str] = [
        name for name, kind in table.schema.items() if isinstance(kind, pl.Decimal)
    ]
    return (
        rows.group_by(table.key)
        .agg(pl.col(costs).sum(), pl.col(ESTIMATED).any())
        .select(table.schema.names())
        .cast(table.schema)
        .sort(table.key)
    )

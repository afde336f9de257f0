"""Cost per namespace, team and service; the proof; budgets."""

from typing import Final

import polars as pl

from warehouse.table import USD, Check, Column, Table, choice, count
from warehouse.tables import values
from warehouse.tables.core import (
    BILLED,
    CHARGE_DATE,
    CLUSTER,
    CURRENCY,
    EFFECTIVE,
    IS_ESTIMATED,
    NAMESPACE,
    TEAM,
)

COST_DAILY_NAMESPACE: Final = Table(
    name="mart_cost_daily_namespace",
    text="Cost per namespace, before shared pools are split.",
    grain="day, cluster, namespace and currency",
    key=("charge_date", "cluster", "namespace", "currency"),
    partition="charge_date",
    columns=(CHARGE_DATE, CLUSTER, NAMESPACE, CURRENCY, EFFECTIVE, BILLED, IS_ESTIMATED),
)

COST_DAILY_TEAM: Final = Table(
    name="mart_cost_daily_team",
    text="Cost per team: its own, and its part of shared pools.",
    grain="day, team and currency",
    key=("charge_date", "team", "currency"),
    partition="charge_date",
    columns=(
        CHARGE_DATE,
        TEAM,
        CURRENCY,
        Column("direct_cost", USD, "effective cost of its own", unit="currency"),
        Column("shared_cost", USD, "effective cost from shared pools", unit="currency"),
        Column("effective_cost", USD, "direct_cost + shared_cost", unit="currency"),
        BILLED,
        IS_ESTIMATED,
    ),
    checks=(
        Check(
            "effective is direct plus shared",
            "fail",
            "SELECT * FROM mart_cost_daily_team WHERE effective_cost <> direct_cost + shared_cost",
        ),
    ),
)

COST_DAILY_HIERARCHY: Final = Table(
    name="mart_cost_daily_hierarchy",
    text="Cost per team with its department and cost centre: sum it by any of the three.",
    grain="day, team and currency",
    key=("charge_date", "team", "currency"),
    columns=(
        CHARGE_DATE,
        Column("cost_center", pl.String(), "of the team, else of its department; `-` without one"),
        Column("department", pl.String(), "department's id; `-` without one"),
        Column("department_name", pl.String(), "its name; buckets are their own on every level"),
        TEAM,
        Column("team_name", pl.String(), "its name"),
        CURRENCY,
        Column("direct_cost", USD, "effective cost of its own", unit="currency"),
        Column("shared_cost", USD, "effective cost from shared pools", unit="currency"),
        Column("effective_cost", USD, "direct_cost + shared_cost", unit="currency"),
        BILLED,
        IS_ESTIMATED,
    ),
    checks=(
        Check(
            "effective is direct plus shared",
            "fail",
            "SELECT * FROM mart_cost_daily_hierarchy"
            " WHERE effective_cost <> direct_cost + shared_cost",
        ),
    ),
)

COST_DAILY_SERVICE: Final = Table(
    name="mart_cost_daily_service",
    text="Cost per team, namespace and provider service: what the cost explorer groups.",
    grain="day, team, cluster, namespace, provider, service, account and currency",
    key=(
        "charge_date",
        "team",
        "cluster",
        "namespace",
        "provider_name",
        "service_name",
        "sub_account_id",
        "currency",
    ),
    partition="charge_date",
    columns=(
        CHARGE_DATE,
        TEAM,
        CLUSTER,
        NAMESPACE,
        Column("provider_name", pl.String(), "FOCUS ProviderName"),
        Column("service_name", pl.String(), "FOCUS ServiceName"),
        Column("sub_account_id", pl.String(), "FOCUS SubAccountId; empty if none"),
        CURRENCY,
        EFFECTIVE,
        BILLED,
        IS_ESTIMATED,
    ),
)

SECTION: Final = choice("section", values.SECTIONS)
ACCOUNT: Final = Column("sub_account_id", pl.String(), "FOCUS SubAccountId; empty if none")
CHARGE: Final = Column("charge_category", pl.String(), "FOCUS ChargeCategory")
RULE: Final = Column("rule_id", pl.String(), "ownership rule that decided; empty for buckets")
POOL: Final = Column("pool", pl.String(), "shared pool it was split from; empty for direct cost")

COST_DAILY_STATEMENT: Final = Table(
    name="mart_cost_daily_statement",
    text="Cost as statements name it; months are closed from it.",
    grain="day, receiver, section, workload, service, account, category, pool, rule and delivery",
    key=(
        "charge_date",
        "team",
        "section",
        "cluster",
        "namespace",
        "workload",
        "service_name",
        "sub_account_id",
        "charge_category",
        "pool",
        "rule_id",
        "delivery_id",
        "currency",
    ),
    partition="charge_date",
    columns=(
        CHARGE_DATE,
        TEAM,
        SECTION,
        CLUSTER,
        NAMESPACE,
        Column("workload", pl.String(), "workload or bucket; empty outside clusters"),
        Column("service_name", pl.String(), "FOCUS ServiceName"),
        ACCOUNT,
        CHARGE,
        POOL,
        RULE,
        Column("delivery_id", pl.String(), "delivery that brought the line when it was built"),
        CURRENCY,
        EFFECTIVE,
        BILLED,
        IS_ESTIMATED,
    ),
)

RECONCILIATION_DAILY: Final = Table(
    name="mart_reconciliation_daily",
    text="The proof: what the bill says and what the ledger gives out.",
    grain="day and currency",
    key=("charge_date", "currency"),
    partition="charge_date",
    columns=(
        CHARGE_DATE,
        CURRENCY,
        Column("bill_cost", USD, "effective cost of the bill lines of the day", unit="currency"),
        Column("ledger_cost", USD, "effective cost in the ledger", unit="currency"),
        Column("difference", USD, "bill_cost - ledger_cost; must be 0", unit="currency"),
        Column("bill_billed_cost", USD, "billed cost of the bill lines", unit="currency"),
        Column("ledger_billed_cost", USD, "billed cost in the ledger", unit="currency"),
        count("line_count", "bill lines that touch the day"),
        count("ledger_row_count", "ledger rows of the day"),
        Column("config_hash", pl.String(), "digest of the rules that the ledger was made by"),
    ),
    checks=(
        Check(
            "ledger equals bill",
            "fail",
            "SELECT * FROM mart_reconciliation_daily WHERE difference <> 0"
            " OR bill_billed_cost <> ledger_billed_cost",
        ),
    ),
)

BUDGET: Final = Table(
    name="mart_budget",
    text="Budgets against actual and forecast spend.",
    grain="period and team",
    key=("period", "team"),
    columns=(
        Column("period", pl.String(), "month, YYYY-MM"),
        TEAM,
        CURRENCY,
        Column("budget_cost", USD, "budget of the month", unit="currency"),
        Column("spent_cost", USD, "effective cost so far", unit="currency"),
        Column("forecast_cost", USD, "expected at month end", unit="currency"),
        Column("elapsed_days", pl.Int32(), "days of the month with cost"),
        Column("period_days", pl.Int32(), "days of the month"),
        Column("burn", pl.Float64(), "(spent / budget) / (elapsed / period)", unit="1"),
        choice(
            "state",
            values.BUDGET_STATES,
            meanings={"at_risk": "forecast over budget", "over": "spent over budget"},
        ),
    ),
)

ALL: Final = (
    COST_DAILY_NAMESPACE,
    COST_DAILY_TEAM,
    COST_DAILY_HIERARCHY,
    COST_DAILY_SERVICE,
    COST_DAILY_STATEMENT,
    RECONCILIATION_DAILY,
    BUDGET,
)

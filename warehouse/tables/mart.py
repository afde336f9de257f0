"""What a page shows: one question each."""

from typing import Final

import polars as pl

from warehouse.table import INSTANT, USD, Check, Column, Table
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

DAY: Final = Column("day", pl.Date(), "UTC day of the event time")
METRIC: Final = Column("metric", pl.String(), "name of the metric")
LEVEL: Final = Column("level", pl.String(), "point or resource: where the label stands")
LABEL: Final = Column("label", pl.String(), "attribute key")


def _count(name: str, text: str) -> Column:
    return Column(name, pl.Int64(), text, unit="1")


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
        _count("line_count", "bill lines that touch the day"),
        _count("ledger_row_count", "ledger rows of the day"),
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

COVERAGE_SERVICE: Final = Table(
    name="mart_coverage_service",
    text="Which services can be seen, and which are dark.",
    grain="service",
    key=("service_namespace", "service_name", "environment"),
    columns=(
        Column("service_namespace", pl.String(), "service.namespace; empty if none"),
        Column("service_name", pl.String(), "service.name"),
        Column("environment", pl.String(), "deployment.environment.name"),
        TEAM,
        Column("kind", pl.String(), "service, datastore, third_party or cronjob"),
        Column("tier", pl.Int32(), "1 is the most important"),
        Column("state", pl.String(), "complete, partial, dark, unregistered or exempt"),
        Column("has_logs", pl.Boolean(), "logs received within the window"),
        Column("has_metrics", pl.Boolean(), "metrics of its own received within the window"),
        Column("has_traces", pl.Boolean(), "traces received within the window"),
        Column("missing_signals", pl.String(), "expected and not fresh, joined by `+`"),
        _count("missing_count", "how many expected signals are not fresh"),
        Column("last_seen_at", INSTANT, "last signal of its own received", is_nullable=True),
        Column(
            "monthly_cost", USD, "last 30 days of its workload", unit="currency", is_nullable=True
        ),
        Column("sources", pl.String(), "who named it"),
        Column("gain", pl.Float64(), "what fixing it adds to M7", unit="1"),
        Column(
            "fix_rank", pl.Int32(), "place in the list of fixes; null when none", is_nullable=True
        ),
    ),
)

COVERAGE_TEAM: Final = Table(
    name="mart_coverage_team",
    text="M7 per team, and pooled for the organisation (`__all__`).",
    grain="team",
    key=("team",),
    columns=(
        TEAM,
        _count("complete_count", "services fresh on all expected signals"),
        _count("partial_count", "services with some of them"),
        _count("dark_count", "services with none"),
        _count("expected_count", "complete + partial + dark"),
        _count("unregistered_count", "seen, not in the inventory: in no other count"),
        _count("exempt_count", "exempt: in no other count"),
        Column(
            "coverage_ratio",
            pl.Float64(),
            "complete / expected, for charts; null when nothing is expected",
            unit="1",
            is_nullable=True,
        ),
    ),
)

CARDINALITY_METRIC: Final = Table(
    name="mart_cardinality_metric",
    text="Active series per metric, with growth.",
    grain="day and metric",
    key=("day", "metric"),
    partition="day",
    columns=(
        DAY,
        METRIC,
        Column("metric_kind", pl.String(), "gauge, sum, histogram, …"),
        Column("unit", pl.String(), "unit as sent"),
        _count("series_count", "distinct series of the day"),
        _count("stored_series_count", "series as a Prometheus-like backend stores them"),
        _count("label_count", "distinct label keys, point and resource"),
        Column("previous_series_count", pl.Int64(), "the day before", is_nullable=True),
        Column("top_team", pl.String(), "team with most of the series"),
        Column("monthly_cost", USD, "at the configured price", unit="USD", is_nullable=True),
        Column("is_lower_bound", pl.Boolean(), "an SDK overflow point was seen"),
    ),
)

CARDINALITY_LABEL: Final = Table(
    name="mart_cardinality_label",
    text="What dropping each label of each metric would save: all answers at once, exact.",
    grain="day, metric, level and label",
    key=("day", "metric", "level", "label"),
    partition="day",
    columns=(
        DAY,
        METRIC,
        LEVEL,
        LABEL,
        _count("distinct_count", "distinct values"),
        _count("series_without_count", "series left without the label"),
        _count("saved_count", "series saved"),
        Column("is_safe", pl.Boolean(), "nothing merges without it"),
        Column("multiplier", pl.Float64(), "series / series left", unit="1"),
        Column("saved_cost", USD, "a month at the configured price", unit="USD", is_nullable=True),
        Column(
            "explained_growth",
            pl.Float64(),
            "part of the metric's growth since the day before that goes away without the label",
            unit="1",
            is_nullable=True,
        ),
        Column("is_root_cause", pl.Boolean(), "the label that explains the metric's growth best"),
    ),
)

CARDINALITY_VALUE: Final = Table(
    name="mart_cardinality_value",
    text="The most frequent values of each label.",
    grain="day, metric, level, label and value; the ten with most series",
    key=("day", "metric", "level", "label", "value"),
    partition="day",
    columns=(
        DAY,
        METRIC,
        LEVEL,
        LABEL,
        Column("value", pl.String(), "value as text; e-mail and IP addresses are redacted"),
        _count("series_count", "series that bear it"),
        Column("value_rank", pl.Int32(), "1 has most series"),
    ),
)

CHURN_METRIC: Final = Table(
    name="mart_churn_metric",
    text="Series that came and went since the day before, and the label that did it.",
    grain="day and metric",
    key=("day", "metric"),
    partition="day",
    columns=(
        DAY,
        METRIC,
        _count("new_count", "series of the day that the day before did not have"),
        _count("gone_count", "series of the day before that the day does not have"),
        Column(
            "root_cause_label", pl.String(), "label that explains the growth; empty if none does"
        ),
        Column("root_cause_level", pl.String(), "point or resource; empty if none does"),
    ),
)

SLI_DAILY: Final = Table(
    name="mart_sli_daily",
    text="M1 to M12, with numerator and denominator; a metric without data has no row.",
    grain="day, SLI and scope",
    key=("day", "sli", "scope"),
    columns=(
        DAY,
        Column("sli", pl.String(), "M1 … M12"),
        Column("scope", pl.String(), "organisation (`__all__`), team or service"),
        Column(
            "value", pl.Float64(), "numerator / denominator; null when that is 0", is_nullable=True
        ),
        Column("numerator", USD, "good events, covered services, money", unit="see metrics"),
        Column("denominator", USD, "all events, expected services, …", unit="see metrics"),
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
        Column(
            "state", pl.String(), "ok, at_risk (forecast over budget) or over (spent over budget)"
        ),
    ),
)

RUN: Final = Table(
    name="mart_run",
    text="What each build did.",
    grain="build, step and partition",
    key=("run_id", "step", "partition"),
    columns=(
        Column("run_id", pl.String(), "build"),
        Column("step", pl.String(), "table that was made"),
        Column("partition", pl.String(), "day, or `all`"),
        Column("started_at", INSTANT, "start"),
        Column("wall_seconds", pl.Float64(), "how long it took", unit="s"),
        _count("row_count", "rows written"),
        Column("state", pl.String(), "done or failed"),
        Column("message", pl.String(), "error or warning; empty otherwise"),
    ),
)

CHECK: Final = Table(
    name="mart_check",
    text="Checks on data, kept and broken.",
    grain="build, table and check",
    key=("run_id", "table_name", "check_name"),
    columns=(
        Column("run_id", pl.String(), "build"),
        Column("table_name", pl.String(), "table"),
        Column("check_name", pl.String(), "the fact that must hold"),
        Column("level", pl.String(), "fail stops the write, warn is shown"),
        _count("broken_count", "rows that break it"),
        Column("sample", pl.String(), "the first of them; empty if none"),
    ),
)

COLLECTOR: Final = Table(
    name="mart_collector",
    text="What the collector had counted when the snapshot was built.",
    grain="counter and label",
    key=("counter", "label"),
    columns=(
        Column("counter", pl.String(), "accepted_requests, refused_requests, accepted_items, …"),
        Column("label", pl.String(), "signal, cause or empty"),
        _count("value", "count since the collector's first start"),
        Column("observed_at", INSTANT, "when it was read"),
    ),
)

ALL: Final = (
    COST_DAILY_NAMESPACE,
    COST_DAILY_TEAM,
    COST_DAILY_SERVICE,
    RECONCILIATION_DAILY,
    COVERAGE_SERVICE,
    COVERAGE_TEAM,
    CARDINALITY_METRIC,
    CARDINALITY_LABEL,
    CARDINALITY_VALUE,
    CHURN_METRIC,
    SLI_DAILY,
    BUDGET,
    RUN,
    CHECK,
    COLLECTOR,
)

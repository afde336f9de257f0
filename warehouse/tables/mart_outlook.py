"""What the month will cost, and which costs are out of the ordinary."""

from typing import Final

import polars as pl

from warehouse.table import USD, Column, Table, choice, count
from warehouse.tables import values
from warehouse.tables.core import CHARGE_DATE, CURRENCY, TEAM

FORECAST: Final = Table(
    name="mart_forecast",
    text="What each team will have cost at the end of the month, with an interval of 80 %.",
    grain="month, team and currency",
    key=("period", "team", "currency"),
    columns=(
        Column("period", pl.String(), "month, YYYY-MM: the latest with a complete day"),
        TEAM,
        CURRENCY,
        Column("spent_cost", USD, "effective cost of the complete days", unit="currency"),
        Column("forecast_cost", USD, "expected for the whole month", unit="currency"),
        Column("low_cost", USD, "1 in 10 ends below", unit="currency", is_nullable=True),
        Column("high_cost", USD, "1 in 10 ends above", unit="currency", is_nullable=True),
        Column(
            "error_ratio", pl.Float64(), "median error of the backtest", unit="1", is_nullable=True
        ),
        count("backtest_count", "days from which it was tried; below 5 there is no interval"),
        Column("horizon_days", pl.Int64(), "days each trial looked ahead", unit="1"),
        Column("elapsed_days", pl.Int64(), "complete days of the month", unit="1"),
        Column("period_days", pl.Int64(), "days of the month", unit="1"),
    ),
)

ANOMALY: Final = Table(
    name="mart_cost_anomaly",
    text="Days on which a team's service, or a namespace, cost far more than usual.",
    grain="day, scope, team, service, cluster, namespace and currency",
    key=("charge_date", "scope", "team", "service_name", "cluster", "namespace", "currency"),
    columns=(
        CHARGE_DATE,
        choice(
            "scope",
            values.ANOMALY_SCOPES,
            meanings={"team": "a service of a team", "namespace": "runaway"},
        ),
        Column("team", pl.String(), "owning team; empty for a namespace"),
        Column("service_name", pl.String(), "FOCUS ServiceName; empty for a namespace"),
        Column("cluster", pl.String(), "of the namespace; empty for a team"),
        Column("namespace", pl.String(), "empty for a team"),
        CURRENCY,
        Column("effective_cost", USD, "cost of the day", unit="currency"),
        Column("expected_cost", USD, "median of the same weekday before", unit="currency"),
        Column("impact_cost", USD, "cost - expected", unit="currency"),
        Column("score", pl.Float64(), "impact / (1.4826 MAD + floor)", unit="1"),
        count("day_count", "days in a row, up to this one"),
        Column("drivers", pl.String(), "the three parts that rose most, with their rise"),
    ),
)

ALL: Final = (FORECAST, ANOMALY)

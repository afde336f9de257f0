"""What a thousand units of work cost."""

from typing import Final

import polars as pl

from warehouse.table import USD, Column, Table
from warehouse.tables.core import CHARGE_DATE, CURRENCY, EFFECTIVE, IS_ESTIMATED, NAMESPACE

METRIC: Final = Column("metric", pl.String(), "counter or histogram of `unit_cost.counters`")
COUNT: Final = Column("unit_count", pl.Float64(), "its increase in the day", unit="1")

COUNTER_DAILY: Final = Table(
    name="core_counter_daily",
    text="How much each counted unit of work rose.",
    grain="day, metric and namespace",
    key=("charge_date", "metric", "namespace"),
    partition="charge_date",
    is_published=False,
    columns=(
        CHARGE_DATE,
        METRIC,
        NAMESPACE,
        COUNT,
        Column("value_sum", pl.Float64(), "increase of a histogram's sum", is_nullable=True),
    ),
)

UNIT_COST: Final = Table(
    name="mart_unit_cost",
    text="Cost against performance: spend, units of work, their mean value and replicas.",
    grain="day, metric, namespace and currency",
    key=("charge_date", "metric", "namespace", "currency"),
    columns=(
        CHARGE_DATE,
        METRIC,
        NAMESPACE,
        CURRENCY,
        EFFECTIVE,
        COUNT,
        Column("cost_per_1000", USD, "effective cost of 1,000 units", unit="currency"),
        Column(
            "value_mean", pl.Float64(), "mean of a histogram's values, e.g. latency",
            is_nullable=True,
        ),
        Column("replica_mean", pl.Float64(), "containers running, mean of the day", unit="1"),
        IS_ESTIMATED,
    ),
)  # fmt: skip

ALL: Final = (COUNTER_DAILY, UNIT_COST)

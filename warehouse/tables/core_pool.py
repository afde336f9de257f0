"""What teams weigh in pools that are split by a metric."""

from typing import Final

import polars as pl

from warehouse.table import Column, Table, choice
from warehouse.tables import values
from warehouse.tables.core import CHARGE_DATE

POOL_WEIGHT_DAILY: Final = Table(
    name="core_pool_weight_daily",
    text="What each team weighs in a pool of `split: metric`; without a row it weighs nothing.",
    grain="day, metric, aggregation and team",
    key=("charge_date", "metric", "agg", "team"),
    partition="charge_date",
    columns=(
        CHARGE_DATE,
        Column("metric", pl.String(), "metric, as the ownership file names it"),
        choice("agg", values.AGGREGATIONS),
        Column("team", pl.String(), "owner of the namespaces and workloads that were measured"),
        Column("weight", pl.Int64(), "sum over its series; only the ratio counts", unit="1"),
    ),
)

ALL: Final = (POOL_WEIGHT_DAILY,)

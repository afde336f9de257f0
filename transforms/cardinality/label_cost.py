"""What dropping each label would save in each backend.

Reads    mart_series_cost, mart_cardinality_label, mart_cardinality_metric
Writes   mart_label_cost: metrics of the last day that is over, labels that save anything
Units    money a month, at the price of each backend; series and samples alike
Holds    a label saves that part of its metric's cost that it has of its series, rounded down to the
         atom; `mart_cardinality_label` rounds to whole stored series: less than one price apart
"""

from datetime import date

import polars as pl

from transforms.exact.money import atoms, money
from warehouse.tables.series import LABEL_COST


def label_cost(
    costs: pl.LazyFrame, labels: pl.LazyFrame, metrics: pl.LazyFrame, *, now: date
) -> pl.LazyFrame:
    """Give backend, metric and label with the cost of the metric and what dropping it saves."""
    is_over = pl.col("day").filter(pl.col("day") < now).max()
    last = metrics.filter(pl.col("day") == pl.coalesce(is_over, pl.col("day").max()))
    key = ["day", "metric"]
    spent = costs.group_by(*key, "backend", "price_unit").agg(
        atoms(pl.col("monthly_cost")).sum().alias("atoms")
    )
    saved = pl.col("atoms") * pl.col("saved_count").cast(pl.Int128) // pl.col("series_count")
    return (
        labels.filter(pl.col("saved_count") > 0)
        .join(last.select(*key, "series_count"), on=key, how="inner", validate="m:1")
        .join(spent, on=key, how="inner", validate="m:m")
        .with_columns(
            money(pl.col("atoms")).alias("monthly_cost"), money(saved).alias("saved_cost")
        )
        .select(LABEL_COST.schema.names())
        .cast(LABEL_COST.schema)
        .sort(LABEL_COST.key)
    )

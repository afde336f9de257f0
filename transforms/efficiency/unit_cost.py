"""Cost per unit of work: requests, orders, jobs, whatever a counter counts.

Reads    core_counter_daily; mart_cost_daily_namespace, mart_workload_daily
Writes   mart_unit_cost
Units    cost per 1,000 units, Decimal(38, 12)
"""

import polars as pl

from transforms.exact.money import atoms, money
from transforms.exact.steady import steady_sum
from warehouse.tables.mart_unit import UNIT_COST
from warehouse.tables.mart_workload import WORKLOAD_DAILY


def unit_cost(
    counted: pl.LazyFrame, namespaces: pl.LazyFrame, workloads: pl.LazyFrame
) -> pl.LazyFrame:
    """Give mart_unit_cost: of each namespace that counts something and costs something."""
    key = ["charge_date", "namespace"]
    cost = namespaces.group_by(*key, "currency").agg(
        pl.col("effective_cost").sum(), pl.col("is_estimated").any()
    )
    replicas = (
        workloads.sort(WORKLOAD_DAILY.key)
        .group_by(*key, "currency")
        .agg((steady_sum(pl.col("run_hours")) / 24).alias("replica_mean"))
    )
    per = atoms(pl.col("effective_cost")) * 1000 // pl.col("unit_count").round(0).cast(pl.Int128)
    return (
        counted.filter(pl.col("unit_count") >= 1)
        .join(cost, on=key, how="inner", validate="m:m")
        .join(replicas, on=[*key, "currency"], how="left", validate="m:1")
        .with_columns(
            money(per).alias("cost_per_1000"),
            (pl.col("value_sum") / pl.col("unit_count")).alias("value_mean"),
            pl.col("replica_mean").fill_null(0),
        )
        .select(UNIT_COST.schema.names())
        .cast(UNIT_COST.schema)
        .sort(UNIT_COST.key)
    )

"""Cost per thousand units of any counter, by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from transforms.efficiency import unit_cost
from warehouse.tables.mart_cost import COST_DAILY_NAMESPACE
from warehouse.tables.mart_unit import COUNTER_DAILY, UNIT_COST
from warehouse.tables.mart_workload import WORKLOAD_DAILY

DAY = date(2026, 10, 1)
START = datetime(2026, 10, 1, tzinfo=UTC)
NAMESPACE = {"k8s.namespace.name": "shop"}


def test_a_thousand_orders() -> None:
    """$12 for 4,000 orders of 0.25 s are $3 a thousand; 48 container hours are two replicas."""
    facts = {"charge_date": DAY, "namespace": "shop", "currency": "USD"}

    def one(table: Any, **more: object) -> pl.LazyFrame:
        row = {**table.sample(1).to_dicts()[0], **facts, **more}
        return pl.LazyFrame([{name: row[name] for name in table.schema}], schema=table.schema)

    made = unit_cost.unit_cost(
        one(COUNTER_DAILY, metric="orders", unit_count=4000.0, value_sum=1000.0),
        one(COST_DAILY_NAMESPACE, effective_cost=Decimal(12)),
        one(WORKLOAD_DAILY, run_hours=48.0),
    ).collect()

    row = UNIT_COST.check(made).row(0, named=True)
    assert row["cost_per_1000"] == 3
    assert (row["value_mean"], row["replica_mean"]) == (0.25, 2.0)

"""What of workloads is looked at: the last days, and what was asked for."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from transforms.efficiency import workload
from warehouse.tables.mart_workload import EFFICIENCY, WORKLOAD_DAILY

DAY = date(2026, 10, 1)


def daily(days: int, **facts: object) -> pl.LazyFrame:
    """Give a row of mart_workload_daily for so many days; each cost a dollar of CPU."""
    row = {**WORKLOAD_DAILY.sample(1).to_dicts()[0], "workload": "app"}
    row |= {"cpu_cost": Decimal(1), "memory_cost": Decimal(0), **facts}
    rows = [{**row, "charge_date": DAY + timedelta(days=n)} for n in range(days)]
    return pl.LazyFrame(rows, schema=WORKLOAD_DAILY.schema)


@pytest.mark.parametrize(("days", "first"), [(6, 2), (7, 1), (8, 1)])
def test_so_many_days_with_the_last_one(days: int, first: int) -> None:
    """Of seven days the last six begin on the second, the last seven on the first."""
    made = workload.last_days(daily(7), "charge_date", days).collect()

    assert made["charge_date"].min() == date(2026, 10, first)
    assert made["charge_date"].max() == date(2026, 10, 7)


def test_the_last_days_of_nothing() -> None:
    """Without rows there is no last day, and no rows."""
    assert workload.last_days(daily(0), "charge_date", 7).collect().is_empty()


def efficiency(**facts: object) -> dict[str, Any]:
    """Give mart_workload_efficiency of one day."""
    made = workload.workload_efficiency(daily(1, **facts), days=1).collect()
    return EFFICIENCY.check(made).row(0, named=True)


def test_a_workload_that_costs_nothing_has_no_efficiency() -> None:
    """The parts are weighted by cost: without any the sum is 0, not nothing by nothing."""
    row = efficiency(cpu_cost=Decimal(0), cpu_request_core_hours=1.0, cpu_usage_core_hours=1.0)

    assert (row["cpu_efficiency"], row["efficiency"]) == (1.0, 0.0)


def test_more_used_than_asked_for_leaves_nothing_unused() -> None:
    """Twice the request is an efficiency of 2; what was not used is nothing, not less."""
    row = efficiency(cpu_request_core_hours=1.0, cpu_usage_core_hours=2.0)

    assert row["cpu_efficiency"] == 2.0
    assert row["unused_cost"] == 0

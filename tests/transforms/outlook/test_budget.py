"""Budgets: spent, forecast and state, by hand arithmetic."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from transforms.outlook.budget import budgets
from transforms.owners.ownership import parse_ownership
from warehouse.tables.mart_cost import BUDGET, COST_DAILY_TEAM


def spend(first: date, costs: list[str]) -> pl.LazyFrame:
    """Give a team's cost from a day on."""
    rows = [
        {
            "charge_date": first + timedelta(days=number),
            "team": "a",
            "currency": "USD",
            "direct_cost": Decimal(cost),
            "shared_cost": Decimal(0),
            "effective_cost": Decimal(cost),
            "billed_cost": Decimal(cost),
            "is_estimated": False,
        }
        for number, cost in enumerate(costs)
    ]
    return pl.LazyFrame(rows, schema=COST_DAILY_TEAM.schema)


@pytest.mark.parametrize(("monthly", "state"), [("400", "ok"), ("300", "at_risk"), ("90", "over")])
def test_state_follows_spend_and_forecast(monthly: str, state: str) -> None:
    """Ten days at 10 are 100; 20 more make 300, which no longer fits into less than 300."""
    rules = parse_ownership(
        f'teams: [{{id: a, budget: {{monthly: "{monthly}", from: 2026-09-01}}}}]'
    )
    costs = spend(date(2026, 11, 1), ["10"] * 10)

    frame = BUDGET.check(budgets(costs, rules, now=datetime(2026, 11, 11, 6, tzinfo=UTC)).collect())

    row = frame.row(0, named=True)
    assert (row["spent_cost"], row["forecast_cost"]) == (100, 300)
    assert (row["elapsed_days"], row["period_days"]) == (10, 30)
    assert row["state"] == ("ok" if monthly == "300" else state)


def test_a_forecast_knows_the_days_of_the_week() -> None:
    """Weekdays cost 10 and week-ends 1: what is left of the month is counted by its days."""
    first = date(2026, 9, 28)  # a Monday
    days = [first + timedelta(days=n) for n in range(38)]  # until Wednesday, November 4
    costs = spend(first, ["1" if day.weekday() >= 5 else "10" for day in days])
    rules = parse_ownership('teams: [{id: a, budget: {monthly: "500", from: 2026-09-01}}]')

    frame = budgets(costs, rules, now=datetime(2026, 11, 5, tzinfo=UTC)).collect()

    november = frame.filter(pl.col("period") == "2026-11").row(0, named=True)
    left = [date(2026, 11, n) for n in range(5, 31)]
    rest = sum(1 if day.weekday() >= 5 else 10 for day in left)
    assert november["spent_cost"] == 1 + 30  # Sunday the 1st, then three weekdays
    assert november["forecast_cost"] == 31 + rest

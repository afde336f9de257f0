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


def october(monthly: str, since: str = "2026-09-01", day: int = 11) -> pl.DataFrame:
    """Give mart_budget of a team that spends 10 on each of the 31 days, at noon of a day."""
    rules = parse_ownership(f'teams: [{{id: a, budget: {{monthly: "{monthly}", from: {since}}}}}]')
    now = datetime(2026, 10, 1, 12, tzinfo=UTC) + timedelta(days=day - 1)
    return budgets(spend(date(2026, 10, 1), ["10"] * 31), rules, now=now).collect()


@pytest.mark.parametrize(
    ("monthly", "day", "state"),
    [
        ("310", 11, "ok"),
        ("309.99", 11, "at_risk"),
        ("100", 11, "at_risk"),
        ("99.99", 11, "over"),
        ("310", 32, "ok"),
        ("309.99", 32, "over"),
    ],
)
def test_just_the_budget_is_not_over_it(monthly: str, day: int, state: str) -> None:
    """Ten days are 100, the month is 310: neither is more than 100, or 310."""
    assert october(monthly, day=day)["state"].to_list() == [state]


def test_the_day_of_now_has_not_elapsed() -> None:
    """At noon of the 11th ten days have; at noon of the next 1st all 31, and no more."""
    names = ("elapsed_days", "spent_cost")

    assert october("310").select(names).rows() == [(10, 100)]
    assert october("310", day=32).select(names).rows() == [(31, 310)]


def test_the_day_of_now_is_forecast_though_it_is_said_to_be_complete() -> None:
    """Ten days at 10, and 500 by noon of the 11th: 30 days at 10 are to be expected."""
    rules = parse_ownership('teams: [{id: a, budget: {monthly: "1", from: 2026-09-01}}]')
    costs = spend(date(2026, 11, 1), [*["10"] * 10, "500"])

    frame = budgets(costs, rules, now=datetime(2026, 11, 11, 12, tzinfo=UTC)).collect()

    assert frame.select("spent_cost", "forecast_cost").rows() == [(100, 300)]


@pytest.mark.parametrize(("since", "count"), [("2026-10-31", 1), ("2026-11-01", 0)])
def test_a_budget_of_the_last_day_is_that_of_the_month(since: str, count: int) -> None:
    """One that begins on the first of the next month is not."""
    assert october("310", since).height == count


def test_burn_is_one_where_the_part_spent_is_the_part_elapsed() -> None:
    """100 of 310 in 10 of 31 days; of a budget of 155 twice as fast; nothing before the first."""
    assert october("310")["burn"].to_list() == [pytest.approx(1)]
    assert october("155")["burn"].to_list() == [pytest.approx(2)]
    assert october("310", day=1).select("burn", "spent_cost", "forecast_cost").rows() == [(0, 0, 0)]


def test_the_latest_budget_counts() -> None:
    """Of two that began the one of October, whatever their order."""
    rules = parse_ownership("""
    teams:
      - id: a
        budget:
          - {monthly: "500", from: 2026-10-01}
          - {monthly: "400", from: 2026-09-01}
    """)
    costs = spend(date(2026, 9, 30), ["10"] * 2)

    frame = budgets(costs, rules, now=datetime(2026, 10, 3, tzinfo=UTC)).collect()

    assert frame.select("period", "budget_cost").rows() == [("2026-09", 400), ("2026-10", 500)]

"""Budgets against what was spent and what the month will cost.

Reads    mart_cost_daily_team, the budgets of the ownership file
Writes   mart_budget    one row per month and team with a budget
Units    Decimal(38, 12)
Time     months of UTC days; a day counts as elapsed when it has cost and lies before `now`'s day

Formula. Forecast as in mart_forecast: complete days as they are, estimated ones and those to come
by weekday medians and trend (`outlook.py`). burn = (spent / budget) / (elapsed / period).
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl

from transforms.outlook.outlook import to_come
from transforms.owners.ownership import Budget, Ownership
from warehouse.tables.mart_cost import BUDGET

Days = Mapping[date, Decimal]


def budgets(team_daily: pl.LazyFrame, ownership: Ownership, *, now: datetime) -> pl.LazyFrame:
    """Give mart_budget for every month in which a team with a budget has cost."""
    spent = team_daily.select(
        "charge_date", "team", "currency", "effective_cost", "is_estimated"
    ).collect()
    rows = []
    for team in ownership.teams:
        mine = spent.filter(pl.col("team") == team.id)
        for currency in sorted(mine["currency"].unique()):
            chosen = mine.filter(pl.col("currency") == currency)
            days = dict(zip(chosen["charge_date"], chosen["effective_cost"], strict=True))
            complete = chosen.filter(~pl.col("is_estimated"))["charge_date"]
            known = {day: days[day] for day in complete if day < now.date()}
            rows += [
                _row(team.id, currency, month, budget.monthly, days, known, now.date())
                for month in sorted({day.replace(day=1) for day in days})
                if (budget := _in_force(team.budgets, month)) is not None
            ]
    return pl.DataFrame(rows, schema=BUDGET.schema, orient="row").lazy().sort(BUDGET.key)


def _in_force(chosen: Sequence[Budget], month: date) -> Budget | None:
    """Give the latest budget that began by the end of a month."""
    end = month.replace(day=monthrange(month.year, month.month)[1])
    begun = sorted((b for b in chosen if b.since <= end), key=lambda b: b.since)
    return begun[-1] if begun else None


def _row(  # noqa: PLR0913, PLR0917 - one per fact
    team: str, currency: str, month: date, budget: Decimal, days: Days, known: Days, today: date
) -> tuple[object, ...]:
    length = monthrange(month.year, month.month)[1]
    every = [month + timedelta(days=n) for n in range(length)]
    elapsed = [day for day in every if day in days and day < today]
    spent = sum((days[day] for day in elapsed), Decimal(0))
    forecast = _forecast(days, known, every) if elapsed else spent
    state = "over" if spent > budget else "at_risk" if forecast > budget else "ok"
    burn = float(spent / budget) / (len(elapsed) / length) if budget and elapsed else 0.0
    return (
        f"{month:%Y-%m}",
        team,
        currency,
        budget,
        spent,
        forecast,
        len(elapsed),
        length,
        burn,
        state,
    )


def _forecast(days: Days, known: Days, every: Sequence[date]) -> Decimal:
    """Give the complete days, and what is to come from the last of them to the end of the month."""
    before = {day: cost for day, cost in (known or days).items() if day <= every[-1]}
    last = max(before, default=every[0] - timedelta(days=1))
    begun = {day: cost for day, cost in before.items() if day >= every[0]}
    first = max(last, every[0] - timedelta(days=1))
    ahead = to_come(before, first, (every[-1] - first).days) if before else Decimal(0)
    return sum(begun.values(), Decimal(0)) + ahead

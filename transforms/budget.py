"""Budgets against what was spent and what the month will cost.

Reads    mart_cost_daily_team, the budgets of the ownership file
Writes   mart_budget    one row per month and team with a budget
Units    Decimal(38, 12)
Time     months of UTC days; a day counts as elapsed when it has cost and lies before `now`'s day

Formula. Forecast = spent + sum over the days left of the median of the same weekday in the last 28
elapsed days (of all those days where the weekday has none). burn = (spent / budget) / (elapsed /
period).
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

import polars as pl

from transforms.ownership import Budget, Ownership
from warehouse.tables.mart_cost import BUDGET

HISTORY_DAYS: Final = 28

Days = Mapping[date, Decimal]


def budgets(team_daily: pl.LazyFrame, ownership: Ownership, *, now: datetime) -> pl.LazyFrame:
    """Give mart_budget for every month in which a team with a budget has cost."""
    spent = team_daily.select("charge_date", "team", "currency", "effective_cost").collect()
    rows = []
    for team in ownership.teams:
        mine = spent.filter(pl.col("team") == team.id)
        for currency in sorted(mine["currency"].unique()):
            chosen = mine.filter(pl.col("currency") == currency)
            days = dict(zip(chosen["charge_date"], chosen["effective_cost"], strict=True))
            rows += [
                _row(team.id, currency, month, budget.monthly, days, now.date())
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
    team: str, currency: str, month: date, budget: Decimal, days: Days, today: date
) -> tuple[object, ...]:
    length = monthrange(month.year, month.month)[1]
    every = [month + timedelta(days=n) for n in range(length)]
    elapsed = [day for day in every if day in days and day < today]
    spent = sum((days[day] for day in elapsed), Decimal(0))
    left = [day for day in every if elapsed and day > elapsed[-1]]
    forecast = spent + sum((_usual(days, day, elapsed[-1]) for day in left), Decimal(0))
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


def _usual(days: Days, day: date, last: date) -> Decimal:
    """Give the median of the same weekday in the four weeks that ended on `last`."""
    recent = [d for n in range(HISTORY_DAYS) if (d := last - timedelta(days=n)) in days]
    same = [days[d] for d in recent if d.weekday() == day.weekday()]
    return _median(same or [days[d] for d in recent])


def _median(values: Sequence[Decimal]) -> Decimal:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return ((ordered[middle - 1] + ordered[middle]) / 2).quantize(Decimal("0.000000000001"))

"""What the month will cost, and how sure that is.

Reads    mart_cost_daily_team
Writes   mart_forecast    one row per team and currency, of the latest month with a complete day
Units    Decimal(38, 12)
Time     UTC days; estimated days, and `now`'s, are not complete: they are forecast, not counted

Formulas. A day to come = median of its weekday in the 28 complete days before, plus the Theil-Sen
slope of those days times the distance from their middle. The interval comes from a backtest: the
same forecast from every earlier complete day with 14 days of history, over the days left (14 at
most); the 10 % and 90 % quantiles of actual / forecast scale what is still to come.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from math import ceil, floor
from typing import Final

import polars as pl

from warehouse.tables.mart_outlook import FORECAST

HISTORY_DAYS: Final = 28
LEAST_HISTORY: Final = 14
MOST_HORIZON: Final = 14
LEAST_TRIALS: Final = 5
ATOM: Final = Decimal("0.000000000001")

Days = Mapping[date, Decimal]


def forecast(team_daily: pl.LazyFrame, *, now: datetime) -> pl.LazyFrame:
    """Give mart_forecast of the latest month that has a complete day."""
    complete = team_daily.filter(
        ~pl.col("is_estimated") & (pl.col("charge_date") < now.date())
    ).collect()
    rows = []
    if complete.height:
        last = max(complete["charge_date"])
        first = min(complete["charge_date"])
        every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        for (team, currency), mine in sorted(complete.group_by("team", "currency")):
            costs = dict(zip(mine["charge_date"], mine["effective_cost"], strict=True))
            begun = min(costs)
            days = {day: costs.get(day, Decimal(0)) for day in every if day >= begun}
            rows.append((f"{last:%Y-%m}", team, currency, *_row(days, last)))
    return pl.DataFrame(rows, schema=FORECAST.schema, orient="row").lazy().sort(FORECAST.key)


def _row(days: Days, last: date) -> tuple[object, ...]:
    length = monthrange(last.year, last.month)[1]
    left = [last.replace(day=n) for n in range(last.day + 1, length + 1)]
    spent = sum((cost for day, cost in days.items() if day >= last.replace(day=1)), Decimal(0))
    ahead = to_come(days, last, len(left))
    horizon = max(1, min(len(left), MOST_HORIZON))
    trials = backtest(days, last, horizon)
    low = high = None
    if len(trials) >= LEAST_TRIALS:
        low, high = (spent + _whole(ahead * part) for part in _interval(trials))
    error = float(median([abs(part - 1) for part in trials])) if trials else None
    return (spent, spent + ahead, low, high, error, len(trials), horizon, last.day, length)


def to_come(days: Days, last: date, count: int) -> Decimal:
    """Give what the next days will cost, by what is known on `last`."""
    recent = {d: days[d] for n in range(HISTORY_DAYS) if (d := last - timedelta(days=n)) in days}
    slope = theil_sen(recent)
    total = Decimal(0)
    for n in range(1, count + 1):
        day = last + timedelta(days=n)
        same = [d for d in recent if d.weekday() == day.weekday()] or list(recent)
        if not same:
            return total
        middle = Decimal(sum((day - d).days for d in same)) / len(same)
        total += max(Decimal(0), median([recent[d] for d in same]) + slope * middle)
    return _whole(total)


def theil_sen(days: Days) -> Decimal:
    """Give the median slope a day over all pairs of days of one weekday; 0 for too few."""
    slopes = [
        (days[b] - days[a]) / (b - a).days
        for a, b in combinations(sorted(days), 2)
        if a.weekday() == b.weekday()
    ]
    return median(slopes) if slopes else Decimal(0)


def backtest(days: Days, last: date, horizon: int) -> list[Decimal]:
    """Give actual / forecast of every earlier day from which the forecast could have been made."""
    first = min(days)
    parts = []
    for n in range(LEAST_HISTORY - 1, (last - first).days - horizon + 1):
        origin = first + timedelta(days=n)
        said = to_come({d: cost for d, cost in days.items() if d <= origin}, origin, horizon)
        came = sum((days[origin + timedelta(days=k)] for k in range(1, horizon + 1)), Decimal(0))
        if said > 0:
            parts.append(came / said)
    return parts


def _interval(parts: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    """Give the 10 % and 90 % quantiles, the outer rank; the forecast itself lies inside."""
    ordered, most = sorted(parts), len(parts) - 1
    low, high = ordered[floor(most * 0.1)], ordered[ceil(most * 0.9)]
    return min(low, Decimal(1)), max(high, Decimal(1))


def _whole(value: Decimal) -> Decimal:
    return value.quantize(ATOM)


def median(values: Sequence[Decimal]) -> Decimal:
    """Give the middle value, or the mean of the two in the middle."""
    ordered, middle = sorted(values), len(values) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2

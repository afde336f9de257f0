"""Forecasts, worked out by hand."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.outlook import outlook
from warehouse.tables.mart_cost import COST_DAILY_TEAM
from warehouse.tables.mart_outlook import FORECAST

NOW = datetime(2026, 10, 25, 12, tzinfo=UTC)
FIRST = date(2026, 9, 1)


def team_days(cost: Any, days: int = 54) -> pl.LazyFrame:
    """Give a team's cost of each day; the last two are estimated."""
    blank = COST_DAILY_TEAM.sample(1).to_dicts()[0]
    rows = [
        {
            **blank,
            "charge_date": (day := FIRST + timedelta(days=n)),
            "effective_cost": Decimal(cost(day)),
            "is_estimated": n >= days - 2,
        }
        for n in range(days)
    ]
    return pl.LazyFrame(rows, schema=COST_DAILY_TEAM.schema)


def row_of(frame: pl.LazyFrame) -> dict[str, Any]:
    """Give the one forecast."""
    return FORECAST.check(outlook.forecast(frame, now=NOW).collect()).row(0, named=True)


def test_a_steady_week_goes_on() -> None:
    """$100 a weekday, $40 at weekends: October has 22 and 9 days, $2,560; every trial is right."""
    row = row_of(team_days(lambda day: 40 if day.weekday() >= 5 else 100))

    assert row["period"] == "2026-10"
    assert row["elapsed_days"] == 22
    assert row["forecast_cost"] == 22 * 100 + 9 * 40
    assert row["low_cost"] == row["high_cost"] == row["forecast_cost"]
    assert row["error_ratio"] == 0


def test_a_steady_rise_goes_on() -> None:
    """A cost of n dollars on day n of a rise by one a day is n on the days to come, too."""
    row = row_of(team_days(lambda day: (day - FIRST).days + 1))

    days = [(date(2026, 10, n) - FIRST).days + 1 for n in range(1, 32)]
    assert row["forecast_cost"] == sum(days)


def test_estimated_days_are_not_counted() -> None:
    """The last two days are half there: they are forecast at $100, not taken at $50."""
    row = row_of(team_days(lambda day: 50 if day >= date(2026, 10, 23) else 100))

    assert row["spent_cost"] == 2200
    assert row["forecast_cost"] == 3100


def test_the_interval_is_what_the_trials_missed_by() -> None:
    """Forecast from trials of 0.9 to 1.1: the outer ranks of 10 % and 90 %."""
    parts = [Decimal(90 + n) / 100 for n in range(21)]

    assert outlook._interval(parts) == (Decimal("0.92"), Decimal("1.08"))  # noqa: SLF001


def test_little_history_has_no_interval() -> None:
    """Sixteen days: a forecast, and no interval."""
    row = row_of(team_days(lambda _: 10, days=16))

    assert row["backtest_count"] < outlook.LEAST_TRIALS
    assert row["low_cost"] is row["high_cost"] is None


@pytest.mark.parametrize(("days", "count"), [(18, 0), (19, 1), (23, 5), (24, 6)])
def test_a_trial_wants_14_days_before_and_the_horizon_after(days: int, count: int) -> None:
    """With five days to come: of 19 days the 14th has just both, of 18 none has."""
    costs = {FIRST + timedelta(days=n): Decimal(10) for n in range(days)}

    assert len(outlook.backtest(costs, max(costs), 5)) == count


@pytest.mark.parametrize(("complete", "has_interval"), [(18, False), (19, True)])
def test_five_trials_are_enough(complete: int, has_interval) -> None:
    """On the last day of a month one day ahead is tried: of 18 days four times, of 19 five."""
    last = date(2026, 9, 30)
    rows = team_days(lambda _: 10, days=30).with_columns(is_estimated=pl.lit(value=False))
    rows = rows.filter(pl.col("charge_date") > last - timedelta(days=complete))

    row = row_of(rows)

    assert (row["backtest_count"], row["horizon_days"]) == (complete - 14, 1)
    assert (row["low_cost"] is not None) == has_interval


@pytest.mark.parametrize(("hour", "elapsed"), [(0, 24), (23, 24)])
def test_the_day_of_now_is_not_complete(hour: int, elapsed: int) -> None:
    """Though its lines say so: on the 25th 24 days have passed, at any hour."""
    rows = team_days(lambda _: 10, days=55).with_columns(is_estimated=pl.lit(value=False))

    made = outlook.forecast(rows, now=NOW.replace(hour=hour)).collect()

    assert made.select("elapsed_days", "spent_cost").rows() == [(elapsed, 10 * elapsed)]


def test_28_days_are_looked_at() -> None:
    """The same weekday of four weeks before counts, that of a fifth does not: 1 to 4, never 100."""
    last = date(2026, 10, 24)
    costs = {last - timedelta(days=n): Decimal(0) for n in range(40)}
    for n, cost in enumerate(("1", "1", "1", "1", "100")):
        costs[last + timedelta(days=1) - timedelta(weeks=n + 1)] = Decimal(cost)

    assert outlook.to_come(costs, last, 1) == 1


def test_a_forecast_is_never_below_nothing() -> None:
    """A fall by one a day from 40 would go on to less than zero: days to come cost 0."""
    last = date(2026, 10, 24)
    costs = {last - timedelta(days=n): Decimal(n) for n in range(40)}

    assert outlook.to_come(costs, last, 9) == 0


@given(st.lists(st.integers(0, 10**6), min_size=20, max_size=50))
def test_the_forecast_lies_in_its_interval(costs: list[int]) -> None:
    """Whatever the days cost, spent <= low <= forecast <= high."""
    made = team_days(lambda day: costs[(day - FIRST).days], days=len(costs))

    row = row_of(made)

    if row["low_cost"] is not None:
        assert row["spent_cost"] <= row["low_cost"] <= row["forecast_cost"] <= row["high_cost"]


def test_without_cost_there_is_nothing() -> None:
    """An empty table gives an empty table."""
    assert outlook.forecast(COST_DAILY_TEAM.empty().lazy(), now=NOW).collect().is_empty()

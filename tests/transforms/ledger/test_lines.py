"""Bill lines of a day: which part of each falls on it, by the length of its charge period."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tests.transforms.conftest import DAY

SECOND = 1 / 3600


def days(bill: Any, count: int = 40) -> dict[date, Decimal]:
    """Give what of a bill falls on each day, from the day before its first on."""
    found = {}
    for number in range(-1, count):
        day = DAY + timedelta(days=number)
        frame = bill.of_day(day).collect()
        assert set(frame["charge_date"]) <= {day}
        if frame.height:
            found[day] = frame["effective_cost"].sum()
    return found


@pytest.mark.parametrize(("hours", "hour"), [(1, 5), (SECOND, 5), (1 + SECOND, None), (24, None)])
def test_a_line_of_an_hour_keeps_its_hour(bill: Any, hours: float, hour: int | None) -> None:
    """An hour or less: from 5:00 on. A second more is a line of the day."""
    frame = bill.add("1", 5, hours).of_day().collect()

    assert frame["charge_hour"].dt.hour().to_list() == [hour]


@pytest.mark.parametrize("start", [0, 12, 23])
def test_a_line_of_just_a_day_is_whole_on_the_day_it_begins(bill: Any, start: float) -> None:
    """Whatever hour it begins at."""
    assert days(bill.add("10", start, 24)) == {DAY: 10}


def test_a_second_more_than_a_day_is_spread(bill: Any) -> None:
    """From noon for 24 hours and a second it touches two days, from midnight too."""
    half = {DAY: 5, DAY + timedelta(days=1): 5}

    assert days(bill.add("10", 12, 24 + SECOND)) == half
    assert days(type(bill)().add("10", 0, 24 + SECOND)) == half


def test_the_end_of_a_charge_period_is_exclusive(bill: Any) -> None:
    """Two days until midnight are two, a second later three."""
    assert [*days(bill.add("12", 0, 48)).values()] == [6, 6]
    assert [*days(type(bill)().add("12", 0, 48 + SECOND)).values()] == [4, 4, 4]


def test_the_first_days_bear_the_atoms_left_over(bill: Any) -> None:
    """Two atoms over three days: one each for the first two; with its sign for a credit."""
    atom = Decimal("0.000000000001")

    assert [*days(bill.add(str(2 * atom), 0, 72)).values()] == [atom, atom, 0]
    assert [*days(type(bill)().add(str(-2 * atom), 0, 72)).values()] == [-atom, -atom, 0]


def test_billed_cost_is_spread_by_itself(bill: Any) -> None:
    """Of another amount, over the same days."""
    bill.add("3", 0, 72, billed_cost=Decimal(6))

    frame = pl.concat([bill.of_day(DAY + timedelta(days=n)).collect() for n in range(3)])

    assert frame["billed_cost"].to_list() == [2, 2, 2]

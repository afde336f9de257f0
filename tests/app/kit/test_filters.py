"""Which days a period means, and what it is compared with."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit.filters import PERIODS, days_of

THROUGH = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("period", "days"),
    [
        ("7d", ((2026, 11, 16), (2026, 11, 22), (2026, 11, 9), (2026, 11, 15))),
        ("30d", ((2026, 10, 24), (2026, 11, 22), (2026, 9, 24), (2026, 10, 23))),
        ("month", ((2026, 11, 1), (2026, 11, 22), (2026, 10, 1), (2026, 10, 22))),
        ("last-month", ((2026, 10, 1), (2026, 10, 31), (2026, 9, 1), (2026, 9, 30))),
    ],
)
def test_a_period_ends_with_the_last_day_of_cost(period: str, days: tuple[tuple[int, ...]]) -> None:
    """Days are inclusive; a month so far is compared with the same days of the month before."""
    assert days_of(period, THROUGH) == tuple(date(*day) for day in days)


@given(st.sampled_from(sorted(PERIODS)), st.dates(date(2000, 1, 1), date(2090, 1, 1)))
def test_compared_periods_never_overlap(period: str, through: date) -> None:
    """The earlier period ends before the later begins, and neither is empty or longer than it."""
    start, end, previous_start, previous_end = days_of(period, through)

    assert previous_start <= previous_end < start <= end <= through
    if period.endswith("d"):
        assert end - start == previous_end - previous_start
        assert start - previous_end == timedelta(days=1)


def test_march_is_compared_with_a_shorter_month() -> None:
    """On 31 March there is no 31 February: all of February stands against March."""
    assert days_of("month", date(2026, 3, 31))[2:] == (date(2026, 2, 1), date(2026, 2, 28))

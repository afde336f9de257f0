"""What the reader asked for: days, what they are compared with, team, environment, money.

Takes    the choices of the sidebar (or of the URL), the last day with cost
Gives    a frozen `Filters` that every figure takes, and by which its result is kept
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from app.kit import words

PERIODS: Final = {
    "7d": "7 days",
    "30d": "30 days",
    "35d": "35 days",
    "90d": "90 days",
    "month": "This month",
    "last-month": "Last month",
}
"""The words stand in the sidebar and in the URL: `?period=7+days`."""
COMPARISONS: Final = {"previous": "Previous period", "none": "Nothing"}
COSTS: Final = {"effective": "Effective", "billed": "Billed"}
ALL: Final = "all"


@dataclass(frozen=True)
class Filters:
    """The reader's choices; both days of each period are inclusive, UTC."""

    start: date
    end: date
    previous_start: date
    previous_end: date
    is_compared: bool = True
    team: str = ALL
    environment: str = ALL
    currency: str = "USD"
    cost: str = "effective"

    @property
    def cost_column(self) -> str:
        """Give the column of money that is shown."""
        return f"{self.cost}_cost"

    @property
    def days(self) -> int:
        """Give the number of days of the period."""
        return (self.end - self.start).days + 1

    @property
    def period_text(self) -> str:
        """Name the period in words."""
        return words.span(self.start, self.end)

    @property
    def previous_text(self) -> str:
        """Name the period of the comparison in words."""
        return words.span(self.previous_start, self.previous_end)

    @property
    def team_text(self) -> str:
        """Name whom the figures are about."""
        return "all teams" if self.team == ALL else words.entity(self.team)


def days_of(period: str, through: date) -> tuple[date, date, date, date]:
    """Give first and last day of a period, and of the one it is compared with.

    A month so far is compared with the same days of the month before; a whole month with the whole
    month before; other periods with as many days right before them.
    """
    month_start = through.replace(day=1)
    before_end = month_start - timedelta(days=1)
    before_start = before_end.replace(day=1)
    if period == "month":
        same_day = min(through.day, before_end.day)
        return month_start, through, before_start, before_start.replace(day=same_day)
    if period == "last-month":
        earlier_end = before_start - timedelta(days=1)
        return before_start, before_end, earlier_end.replace(day=1), earlier_end
    days = int(period.removesuffix("d"))
    start = through - timedelta(days=days - 1)
    return start, through, start - timedelta(days=days), start - timedelta(days=1)


def default_filters(through: date, currency: str) -> Filters:
    """Give what a reader sees who chose nothing: the last 30 days of all teams."""
    return Filters(*days_of("30d", through), currency=currency)

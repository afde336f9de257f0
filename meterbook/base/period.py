"""Months as people name them.

Takes    `YYYY-MM`
Gives    its first and last day
"""

from calendar import monthrange
from datetime import date

from meterbook.base.errors import ConfigError, Finding


def month_of(text: str, key: str) -> tuple[date, date]:
    """Give the first and last day of a month. Errors: ConfigError."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise ConfigError([Finding(key, f"'{text}' is no month; want YYYY-MM")]) from None
    return first, first.replace(day=monthrange(first.year, first.month)[1])

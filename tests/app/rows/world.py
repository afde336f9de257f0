"""The world of the sample rows: its days, its teams, and a name like an attack."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
LAST = date(2026, 11, 22)
DAYS = 75
TEAMS = (
    "checkout",
    "payments",
    "search",
    "catalog",
    "identity",
    "growth",
    "data-platform",
    "mobile",
)
CENT = Decimal("0.01")
HOSTILE = "![x](http://evil.invalid/a.png)<img src=x onerror=alert(1)>$a$"

Row = dict[str, Any]
Rows = list[Row]
Tables = dict[str, Rows]
"""Rows by the name of their table."""

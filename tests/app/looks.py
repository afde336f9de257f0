"""Readers of a book, and how they look at it."""

from dataclasses import replace
from datetime import date

from app.kit.choices import first_look
from app.kit.filters import Filters, days_of
from app.kit.reader import Reader
from meterbook.base.home import Home
from warehouse.store.snapshot import current


def looks(reader: Reader) -> list[Filters]:
    """Give who chose nothing, one team that is billed, and a bucket over a long time."""
    look = first_look(reader)
    through = date(2026, 11, 22)
    return [
        look,
        replace(look, team="payments", cost="billed", is_compared=False),
        Filters(*days_of("90d", through), currency=look.currency, team="__idle__"),
    ]


def opened(home: Home) -> Reader:
    """Open the snapshot that a test has just published."""
    return Reader(current(home.serving))

"""The embedded engine: a day after the other in this process."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any


def local(work: Callable[[date], Any], days: Iterable[date]) -> Iterator[Any]:
    """Run a day after the other in this process: the embedded engine."""
    for day in days:
        yield work(day)

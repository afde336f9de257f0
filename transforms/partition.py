"""One partition at a time: how steps run.

Takes    steps, the days to build, a source of raw frames, the terms (now, rules, settings)
Gives    for each day the frames of all its tables, then the tables of the whole
Holds    memory is that of one day; the same input gives the same frames, whatever the order

A day step is the `partial` of its table: it sees one UTC day (and the neighbours' samples it asks
for). A whole step is `merge` and `finish`: it sees the partials of all days, which the warehouse
keeps, and so a new day never reads old telemetry again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import polars as pl

from meterbook.base.settings import Settings
from transforms.owners.ownership import Ownership

Frames = Mapping[str, pl.LazyFrame]
Made = Mapping[str, pl.LazyFrame]


@dataclass(frozen=True)
class Terms:
    """What a step may know besides frames. `day` is the day in hand; `now` is never the clock."""

    day: date
    now: datetime
    settings: Settings
    ownership: Ownership


NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""The last day there is; whatever lasts until then has no end."""

OWNERSHIP: Final = "ownership"
IS_FINAL: Final = "is_final"


@dataclass(frozen=True)
class Step:
    """One node of the graph: which tables it makes, from which, by which function."""

    make: Callable[[Frames, Terms], Made]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    asks: tuple[str, ...] = ()
    """Which terms decide its rows besides what it reads: `ownership`, a setting (`section.key`) or,
    of a day step, `is_final`. When one changes the step is due, on every day, and only such steps.
    """
    holds_until: Callable[[Frames, Terms], datetime | None] | None = None
    """Of a step over all days that looks at `now`: from the frames it reads and makes, the first
    moment after `now` at which the clock alone may change them; None when it never will.
    """
    version: str = "8"
    """Raise it when the function gives other rows for the same input: this step is due, and what
    reads it. (All steps shared version 8 when each got its own; what was built by it still holds.)
    """
    is_history: bool = False
    """Days past `build.history_days` are left as they are when only the terms have changed."""

    @property
    def name(self) -> str:
        """Give the name of its function."""
        return self.make.__name__.lstrip("_")


def run_steps(
    steps: Sequence[Step], given: Frames, terms: Terms
) -> Iterator[tuple[Step, dict[str, pl.DataFrame]]]:
    """Run steps in order, each on the frames given and made so far."""
    frames = dict(given)
    for step in steps:
        lazy = step.make({name: frames[name] for name in step.reads}, terms)
        made = {name: lazy[name].collect() for name in step.writes}
        frames.update({name: frame.lazy() for name, frame in made.items()})
        yield step, made


def next_midnight(_: Frames, terms: Terms) -> datetime:
    """Give the next UTC midnight."""
    return datetime.combine(terms.now.date() + timedelta(days=1), time(), UTC)


def first_after(now: datetime, *moments: datetime | pl.LazyFrame) -> datetime | None:
    """Give the first of these moments that lies after `now`; frames have them in a column `at`."""
    at = pl.col("at").cast(pl.Datetime("us", "UTC"))
    every = [
        pl.LazyFrame({"at": [one]}) if isinstance(one, datetime) else one.select("at")
        for one in moments
    ]
    later = pl.concat([frame.select(at) for frame in every]).filter(at > now, at < NEVER)
    found = later.select(at.min()).collect().item()
    assert found is None or isinstance(found, datetime)  # noqa: S101 - tells the type
    return found


def on(terms: Terms, day: date) -> Terms:
    """Give the same terms for another day."""
    return replace(terms, day=day)

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
from datetime import date, datetime
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


OWNERSHIP: Final = "ownership"
IS_FINAL: Final = "is_final"


@dataclass(frozen=True)
class Step:
    """One node of the graph: which tables it makes, from which, by which function."""

    make: Callable[[Frames, Terms], Made]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    asks: tuple[str, ...] = ()
    """Of a day step: which terms decide its rows besides what it reads: `ownership`, `is_final`, or
    a setting, `section.key`. When one changes, the step is due on every day, and only such steps.
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


def on(terms: Terms, day: date) -> Terms:
    """Give the same terms for another day."""
    return replace(terms, day=day)

"""Which steps of which days a build runs: those whose inputs or terms have changed.

Takes    the steps of a day, a digest of each raw frame of a day, the terms
Gives    a mark per day and step; the steps due; the steps that must run so that those can
Holds    a step whose inputs, terms and version are unchanged is not due; a setting makes due only
         the steps that ask for it, a version its own, and both those that read what they make
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from operator import attrgetter
from typing import Final

from transforms import day_steps, whole_steps
from transforms.partition import IS_FINAL, OWNERSHIP, Step, Terms
from warehouse.tables import BY_NAME


@dataclass(frozen=True)
class Mark:
    """What a step is made from: digests of its inputs with its version, and of what it asks for."""

    inputs: str
    terms: str


GONE: Final = Mark("", "")
"""Of a step of a day of which nothing is left."""

Marks = Mapping[str, Mark]
"""By the name of the step."""


@dataclass(frozen=True)
class Choice:
    """Which days: from first to last, or everything; without any, what is new or changed."""

    first: date | None = None
    last: date | None = None
    everything: bool = False

    def due(
        self, wanted: Mapping[date, Marks], have: Mapping[date, Marks], *, kept_since: date
    ) -> dict[date, tuple[str, ...]]:
        """Give the steps due by day, from the marks wanted and those the tables were built from.

        Before `kept_since` a step that is history stays as it is when only its terms change. What
        a former version did not make of a day that it built is due whatever days are chosen: what
        is summed over all days would lack it.
        """
        found = {}
        for day in sorted({*wanted, *have}):
            if self.first or self.last:
                is_chosen = (self.first or date.min) <= day <= (self.last or date.max)
                names = _NAMES if is_chosen else _never_built(have.get(day, {}))
            elif self.everything or day not in wanted:
                names = _NAMES
            else:
                names = _changed(wanted[day], have.get(day, {}), is_old=day < kept_since)
            if names:
                found[day] = names
        return found


def _stored(step: Step) -> bool:
    return any(name in BY_NAME for name in step.writes)


MAKERS: Final = {
    name: step.name for step in (*day_steps.DAY, *whole_steps.WHOLE) for name in step.writes
}
"""The step that makes each table or frame."""

_NAMES: Final = tuple(step.name for step in day_steps.DAY if _stored(step))


def _never_built(have: Marks) -> tuple[str, ...]:
    """Give the steps of which a day that is built has nothing."""
    return tuple(name for name in _NAMES if have and name not in have)


def _changed(wanted: Marks, have: Marks, *, is_old: bool) -> tuple[str, ...]:
    """Give the steps whose marks differ, in their order."""

    def is_due(step: Step) -> bool:
        want, had = wanted[step.name], have.get(step.name)
        if had is None or had.inputs != want.inputs:
            return True
        return had.terms != want.terms and not (is_old and step.is_history)

    return tuple(step.name for step in day_steps.DAY if step.name in _NAMES and is_due(step))


def needed(due: Collection[str], chosen: Sequence[Step] = day_steps.DAY) -> list[Step]:
    """Give the steps that are due, and those whose frames they need and nobody keeps."""
    makers = {name: step.name for step in chosen for name in step.writes}
    names = set(due)
    for step in reversed(chosen):
        if step.name in names:
            names |= {makers[name] for name in step.reads if name in makers and name not in BY_NAME}
    return [step for step in chosen if step.name in names]


def kept(chosen: Iterable[Step], given: Collection[str]) -> list[str]:
    """Give the tables that these steps read of what former builds have left."""
    run = list(chosen)
    made = {name for step in run for name in step.writes}
    return sorted({name for step in run for name in step.reads} - made - set(given))


def marks(raw: Mapping[str, str], terms: Terms) -> dict[str, Mark]:
    """Give the mark of each day step, from the digest of each raw frame of the day.

    The order is that of what it reads; the names of steps are no part of it.
    """
    asked = Asked.on_day(terms)
    found: dict[str, Mark] = {}
    for step in day_steps.DAY:
        before = dict.fromkeys(MAKERS[name] for name in step.reads if name in MAKERS)
        inputs = [f"{name}={raw[name]}" for name in step.reads if name in raw]
        found[step.name] = Mark(
            digest([step.version, *inputs, *(found[name].inputs for name in before)]),
            digest([*map(asked.value, step.asks), *(found[name].terms for name in before)]),
        )
    return found


def whole_mark(step: Step, frames: Mapping[str, str], asked: "Asked") -> Mark:
    """Give the mark of a step over all days, from the digest of each frame that it reads.

    What it reads of its own last run is no input: it changes whenever the step runs.
    """
    inputs = [f"{name}={frames[name]}" for name in step.reads if name not in step.writes]
    return Mark(digest([step.version, *inputs]), digest(map(asked.value, step.asks)))


class Asked:
    """What steps ask for, each looked up once."""

    def __init__(self, terms: Terms, look: Mapping[str, Callable[[], object]]) -> None:
        """Keep the terms, and how to look up what is no setting."""
        self.known: dict[str, str] = {}
        self.settings, self.look = terms.settings, look

    @classmethod
    def on_day(cls, terms: Terms) -> "Asked":
        """Give what steps of a day ask for: the rules in force on it, and whether it is final."""
        rules = partial(terms.ownership.hash_on, terms.day)
        return cls(terms, {OWNERSHIP: rules, IS_FINAL: partial(is_final, terms)})

    @classmethod
    def of_all_days(cls, terms: Terms) -> "Asked":
        """Give what steps over all days ask for: of ownership the whole file, with its names."""
        return cls(terms, {OWNERSHIP: lambda: terms.ownership.config_hash})

    def value(self, name: str) -> str:
        """Give the value of a term as text."""
        if name not in self.known:
            found = self.look[name]() if name in self.look else attrgetter(name)(self.settings)
            self.known[name] = f"{name}={found() if callable(found) else found!r}"
        return self.known[name]


def is_final(terms: Terms) -> bool:
    """Tell whether the day's cost is no longer estimated."""
    end = datetime.combine(terms.day + timedelta(days=1), time(), UTC)
    return end + timedelta(hours=terms.settings.billing.period_final_hours) <= terms.now


def digest(parts: Iterable[str]) -> str:
    """Digest texts, in their order."""
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]

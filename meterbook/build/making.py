"""How steps are run and their tables written: those of a day, in one transaction.

Reads    what meterbook.build.inputs finds, and what former builds left in the store
Writes   warehouse.duckdb
Holds    only the tables of steps that are due are written; whatever ends it, a day is as it was or
         as it should be, and says so
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from time import monotonic

import polars as pl

from meterbook.build.inputs import Inputs
from meterbook.build.plan import GONE, Mark, Marks, kept, needed
from meterbook.build.run_log import RunLog, refuse_stopped
from transforms.partition import Frames, Step, Terms, run_steps
from warehouse.store.store import Change, Store
from warehouse.tables import BY_NAME
from warehouse.tables.step import PARTITION


@dataclass(frozen=True)
class Part:
    """What is made at once: steps, and which of their tables are written, for one day or all."""

    steps: Sequence[Step]
    writes: Collection[str]
    day: date | None = None


def built(store: Store) -> Mapping[date, Marks]:
    """Give what the steps of each day were last built from."""
    found: dict[date, dict[str, Mark]] = {}
    for day, step, inputs, terms, _ in store.read(PARTITION).rows():
        found.setdefault(day, {})[step] = Mark(inputs, terms)
    return found


def make_day(
    store: Store, inputs: Inputs, terms: Terms, due: Mapping[str, Mark], log: RunLog
) -> None:
    """Run the steps due of a day, and replace their rows in one transaction."""
    chosen, given = needed(due), dict(inputs.of_day(terms.day))
    for name in kept(chosen, given):
        given[name] = store.read_day(BY_NAME[name], terms.day).lazy()
    writes = [name for step in chosen if step.name in due for name in step.writes]
    former = store.read_day(PARTITION, terms.day).filter(~pl.col("step").is_in(list(due)))
    rows = [
        (terms.day, name, *astuple(mark), terms.now) for name, mark in due.items() if mark != GONE
    ]
    marked = pl.concat([former, pl.DataFrame(rows, schema=PARTITION.schema, orient="row")])
    with store.change() as change:
        make(change, Part(chosen, writes, terms.day), given, terms, log)
        change.replace(PARTITION, marked, terms.day)


def make(
    change: Change, part: Part, given: Frames, terms: Terms, log: RunLog
) -> dict[str, pl.DataFrame]:
    """Run steps and write what they make: a day's rows, or without a day the whole table.

    Give everything made. Errors: CheckFailedError, SchemaMismatchError, StoppedError.
    """
    every: dict[str, pl.DataFrame] = {}
    since = monotonic()
    for _, made in run_steps(part.steps, given, terms):
        refuse_stopped(log.is_stopped)
        names = [name for name in made if name in part.writes and name in BY_NAME]
        counts = {name: change.replace(BY_NAME[name], made[name], part.day) for name in names}
        if counts:
            log.note(counts, str(part.day or "all"), since)
            since = monotonic()
        every |= made
    change.refuse_broken([BY_NAME[name] for name in part.writes if name in BY_NAME])
    return every

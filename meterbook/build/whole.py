"""How the steps over all days are run: those that are due, in one transaction.

Reads    what a build gives (catalogue, rates, ...), and what former builds left in the store
Writes   warehouse.duckdb
Holds    a step runs when what it reads, what it asks for or its version has changed, or when the
         clock crosses the moment until which it holds, and only then

Whether what a step reads has changed is found without reading it: a table of days has changed when
a day of it was built, what another such step makes when its rows are others.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Final

import polars as pl

from meterbook.build.making import Part, make
from meterbook.build.plan import Asked, Mark, needed, whole_mark
from meterbook.build.run_log import RunLog
from transforms import day_steps
from transforms.cardinality import series
from transforms.partition import Frames, Step, Terms
from transforms.whole_steps import WHOLE, WHOLE_WRITES
from warehouse.store.store import Change, Store
from warehouse.tables import BY_NAME
from warehouse.tables.mart_score import KEY_DAILY, METRIC_DAILY
from warehouse.tables.series import SERIES_DAILY
from warehouse.tables.step import PARTITION, WHOLE_STEP


@dataclass(frozen=True)
class Built:
    """A row of core_whole_step: what a frame was last built from, and how long it holds."""

    step: str
    frame: str
    inputs_digest: str
    terms_digest: str
    rows_digest: str
    built_at: datetime
    holds_until: datetime | None

    @property
    def mark(self) -> Mark:
        """Give what it was built from."""
        return Mark(self.inputs_digest, self.terms_digest)

    def is_crossed(self, now: datetime) -> bool:
        """Tell whether the clock has reached the moment, or was set back."""
        return now < self.built_at or (self.holds_until is not None and now >= self.holds_until)


def is_due(step: Step, want: Mark, built: Mapping[str, Built], now: datetime) -> bool:
    """Tell whether a step is to run; `built` is by table or frame."""
    had = [built[name] for name in step.writes if name in built]
    looks_at_clock = step.holds_until is not None
    return len(had) < len(step.writes) or any(
        one.mark != want or (looks_at_clock and one.is_crossed(now)) for one in had
    )


def make_whole(
    store: Store, given: Frames, terms: Terms, log: RunLog, *, everything: bool = False
) -> tuple[str, ...]:
    """Run the steps over all days that are due, or everything; give their names.

    Errors: CheckFailedError, SchemaMismatchError, StoppedError; nothing of it is kept then.
    """
    _forget(store)
    run = _Run(store, given, terms, log)
    due = []
    with store.change() as change:
        for step in WHOLE:
            mark = whole_mark(step, run.digests, run.asked)
            if everything or is_due(step, mark, run.built, terms.now):
                run.make(change, step, mark)
                due.append(step.name)
        change.replace(WHOLE_STEP, run.rows())
    return tuple(due)


class _Run:
    """One run of them: the frames there are, and what each is made of."""

    def __init__(self, store: Store, given: Frames, terms: Terms, log: RunLog) -> None:
        self.terms, self.log, self.asked = terms, log, Asked.of_all_days(terms)
        self.built = {row[1]: Built(*row) for row in store.read(WHOLE_STEP).rows()}
        read = {name for step in WHOLE for name in step.reads} & BY_NAME.keys()
        self.frames = {name: store.scan(BY_NAME[name]) for name in sorted(read)}
        self.frames |= given
        self.digests = {name: one.rows_digest for name, one in self.built.items()}
        self.digests |= {name: digest_of(frame.collect()) for name, frame in given.items()}
        self.digests |= _digests_of_days(store)
        self.names: set[str] = set()

    def make(self, change: Change, step: Step, mark: Mark) -> None:
        """Run a step, and before it those whose frames it needs and nobody keeps."""
        steps = [one for one in needed([step.name], WHOLE) if one.name not in self.names]
        made = make(change, Part(steps, step.writes), self.frames, self.terms, self.log)
        self.names |= {one.name for one in steps}
        self.frames |= {name: frame.lazy() for name, frame in made.items()}
        rows = {name: digest_of(made[name]) if name in READ else "" for name in step.writes}
        self.digests |= rows
        of = (mark.inputs, mark.terms)
        ends = (self.terms.now, self._holds_until(step))
        self.built |= {name: Built(step.name, name, *of, rows[name], *ends) for name in rows}

    def _holds_until(self, step: Step) -> datetime | None:
        if step.holds_until is None:
            return None
        seen = {name: self.frames[name] for name in (*step.reads, *step.writes)}
        return step.holds_until(seen, self.terms)

    def rows(self) -> pl.DataFrame:
        """Give core_whole_step; what no step makes any more is left out."""
        rows = [astuple(self.built[name]) for name in WHOLE_WRITES]
        return pl.DataFrame(rows, schema=WHOLE_STEP.schema, orient="row")


READ: Final = frozenset(name for step in WHOLE for name in step.reads if name not in step.writes)
"""What steps over all days read, but for what their own last run left."""


def digest_of(rows: pl.DataFrame) -> str:
    """Digest rows in their order; another version of polars may find others for the same rows."""
    return hashlib.sha256(rows.hash_rows().to_numpy().tobytes()).hexdigest()[:16]


def _digests_of_days(store: Store) -> dict[str, str]:
    """Digest, for each table that is built by the day, of which days it is, and when each was."""
    marks = store.read(PARTITION).sort(PARTITION.key)
    parts = {step: digest_of(rows) for (step,), rows in marks.group_by("step", maintain_order=True)}
    return {name: parts.get(step.name, "") for step in day_steps.DAY for name in step.writes}


def _forget(store: Store) -> None:
    """Keep the presence of series, and what the score counts, for the longest window only."""
    last = store.ask(f"SELECT max(day) AS day FROM {SERIES_DAILY.name}")["day"].item()  # noqa: S608
    if last is not None:
        with store.change() as change:
            change.forget(SERIES_DAILY, series.forgotten_before(last))
            for table in (METRIC_DAILY, KEY_DAILY):
                change.forget(table, series.forgotten_before(last))

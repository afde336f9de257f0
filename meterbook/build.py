"""From the lake to a published snapshot.

Reads    what meterbook.inputs finds
Writes   warehouse.duckdb, one transaction per day, then serving/ (one new snapshot)
Holds    a day is built when what it is made from has changed, and only then; the same input gives
         the same rows; a broken `fail` check leaves the former rows and the former snapshot
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import Final

import polars as pl

from collector.billing import catalog, fx
from collector.billing.load import LoadReport, load, places_of
from collector.otlp.status import read_status
from meterbook.closing import close_due, close_month, read_closed
from meterbook.errors import MeterbookError
from meterbook.inputs import Inputs, catalogue_ages, read_catalogue, read_ownership, read_uses
from meterbook.settings import BillingSettings, Settings
from transforms import series, steps
from transforms.partition import Frames, Step, Terms, local, on, run_steps
from warehouse.disk import alone
from warehouse.snapshot import Snapshot, publish
from warehouse.store import Change, Store
from warehouse.table import USD, Table
from warehouse.tables import BY_NAME, raw
from warehouse.tables.core import (
    BILLING_PERIOD,
    CONFORMANCE,
    COST_REPORT_CURRENCY,
    DELIVERY,
    PARTITION,
    RESTATEMENT,
)
from warehouse.tables.mart_coverage import COVERAGE_DAILY
from warehouse.tables.mart_run import CHECK, COLLECTOR, RUN
from warehouse.tables.mart_score import KEY_DAILY, METRIC_DAILY
from warehouse.tables.series import SERIES_DAILY

Say = Callable[[str], None]

KEPT_RUNS: Final = 20

_DAILY: Final = """
    SELECT charge_date, billing_account_id, service_name, billing_currency AS currency,
           sum(effective_cost) AS effective_cost, sum(billed_cost) AS billed_cost
    FROM core_cost_line GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class Choice:
    """Which days: from first to last, or everything; without any, what is new or changed."""

    first: date | None = None
    last: date | None = None
    everything: bool = False

    def days(self, wanted: Mapping[date, str], have: Mapping[date, str]) -> list[date]:
        """Choose from the digests that are wanted and those the tables were built from."""
        every = sorted({*wanted, *have})
        if self.first or self.last:
            first, last = self.first or date.min, self.last or date.max
            return [day for day in every if first <= day <= last]
        return [day for day in every if self.everything or wanted.get(day, "") != have.get(day)]


@dataclass(frozen=True)
class BuildReport:
    """What a build did."""

    built: Sequence[date]
    unchanged_count: int
    snapshot: Snapshot
    seconds: float

    @property
    def text(self) -> str:
        """Give one line."""
        return (
            f"{len(self.built)} day(s) built, {self.unchanged_count} unchanged, "
            f"snapshot {self.snapshot.id} published, {self.seconds:.1f} s"
        )


class AnotherBuildError(MeterbookError):
    """Another build holds the warehouse."""


@dataclass
class RunLog:
    """The log of one build: a row per table and partition."""

    id: str
    started_at: datetime
    began: float = field(default_factory=monotonic)
    rows: list[dict[str, object]] = field(default_factory=list)

    def note(self, counts: Mapping[str, int], partition: str, since: float) -> None:
        """Note the tables that a step has made since."""
        seconds = monotonic() - since
        for name, count in counts.items():
            self.rows.append(
                {
                    "run_id": self.id,
                    "step": name,
                    "partition": partition,
                    "started_at": self.started_at + timedelta(seconds=since - self.began),
                    "wall_seconds": seconds / len(counts),
                    "row_count": count,
                    "state": "done",
                    "message": "",
                }
            )


def load_bills(
    settings: Settings, places: Sequence[str], *, now: datetime, accept: str | None, say: Say
) -> LoadReport:
    """Take what the configured sources, or these places, deliver."""
    chosen = list(places) or [
        name if "://" in name else str(settings.resolve(name)) for name in settings.billing.sources
    ]
    terms = _billing(settings)
    return load(places_of(chosen), settings.home, terms, now=now, accept=accept, say=say)


def _billing(settings: Settings) -> BillingSettings:
    """Give the settings of bills, with paths that count from the file that names them."""
    rates = settings.billing.fx_rates
    return replace(settings.billing, fx_rates=str(settings.resolve(rates)) if rates else "")


def build(settings: Settings, *, now: datetime, choice: Choice, say: Say) -> BuildReport:
    """Build what is new or chosen, check it, and publish it.

    Errors: ConfigError, SchemaMismatchError, CheckFailedError, AnotherBuildError.
    """
    terms = Terms(now.date(), now, settings, read_ownership(settings))
    if unused := sum(len(source.findings) for source in terms.ownership.sources):
        say(f"build: {unused} finding(s) in the files of rule sources; `meterbook check` has them")
    whole = {
        "catalogue": read_catalogue(settings),
        "catalogue_ages": catalogue_ages(settings),
        "metric_uses": read_uses(settings),
        "fx_rates": fx.read_rates(_billing(settings)).lazy(),
    }
    inputs = Inputs(settings)
    log = RunLog(f"{now:%Y%m%dT%H%M%S}-{token_hex(3)}", now)  # two builds may share a `now`
    with sole_build(settings.home), Store(settings.warehouse) as store:
        wanted = inputs.digests(terms)
        days = choice.days(wanted, _built(store))

        def work(day: date) -> None:
            _build_day(store, inputs, on(terms, day), wanted.get(day), log)

        for number, _ in enumerate(local(work, days), start=1):
            say(f"build: {days[number - 1]} ({number} of {len(days)})")
        for period in close_due(store, settings.home, terms.ownership.freeze_after_days, now=now):
            say(f"build: {period} closed")
        whole["closed"] = read_closed(settings.home).lazy()
        _build_whole(store, whole, terms, log)
        _write_facts(store, settings, log, now)
        say("build: publishing")
        snapshot = publish(store, settings.serving, now=now, keep=settings.build.keep_snapshots)
    unchanged = len([day for day in wanted if day not in set(days)])
    return BuildReport(days, unchanged, snapshot, monotonic() - log.began)


def close(settings: Settings, period: str, *, now: datetime, say: Say) -> BuildReport:
    """Close a month as the warehouse has it, then build what is new and publish.

    Errors: ConfigError when it cannot be closed, and those of `build`.
    """
    with sole_build(settings.home), Store(settings.warehouse) as store:
        close_month(store, settings.home, period, now=now)
    return build(settings, now=now, choice=Choice(), say=say)


def _built(store: Store) -> dict[date, str]:
    frame = store.read(PARTITION)
    return dict(zip(frame["day"], frame["digest"], strict=True))


def _build_day(store: Store, inputs: Inputs, terms: Terms, digest: str | None, log: RunLog) -> None:
    """Run the steps of a day and replace its rows in one transaction."""
    with store.change() as change:
        written = _write_steps(change, steps.DAY, inputs.of_day(terms.day), terms, log)
        change.refuse_broken(written)
        _mark(change, terms, digest)


def _write_steps(
    change: Change, chosen: Sequence[Step], given: Frames, terms: Terms, log: RunLog
) -> list[Table]:
    """Run steps and write what they make: a day's rows, or for whole steps the whole table."""
    is_day = chosen is steps.DAY
    written: list[Table] = []
    since = monotonic()
    for _, made in run_steps(chosen, given, terms):
        tables = {BY_NAME[name]: frame for name, frame in made.items() if name in BY_NAME}
        counts = {
            table.name: change.replace(table, frame, terms.day if is_day else None)
            for table, frame in tables.items()
        }
        if counts:
            log.note(counts, str(terms.day) if is_day else "all", since)
            since = monotonic()
        written += tables
    return written


def _mark(change: Change, terms: Terms, digest: str | None) -> None:
    """Remember what the day was built from; a day of which nothing is left is forgotten."""
    rows = [] if digest is None else [(terms.day, digest, terms.now)]
    frame = pl.DataFrame(rows, schema=PARTITION.schema, orient="row")
    change.replace(PARTITION, frame, terms.day)


def _build_whole(store: Store, given: Frames, terms: Terms, log: RunLog) -> None:
    """Run the steps over all days on what the day steps left, in one transaction."""
    _forget(store)
    frames = {
        name: store.read(BY_NAME[name]).lazy()
        for name in sorted({name for step in steps.WHOLE for name in step.reads})
        if name in BY_NAME and name not in steps.WHOLE_WRITES
    }
    kept = {"coverage_history": store.read(COVERAGE_DAILY).lazy()}
    given = {**frames, **kept, **given}
    with store.change() as change:
        change.refuse_broken(_write_steps(change, steps.WHOLE, given, terms, log))


def _forget(store: Store) -> None:
    """Keep the presence of series, and what the score counts, for the longest window only."""
    last = store.ask(f"SELECT max(day) AS day FROM {SERIES_DAILY.name}")["day"].item()  # noqa: S608
    if last is not None:
        with store.change() as change:
            change.forget(SERIES_DAILY, series.forgotten_before(last))
            for table in (METRIC_DAILY, KEY_DAILY):
                change.forget(table, series.forgotten_before(last))


def _write_facts(store: Store, settings: Settings, log: RunLog, now: datetime) -> None:
    """Write what is known besides the transforms: deliveries, refusals, counters, the log."""
    broken = [
        {
            "run_id": log.id,
            "table_name": table.name,
            "check_name": check.name,
            "level": check.level,
            "broken_count": count,
            "sample": sample,
        }
        for table, check, count, sample in store.broken_checks()
    ]
    with store.change() as change:
        change.replace(DELIVERY, catalog.deliveries(settings.home))
        change.replace(RESTATEMENT, catalog.restatements(settings.home))
        terms = _billing(settings)
        costs = store.ask(_DAILY).cast(dict.fromkeys(("effective_cost", "billed_cost"), USD))
        change.replace(COST_REPORT_CURRENCY, fx.converted(costs, terms, fx.read_rates(terms)))
        change.replace(CONFORMANCE, catalog.conformance(settings.home))
        quiet = settings.billing.period_quiet_days
        change.replace(
            BILLING_PERIOD, catalog.billing_periods(settings.home, now=now, quiet_days=quiet)
        )
        change.replace(raw.REJECTED, catalog.rejected(settings.home))
        change.replace(COLLECTOR, _counters(settings, now))
        change.replace(CHECK, pl.DataFrame(broken, schema=CHECK.schema))
        kept = store.read(RUN)
        runs = kept.group_by("run_id").agg(pl.col("started_at").min()).sort("started_at", "run_id")
        names = runs["run_id"].to_list()[-(KEPT_RUNS - 1) :]
        rows = pl.DataFrame(log.rows, schema=RUN.schema)
        change.replace(RUN, pl.concat([kept.filter(pl.col("run_id").is_in(names)), rows]))


def _counters(settings: Settings, now: datetime) -> pl.DataFrame:
    status = read_status(settings.home)
    rows = [
        (counter, label, value, now)
        for (counter, label), value in (status.counters.items() if status else ())
    ]
    return pl.DataFrame(rows, schema=COLLECTOR.schema, orient="row")


def sole_build(home: Path) -> AbstractContextManager[None]:
    """Hold the lock of builds. Errors: AnotherBuildError."""
    busy = AnotherBuildError(f"{home}: another build is running; it publishes when it is done")
    return alone(home / "build.lock", busy)

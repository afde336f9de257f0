"""From the lake to a published snapshot.

Reads    what meterbook.build.inputs finds
Writes   warehouse.duckdb, one transaction per day, then serving/ (one new snapshot)
Holds    a step is built when what it is made from has changed, one over all days also when the
         clock changes what it says, and only then; the same input gives the same rows; a broken
         `fail` check leaves the former rows and the former snapshot; a build that is told to stop
         keeps the days it has finished
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from secrets import token_hex
from time import monotonic
from typing import Final

import polars as pl

from collector.billing.delivery import catalog
from collector.billing.delivery.load import LoadReport, load, places_of
from collector.billing.format import fx
from collector.otlp.decode.status import read_status
from meterbook.answers.rules import ownership_files, ownership_of
from meterbook.base.disk import alone
from meterbook.base.errors import MeterbookError
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings, Settings
from meterbook.build.closing import close_due, close_month, read_closed
from meterbook.build.engines.local import local
from meterbook.build.inputs import Inputs, catalogue_ages, read_catalogue, read_uses
from meterbook.build.making import built, make_day
from meterbook.build.plan import GONE, MAKERS, Choice
from meterbook.build.run_log import Ask, RunLog, refuse_stopped
from meterbook.build.whole import make_whole
from transforms.partition import Terms, on
from warehouse.store.snapshot import Snapshot, publish
from warehouse.store.store import Store
from warehouse.table import USD
from warehouse.tables import raw
from warehouse.tables.core import (
    BILLING_PERIOD,
    CONFORMANCE,
    COST_REPORT_CURRENCY,
    DELIVERY,
    RESTATEMENT,
)
from warehouse.tables.evidence import OWNERSHIP_FILE
from warehouse.tables.mart_run import CHECK, COLLECTOR, RUN

Say = Callable[[str], None]

KEPT_RUNS: Final = 20

_DAILY: Final = """
    SELECT charge_date, billing_account_id, service_name, billing_currency AS currency,
           sum(effective_cost) AS effective_cost, sum(billed_cost) AS billed_cost
    FROM core_cost_line GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class BuildReport:
    """What a build did."""

    steps: Mapping[date, Sequence[str]]
    """What was built of each day."""
    whole: Sequence[str]
    """Which steps over all days ran."""
    unchanged_count: int
    snapshot: Snapshot
    seconds: float

    @property
    def built(self) -> list[date]:
        """Give the days of which something was built."""
        return list(self.steps)

    @property
    def text(self) -> str:
        """Give one line."""
        part = sum(map(len, self.steps.values()))
        return (
            f"{len(self.built)} day(s) built ({part} step(s)), {self.unchanged_count} unchanged, "
            f"snapshot {self.snapshot.id} published, {self.seconds:.1f} s"
        )


class AnotherBuildError(MeterbookError):
    """Another build holds the warehouse."""


def load_bills(  # noqa: PLR0913 - settings, home and places, and four terms by name
    settings: BillingSettings,
    home: Home,
    places: Sequence[str],
    *,
    now: datetime,
    accept: str | None,
    say: Say,
    is_stopped: Ask = lambda: False,
) -> LoadReport:
    """Take what the configured sources, or these places, deliver.

    Errors: those of `load`, and StoppedError; a delivery is in force as a whole or not at all.
    """

    def step(_: str) -> None:
        refuse_stopped(is_stopped)

    chosen = places_of(list(places) or settings.sources)
    return load(chosen, home, settings, now=now, accept=accept, say=say, step=step)


def build(
    settings: Settings, *, now: datetime, choice: Choice, say: Say, is_stopped: Ask = lambda: False
) -> BuildReport:
    """Build what is new or chosen, check it, and publish it; `is_stopped` is asked at each step.

    Errors: ConfigError, SchemaMismatchError, CheckFailedError, AnotherBuildError, StoppedError.
    """
    home, base = settings.home, settings.base
    rules = ownership_files(settings.ownership, base)
    terms = Terms(now.date(), now, settings, ownership_of(rules))
    rates = fx.read_rates(settings.billing.counted_from(base))
    whole = {
        "catalogue": read_catalogue(settings.inventory, base),
        "catalogue_ages": catalogue_ages(settings.inventory, base),
        "metric_uses": read_uses(settings.cardinality, base),
        "fx_rates": rates.lazy(),
    }
    inputs = Inputs(home)
    log = RunLog(f"{now:%Y%m%dT%H%M%S}-{token_hex(3)}", now, is_stopped)  # two may share a `now`
    with sole_build(home), Store(home.warehouse, MAKERS) as store:
        wanted, have = inputs.marks(terms), built(store)
        since = now.date() - timedelta(days=settings.build.history_days)
        due = choice.due(wanted, have, kept_since=since)

        def work(day: date) -> None:
            marks = {name: wanted.get(day, {}).get(name, GONE) for name in due[day]}
            make_day(store, inputs, on(terms, day), marks, log)

        for number, (day, _) in enumerate(zip(due, local(work, due), strict=True), start=1):
            say(f"build: {day} ({number} of {len(due)})")
        for period in close_due(store, home, terms.ownership.freeze_after_days, now=now):
            say(f"build: {period} closed")
        whole["closed"] = read_closed(home).lazy()
        ran = make_whole(store, whole, terms, log, everything=choice.everything)
        refuse_stopped(is_stopped)
        with store.change() as change:
            change.replace(OWNERSHIP_FILE, rules)
        _write_facts(store, home, settings.billing, rates, log)
        say("build: publishing")
        snapshot = publish(store, home.serving, now=now, keep=settings.build.keep_snapshots)
    unchanged = len([day for day in wanted if day not in due])
    return BuildReport(due, ran, unchanged, snapshot, monotonic() - log.began)


def close(settings: Settings, period: str, *, now: datetime, say: Say) -> BuildReport:
    """Close a month as the warehouse has it, then build what is new and publish.

    Errors: ConfigError when it cannot be closed, and those of `build`.
    """
    home = settings.home
    with sole_build(home), Store(home.warehouse, MAKERS) as store:
        close_month(store, home, period, now=now)
    return build(settings, now=now, choice=Choice(), say=say)


def _write_facts(
    store: Store, home: Home, billing: BillingSettings, rates: pl.DataFrame, log: RunLog
) -> None:
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
        change.replace(DELIVERY, catalog.deliveries(home))
        change.replace(RESTATEMENT, catalog.restatements(home))
        costs = store.ask(_DAILY).cast(dict.fromkeys(("effective_cost", "billed_cost"), USD))
        change.replace(COST_REPORT_CURRENCY, fx.converted(costs, billing, rates))
        change.replace(CONFORMANCE, catalog.conformance(home))
        quiet = billing.period_quiet_days
        periods = catalog.billing_periods(home, now=log.started_at, quiet_days=quiet)
        change.replace(BILLING_PERIOD, periods)
        change.replace(raw.REJECTED, catalog.rejected(home))
        change.replace(COLLECTOR, _counters(home, log.started_at))
        change.replace(CHECK, pl.DataFrame(broken, schema=CHECK.schema))
        if not log.rows:  # a build that found nothing to do is known by its checks
            log.note({CHECK.name: len(broken)}, "all", log.began)
        kept = store.read(RUN)
        runs = kept.group_by("run_id").agg(pl.col("started_at").min()).sort("started_at", "run_id")
        names = runs["run_id"].to_list()[-(KEPT_RUNS - 1) :]
        rows = pl.DataFrame(log.rows, schema=RUN.schema)
        change.replace(RUN, pl.concat([kept.filter(pl.col("run_id").is_in(names)), rows]))


def _counters(home: Home, now: datetime) -> pl.DataFrame:
    status = read_status(home)
    rows = [
        (counter, label, value, now)
        for (counter, label), value in (status.counters.items() if status else ())
    ]
    return pl.DataFrame(rows, schema=COLLECTOR.schema, orient="row")


def sole_build(home: Home) -> AbstractContextManager[None]:
    """Hold the lock of builds. Errors: AnotherBuildError."""
    busy = AnotherBuildError(f"{home}: another build is running; it publishes when it is done")
    return alone(home.build_lock, busy)

"""When steps over all days run: by what they read and ask for, by version, and by the clock."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from collector.billing.format import fx
from meterbook.base.settings import (
    AnomalySettings,
    BillingSettings,
    CardinalitySettings,
    InventorySettings,
    Settings,
)
from meterbook.build import whole
from meterbook.build.inputs import read_uses
from meterbook.build.plan import MAKERS
from meterbook.build.run_log import RunLog
from transforms.coverage import inventory
from transforms.owners.ownership import Ownership, parse_ownership
from transforms.partition import Made, Step, Terms
from transforms.whole_steps import WHOLE
from warehouse.store.store import Store
from warehouse.table import Table
from warehouse.tables.closing import CLOSED_PERIOD
from warehouse.tables.core import SERVICE, SIGNAL_DAILY
from warehouse.tables.mart_coverage import (
    COVERAGE_FINDING,
    COVERAGE_SERVICE,
    COVERAGE_TEAM,
    INVENTORY_SOURCE,
    SLI_DAILY,
)
from warehouse.tables.step import PARTITION, WHOLE_STEP

RECEIVED: Final = datetime(2026, 11, 22, 0, 10, tzinfo=UTC)
NOW: Final = datetime(2026, 11, 22, 1, 5, tzinfo=UTC)
CHANGED: Final = datetime(2026, 11, 21, 23, 50, tzinfo=UTC)
"""When the file of the inventory was."""

TICK: Final = timedelta(microseconds=1)
LOGS: Final = tuple(f"{kind}=logs" for kind in ("service", "datastore", "third_party", "cronjob"))
SETTINGS: Final = Settings(inventory=InventorySettings(expected_signals=LOGS))
NAMES: Final = tuple(step.name for step in WHOLE)
AGES: Final = ("sources", "coverage_team")
"""What runs when only the age of a source, in whole hours, is another."""


class World:
    """A store in which one service, `shop/web`, has sent logs; and what a build gives."""

    def __init__(self, store: Store) -> None:
        """Begin with an inventory that lists it."""
        self.store, self.settings, self.ownership = store, SETTINGS, Ownership.default()
        self.listed = ["shop,web,production,service,one,1,,"]

    def fill(self) -> None:
        """Write what the day's telemetry says, and that it was built."""
        signal: dict[str, object] = {
            **SIGNAL_DAILY.sample(1).row(0, named=True),
            "day": RECEIVED.date(),
            "service_namespace": "shop",
            "service_name": "web",
            "environment": "production",
            "signal": "logs",
            "last_received_at": RECEIVED,
            "hours": 1,
        }
        with self.store.change() as change:
            change.replace(SIGNAL_DAILY, pl.DataFrame([signal], schema=SIGNAL_DAILY.schema))
        self.note("seen")

    def note(self, step: str, inputs: str = "a", at: datetime = NOW) -> None:
        """Note that a step of the day was built."""
        rows = [(RECEIVED.date(), step, inputs, "terms", at)]
        marked = pl.DataFrame(rows, schema=PARTITION.schema, orient="row")
        with self.store.change() as change:
            change.replace(PARTITION, marked)

    def run(self, now: datetime, *, everything: bool = False) -> tuple[str, ...]:
        """Run what is due; give the steps."""
        source = pl.LazyFrame(
            {"source": ["catalogue:inventory.csv"], "updated_at": [CHANGED]},
            schema_overrides={"updated_at": pl.Datetime("us", "UTC")},
        )
        text = "\n".join([",".join(inventory.COLUMNS), *self.listed])
        given = {
            "catalogue": inventory.parse_inventory(text),
            "catalogue_ages": source,
            "metric_uses": read_uses(self.settings.cardinality, Path()),
            "fx_rates": fx.read_rates(BillingSettings()).lazy(),
            "closed": CLOSED_PERIOD.empty().lazy(),
        }
        terms = Terms(now.date(), now, self.settings, self.ownership)
        log = RunLog("run", now, lambda: False)
        return whole.make_whole(self.store, given, terms, log, everything=everything)

    def one(self, table: Table, *names: str) -> tuple[Any, ...]:
        """Give columns of the first row of a table."""
        return self.store.read(table).select(names).row(0)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a warehouse in which everything was run once."""
    path = tmp_path_factory.mktemp("whole") / "warehouse.duckdb"
    with Store(path, MAKERS) as store:
        made = World(store)
        made.fill()
        assert made.run(NOW) == NAMES
    return path


@pytest.fixture
def world(built: Path, tmp_path: Path) -> Iterator[World]:
    """Give a copy of it."""
    with Store(Path(shutil.copy(built, tmp_path / "warehouse.duckdb")), MAKERS) as store:
        yield World(store)


def changed(steps: tuple[Step, ...], name: str, **other: Any) -> tuple[Step, ...]:
    """Give the steps, one of them changed."""
    return tuple(replace(step, **other) if step.name == name else step for step in steps)


def test_nothing_new_runs_nothing(world: World) -> None:
    """At the same time and 40 minutes later; everything runs when everything is asked for."""
    ran = [world.run(NOW), world.run(NOW + timedelta(minutes=40))]
    everything = world.run(NOW, everything=True)

    assert ran == [(), ()]
    assert everything == NAMES


def test_silence_of_a_day_turns_a_service_dark(world: World) -> None:
    """Logs of 00:10 are fresh until 00:10 of the next day, that instant too; then it is dark.

    After 23 hours nothing has run but the age of the inventory's file; M7 follows at once.
    """
    early = (world.run(RECEIVED + timedelta(hours=23)), *world.one(COVERAGE_SERVICE, "state"))
    equal = (world.run(RECEIVED + timedelta(hours=24)), *world.one(COVERAGE_SERVICE, "state"))
    before = world.one(SLI_DAILY, "value")

    ran = world.run(RECEIVED + timedelta(hours=25))

    assert early == (AGES, "complete")
    assert ("coverage" in equal[0], equal[1]) == (False, "complete")
    assert world.one(COVERAGE_SERVICE, "state", "logs_state") == ("dark", "stale")
    assert world.one(COVERAGE_TEAM, "complete_count", "dark_count") == (0, 1)
    assert (before, world.one(SLI_DAILY, "value")) == ((1.0,), (0.0,))
    follows = {"coverage_finding", "coverage_daily", "sli", "grade", "score"}
    assert {*ran} == {*AGES, "coverage", *follows}


def test_the_least_time_after_its_limit_a_signal_is_stale(world: World) -> None:
    """24 hours after receipt, and a microsecond."""
    at = RECEIVED + timedelta(hours=24)

    before = (world.run(at), *world.one(COVERAGE_SERVICE, "state"))
    after = (world.run(at + TICK), *world.one(COVERAGE_SERVICE, "state"))

    assert "coverage" not in before[0]
    assert before[1] == "complete"
    assert "coverage" in after[0]
    assert after[1] == "dark"


def test_ages_of_sources_are_whole_hours(world: World) -> None:
    """A file of 23:50 is an hour old at 00:50, two at 01:50: then its age is written, no sooner."""
    hours = [world.one(INVENTORY_SOURCE, "age_hours")]
    early = world.run(CHANGED + timedelta(hours=2) - TICK)

    ran = world.run(CHANGED + timedelta(hours=2))
    hours.append(world.one(INVENTORY_SOURCE, "age_hours"))

    assert early == ()
    assert ran == AGES
    assert hours == [(1,), (2,)]


def test_a_source_is_overdue_after_its_limit(world: World) -> None:
    """35 days after its last change a file is as old as it may be; a microsecond later stale."""
    limit = CHANGED + timedelta(days=35)
    world.run(limit)
    before = world.one(INVENTORY_SOURCE, "is_stale"), world.one(COVERAGE_TEAM, "is_inventory_stale")

    ran = world.run(limit + TICK)

    assert before == ((False,), (False,))
    assert world.one(INVENTORY_SOURCE, "is_stale") == (True,)
    assert world.one(COVERAGE_TEAM, "is_inventory_stale") == (True,)
    assert {*AGES} <= {*ran}


def test_an_exemption_ends_with_its_last_day(world: World) -> None:
    """Until the 23rd it is exempt, to the last instant of that day; then it counts, and is told."""
    world.listed = ["shop,web,production,service,one,1,moving,2026-11-23"]
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    world.run(NOW)
    world.run(midnight - TICK)
    before = world.one(COVERAGE_SERVICE, "state")

    ran = world.run(midnight)

    assert before == ("exempt",)
    assert world.one(COVERAGE_SERVICE, "state") == ("dark",)
    assert world.one(COVERAGE_FINDING, "finding", "service_name") == ("expired_exemption", "web")
    assert {"coverage", "coverage_finding"} <= {*ran}


def test_a_clock_that_is_set_back_runs_what_looks_at_it(world: World) -> None:
    """A minute earlier than the last build: what was said of later need not hold."""
    ran = world.run(NOW - timedelta(minutes=1))

    assert ran == tuple(step.name for step in WHOLE if step.holds_until)


@pytest.mark.parametrize(
    ("other", "due"),
    [
        ({"anomaly": AnomalySettings(days=7)}, {"outlook"}),
        (
            {"inventory": InventorySettings(expected_signals=LOGS, freshness_hours=48)},
            {"coverage", "coverage_team"},
        ),
        (
            {"inventory": InventorySettings(expected_signals=LOGS, service_tag="app")},
            {"tagged"},
        ),
        ({"cardinality": CardinalitySettings(top_values=3)}, set()),
        ({"billing": BillingSettings(period_final_hours=1)}, set()),
    ],
)
def test_a_setting_is_due_where_it_is_asked_for(
    world: World, other: Mapping[str, Any], due: set[str]
) -> None:
    """A setting of days, or one that nobody asks for, runs nothing over all days."""
    world.settings = replace(SETTINGS, **other)

    assert set(world.run(NOW)) == due


def test_rules_of_ownership_are_due_where_teams_are_named(world: World) -> None:
    """Names and budgets of teams decide what `budget` makes, and nothing else over all days."""
    world.ownership = parse_ownership("teams: [{id: a}]")

    assert world.run(NOW) == ("budget",)


def test_what_is_given_is_due_where_it_is_read(world: World) -> None:
    """Another service in the inventory changes what is expected, and what follows from it."""
    world.listed.append("shop,api,production,service,one,1,,")

    ran = set(world.run(NOW))

    assert {"inventory", "service_cost", "coverage", "coverage_finding", "coverage_team"} <= ran
    assert ran.isdisjoint({"tagged", "sources", "outlook", "budget", "registry", "closed"})


@pytest.mark.parametrize(("inputs", "at"), [("b", NOW), ("a", NOW + TICK)])
def test_a_day_that_was_built_is_due_where_its_tables_are_read(
    world: World, inputs: str, at: datetime
) -> None:
    """Built from other inputs, or again from the same: what reads its tables runs, no other.

    Nothing that those make has changed, so their readers do not run.
    """
    world.note("seen", inputs, at)

    ran = world.run(at)

    assert ran == ("tagged", "inventory", "sources", "coverage", "coverage_finding")


def test_a_raised_version_runs_its_step(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is all where it makes the same rows; `tagged`, whose frames nobody keeps, runs with it.

    No other step counts as built again, `tagged` neither.
    """
    before = world.store.read(WHOLE_STEP).rows_by_key("step", named=True)
    monkeypatch.setattr(whole, "WHOLE", changed(WHOLE, "inventory", version="raised"))

    ran = world.run(NOW)

    after = world.store.read(WHOLE_STEP).rows_by_key("step", named=True)
    assert ran == ("inventory",)
    assert {step for step, rows in before.items() if rows != after[step]} == {"inventory"}


def test_a_changed_formula_runs_what_reads_its_rows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its version raised and other rows made, its readers run, and theirs; no others."""
    (step,) = (step for step in WHOLE if step.name == "inventory")

    def tier_2(frames: Mapping[str, pl.LazyFrame], terms: Terms) -> Made:
        made = step.make(frames, terms)[SERVICE.name]
        return {SERVICE.name: made.with_columns(pl.lit(2, pl.Int32).alias("tier"))}

    tier_2.__name__ = step.name
    steps = changed(WHOLE, "inventory", version="raised", make=tier_2)
    monkeypatch.setattr(whole, "WHOLE", steps)

    ran = world.run(NOW)

    readers = {"service_cost", "coverage", "coverage_finding"}
    theirs = {"coverage_team", "coverage_daily", "score", "grade", "sli"}
    assert world.one(COVERAGE_SERVICE, "tier") == (2,)
    assert {"inventory", *readers, "coverage_team", "grade", "score"} <= {*ran}
    assert {*ran} <= {"inventory", *readers, *theirs}

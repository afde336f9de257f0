"""What steps over all days promise: what they ask for, and until when what they made holds."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final, cast

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.billing.format import fx
from meterbook.base.settings import (
    BillingSettings,
    CardinalitySettings,
    InventorySettings,
    Settings,
)
from meterbook.build.inputs import catalogue_ages, read_catalogue, read_uses
from tests.noting import NotingTerms
from transforms.owners.ownership import parse_ownership
from transforms.partition import Frames, Step, Terms, run_steps
from transforms.whole_steps import WHOLE, WHOLE_WRITES
from warehouse.tables import BY_NAME
from warehouse.tables.closing import CLOSED_PERIOD
from warehouse.tables.core import WORKLOAD_DAILY

NOW: Final = datetime(2026, 11, 22, 12, 30, 15, 7, tzinfo=UTC)
MIDNIGHT: Final = datetime(2026, 11, 22, tzinfo=UTC)
TICK: Final = timedelta(microseconds=1)
LONG: Final = timedelta(days=400)
MOMENTS: Final = 4
NAMES: Final = [step.name for step in WHOLE]
CLOCKED: Final = [step for step in WHOLE if step.holds_until]
GIVEN: Final = {
    "catalogue": read_catalogue(InventorySettings(), Path()),
    "catalogue_ages": catalogue_ages(InventorySettings(), Path()),
    "metric_uses": read_uses(CardinalitySettings(), Path()),
    "fx_rates": fx.read_rates(BillingSettings()).lazy(),
    "closed": CLOSED_PERIOD.empty().lazy(),
}
OWNERSHIP: Final = parse_ownership(
    'teams: [{id: one, budget: {monthly: "100", from: 2026-01-01}}, {id: two}]'
)

READ: Final = sorted({name for step in WHOLE for name in step.reads} & BY_NAME.keys())

WORDS: Final = {
    "cluster": ("east", "-"),
    "currency": ("USD",),
    "environment": ("production", "production", "staging"),
    "kind": ("service", "datastore", "cronjob"),
    "label": ("path", "user"),
    "metric": ("m", "n"),
    "namespace": ("shop", "blog"),
    "rule": ("RES-001", "LOG-001", "LOG-002", "SPA-001"),
    "service_name": ("api", "web", "nightly", "unknown_service"),
    "service_namespace": ("shop", "blog", ""),
    "source": ("catalogue:a.csv", "catalogue:b.csv"),
    "team": ("one", "two", ""),
    "workload": ("api", "web", "nightly"),
    "workload_kind": ("Deployment", "CronJob"),
}
"""Few, so that frames meet."""

DECLARED: Final = {
    column.name: column.values for name in READ for column in BY_NAME[name].columns if column.values
}

DAYS: Final = (*range(-8, 3), -13, -14, -15, -28, -29, -30, -31, -89, -90)
HOURS: Final = (0, 1, 2, 5, 23, 24, 25, 47, 48, 95, 96, 97, 167, 168, 169, 719, 720, 840, -1, -30)


def _value(column: str, kind: pl.DataType, now: datetime, chance: Random) -> object:
    """Give a value that may lie on an edge: of days, hours, or by the least time beside it."""
    if kind == pl.String:
        return chance.choice(WORDS.get(column) or DECLARED.get(column) or (*"abcdefgh",))
    if kind == pl.Date:
        return now.date() + timedelta(days=chance.choice(DAYS))
    if isinstance(kind, pl.Datetime):
        beside = chance.choice((timedelta(), TICK, -TICK, timedelta(minutes=17)))
        return now - timedelta(hours=chance.choice(HOURS)) + beside
    if column == "tags":
        return [{"key": "service", "value": chance.choice(WORDS["service_name"])}]
    if column == "hours":
        return 1 << chance.randrange(24)
    simple: dict[object, Callable[[], object]] = {
        pl.Boolean: lambda: chance.random() < 0.3,
        pl.Decimal: lambda: Decimal(chance.randint(1, 400)) / 4,
        pl.Float64: lambda: chance.randint(1, 40) / 4,
        pl.List: list,
    }
    return simple.get(kind.base_type(), lambda: chance.randint(1, 3))()


def _rows(schema: Mapping[str, Any], now: datetime, chance: Random) -> list[dict[str, object]]:
    return [
        {name: _value(name, kind, now, chance) for name, kind in schema.items()}
        for _ in range(chance.choice((0, 1, 2, 5)))
    ]


def drawn(name: str, now: datetime, chance: Random) -> pl.LazyFrame:
    """Give a table or frame with a few rows of made-up values, each key once, in its order."""
    if name in {"metric_uses", "fx_rates", "closed"}:
        return GIVEN[name]
    table = BY_NAME.get(name)
    schema = table.schema if table else GIVEN[name].collect_schema()
    rows = pl.DataFrame(_rows(schema, now, chance), schema=schema)
    if name == "catalogue":  # whose files are refused with such a name
        rows = rows.filter(pl.col("service_name") != "unknown_service")
    key = table.key if table else ("source",) if name == "catalogue_ages" else ()
    return (rows.unique(key, keep="first").sort(key) if key else rows).lazy()


def terms(now: datetime) -> Terms:
    """Give the default settings, and a team with a budget."""
    return Terms(now.date(), now, Settings(), OWNERSHIP)


def before(step: Step, now: datetime, chance: Random) -> dict[str, pl.LazyFrame]:
    """Give what a step reads: made-up tables, and what the steps before it make of them."""
    wanted, steps = set(step.reads), list[Step]()
    for one in reversed(WHOLE[: WHOLE.index(step)]):
        if wanted & set(one.writes):
            wanted |= set(one.reads)
            steps.insert(0, one)
    made_here = {name for one in steps for name in one.writes}
    frames = {name: drawn(name, now, chance) for name in sorted(wanted - made_here)}
    for _, made in run_steps(steps, frames, terms(now)):
        frames |= {name: frame.lazy() for name, frame in made.items()}
    return {name: frames[name] for name in step.reads}


def made_by(step: Step, frames: Frames, now: datetime) -> dict[str, pl.DataFrame]:
    """Run a step."""
    ((_, made),) = run_steps([step], frames, terms(now))
    return made


@pytest.mark.parametrize("step", CLOCKED, ids=[step.name for step in CLOCKED])
@given(
    seed=st.integers(0, 2**32),
    start=st.sampled_from([NOW, MIDNIGHT, MIDNIGHT - TICK, NOW.replace(minute=0, second=0)]),
    part=st.sampled_from([0.5, 1]),
)
@settings(max_examples=8)
def test_what_a_step_made_holds_until_the_moment_it_says(
    step: Step, seed: int, start: datetime, part: float
) -> None:
    """From the same frames it makes the same rows at any time before, up to the last instant.

    The clock goes on from moment to moment; each lies after the one before.
    """
    frames = before(step, start, Random(seed))  # noqa: S311 - made-up rows
    assert step.holds_until is not None
    now, until = start, start
    for _ in range(MOMENTS):
        made = made_by(step, frames, now)
        lazy = {name: rows.lazy() for name, rows in made.items()}
        until = step.holds_until({**frames, **lazy}, terms(now)) or now + LONG
        last = until - TICK

        later = [made_by(step, frames, at) for at in (now + (last - now) * part, last)]

        assert until > now
        assert [
            name for again in later for name in made if not again[name].equals(made[name])
        ] == []
        now = until


def _lasting(step: Step) -> dict[str, pl.LazyFrame]:
    return before(step, NOW, Random(1))  # noqa: S311 - made-up rows


@pytest.mark.parametrize("step", WHOLE, ids=NAMES)
def test_a_step_asks_for_what_it_declares(step: Step) -> None:
    """What a step looks up of the terms is what makes it due: neither less nor more.

    One that looks at the time says until when that holds, by the same terms.
    """
    seen: set[str] = set()
    noting, frames = cast("Terms", NotingTerms(seen)), _lasting(step)

    made = step.make(frames, noting)
    if step.holds_until:
        step.holds_until({**frames, **made}, noting)

    assert set(made) == set(step.writes)
    assert seen - {"now"} == set(step.asks)
    assert ("now" in seen) == (step.holds_until is not None)


@pytest.mark.parametrize(
    ("name", "row"),
    [("core_service", ("late", "early")), ("mart_inventory_source", ("workload:tomorrow",))],
)
def test_what_runs_tomorrow_is_there_from_midnight(name: str, row: tuple[str, ...]) -> None:
    """A workload dated a day ahead is no service, and its cluster no source, before that day."""
    (step,) = (step for step in WHOLE if name in step.writes)
    tomorrow = {"day": date(2026, 11, 23), "namespace": "late", "workload": "early"}
    tomorrow |= {"cluster": "tomorrow", "environment": "production"}
    workload = {**WORKLOAD_DAILY.sample(1).row(0, named=True), **tomorrow}
    running = pl.LazyFrame([workload], schema=WORKLOAD_DAILY.schema)
    frames = {**_lasting(step), "core_workload_daily": running}
    midnight = datetime(2026, 11, 23, tzinfo=UTC)

    early, late = (made_by(step, frames, at)[name] for at in (midnight - TICK, midnight))

    assert [row in {one[: len(row)] for one in rows.rows()} for rows in (early, late)] == [
        False,
        True,
    ]
    assert step.holds_until is not None
    assert step.holds_until({**frames, name: early.lazy()}, terms(midnight - TICK)) == midnight


def test_names_of_steps_and_of_what_they_make_are_unique() -> None:
    """A step is known by its name, and a table or frame has one maker."""
    assert len({*NAMES}) == len(NAMES)
    assert len({*WHOLE_WRITES}) == len(WHOLE_WRITES)

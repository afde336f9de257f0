"""The steps of a day: each is made from what stands before it, and asks for what it declares."""

from datetime import UTC, date, datetime
from typing import Final, cast

import polars as pl
import pytest

from meterbook.base.settings import Settings
from meterbook.build.inputs import RAW_FRAMES
from tests.noting import NotingTerms
from transforms.day_steps import DAY
from transforms.owners.ownership import Ownership
from transforms.partition import IS_FINAL, Step, Terms, run_steps
from warehouse.tables import BY_NAME, raw

NAMES: Final = tuple(step.name for step in DAY)
NOW: Final = datetime(2026, 11, 22, tzinfo=UTC)


def _empty(name: str) -> pl.LazyFrame:
    bare = name.removesuffix("_around").removesuffix("_before")
    if bare == "raw_series_once":
        return pl.LazyFrame(schema=raw.ONCE_SCHEMA)
    if bare == "raw_series_day":
        return pl.LazyFrame(schema=raw.DAY_SERIES_SCHEMA)
    if bare == raw.SERIES.name:
        return pl.LazyFrame(schema=raw.SEEN_SERIES_SCHEMA)
    return BY_NAME[bare].empty().lazy()


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.LazyFrame]:
    """Give every frame of a day of which nothing is known."""
    terms = Terms(date(2026, 10, 1), NOW, Settings(), Ownership.default())
    given = {name: _empty(name) for name in RAW_FRAMES}
    for _, made in run_steps(DAY, given, terms):
        given |= {name: frame.lazy() for name, frame in made.items()}
    return given


@pytest.mark.parametrize("step", DAY, ids=NAMES)
def test_a_step_asks_for_what_it_declares(step: Step, frames: dict[str, pl.LazyFrame]) -> None:
    """What a step looks up of the terms is what makes it due: neither less nor more.

    Of the time a day step may ask whether its day is final, no more.
    """
    seen: set[str] = set()

    made = step.make({name: frames[name] for name in step.reads}, cast("Terms", NotingTerms(seen)))

    assert set(made) == set(step.writes)
    final = {"billing.period_final_hours", "now"} if IS_FINAL in step.asks else set()
    assert seen - final == set(step.asks) - {IS_FINAL}


def test_each_frame_is_made_once_before_it_is_read() -> None:
    """What no step has made is a frame of the raw tables; each of those is read by some step."""
    known = set(RAW_FRAMES)
    for step in DAY:
        assert set(step.reads) <= known, step.name
        assert not set(step.writes) & known, step.name
        known |= set(step.writes)

    read = {name for step in DAY for name in step.reads}
    assert read & set(RAW_FRAMES) == set(RAW_FRAMES)
    assert len(NAMES) == len(set(NAMES))


def test_a_day_of_which_nothing_is_known_has_every_table_and_no_row(
    frames: dict[str, pl.LazyFrame],
) -> None:
    """Each in its declared types: silence is no error, and makes no figure of zero."""
    made = {name for step in DAY for name in step.writes} & BY_NAME.keys()

    found = {name: BY_NAME[name].check(frames[name].collect()).height for name in made}

    assert len(made) > 30
    assert {name for name, height in found.items() if height} == set()

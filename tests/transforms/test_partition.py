"""How steps run, one after the other, and moments of the clock."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from meterbook.base.settings import Settings
from transforms.owners.ownership import Ownership
from transforms.partition import (
    Frames,
    Made,
    Step,
    Terms,
    first_after,
    next_midnight,
    on,
    run_steps,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        (NOW, datetime(2026, 11, 23, tzinfo=UTC)),
        (datetime(2026, 11, 23, tzinfo=UTC) - TICK, datetime(2026, 11, 23, tzinfo=UTC)),
        (datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_the_next_midnight_lies_ahead(now: datetime, midnight: datetime) -> None:
    """At midnight itself it is a day away."""
    terms = Terms(now.date(), now, Settings(), Ownership.default())

    assert next_midnight({}, terms) == midnight


def test_the_first_moment_after_now() -> None:
    """Now itself has come; the end of all days never does, as where an exemption has no end."""
    days = pl.LazyFrame({"at": [NOW, NOW + TICK, None]})
    forever = pl.LazyFrame({"at": [datetime(9999, 12, 31, tzinfo=UTC)]}).select(
        pl.col("at") + timedelta(days=1)
    )

    assert first_after(NOW, days, NOW + 2 * TICK) == NOW + TICK
    assert first_after(NOW, NOW, forever) is None


def _first(frames: Frames, terms: Terms) -> Made:
    return {"one": frames["raw"].with_columns(day=pl.lit(terms.day)), "unasked": frames["raw"]}


def _second(frames: Frames, _: Terms) -> Made:
    assert set(frames) == {"one"}
    return {"two": frames["one"].select(pl.col("n").sum())}


STEPS = (Step(_first, ("raw",), ("one",)), Step(_second, ("one",), ("two",)))
GIVEN = {"raw": pl.LazyFrame({"n": [1, 2]}), "other": pl.LazyFrame()}
TERMS = Terms(NOW.date(), NOW, Settings(), Ownership.default())


def test_a_step_sees_what_it_reads_and_gives_what_it_writes() -> None:
    """The second reads what the first made: 1 + 2; what a step makes unasked is nobody's."""
    done = list(run_steps(STEPS, GIVEN, TERMS))

    assert [(step.name, list(made)) for step, made in done] == [
        ("first", ["one"]), ("second", ["two"]),
    ]  # fmt: skip
    assert done[1][1]["two"].rows() == [(3,)]


def test_a_step_runs_when_it_is_asked_for_and_not_before() -> None:
    """One at a time: whoever stops after the first never made the second."""
    runs = run_steps(STEPS, GIVEN, TERMS)

    step, made = next(runs)

    assert (step.name, made["one"].height) == ("first", 2)
    assert list(run_steps((), GIVEN, TERMS)) == []


def test_a_step_that_reads_what_nobody_made_is_a_bug() -> None:
    """It stands before what it reads, or its name is misspelt: a KeyError, at once."""
    with pytest.raises(KeyError, match="one"):
        list(run_steps(STEPS[::-1], GIVEN, TERMS))


def test_the_same_terms_on_another_day() -> None:
    """Nothing but the day differs, and a step sees it."""
    other = on(TERMS, TERMS.day - timedelta(days=1))

    (_, made), *_ = run_steps(STEPS, GIVEN, other)

    assert made["one"]["day"].to_list() == [other.day] * 2
    assert on(other, TERMS.day) == TERMS

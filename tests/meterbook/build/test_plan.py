"""Which steps of which days are due, and what must run so that they can."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from meterbook.base.settings import (
    BillingSettings,
    CardinalitySettings,
    InventorySettings,
    Settings,
)
from meterbook.build.inputs import RAW_FRAMES
from meterbook.build.plan import Choice, Mark, kept, marks, needed
from transforms import day_steps
from transforms.owners.ownership import Ownership, parse_ownership
from transforms.partition import Terms, on
from warehouse.tables import BY_NAME

ONE, TWO, THREE = date(2026, 10, 1), date(2026, 10, 2), date(2026, 10, 3)
NOW = datetime(2026, 11, 22, tzinfo=UTC)
ALL: Final = tuple(step.name for step in day_steps.DAY)
KEPT: Final = tuple(step.name for step in day_steps.DAY if BY_NAME.keys() & set(step.writes))
RAW = dict.fromkeys(RAW_FRAMES, "0")
FORMER: Final = {
    "usage": "f8430c031cf0a01b",
    "volumes": "c342a9e5e8e90534",
    "costs": "6b98b1b3b78c6ce7",
    "workloads": "7e2cfe8734c37390",
    "cardinality": "f08ebc83722fbad1",
}


def marked(text: str = "", **other: str) -> dict[str, Mark]:
    """Give the marks of a day; those of some steps are made from other inputs."""
    return {name: Mark(other.get(name, text), "terms") for name in ALL}


def terms(settings: Settings | None = None, ownership: Ownership | None = None) -> Terms:
    """Give the terms of a day."""
    return Terms(ONE, NOW, settings or Settings(), ownership or Ownership.default())


def due_after(now: Terms, raw_: dict[str, str], before: Terms) -> set[str]:
    """Give the steps due when the terms and inputs of a day have become these."""
    have, wanted = {ONE: marks(RAW, before)}, {ONE: marks(raw_, now)}
    return set(Choice().due(wanted, have, kept_since=date.min).get(ONE, ()))


def test_only_what_changed_is_due() -> None:
    """An equal mark is left alone; of a changed day the step that differs; a new day whole."""
    have = {ONE: marked("a"), TWO: marked("b"), THREE: marked("c")}
    wanted = {ONE: marked("a"), TWO: marked("b", ledger="x"), date(2026, 10, 4): marked("d")}

    due = Choice().due(wanted, have, kept_since=date.min)

    assert list(due) == [TWO, THREE, date(2026, 10, 4)]
    assert due[TWO] == ("ledger",)
    assert due[THREE] == KEPT
    assert due[date(2026, 10, 4)] == KEPT
    assert {*ALL} - {*KEPT} == {"known", "samples", "pods", "reported"}


def test_what_a_former_version_did_not_make_is_due_whatever_is_chosen() -> None:
    """Days beside the chosen ones get the steps that they never had; days never built stay so."""
    former = {name: mark for name, mark in marked("a").items() if name != "costs"}
    wanted = {day: marked("b") for day in (ONE, TWO, THREE)}

    due = Choice(first=TWO, last=TWO).due(wanted, {ONE: former, TWO: former}, kept_since=date.min)

    assert due == {ONE: ("costs",), TWO: KEPT}


def test_named_days_are_built_whatever_their_marks() -> None:
    """With a first or a last day the marks do not matter; `everything` takes all."""
    have = {day: marked("a") for day in (ONE, TWO, THREE)}

    def days(choice: Choice) -> list[date]:
        found = choice.due(have, have, kept_since=date.min)
        assert all(names == KEPT for names in found.values())
        return list(found)

    assert days(Choice(first=TWO)) == [TWO, THREE]
    assert days(Choice(last=TWO)) == [ONE, TWO]
    assert days(Choice(everything=True)) == [ONE, TWO, THREE]
    assert days(Choice()) == []


@pytest.mark.parametrize(
    ("other", "due"),
    [
        ({"inventory": InventorySettings(files=("new.csv",), service_tag="app")}, set()),
        ({"cardinality": CardinalitySettings(dashboards=("b.json",), rules=("r.yml",))}, set()),
        (
            {"inventory": InventorySettings(infrastructure_scopes=("*x*",))},
            {"seen", "scored_day"},
        ),
        (
            {"cardinality": CardinalitySettings(price_per_1000_series_month="9.5")},
            {"cardinality", "series"},
        ),
        (
            {"billing": BillingSettings(period_final_hours=24 * 365)},
            {"ledger", "workloads", "costs"},
        ),
    ],
)
def test_a_setting_is_due_where_it_is_read(other: dict[str, Any], due: set[str]) -> None:
    """The inventory's files and dashboards make no day due; prices those of series; and so on."""
    assert due_after(terms(Settings(**other)), RAW, terms()) == due


def test_rules_of_ownership_are_due_where_cost_is() -> None:
    """Telemetry that no rule looks at is not counted again."""
    rules = parse_ownership("version: 1\nteams: [{id: a}]\nrules: []\n")

    due = due_after(terms(ownership=rules), RAW, terms())

    assert {"ledger", "costs", "workloads", "tag_quality"} <= due
    assert due.isdisjoint({"usage", "volumes", "lines", "seen", "scored_day", "cardinality"})


def test_what_arrives_late_is_due_where_it_is_read() -> None:
    """Bill lines make no step of telemetry due; of the day before only what looks back."""
    lines = due_after(terms(), {**RAW, "raw_cost_line": "1"}, terms())
    before = due_after(terms(), {**RAW, "raw_series_once_before": "1"}, terms())

    assert lines == {"lines", "tag_quality", "ledger", "workloads", "costs"}
    assert before == {"cardinality"}


@pytest.mark.parametrize(
    ("frame", "due"),
    [
        ("mart_tag_quality_daily", {"tag_quality"}),
        ("core_cost_ledger", {"ledger", "workloads", "costs"}),
        ("core_signal_daily", {"seen"}),
        ("fact_hours", {"usage", "pools", "ledger", "weights", "workloads", "costs"}),
    ],
)
def test_a_raised_version_is_due_where_the_step_is_read(
    frame: str, due: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step and those that read what it makes are due on each day, old ones too; no others.

    `fact_hours` is not stored: only its readers are due.
    """
    have = {day: marks(RAW, on(terms(), day)) for day in (ONE, TWO)}
    raised = [
        replace(step, version="raised") if frame in step.writes else step for step in day_steps.DAY
    ]

    monkeypatch.setattr(day_steps, "DAY", tuple(raised))
    wanted = {day: marks(RAW, on(terms(), day)) for day in have}
    found = Choice().due(wanted, have, kept_since=TWO)

    assert {day: set(names) for day, names in found.items()} == {ONE: due, TWO: due}


def test_a_home_that_was_built_before_steps_had_versions_keeps_its_days(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its marks are those of version 8, which all steps had in common; these are of that program.

    They change when a step reads something else: then its days are built again, and rightly so.
    """
    first = tuple(replace(step, version="8") for step in day_steps.DAY)
    monkeypatch.setattr(day_steps, "DAY", first)

    made = marks(RAW, terms())

    assert {name: made[name].inputs for name in FORMER} == FORMER


def test_old_days_keep_what_only_weeks_are_shown_of() -> None:
    """Before the history a changed scope is not applied; a restated bill is."""
    have = {ONE: marks(RAW, terms())}
    scopes = terms(Settings(inventory=InventorySettings(infrastructure_scopes=("*x*",))))

    old = Choice().due({ONE: marks(RAW, scopes)}, have, kept_since=TWO)
    late = Choice().due({ONE: marks({**RAW, "raw_signal": "1"}, scopes)}, have, kept_since=TWO)

    assert old == {}
    assert late == {ONE: ("seen", "scored_day")}


def test_what_nobody_keeps_is_made_again() -> None:
    """The ledger needs the day's lines once more, and takes usage as the store has it."""
    chosen = needed(["ledger"])
    names = [step.name for step in chosen]

    assert names == ["lines", "ledger"]
    left = kept(chosen, RAW)
    assert {"core_usage_hourly", "core_node_hourly", "core_volume_hourly"} <= {*left}
    assert {*left} | {*RAW, "lines_of_day"} >= {*chosen[-1].reads}
    assert {*left} <= BY_NAME.keys() - RAW.keys()
    assert [step.name for step in needed(["volumes"])] == ["known", "samples", "pods", "volumes"]

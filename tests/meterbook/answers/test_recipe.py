"""Every way a figure arises is explained: what is printed gives the ledger's digits again."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meterbook.answers.explain import Question, as_json, as_text, explain
from meterbook.base.home import Home
from tests import explained_world
from tests.by_hand import recomputed
from tests.explained_world import POLICIES, RULES
from tests.transforms.conftest import DAY

Explain = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    """Read the world's telemetry once."""
    return explained_world.facts()


@pytest.fixture
def explained(facts: dict[str, Any], tmp_path: Path) -> Explain:
    """Build the day under an ownership file, publish it, and give what explain prints of it."""

    def make(text: str) -> list[dict[str, Any]]:
        home = Home(tmp_path)
        explained_world.published(facts, text, home)
        answer = explain(home, Question(DAY, DAY))
        rows: list[dict[str, Any]] = json.loads(as_json(answer))
        assert as_text(answer)
        return rows

    return make


@pytest.mark.parametrize("name", POLICIES)
def test_every_row_is_recomputed_by_hand(explained: Explain, name: str) -> None:
    """Whatever a line pays for and whatever the policy: the printed steps give the digits."""
    rows = explained(RULES + POLICIES[name])

    assert [row["x_line_hash"] for row in rows if not row["is_exact"]] == []
    assert [row for row in rows if recomputed(row) != Decimal(row["effective_cost"])] == []


KINDS = {
    "node": {"cart-app", "index-app", "__idle__", "__no_telemetry__", "train-app"},
    "volume": {"cart-2-app", "draw-app", "late-app", "shop/data", "__no_telemetry__"},
    "traffic": {"cart-app", "index-app", "__no_telemetry__"},
    "balancer": {"cart-app", "cart-2-app", "late-app", "service shop/gone", "__no_telemetry__"},
    "divided": {"pod-1", "__idle__"},
    "other": {"db", "__no_telemetry__"},
}


def test_the_world_of_these_tests_has_every_kind_of_line(explained: Explain) -> None:
    """What the tests above walk is not empty: each kind of line reaches who it should."""
    rows = explained(RULES)

    found = {kind: {row["workload"] for row in rows if row["line_kind"] == kind} for kind in KINDS}
    assert {kind: KINDS[kind] - names for kind, names in found.items()} == {
        kind: set() for kind in KINDS
    }
    assert {row["line_kind"] for row in rows} == set(KINDS)


def test_the_rules_are_those_of_the_build(facts: dict[str, Any], tmp_path: Path) -> None:
    """An ownership file that was changed since the build explains nothing: the build's own does."""
    home = Home(tmp_path)
    explained_world.published(facts, RULES, home)
    (tmp_path / "ownership.yaml").write_text("version: 1\nteams: [{id: other}]\n")

    made = explain(home, Question(DAY, DAY, team="a"))

    assert made.frame.height
    assert all(recipe["is_exact"] for recipe in made.recipes)


def test_the_words_tell_the_rank_of_a_remainder(facts: dict[str, Any], tmp_path: Path) -> None:
    """A daily cent of a month of 61.000000000013: 13 atoms more than 31 days, 4 left over."""
    home = Home(tmp_path)
    explained_world.published(facts, RULES, home)

    text = as_text(explain(home, Question(DAY, DAY, service="Database")))

    # 61 000 000 000 013 = 31 x 1 967 741 935 484 + 9: the first nine days bear an atom more.
    assert "day 2 of 31: 61000000000013 x 1/31 + 1 atom (remainder 2, 9 left over)" in text
    assert "= 1967741935485" in text

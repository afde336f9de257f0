"""The rules of the Instrumentation Score, as its specification lists them."""

from collections import Counter

from transforms.score.rules import BY_ID, RULES
from warehouse.tables.values import WEIGHTS

TARGETS = {"RES": "Resource", "LOG": "Log", "MET": "Metric", "SPA": "Span", "SDK": "SDK"}


def test_all_rules_weigh_510() -> None:
    """All rules weigh 510, those that can be evaluated 480."""
    assert len(RULES) == 19
    assert sum(rule.weight for rule in RULES) == 510
    assert sum(rule.weight for rule in RULES if rule.is_defined) == 480


def test_a_rule_is_named_after_its_target() -> None:
    """RES-001 is of resources; ids stand once, in ascending numbers from 1 within a target."""
    for rule in RULES:
        assert TARGETS[rule.id[:3]] == rule.target
    numbers = {prefix: [it.id for it in RULES if it.id.startswith(prefix)] for prefix in TARGETS}
    for prefix, ids in numbers.items():
        assert ids == [f"{prefix}-{number:03}" for number in range(1, len(ids) + 1)]
    assert list(BY_ID) == [rule.id for rule in RULES]


def test_impacts_are_those_of_the_specification() -> None:
    """One critical rule (RES-005), twelve important, five normal, one low."""
    assert Counter(rule.impact for rule in RULES) == {
        "Critical": 1, "Important": 12, "Normal": 5, "Low": 1,
    }  # fmt: skip
    assert [rule.id for rule in RULES if rule.impact == "Critical"] == ["RES-005"]
    assert WEIGHTS == {"Critical": 40, "Important": 30, "Normal": 20, "Low": 10}


def test_only_a_rule_without_criteria_cannot_be_evaluated() -> None:
    """SPA-003, which the specification names and does not define."""
    assert [rule.id for rule in RULES if not rule.is_defined] == ["SPA-003"]

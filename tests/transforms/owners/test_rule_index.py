"""The index of rules: none that matches is left out, and few are looked at."""

import json
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.owners.patterns import patterns
from transforms.owners import owning
from transforms.owners.model import Match, Ownership, Rule
from transforms.owners.owning import Matcher, Resource
from transforms.owners.rule_index import RuleIndex

DAY = date(2026, 10, 1)


def found(patterns: list[str], value: str) -> list[int]:
    """Give the places of the rules, one pattern of `namespace` each, that a value may match."""
    index = RuleIndex([[[("namespace", text)]] for text in patterns])
    return list(index.places([("namespace", value)]))


@pytest.mark.parametrize(
    ("pattern", "value", "is_found"),
    [
        ("shop", "shop", 1),
        ("shop", "shopper", 0),
        ("shop*", "shop", 1),
        ("shop*", "sho", 0),
        ("*-web", "anything", 1),
        ("sh[io]p", "show", 1),
        ("sh[io]p", "ship", 1),
        ("s?op", "xoop", 0),
        ("re:shop-[0-9]+", "shop-7", 1),
        ("re:shop-[0-9]+", "shop", 0),
        ("re:shops?", "shop", 1),
        ("re:shop+", "shoppp", 1),
        ("re:shop*", "sho", 1),
        ("re:shop{0}", "sho", 1),
        ("re:shop.", "sho", 0),
        ("re:pay|shop", "shop", 1),
        ("re:(?i)shop", "SHOP", 1),
        ("re:", "", 1),
    ],
)
def test_a_rule_is_filed_under_what_its_matches_begin_with(
    pattern: str, value: str, is_found: int
) -> None:
    """The text before the first sign; of an expression without the letter that is counted.

    `re:shop+` begins with `sho`, for `*`, `?` or `{0}` in the place of `+` would make the `p` one
    that need not be there.
    """
    assert found([pattern], value) == [0] * is_found


def test_places_rise_and_stand_once() -> None:
    """Rules come in their order, however many of their patterns a value meets."""
    assert found(["shop", "s*", "*", "shop-*", "sh*"], "shop") == [0, 1, 2, 4]
    both = RuleIndex([[[("namespace", "a*"), ("namespace", "ab*")]]])
    assert list(both.places([("namespace", "abc")])) == [0]


def test_a_rule_without_any_part_is_open_to_all() -> None:
    """`match: "*"` has no part: it is looked at for everything, said or not."""
    index = RuleIndex([[], [[("namespace", "shop")]]])

    assert list(index.places([])) == [0]
    assert list(index.places([("namespace", "shop")])) == [0, 1]
    assert list(RuleIndex([[]]).places([("cluster", "c")])) == [0]
    assert list(RuleIndex([]).places([("cluster", "c")])) == []


def test_a_rule_is_filed_under_the_part_that_the_fewest_share() -> None:
    """Three rules of cluster c, each with its namespace: the cluster alone finds none of them."""
    rules = [[[("cluster", "c")], [("namespace", name)]] for name in ("a", "b", "d")]
    index = RuleIndex(rules)

    assert list(index.places([("cluster", "c")])) == []
    assert list(index.places([("cluster", "c"), ("namespace", "b")])) == [1]


def test_what_is_said_of_one_thing_is_not_said_of_another() -> None:
    """A namespace `shop` is no cluster `shop`."""
    index = RuleIndex([[[("cluster", "shop")]], [[("namespace", "shop")]]])

    assert list(index.places([("namespace", "shop")])) == [1]


@given(
    matches=st.lists(patterns, max_size=6),
    namespace=st.sampled_from(["a", "B", "-", "ab"]),
    account=st.sampled_from(["", "a", "A", "abc", "re:a|b"]),
    labels=st.dictionaries(st.sampled_from(["k", "a", "K-"]), st.sampled_from(["a", "b", "B", ""])),
)
def test_the_index_finds_what_a_walk_finds(
    matches: Any, namespace: str, account: str, labels: dict[str, str]
) -> None:
    """The owner by the index is the owner by all rules in their order."""
    rules = tuple(
        Rule(
            str(n),
            Match(tuple((name, tuple(texts)) for name, texts in parts)),
            (("t", Decimal(1)),),
        )
        for n, parts in enumerate(matches)
    )
    matcher = Matcher(Ownership(rules=rules), DAY)
    resource = Resource(
        cluster="a", namespace=namespace, workload="ab", account=account, labels=json.dumps(labels)
    )

    found = matcher.owner(resource, "workload").rule_id

    matcher.index = RuleIndex(())
    matcher.index.open = list(range(len(rules)))
    assert found == matcher.owner(resource, "workload").rule_id


class Noted(RuleIndex):
    """An index that keeps what it gave."""

    def places(self, said: Iterable[tuple[str, str]]) -> Iterable[int]:
        """Give the places, and keep them."""
        self.given = list(super().places(said))
        return self.given


@pytest.mark.parametrize(
    ("match", "resource"),
    [
        ({"namespace": "ns-{}-*"}, Resource(namespace="ns-77-x")),
        ({"namespace": r"re:ns-{}-\d+"}, Resource(namespace="ns-77-4")),
        ({"account": "{}"}, Resource(account="77")),
        ({"cluster": "c", "resource": "arn:{}:*"}, Resource(cluster="c", resource="arn:77:b")),
        ({"label": "App=SVC-{}-*"}, Resource(labels='{"app": "svc-77-a"}')),
        ({"service": "Svc {}", "account": "*"}, Resource(service="Svc 77", account="1")),
    ],
)
def test_of_thousands_of_rules_few_are_looked_at(
    match: dict[str, str], resource: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever rules ask for: of 2,000 with another number in each, at most 3 are tried."""
    rules = tuple(
        Rule(
            f"r{n}",
            Match(tuple((name, (text.replace("{}", str(n)),)) for name, text in match.items())),
            (("t", Decimal(1)),),
        )
        for n in range(2000)
    )
    monkeypatch.setattr(owning, "RuleIndex", Noted)
    matcher = Matcher(Ownership(rules=rules), DAY)

    owner = matcher.owner(resource, "workload")

    assert owner.rule_id == "r77"
    assert isinstance(matcher.index, Noted)
    assert len(matcher.index.given) <= 3

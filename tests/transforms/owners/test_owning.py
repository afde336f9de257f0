"""Which rule owns a resource: pools before rules, the first match wins."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from transforms.owners.ownership import parse_ownership
from transforms.owners.owning import Matcher, Resource, fits, normal_key

DAY = date(2026, 10, 1)
TEAMS = "teams: [{id: a}, {id: b}, {id: c}]\n"


def owner_of(text: str, resource: Resource, day: date = DAY) -> tuple[str, str, str, str]:
    """Give receiver, rule, reason and pool."""
    owner = Matcher(parse_ownership(TEAMS + text), day).owner(resource, "workload")
    return owner.shares[0][0], owner.rule_id, owner.reason, owner.pool


def labelled(**labels: object) -> Resource:
    """Give a workload with labels."""
    return Resource("c", "shop", "web", json.dumps(labels))


@pytest.mark.parametrize(
    "key", ["team", "Team", "TEAM", "user:team", "user_Team", "k8s.pod.label.team", "t-e_a.m"]
)
def test_keys_are_compared_without_case_and_prefix(key: str) -> None:
    """Spellings of a key are one."""
    assert normal_key(key) == "team"


def test_first_match_wins_and_values_are_normalised(case: Any) -> None:
    """The worked example of rule order: each row has its rule and its team."""
    example = case("allocation", "c28")
    want = dict(example["expected"])
    text = """
teams: [{id: payments}, {id: core}]
tags:
  keys: [team, owner, cost-center]
  values: {aliases: {pay: payments, payments-team: payments}}
rules:
  - {id: r1, match: {namespace: "kube-*"}, team: __shared__/cluster}
  - {id: r2, match: {tag: "*"}, team: $tag}
  - {id: r3, match: {namespace: "pay-*"}, team: payments}
  - {id: r9, match: "*", team: __unallocated__}
"""
    matcher = Matcher(parse_ownership(text), date(2026, 10, 1))

    owners = [
        matcher.owner(Resource(namespace=row["ns"], labels=json.dumps(row["labels"])), "workload")
        for row in example["input"]["rows"]
    ]

    assert [owner.rule_id for owner in owners] == want.pop("rule_ids")
    costs: dict[str, Decimal] = {}
    for owner, row in zip(owners, example["input"]["rows"], strict=True):
        receiver = owner.shares[0][0].partition("/")[0]  # the bucket of kube-* has a name of ours
        costs[receiver] = costs.get(receiver, Decimal(0)) + Decimal(row["cost"])
    assert costs == {receiver: Decimal(cost) for receiver, cost in want.items()}


def test_labels_annotations_and_expressions() -> None:
    """A label beats an annotation as a tag; each can be asked for alone; `re:` is whole text."""
    text = """
teams: [{id: a}, {id: b}, {id: c}]
tags: {keys: [team]}
rules:
  - {id: annotated, match: {annotation: {squad: core}}, team: c}
  - {id: shaped, match: {namespace: "re:pay-[0-9]+"}, team: b}
  - {id: tag, match: {tag: "*"}, team: $tag}
"""
    matcher = Matcher(parse_ownership(text), date(2026, 10, 1))

    def rule(namespace: str, **labels: str) -> tuple[str, str]:
        owner = matcher.owner(Resource(namespace=namespace, labels=json.dumps(labels)), "workload")
        return owner.rule_id, owner.shares[0][0]

    assert rule("x", **{"annotation:squad": "Core"}) == ("annotated", "c")
    assert rule("x", squad="core") == ("", "__unallocated__")
    assert rule("pay-12") == ("shaped", "b")
    assert rule("pay-12x") == ("", "__unallocated__")
    assert rule("x", **{"annotation:team": "a", "team": "b"}) == ("tag", "b")
    assert rule("x", **{"annotation:team": "a"}) == ("tag", "a")


POOLS = """
rules:
  - {id: mine, match: {service: "Support*"}, team: a}
  - {id: fee, match: {namespace: fee}, team: __shared__/fee}
  - {id: lone, match: {namespace: lone}, team: __shared__/lone}
  - {id: tax, match: {namespace: tax}, team: __shared__/tax}
shared:
  - {id: cluster, pool: {bucket: __shared__/fee}, to: {teams: [c, b]}, split: even}
  - {id: support, pool: {service: "Support*"}, to: {teams: all}, split: even}
  - {id: shown, pool: {bucket: __shared__/tax}, to: none, show_as: __shared__/vat}
"""


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        (Resource(service="Support Plus"), ("a", "support", "pool_share", "support")),
        (Resource(namespace="fee"), ("b", "fee", "pool_share", "cluster")),
        (Resource(namespace="lone"), ("__shared__/lone", "lone", "pool_unsplit", "lone")),
        (Resource(namespace="tax"), ("__shared__/vat", "tax", "pool_unsplit", "shown")),
        (Resource(namespace="else"), ("__unallocated__", "", "no_rule", "")),
    ],
)
def test_pools_come_before_rules_and_buckets_after(
    resource: Resource, found: tuple[str, str, str, str]
) -> None:
    """A pool of a service takes it before the rule does; one of a bucket takes what rules give.

    A bucket that no pool takes is shown under its own name; `to: none` says which name.
    """
    assert owner_of(POOLS, resource) == found


TAGGED = """
tags: {keys: [team, owner], values: {aliases: {pay: b}}, invalid: [none]}
rules:
  - {id: tag, match: {tag: "*"}, team: $tag}
  - {id: rest, match: {namespace: shop}, team: c}
"""


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ({"team": "A"}, ("a", "tag", "workload")),
        ({"owner": " Pay "}, ("b", "tag", "workload")),
        ({"team": "none", "owner": "a"}, ("a", "tag", "workload")),
        ({"team": "", "owner": "a"}, ("a", "tag", "workload")),
        ({"team": "who", "owner": "a"}, ("__unallocated__", "tag", "unknown_team")),
        ({"team": "None"}, ("c", "rest", "workload")),
        ({"colour": "red"}, ("c", "rest", "workload")),
        ({"team": 7}, ("__unallocated__", "tag", "unknown_team")),
    ],
)
def test_the_first_key_with_a_valid_value_names_the_team(
    labels: dict[str, object], found: tuple[str, str, str]
) -> None:
    """An invalid value gives the next key its turn, then the next rule; an unknown one ends it."""
    assert owner_of(TAGGED, labelled(**labels))[:3] == found


def test_of_keys_that_become_equal_the_first_by_name_counts() -> None:
    """`Team` stands before `team`, however they were sent."""
    both = Resource("c", "shop", "web", '{"team": "b", "Team": "a"}')

    assert owner_of(TAGGED, both)[0] == "a"


@pytest.mark.parametrize("value", ["-", ""])
def test_a_part_that_does_not_apply_is_matched_by_no_pattern(value: str) -> None:
    """A line outside clusters has namespace `-`: not even `*` or `-` is about it."""
    text = 'rules: [{id: all, match: {namespace: ["*", "-", ""]}, team: a}]'

    assert owner_of(text, Resource(namespace=value))[1] == ""
    assert owner_of(text, Resource(namespace="x"))[1] == "all"


def test_all_parts_hold_each_by_one_of_its_patterns() -> None:
    """Cluster c and namespace x or y; another cluster, or another namespace, is another's."""
    text = "rules: [{id: r, match: {cluster: c, namespace: [x, y]}, team: a}]"
    places = [("c", "x"), ("c", "y"), ("c", "z"), ("d", "x")]

    found = [owner_of(text, Resource(cluster=one, namespace=two))[1] for one, two in places]

    assert found == ["r", "r", "", ""]


def test_rules_and_pools_of_other_days_do_not_count() -> None:
    """The last day of the old rule is its own; on the next the new one counts."""
    text = """
rules:
  - {id: old, match: {namespace: n}, team: a, until: 2026-10-01}
  - {id: new, match: {namespace: n}, team: b, from: 2026-10-02}
shared:
  - {id: late, pool: {namespace: n}, to: {teams: all}, split: even, from: 2026-10-03}
"""
    days = [date(2026, 10, number) for number in (1, 2, 3)]

    assert [owner_of(text, Resource(namespace="n"), day)[1] for day in days] == [
        "old", "new", "late",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "value", "want"),
    [
        ("shop", "shop", True),
        ("shop", "Shop", False),
        ("shop*", "shop", True),
        ("sh?p", "ship", True),
        ("sh?p", "shp", False),
        ("sh[io]p", "shop", True),
        ("shop.x", "shopyx", False),
        ("re:sh.p", "ship", True),
        ("re:sh.p", "ships", False),
        ("re:", "", True),
        ("*", "", True),
    ],
)
def test_a_pattern_is_the_whole_value(pattern: str, value: str, want: object) -> None:
    """A point is a point but in an expression; case counts."""
    assert fits(pattern, value) is want

"""The ownership file, read and checked as a whole."""

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meterbook.base.errors import ConfigError
from transforms.owners.checks import advice, overlaps
from transforms.owners.ownership import parse_ownership
from transforms.owners.owning import Matcher, Resource, normal_key


def test_every_finding_is_reported_with_its_place() -> None:
    """Unknown teams, bad splits, unquoted money, bad days and doubled rules come together."""
    text = """
teams: [{id: a, budget: {monthly: 12.5, from: 2026-10-01}}]
tags: {values: {aliases: {x: nobody}}}
rules:
  - {id: one, match: {namespace: n}, team: b}
  - {id: two, match: {namespace: n}, team: a}
  - {id: three, match: {colour: red}, teams: {a: "0.5"}}
  - {id: four, source: ldap, from: soon}
shared:
  - {id: p, pool: {service: X}, to: {teams: [a, c]}, split: even}
  - {id: q, pool: {service: Y}, to: {teams: all}, split: metric}
"""
    with pytest.raises(ConfigError) as caught:
        parse_ownership(text)

    assert {finding.key for finding in caught.value.findings} == {
        "teams.a.budget.monthly",
        "tags.values.aliases.x",
        "rules.one.team",
        "rules.two",
        "rules.three.match",
        "rules.three.teams",
        "rules.four.source",
        "rules.four.path",
        "rules.four.from",
        "shared.p.to",
        "shared.q.weight",
    }


@pytest.mark.parametrize("text", ["[", "just text", "- a list"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    """Broken YAML and other shapes have words of their own."""
    with pytest.raises(ConfigError):
        parse_ownership(text)


def test_the_digest_follows_the_text() -> None:
    """Two files that differ have two digests; the same text has one."""
    assert parse_ownership("teams: []").config_hash == parse_ownership("teams: []").config_hash
    assert parse_ownership("teams: []").config_hash != parse_ownership("teams: [] ").config_hash


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


def test_what_can_never_be_is_refused() -> None:
    """Days in reverse, broken expressions, doubled ids and misspelt keys come with their path."""
    text = """
departments: [{id: shop, cost_center: CC-1}]
teams: [{id: a, department: nowhere}, {id: b, department: shop}]
rules:
  - {id: late, match: {namespace: n}, team: a, from: 2026-11-02, until: 2026-11-01}
  - {id: regex, match: {namespace: "re:pay-("}, team: a}
  - {id: typo, match: {namespace: m}, team: a, form: 2026-11-02}
  - {id: typo, match: {namespace: o}, team: a}
close: {freeze_after_days: soon}
"""
    with pytest.raises(ConfigError) as caught:
        parse_ownership(text)

    assert {finding.key for finding in caught.value.findings} == {
        "teams.a.department",
        "rules.late.until",
        "rules.regex.match.namespace",
        "rules.typo.form",
        "rules.typo",
        "close.freeze_after_days",
    }


def test_what_is_said_in_vain_is_reported() -> None:
    """Rules behind a wider one, empty pools, buckets without a pool and teams left out."""
    text = """
teams: [{id: a}, {id: b}, {id: lonely}]
tags: {values: {aliases: {none: a}}, invalid: [none]}
rules:
  - {id: one, match: {namespace: [pay, "shop-*"]}, team: a}
  - {id: inside, match: {cluster: c, namespace: shop-eu}, team: b}
  - {id: partly, match: {namespace: [pay, other]}, team: b}
  - {id: bucket, match: {namespace: sys}, team: __shared__/nowhere}
  - {id: rest, match: "*", team: __unallocated__}
  - {id: after, match: {account: "1"}, team: b}
shared:
  - {id: empty, pool: {bucket: __shared__/fee}, to: {teams: [a, b]}, split: even}
  - {id: support, pool: {service: "*Support*"}, to: {teams: [a, b]}, split: even}
  - {id: second, pool: {service: AWSSupport}, to: {teams: [a, b]}, split: even}
"""
    found = advice(parse_ownership(text))

    assert [finding.key for finding in found] == [
        "rules.inside",
        "rules.partly",
        "rules.after",
        "shared.empty.pool.bucket",
        "shared.second",
        "rules.bucket.team",
        "teams.lonely",
        "tags.values.aliases.none",
    ]
    assert found[1].message.startswith("['pay'] never reached")


def test_a_rule_of_other_days_is_no_shadow() -> None:
    """A dated change of owner, and what the untagged fall through to, are in order."""
    text = """
teams: [{id: a}, {id: b}]
rules:
  - {id: label, match: {tag: "*"}, team: $tag}
  - {id: old, match: {namespace: n}, team: a, until: 2026-11-15}
  - {id: new, match: {namespace: n}, team: b, from: 2026-11-16}
"""
    assert advice(parse_ownership(text)) == []


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


def test_a_dated_change_leaves_older_days_their_digest() -> None:
    """What begins on a day changes that day's digest and later ones; budgets change none."""
    head = "teams: [{id: a}, {id: b}]\nrules:\n  - {id: r, match: {namespace: n}, team: a"
    dated = "}\n  - {id: s, match: {namespace: m}, team: b, from: 2026-11-16}"
    old, new = parse_ownership(head + "}"), parse_ownership(head + dated)

    assert old.hash_on(date(2026, 11, 15)) == new.hash_on(date(2026, 11, 15))
    assert old.hash_on(date(2026, 11, 16)) != new.hash_on(date(2026, 11, 16))
    assert old.hash_on(date(2026, 11, 15)) == old.hash_on(date(2026, 11, 16))


def test_a_team_takes_its_departments_cost_center() -> None:
    """Team, department, cost centre: a team's own cost centre goes before the department's."""
    text = """
departments: [{id: shop, name: Shop, cost_center: CC-1}]
teams: [{id: a, department: shop}, {id: b, department: shop, cost_center: CC-2}, {id: c}]
"""
    teams = parse_ownership(text).teams

    assert [(t.id, t.department, t.cost_center) for t in teams] == [
        ("a", "shop", "CC-1"),
        ("b", "shop", "CC-2"),
        ("c", "", ""),
    ]


def test_the_examples_of_the_page_are_whole() -> None:
    """Every YAML block of the how-to is read, and says nothing in vain."""
    page = Path(__file__).parents[3] / "docs" / "how-to" / "own-costs.md"
    blocks = re.findall(r"```yaml\n# ownership[^\n]*\n(.*?)```", page.read_text(), re.DOTALL)

    found = [advice(parse_ownership(block)) for block in blocks]

    assert found
    assert not any(found)


@pytest.mark.parametrize(
    ("one", "other", "is_reported"),
    [
        ('{cluster: c1, namespace: "f*"}', '{cluster: "c*", namespace: "fi*"}', True),
        ('{namespace: "shop-*"}', '{namespace: "*-web"}', True),
        ('{namespace: "shop-*-a"}', '{namespace: "shop-*-b"}', False),
        ('{namespace: "shop-*"}', '{namespace: "find-*"}', False),
        ('{namespace: "shop-web"}', '{namespace: "shop-*"}', False),
        ('{namespace: "re:shop-.*"}', '{namespace: ["shop-web", find]}', False),
        ('{namespace: "shop-*"}', '{label: "app=web"}', False),
        ('{label: "app=w*"}', '{label: "app=*b"}', True),
    ],
)
def test_rules_that_overlap_are_reported_as_a_note(one: str, other: str, is_reported: bool) -> None:  # noqa: FBT001
    """Neither takes all of the other, and one may be both; narrow before wide is meant."""
    text = (
        "teams: [{id: a}, {id: b}]\nrules:\n"
        f"  - {{id: one, match: {one}, team: a}}\n  - {{id: other, match: {other}, team: b}}\n"
    )

    reported = overlaps(parse_ownership(text))

    want = ["rules.other: may match what 'one' does, which comes first and counts"]
    assert reported == (want if is_reported else [])


def test_rules_of_one_team_or_of_other_days_may_overlap() -> None:
    """Who gets it is the same, or the days are others: there is nothing to tell."""
    text = (
        "teams: [{id: a}, {id: b}]\nrules:\n"
        '  - {id: one, match: {namespace: "s*"}, team: a, until: 2026-10-31}\n'
        '  - {id: two, match: {namespace: "*p"}, team: a}\n'
        '  - {id: three, match: {namespace: "*p*q"}, team: b, from: 2026-11-01}\n'
    )

    reported = overlaps(parse_ownership(text))

    assert reported == []

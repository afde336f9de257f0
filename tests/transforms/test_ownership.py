"""The ownership file, read and checked as a whole."""

import json
from datetime import date
from typing import Any

import pytest

from meterbook.errors import ConfigError
from transforms.ownership import parse_ownership
from transforms.owning import Judge, Thing, normal_key


def test_every_finding_is_told_with_its_place() -> None:
    """Unknown teams, bad splits, unquoted money, bad days and doubled rules come together."""
    text = """
teams: [{id: a, budget: {monthly: 12.5, from: 2026-10-01}}]
tags: {values: {aliases: {x: nobody}}}
rules:
  - {id: one, match: {namespace: n}, team: b}
  - {id: two, match: {namespace: n}, team: a}
  - {id: three, match: {colour: red}, teams: {a: "0.5"}}
  - {id: four, source: backstage, match: "*", team: a, from: soon}
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
        "rules.four",
        "rules.four.from",
        "shared.p.to",
        "shared.q.split",
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
    want = example["expected"]["rule_ids"]
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
    judge = Judge(parse_ownership(text), date(2026, 10, 1))

    owners = [
        judge.owner(Thing(namespace=row["ns"], labels=json.dumps(row["labels"])), "workload")
        for row in example["input"]["rows"]
    ]

    assert [owner.rule_id for owner in owners] == want
    assert [owner.shares[0][0] for owner in owners][1:] == [
        "payments",
        "payments",
        "payments",
        "__unallocated__",
    ]

"""The ownership file, read and checked as a whole."""

import pytest

from meterbook.base.errors import ConfigError
from transforms.owners.ownership import parse_ownership


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

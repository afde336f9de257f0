"""What an ownership file says in vain, and rules that overlap."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.owners.patterns import patterns
from transforms.owners.checks import advice, overlaps
from transforms.owners.model import Match, Ownership, Rule
from transforms.owners.ownership import parse_ownership
from transforms.owners.rule_index import RuleIndex

TEAMS = "teams: [{id: a}, {id: b}]\n"


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


@given(matches=st.lists(patterns, max_size=6))
def test_the_check_finds_what_a_walk_finds(matches: Any) -> None:
    """What is said in vain is the same when every earlier rule is looked at."""
    rules = tuple(
        Rule(
            str(n),
            Match(tuple((name, tuple(texts)) for name, texts in parts)),
            (("t", Decimal(1)),),
        )
        for n, parts in enumerate(matches)
    )
    ownership = Ownership(rules=rules)

    found = advice(ownership)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RuleIndex, "places", lambda *_: range(len(rules)))
        assert found == advice(ownership)


@pytest.mark.parametrize(
    ("wide", "narrow", "message"),
    [
        ("{namespace: shop}", "{namespace: shop, cluster: c}", "never reached: "),
        ('{namespace: "s*"}', '{namespace: "shop-*"}', "never reached: "),
        ('{namespace: "re:s.*"}', "{namespace: [shop, ship]}", "never reached: "),
        ('"*"', '{label: "app=web"}', "never reached: "),
        ('{namespace: "s*"}', "{namespace: [shop, pay]}", "['shop'] never reached: "),
        ("{namespace: shop, cluster: c}", "{namespace: shop}", ""),
        ('{namespace: "shop-*"}', '{namespace: "s*"}', ""),
        ('{namespace: "re:s.*"}', '{namespace: "s*"}', ""),
        ('{namespace: "s?op"}', '{namespace: "shop"}', ""),
        ("{namespace: shop}", "{cluster: shop}", ""),
    ],
)
def test_a_rule_is_never_reached_only_where_an_earlier_one_takes_all_of_it(
    wide: str, narrow: str, message: str
) -> None:
    """By patterns: a star takes what begins alike, an expression plain texts; else nothing is said.

    Nothing is said either of `?`, for what it takes is not read.
    """
    text = f"rules:\n  - {{id: w, match: {wide}, team: a}}\n  - {{id: n, match: {narrow}, team: b}}"

    found = [finding.message for finding in advice(parse_ownership(TEAMS + text))]

    assert [one[: len(message)] for one in found] == ([message] if message else [])


@pytest.mark.parametrize(
    ("until", "since", "messages"),
    [
        ("2026-10-31", "2026-11-01", []),
        ("2026-11-01", "2026-11-01", ["never reached on some of its days: 'w' comes first"]),
        ("2026-11-02", "2026-11-02", ["never reached: 'w' comes first"]),
    ],
)
def test_the_last_day_of_one_may_be_the_first_of_the_next(
    until: str, since: str, messages: list[str]
) -> None:
    """A day later they do not meet; on one day they do; wholly within, it is never reached."""
    last = "2026-11-02" if since == "2026-11-02" else "2026-12-31"
    text = f"""rules:
  - {{id: w, match: {{namespace: "s*"}}, team: a, until: {until}}}
  - {{id: n, match: {{namespace: shop}}, team: b, from: {since}, until: {last}}}
"""
    found = [finding.message for finding in advice(parse_ownership(TEAMS + text))]

    assert [one.split(" and takes")[0] for one in found] == messages


def test_a_file_that_says_nothing_says_nothing_in_vain() -> None:
    """No rules and no pools; a team alone receives nothing, unless tags may name it."""
    assert advice(Ownership.default()) == []
    lone = advice(parse_ownership("teams: [{id: a}]"))
    assert [finding.key for finding in lone] == ["teams.a"]
    tagged = 'teams: [{id: a}]\nrules: [{id: t, match: {tag: "*"}, team: $tag}]'
    assert advice(parse_ownership(tagged)) == []

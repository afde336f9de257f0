"""How well the bill is tagged, by hand."""

from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.conftest import DAY, Bill
from transforms.ledger.allocation import day_lines
from transforms.ledger.receivers import labelled
from transforms.owners.ownership import Ownership, parse_ownership
from transforms.owners.owning import Matcher, Resource
from transforms.owners.tag_quality import tag_quality
from warehouse.tables.mart_quality import TAG_QUALITY_DAILY

RULES = parse_ownership("""
version: 1
teams: [{id: payments}, {id: search}]
tags:
  keys: [team, k8s.pod.label.team, cost-center]
  values: {aliases: {pay: payments}}
  invalid: [n/a, todo]
rules: [{id: label, match: {tag: "*"}, team: $tag}]
""")


def quality(bill: Any, ownership: Ownership = RULES) -> dict[tuple[str, str], tuple[int, Decimal]]:
    """Give lines and cost by key and state."""
    made = TAG_QUALITY_DAILY.check(tag_quality(bill.of_day(), ownership, DAY).collect())
    return {
        (row["tag_key"], row["state"]): (row["line_count"], row["effective_cost"])
        for row in made.to_dicts()
    }


def test_lines_and_cost_by_state(bill: Any) -> None:
    """Six lines, one of each sort: two tagged (an alias, and a key of other spelling)."""
    bill.add("1", tags={"team": " Pay "})
    bill.add("2", tags={"user:Team": "search"})
    bill.add("4", tags={"team": "N/A", "cost_center": "search"})
    bill.add("8", tags={"team": "ghosts"})
    bill.add("16", tags={"team": "  "})
    bill.add("32", tags={"colour": "red", "cost_center": "TODO"})

    assert quality(bill) == {
        ("team", "tagged"): (2, Decimal(3)),
        ("team", "invalid"): (1, Decimal(4)),
        ("team", "unknown_team"): (1, Decimal(8)),
        ("team", "untagged"): (2, Decimal(48)),
        ("cost-center", "tagged"): (1, Decimal(4)),
        ("cost-center", "invalid"): (1, Decimal(32)),
        ("cost-center", "untagged"): (4, Decimal(27)),
        ("*", "tagged"): (3, Decimal(7)),
        ("*", "unknown_team"): (1, Decimal(8)),
        ("*", "invalid"): (1, Decimal(32)),
        ("*", "untagged"): (1, Decimal(16)),
    }


def test_currencies_are_apart_and_long_lines_by_their_day(bill: Any) -> None:
    """31 of a month is 1 a day; euros have rows of their own."""
    bill.add("31", hours=31 * 24, tags={"team": "pay"})
    bill.add("5", tags={"team": "pay"}, billing_currency="EUR")

    made = tag_quality(bill.of_day(), RULES, DAY).filter(pl.col("tag_key") == "team").collect()

    assert dict(zip(made["currency"], made["effective_cost"], strict=True)) == {"EUR": 5, "USD": 1}


def test_no_keys_no_rows(bill: Any) -> None:
    """Without tag keys in the file nothing can be said of tags."""
    assert quality(bill.add("1"), Ownership.default()) == {}


VALUES = st.sampled_from(["", "pay", "SEARCH", "n/a", "ghosts", " "])
KEYS = st.sampled_from(["team", "Team", "user:team", "cost-center", "colour"])


@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=8))
def test_tagged_is_what_the_rule_gives_to_a_team(tags: list[dict[str, str]]) -> None:
    """Per key all lines are told; `*` is tagged for those lines that `$tag` gives to a team."""
    bill = Bill()
    for one in tags:
        bill.add("1", tags=one)
    matcher = Matcher(RULES, DAY)
    labels = labelled(day_lines(bill.lines, DAY).collect())["labels"]
    owned = [matcher.owner(Resource(labels=text), "line").shares[0][0] for text in labels]

    made = quality(bill)

    for key in ("team", "cost-center", "*"):
        assert sum(count for (name, _), (count, _) in made.items() if name == key) == len(tags)
    tagged, _ = made.get(("*", "tagged"), (0, 0))
    assert tagged == sum(team in RULES.team_ids for team in owned)

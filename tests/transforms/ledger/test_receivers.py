"""Who receives a shared cost: what each team weighs by its direct cost of the day."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tests.transforms.conftest import DAY, START, Bill
from transforms.ledger.lines import priced
from transforms.ledger.receivers import (
    RECIPIENT,
    Matches,
    joined,
    labelled,
    paid_for,
    received,
    weights_of,
)
from transforms.owners.ownership import Ownership, parse_ownership
from transforms.owners.owning import Matcher
from warehouse.tables.core_pool import POOL_WEIGHT_DAILY


def rules(split: str = "proportional") -> Ownership:
    """Give three teams, known by their tag, that bear support together."""
    return parse_ownership(f"""
    teams: [{{id: a}}, {{id: b}}, {{id: c}}]
    tags: {{keys: [team]}}
    rules: [{{id: label, match: {{tag: "*"}}, team: $tag}}]
    shared: [{{id: fee, pool: {{service: Support}}, to: {{teams: all}}, split: {split}}}]
    """)


def shared(bill: Any, telemetry: Any, ledger: Any, *of_a: str) -> dict[str, Decimal]:
    """Share 8 of support among a with these lines of its own, b with 3 and c with 1."""
    for team, cost in [*(("a", cost) for cost in of_a), ("b", "3"), ("c", "1")]:
        bill.add(cost, tags={"team": team})
    bill.add("8", service_name="Support")

    frame = ledger(bill, telemetry, rules()).filter(pl.col("pool") == "fee")
    return dict(zip(frame["team"], frame["effective_cost"], strict=True))


@pytest.mark.parametrize("of_a", [("-5",), ("2", "-7"), ("5", "-5")])
def test_a_negative_sum_weighs_zero(
    bill: Any, telemetry: Any, ledger: Any, of_a: tuple[str, ...]
) -> None:
    """A team whose credits are more than its costs, or as much, bears nothing: 6 and 2 of 8."""
    assert shared(bill, telemetry, ledger, *of_a) == {"a": 0, "b": 6, "c": 2}


def test_the_least_sum_above_zero_weighs(bill: Any, telemetry: Any, ledger: Any) -> None:
    """One atom beside 3e12 and 1e12, of 8e12: floors 1, 6e12 - 2 and 2e12 - 1, two atoms left.

    They go to the largest remainders: 4e12 - 1 of a, 2e12 + 2 of b; c has 2e12 + 1.
    """
    atom = Decimal("0.000000000001")

    got = shared(bill, telemetry, ledger, str(atom))

    assert got == {"a": 2 * atom, "b": 6 - atom, "c": 2 - atom}


def test_nobody_with_a_sum_above_zero(bill: Any, telemetry: Any, ledger: Any) -> None:
    """Three teams of less than nothing bear the pool evenly: 3 each of 9."""
    for team in "abc":
        bill.add("-1", tags={"team": team})
    bill.add("9", service_name="Support")

    frame = ledger(bill, telemetry, rules()).filter(pl.col("pool") == "fee")

    assert frame["effective_cost"].to_list() == [3, 3, 3]


def matches(*taken: tuple[int, int, int], kind: str = "other", items: Any = None) -> Matches:
    """Give what recipients took of lines: line, recipient, atoms; recipients are namespaces 0 …."""
    rows = [(line, START, who, amount, amount // 2) for line, who, amount in taken]
    schema = {
        "line": pl.UInt32(), "charge_hour": pl.Datetime("us", "UTC"), "recipient": pl.UInt32(),
        "effective": pl.Int128(), "billed": pl.Int128(),
    }  # fmt: skip
    blank = dict.fromkeys(RECIPIENT, "") | {"labels": "{}", "reason": "workload"}
    count = max((who for _, who, _ in taken), default=-1) + 1
    who = [{**blank, "namespace": f"n{number}"} for number in range(count)]
    recipients = pl.DataFrame(who, schema=dict.fromkeys(RECIPIENT, pl.String()))
    return Matches(pl.DataFrame(rows, schema=schema, orient="row"), recipients, kind, items)


def test_recipients_are_numbered_on() -> None:
    """The second's recipient 0 stands behind the two of the first; rows keep their amounts."""
    made = joined([matches((1, 0, 5), (1, 1, 6)), matches((2, 0, 7))])

    assert made.rows.select("line", "recipient", "effective").rows() == [
        (1, 0, 5), (1, 1, 6), (2, 2, 7),
    ]  # fmt: skip
    assert made.recipients["namespace"].to_list() == ["n0", "n1", "n0"]


def test_a_line_pays_for_one_thing() -> None:
    """Its kind, and which of that kind where that is known; lines without a word have none."""
    items = pl.DataFrame(
        {"line": [2], "line_item": ["volume x"]}, schema_overrides={"line": pl.UInt32}
    )

    made = paid_for([matches((1, 0, 5), (1, 1, 6)), matches((2, 0, 7), kind="volume", items=items)])

    assert made.sort("line").rows() == [(1, "other", ""), (2, "volume", "volume x")]


@pytest.mark.parametrize(
    ("tags", "labels"),
    [
        ({"b": "2", "a": 'say "hi"'}, '{"a": "say \\"hi\\"", "b": "2"}'),
        ({}, "{}"),
        (None, "{}"),
    ],
)
def test_tags_are_labels_in_order(tags: dict[str, str] | None, labels: str) -> None:
    """As workloads have theirs: a JSON object by key; a line without tags has an empty one."""
    lines = priced(Bill().add("1", tags=tags).of_day())
    if tags is None:
        lines = lines.with_columns(tags=pl.lit(None, lines.schema["tags"]))

    assert labelled(lines)["labels"].to_list() == [labels]


def test_a_match_is_split_to_all_who_share_it() -> None:
    """n0 is a's by 0.35 and b's by 0.65: of 101 atoms 35.35 and 65.65: 35, 66. n1 is nobody's.

    Billed, 50, is split by itself: 17.5 and 32.5, and the atom goes to the first by name.
    """
    rules = parse_ownership(
        "teams: [{id: a}, {id: b}]\n"
        'rules: [{id: r, match: {namespace: n0}, teams: {a: "0.35", b: "0.65"}}]'
    )

    rows, owners = received(
        matches((1, 0, 101), (1, 1, 7)), Matcher(rules, DAY), POOL_WEIGHT_DAILY.empty()
    )

    named = rows.join(owners.with_row_index("owner"), on="owner").sort("team")
    assert named.select("team", "rule_id", "reason", "effective", "billed").rows() == [
        ("__unallocated__", "", "no_rule", 7, 3),
        ("a", "r", "workload", 35, 18),
        ("b", "r", "workload", 66, 32),
    ]


def test_what_nobody_measured_weighs_nothing() -> None:
    """By metric and aggregation of the pool; another's rows, and other teams', do not count."""
    text = "teams: [{id: a}, {id: b}]\nshared: [{id: p, pool: {service: X}, to: {teams: all}, "
    pool = parse_ownership(text + "split: metric, weight: {metric: m, agg: last}}]").pools[0]
    measured = pl.DataFrame(
        [("m", "last", "b", 7), ("m", "increase", "a", 8), ("n", "last", "a", 9),
         ("m", "last", "c", 1)],
        schema=["metric", "agg", "team", "weight"], orient="row",
    )  # fmt: skip

    assert weights_of(pool, measured) == {"a": 0, "b": 7}

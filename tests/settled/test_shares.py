"""Settled: who pays, by shares of pools and lines; see docs/reference/settled.md."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from transforms.owners.ownership import parse_ownership

HOURLY: dict[str, Any] = {"consumed_unit": "Hrs", "consumed_quantity": Decimal(1)}
CORE = {"sku_meter": "N2 Instance Core running in Frankfurt"}
RAM = {"sku_meter": "N2 Instance Ram running in Frankfurt"}
POOLS = """
teams: [{id: a}, {id: b}]
tags: {keys: [team]}
rules:
  - {id: tag, match: {tag: "*"}, team: $tag}
shared:
  - {id: fee, pool: {service: Support}, to: {teams: all}, split: SPLIT}
  - {id: mesh, pool: {service: Mesh}, to: {teams: [a]}, split: even}
"""
PROPORTIONAL = parse_ownership(POOLS.replace("SPLIT", "proportional"))
EVEN = parse_ownership(POOLS.replace("SPLIT", "even"))
OWNED_IDLE = parse_ownership(POOLS.replace("SPLIT", "proportional") + "idle: {show: {owner: a}}\n")
ATOM = Decimal("0.000000000001")


def own(bill: Any, team: str, cost: str, **facts: str) -> None:
    """Add a line outside clusters that is a team's own."""
    bill.add(cost, tags={"team": team}, **facts)


def fee(frame: pl.DataFrame) -> dict[str, Decimal]:
    """Give what each team bears of the pool `fee`."""
    mine = (
        frame.filter(pl.col("pool") == "fee").group_by("team").agg(pl.col("effective_cost").sum())
    )
    return dict(mine.rows())


def test_settled_a_proportional_pool_deducts_credits(
    telemetry: Any, bill: Any, ledger: Any
) -> None:
    """4 of a less a credit of 1 are 3, b has 1: of 8 they bear 6 and 2."""
    own(bill, "a", "4")
    own(bill, "a", "-1", charge_category="Credit")
    own(bill, "b", "1")
    bill.add("8", service_name="Support")

    assert fee(ledger(bill, telemetry, PROPORTIONAL)) == {"a": 6, "b": 2}


def test_settled_a_proportional_pool_leaves_idle_out(
    telemetry: Any, bill: Any, ledger: Any
) -> None:
    """Teams a and b run a core each; a answers for two idle ones too, and still bears 4 of 8."""
    telemetry.node("n", 4, 0, [0])
    for team in "ab":
        telemetry.pod(team, "n", team, 0, 1, request=1, labels={"team": team})
    bill.add("4", 0, 1, "i-n", **HOURLY, **CORE)
    bill.add("8", service_name="Support")

    frame = ledger(bill, telemetry, OWNED_IDLE)

    assert frame.filter(reason="idle").select("team", "effective_cost").rows() == [("a", 2)]
    assert fee(frame) == {"a": 4, "b": 4}


def test_settled_a_proportional_pool_leaves_other_pools_out(
    telemetry: Any, bill: Any, ledger: Any
) -> None:
    """Teams a and b have 1 each; a bears 10 of another pool too, and still 4 of 8."""
    own(bill, "a", "1")
    own(bill, "b", "1")
    bill.add("10", service_name="Mesh")
    bill.add("8", service_name="Support")

    assert fee(ledger(bill, telemetry, PROPORTIONAL)) == {"a": 4, "b": 4}


def test_settled_a_proportional_pool_goes_by_the_same_day(
    telemetry: Any, bill: Any, ledger: Any
) -> None:
    """Team a has 3 today, b 1 today and 99 tomorrow: of 8 they bear 6 and 2."""
    own(bill, "a", "3")
    own(bill, "b", "1")
    bill.add("99", start=24, tags={"team": "b"})
    bill.add("8", service_name="Support")

    assert fee(ledger(bill, telemetry, PROPORTIONAL)) == {"a": 6, "b": 2}


def test_settled_each_bill_line_of_a_pool_is_split_for_itself(
    telemetry: Any, bill: Any, ledger: Any
) -> None:
    """Two lines of an atom: each gives it to the first team, so a has two and b none."""
    for _ in range(2):
        bill.add(str(ATOM), service_name="Support")

    assert fee(ledger(bill, telemetry, EVEN)) == {"a": 2 * ATOM, "b": 0}


@pytest.mark.parametrize(("meter", "want"), [(CORE, {"cpu": 1}), (RAM, {"memory": 1})])
def test_settled_a_line_of_one_resource_is_cost_of_that_resource_alone(
    telemetry: Any, bill: Any, ledger: Any, by: Any, meter: dict[str, str], want: dict[str, int]
) -> None:
    """One pod asks for all cores, the other for all memory: a core item is the first one's."""
    telemetry.node("n", 4, 16, [0])
    telemetry.pod("cores", "n", "cpu", 0, 1, request=4)
    telemetry.pod("bytes", "n", "memory", 0, 1, gib=16)
    bill.add("1", 0, 1, "i-n", **HOURLY, **meter)

    frame = ledger(bill, telemetry)

    assert by(frame.filter(pl.col("effective_cost") != 0), "namespace") == want

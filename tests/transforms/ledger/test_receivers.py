"""Who receives a shared cost: what each team weighs by its direct cost of the day."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from transforms.owners.ownership import Ownership, parse_ownership


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

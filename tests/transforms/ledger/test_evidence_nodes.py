"""How a node's line came to its workloads: the printed steps are the ledger's own results."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.conftest import START, Bill
from tests.transforms.ledger.machines import CORES, HOUR, HOURLY, asks, node, nodes_of, usage_of
from tests.transforms.ledger.walks import matched_to, steps_of, walked_to
from transforms.ledger.evidence import weight_hourly
from transforms.ledger.evidence_nodes import node_chains
from transforms.ledger.lines import priced
from transforms.ledger.nodes import on_nodes
from transforms.owners.ownership import Ownership, parse_ownership

POLICIES = {
    "separate": "",
    "of the system": "node_split: {capacity: allocatable}",
    "by node": "idle: {show: share, scope: node}",
    "by pool": "idle: {show: share, scope: pool}",
    "by cluster": "idle: {show: share, scope: cluster}",
    "by node, of the system": (
        "node_split: {capacity: allocatable}\nidle: {show: share, scope: node}"
    ),
}


def rules(name: str) -> Ownership:
    """Give a policy."""
    return parse_ownership(f"teams: [{{id: a}}]\n{POLICIES[name]}")


def chains_of(
    bill: Bill, nodes: pl.DataFrame, usage: pl.DataFrame, asked: list[str], name: str = "separate"
) -> pl.DataFrame:
    """Give the chains of the lines asked for."""
    ownership = rules(name)
    weights = weight_hourly(usage.lazy(), ownership.basis).collect()
    lines = priced(bill.of_day())
    return node_chains(lines, nodes, weights, ownership, asked=pl.Series(asked, dtype=pl.String))


def hashes(bill: Bill) -> list[str]:
    """Give the hashes of all lines."""
    return bill.lines.collect()["x_line_hash"].to_list()


def test_hour_part_and_share_by_hand() -> None:
    """1,001 atoms of a day with two hours observed: 501 and 500, all for cores.

    Of 4 core-hours web asks for one, idle has three: 125.25 and 375.75 of 501. Floors 125 and 375,
    remainders a quarter and three quarters, so the atom goes to idle. Of 500: 125 and 375.
    """
    bill = Bill().add("0.000000001001", 0, 24, "i-n", sku_meter=CORES)
    usage = usage_of(asks("web", 1), asks("web", 1, hour=3))

    made = chains_of(bill, nodes_of(node(), node(hour=3)), usage, hashes(bill))

    found = {
        ((row["charge_hour"] - START) // HOUR, row["workload"]): [
            (step["weight"], step["denominator"], step["atom"], step["result_atoms"])
            for step in steps_of(row)
        ]
        for row in made.to_dicts()
        if row["part"] == "cpu"
    }
    core = 3600 * 10**6
    first, later = [(1, 2, 1, 501), (1, 1, 0, 501)], [(1, 2, 0, 500), (1, 1, 0, 500)]
    assert found == {
        (0, "web"): [*first, (core, 4 * core, 0, 125)],
        (0, "__idle__"): [*first, (3 * core, 4 * core, 1, 376)],
        (3, "web"): [*later, (core, 4 * core, 0, 125)],
        (3, "__idle__"): [*later, (3 * core, 4 * core, 0, 375)],
    }


def test_an_hour_that_was_not_observed_has_no_steps() -> None:
    """The whole line is silence: there is nothing to do again."""
    bill = Bill().add("1", 5, 1, "i-n", **HOURLY)

    made = chains_of(bill, nodes_of(node()), usage_of(), hashes(bill)).to_dicts()

    assert [(row["workload"], row["reason"], steps_of(row)) for row in made] == [
        ("__no_telemetry__", "no_telemetry", [])
    ]


@pytest.mark.parametrize("name", ["separate", "by node", "by cluster"])
def test_only_the_lines_asked_for_are_told(name: str) -> None:
    """The other line takes part in the cluster's idle, and yet has no chain."""
    bill = Bill().add("1", 0, 1, "i-n", **HOURLY).add("2", 0, 1, "i-m", **HOURLY)
    nodes, usage = nodes_of(node(), node("m")), usage_of(asks("web", 1))
    asked = hashes(bill)[:1]

    made = chains_of(bill, nodes, usage, asked, name)

    assert set(made["x_line_hash"]) == set(asked)
    lines = priced(bill.of_day())
    want = matched_to(on_nodes(lines, nodes, usage, rules(name))[0], lines)
    assert walked_to(made, lines) == {key: it for key, it in want.items() if key[0] == asked[0]}


costs = st.lists(
    st.tuples(
        st.sampled_from(["i-n", "i-m"]), st.integers(-(10**14), 10**14), st.sampled_from([1, 24])
    ),
    min_size=1,
    max_size=3,
)
work = st.lists(
    st.tuples(
        st.sampled_from(["web", "api"]), st.integers(0, 5), st.integers(0, 9), st.booleans(),
        st.integers(0, 2),
    ),
    max_size=4,
)  # fmt: skip


@settings(deadline=None, max_examples=15)
@given(costs, work, st.sampled_from(sorted(POLICIES)))
def test_steps_walked_by_hand_are_the_ledgers_matches(
    bill_lines: Any, running: Any, name: str
) -> None:
    """Receiver by receiver, whatever ran and whatever becomes of idle."""
    bill = Bill()
    for resource, atoms, hours in bill_lines:
        bill.add(str(Decimal(atoms).scaleb(-12)), 0, hours, resource)
    usage = usage_of(
        *(
            asks(who, cores, gib, on="n" if is_n else "m", hour=hour, pod=str(number))
            for number, (who, cores, gib, is_n, hour) in enumerate(running)
        )
    )
    offers = {"cpu_allocatable_cores": 3.5, "memory_allocatable_bytes": 15 * 2.0**30}
    nodes = nodes_of(
        *(node(which, hour, 4, 16, node_pool=which, **offers) for which in "nm" for hour in (0, 2))
    )
    lines = priced(bill.of_day())

    made = chains_of(bill, nodes, usage, hashes(bill), name)

    assert walked_to(made, lines) == matched_to(
        on_nodes(lines, nodes, usage, rules(name))[0], lines
    )

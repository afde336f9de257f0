"""What of nodes' cost was for CPU and GPUs: the ledger's own parts, by the way of explain too."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tests import explained_world
from tests.explained_world import POLICIES, RULES
from tests.transforms.conftest import DAY, START
from transforms.efficiency.workload import workload_daily
from transforms.ledger import evidence, pools
from transforms.ledger.allocation import ledger_with_parts
from transforms.ledger.trace import STEPS, line_days
from transforms.owners.ownership import parse_ownership

PLACE = ("cluster", "namespace", "workload")


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    """Read the world's telemetry once."""
    return explained_world.facts()


def made(facts: dict[str, Any], text: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give mart_workload_daily of the world, and the chains of every line by which it arose."""
    ownership = parse_ownership(text)
    usage, nodes, bill = facts["usage"].lazy(), facts["nodes"].lazy(), facts["bill"]
    reported = facts["told"]
    weights = pools.pool_weights(reported.series, reported.points, usage, ownership, DAY)
    ledger, parts = ledger_with_parts(
        bill.of_day(), usage, nodes, ownership, day=DAY, now=START,
        volumes=facts["volumes"].lazy(), weights=weights,
        network=facts["network"].lazy(), balancers=facts["balancers"].lazy(),
    )  # fmt: skip
    weighed = evidence.weight_hourly(usage, ownership.basis)
    daily = workload_daily(usage, nodes, weighed, ledger, parts).collect()
    known = evidence.Reported(
        facts["nodes"], weighed.collect(), facts["volumes"],
        evidence.traffic_hourly(facts["network"].lazy()).collect(), facts["balancers"],
    )  # fmt: skip
    lines = line_days(bill.lines, DAY)
    hashes = lines.collect()["x_line_hash"].unique()
    return daily, evidence.explained(lines, known, ownership, hashes)


def costs(chains: pl.DataFrame, part: str) -> dict[tuple[str, ...], Decimal]:
    """Add up the last results of the chains of a part of nodes, by workload."""
    steps = [f"step_{name}" for name in reversed(STEPS) if f"step_{name}" in chains.columns]
    sums: dict[tuple[str, ...], Decimal] = {}
    for row in chains.filter(part=part).to_dicts():
        last = next(row[name] for name in steps if row[name] is not None and row[name]["name"])
        key = tuple(row[name] for name in PLACE)
        sums[key] = sums.get(key, Decimal(0)) + Decimal(int(last["result_atoms"])).scaleb(-12)
    return {key: cost for key, cost in sums.items() if cost}


@pytest.mark.parametrize("name", POLICIES)
def test_each_part_is_what_the_ledger_shared_of_it(facts: dict[str, Any], name: str) -> None:
    """Whatever the policy: CPU, GPU and memory of each workload, to the last digit."""
    daily, chains = made(facts, RULES + POLICIES[name])

    for part in ("cpu", "gpu", "memory"):
        rows = daily.filter(pl.col(f"{part}_cost") != 0).select(*PLACE, f"{part}_cost").rows()
        assert {tuple(key): cost for *key, cost in rows} == costs(chains, part)

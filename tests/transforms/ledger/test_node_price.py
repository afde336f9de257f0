"""What a node's cost pays for; the ledger's own parts, by the way of explain too."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import explained_world
from tests.explained_world import POLICIES, RULES
from tests.transforms.conftest import DAY, START
from tests.transforms.ledger import machines
from transforms.efficiency.workload import workload_daily
from transforms.ledger import evidence, node_price, pools
from transforms.ledger.allocation import ledger_with_parts
from transforms.ledger.trace import STEPS, line_days
from transforms.owners.ownership import parse_ownership
from warehouse.table import USD

PLACE = ("cluster", "namespace", "workload")
GIB = 2.0**30
LINE_TYPES = {
    "effective": pl.Int128(), "billed": pl.Int128(), "sku_meter": pl.String(),
    "charge_description": pl.String(), "consumed_unit": pl.String(), "consumed_quantity": USD,
}  # fmt: skip


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


def parted(text: str = "", **facts: Any) -> dict[str, Any]:
    """Give the parts of a line of 1,000 atoms, billed -1,000, for an hour of a node."""
    line = {**dict.fromkeys(LINE_TYPES), "effective": 1000, "billed": -1000}
    line |= {key: value for key, value in facts.items() if key in LINE_TYPES}
    node = machines.node(**{key: value for key, value in facts.items() if key not in LINE_TYPES})
    lines = [machines.nodes_of(node), pl.DataFrame([line], schema=LINE_TYPES)]
    ownership = parse_ownership(f"teams: [{{id: a}}]\n{text}")
    return node_price.by_part(pl.concat(lines, how="horizontal"), ownership).row(0, named=True)


@pytest.mark.parametrize(
    ("sizes", "want"),
    [
        ({"cpu_capacity_cores": 4.0, "memory_capacity_bytes": 4 * GIB}, (900, 100, 0)),
        ({"cpu_capacity_cores": 1.0, "memory_capacity_bytes": 9 * GIB}, (500, 500, 0)),
        ({"cpu_capacity_cores": 4.0, "memory_capacity_bytes": 0.0}, (1000, 0, 0)),
        ({"cpu_capacity_cores": 0.0, "memory_capacity_bytes": GIB}, (0, 1000, 0)),
        ({"cpu_capacity_cores": 0.0, "memory_capacity_bytes": 0.0}, (1000, 0, 0)),
    ],
)
def test_a_line_is_parted_by_price_times_capacity(
    sizes: dict[str, float], want: tuple[int, int, int]
) -> None:
    """9 for a core, 1 for a GiB: 36 and 4 are 9 of 10; 9 and 9 are halves; unknown sizes: CPU.

    A credit is parted like a cost.
    """
    made = parted("node_split: {mode: aws_9_1}", **sizes)

    assert tuple(made[f"{part}_effective"] for part in node_price.PARTS) == want
    assert tuple(-made[f"{part}_billed"] for part in node_price.PARTS) == want


def test_beside_a_gpu_other_weights_count() -> None:
    """A GPU of 9, 4 cores of 0.9 and 4 GiB of 0.1: 9, 3.6 and 0.4 of 13; floors, memory the rest.

    9000 // 13 = 692, 3600 // 13 = 276, 1000 - 692 - 276 = 32.
    """
    sizes = {"memory_capacity_bytes": 4 * GIB, "gpu_capacity_count": 1.0}

    made = parted("node_split: {mode: aws_9_1}", **sizes)

    assert [made[f"{part}_effective"] for part in node_price.PARTS] == [276, 32, 692]


@pytest.mark.parametrize(
    ("facts", "part"),
    [
        ({"sku_meter": "N2 Instance Core running"}, "cpu"),
        ({"sku_meter": "N2 Instance Ram running"}, "memory"),
        ({"sku_meter": "Nvidia Tesla T4 GPU with 4 vCPU and memory"}, "gpu"),
        ({"sku_meter": None, "charge_description": "8 vCPU and memory"}, "cpu"),
        ({"sku_meter": "Ramen and cores"}, None),
    ],
)
def test_a_line_whose_words_name_one_part_pays_for_that_alone(facts: Any, part: str | None) -> None:
    """Whole words, without case; a GPU before cores, cores before memory."""
    made = parted(memory_capacity_bytes=GIB, **facts)

    assert made["only_part"] == part
    if part:
        assert made[f"{part}_effective"] == 1000
        assert sum(made[f"{name}_effective"] for name in node_price.PARTS) == 1000


@pytest.mark.parametrize(
    ("unit", "quantity", "seconds"),
    [
        ("Hrs", "0.5", 1800), ("hours", "1", 3600), ("Hrs", "0", 0), ("Hrs", "1.01", 3600),
        ("Seconds", "0.5", 3600), (None, None, 3600),
    ],
)  # fmt: skip
def test_capacity_is_that_of_the_time_billed(
    unit: str | None, quantity: str | None, seconds: int
) -> None:
    """Hours up to one, as the bill says; more, or another unit: the time the node was observed."""
    amount = None if quantity is None else Decimal(quantity)

    made = parted(consumed_unit=unit, consumed_quantity=amount)

    assert made["cpu_capacity"] == 4 * 10**6 * seconds


@pytest.mark.parametrize(("allocatable", "kept"), [(3.5, 0.5), (4.0, 0), (5.0, 0), (0.0, 0)])
def test_the_system_keeps_what_is_not_allocatable(allocatable: float, kept: float) -> None:
    """Of 4 cores; more allocatable than there is, or not told, keeps nothing."""
    made = parted("node_split: {capacity: allocatable}", cpu_allocatable_cores=allocatable)

    assert made["cpu_system"] == kept * 10**6 * 3600
    assert parted(cpu_allocatable_cores=allocatable)["cpu_system"] == 0


@given(
    st.integers(-(10**18), 10**18), st.integers(0, 400), st.integers(0, 10**4), st.integers(0, 16)
)
def test_parts_add_up_to_the_line(amount: int, cores: int, gib: int, gpus: int) -> None:
    """To the atom, with the sign of the line, whatever the node has."""
    sizes: Any = {"cpu_capacity_cores": float(cores), "memory_capacity_bytes": gib * GIB}

    made = parted(effective=amount, gpu_capacity_count=float(gpus), **sizes)

    parts = [made[f"{part}_effective"] for part in node_price.PARTS]
    assert sum(parts) == amount
    assert all(part * amount >= 0 for part in parts)

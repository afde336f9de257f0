"""The steps behind the ledger: their results are the ledger's rows, by hand arithmetic."""

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.conftest import DAY, Bill, Telemetry
from transforms import evidence
from transforms.ownership import Ownership
from warehouse.tables.evidence import WEIGHT_HOURLY


def derived(bill: Bill, telemetry: Telemetry) -> pl.DataFrame:
    """Give the last step of every resource of every node line."""
    weights = evidence.weight_hourly(telemetry.usage().lazy(), "max").collect()
    nodes = telemetry.nodes()
    lines = evidence.line_days(bill.lines, DAY).collect()
    hours = evidence.node_hours(lines, nodes)
    parted = evidence.parts(hours, nodes, Ownership.default())
    return evidence.uses(parted, WEIGHT_HOURLY.check(weights))


def two_pods() -> Telemetry:
    """Give a node of 4 cores and 16 GiB with two pods, one of them for half the day."""
    hours = [float(n) for n in range(25)]
    made = Telemetry().node("n", 4, 16, hours)
    made.pod("a", "n", "shop", 0, 23, request=1, use=[0.5] * 23)
    return made.pod("b", "n", "find", 0, 12, request=2, use=[0.7] * 12)


def steps_by_hand(use: dict[str, Any]) -> int:
    """Recompute the last step from its printed numbers, with whole numbers only."""
    size = abs(use["amount"]) * use["weight"] // use["denominator"] + use["atom"]
    return int(size if use["amount"] >= 0 else -size)


def test_steps_give_the_ledger(ledger: Any) -> None:
    """A daily and an hourly line, a credit too: results by step are the ledger's costs by row."""
    bill = Bill().add("2.400000000007", 0, 24, "i-n").add("0.1", 3, 1, "i-n")
    bill.add("-0.300000000001", 0, 24, "i-n")
    telemetry = two_pods()
    key = ["x_line_hash", "charge_hour", "namespace", "workload"]

    uses = derived(bill, telemetry)

    assert uses["result"].to_list() == [steps_by_hand(use) for use in uses.to_dicts()]
    got = uses.group_by(key).agg(pl.col("result").sum()).filter(pl.col("result") != 0)
    want = ledger(bill, telemetry).filter(pl.col("effective_cost") != 0)
    wanted = want.select(*key, pl.col("effective_cost").to_physical().cast(pl.Int128))
    assert got.sort(key).rows() == wanted.sort(key).rows()


@given(st.integers(-(10**16), 10**16), st.lists(st.integers(0, 10**14), min_size=1, max_size=9))
def test_parts_are_whole(amount: int, weights: list[int]) -> None:
    """The printed results of a group add up to its amount."""
    rows = pl.DataFrame(
        {"g": 1, "n": range(len(weights)), "amount": amount, "weight": weights},
        schema={"g": pl.Int8, "n": pl.Int64, "amount": pl.Int128, "weight": pl.Int128},
        strict=False,
    )

    done = evidence.traced(rows, group=["g"], order=["n"])

    assert done["result"].sum() == amount
    assert done["result"].to_list() == [steps_by_hand(row) for row in done.to_dicts()]

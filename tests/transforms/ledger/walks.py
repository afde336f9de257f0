"""Chains of steps, walked in Python's whole numbers from each line's own cost."""

from collections import defaultdict
from typing import Any

import polars as pl

from tests.by_hand import walked
from transforms.ledger.receivers import Matches
from transforms.ledger.trace import STEPS

KEY = ("x_line_hash", "charge_hour", "cluster", "node", "namespace", "workload", "labels", "reason")
Sums = dict[tuple[Any, ...], int]


def steps_of(chain: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the steps that a chain has, in their order."""
    found = (chain.get(f"step_{name}") for name in STEPS)
    return [step for step in found if step is not None and step["name"]]


def walked_to(chains: pl.DataFrame, lines: pl.DataFrame) -> Sums:
    """Give what the printed steps make of each line, by who receives it."""
    whole = dict(lines.group_by("x_line_hash").agg(pl.col("effective").sum()).rows())
    sums: defaultdict[tuple[Any, ...], int] = defaultdict(int)
    for chain in chains.to_dicts():
        key = tuple(chain[name] for name in KEY)
        sums[key] += walked(steps_of(chain), whole[chain["x_line_hash"]])
    return {key: amount for key, amount in sums.items() if amount}


def matched_to(found: Matches, lines: pl.DataFrame) -> Sums:
    """Give what the ledger's own matches give to each receiver."""
    names = lines.select("line", "x_line_hash").unique("line")
    rows = found.rows.join(found.recipients.with_row_index("recipient"), on="recipient")
    sums = rows.join(names, on="line").group_by(KEY).agg(pl.col("effective").sum())
    return {tuple(key): amount for *key, amount in sums.rows() if amount}

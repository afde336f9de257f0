"""Recomputing a figure from what `meterbook explain --json` prints, in Python's whole numbers."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any


def recomputed(row: Mapping[str, Any]) -> Decimal:
    """Recompute a row's cost from its bill line's cost and the printed weights."""
    line = int(Decimal(row["line_effective_cost"]).scaleb(12))
    total = 0
    for way in row["ways"]:
        amount = sum(walked(resource["steps"], line) for resource in way["resources"])
        if way["owner"]:
            amount = walked([way["owner"]], amount)
        total += amount
    return Decimal(total).scaleb(-12)


def walked(steps: Sequence[Mapping[str, Any]], amount: int) -> int:
    """Walk the printed steps, each from the result of the one before."""
    for step in steps:
        size = {"part": part, "rest": rest, "overlap": overlap}[step["takes"]](step, abs(amount))
        amount = size if amount >= 0 else -size
    return amount


def part(step: Mapping[str, Any], size: int) -> int:
    """Give a weight's part; one atom more where the rank is within the atoms left over."""
    assert step["atom"] == (step["rank"] <= step["atoms_left"])
    return int(size * step["weight"] // step["denominator"] + step["atom"])


def rest(step: Mapping[str, Any], size: int) -> int:
    """Give what the others leave."""
    return int(size - sum(size * other // step["denominator"] for other in step["others"]))


def overlap(step: Mapping[str, Any], size: int) -> int:
    """Give what lies both in the line's stretch and in the receiver's own."""
    own = part(step, abs(step["scope_atoms"]))
    first = max(step["line_from"], step["own_from"])
    return int(max(0, min(step["line_from"] + size, step["own_from"] + own) - first))

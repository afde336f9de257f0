"""The steps of a ledger row as people read them: one row a step, one line of words a row.

Takes    a recipe (meterbook.answers.recipe)
Gives    its steps in order, the same for the command and the page
Holds    nothing is rounded; the last results of all ways add up to the ledger row
"""

from collections.abc import Iterator, Mapping
from typing import Any

OF_ALL = "all parts"


def rows_of(recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give every step of a recipe with `way` (one per label set), `part` and `is_last` of it."""
    return [
        {"way": number, **row}
        for number, way in enumerate(recipe["ways"], start=1)
        for row in _way(way)
    ]


def _way(way: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    has_owner = way["owner"] is not None
    for resource in way["resources"]:
        *before, last = resource["steps"]
        part = {"labels": way["labels"], "part": resource["part"]}
        yield from ({**part, **step, "is_last": False} for step in before)
        yield {**part, **last, "is_last": not has_owner}
    if has_owner:
        yield {"labels": way["labels"], "part": OF_ALL, **way["owner"], "is_last": True}


def words_of(row: Mapping[str, Any]) -> str:
    """Write a step with its numbers: part, what was done, and what came of it."""
    return f"{row['part']}: {row['name']}: {how(row)} = {row['result_atoms']}"


def how(row: Mapping[str, Any]) -> str:
    """Write what a step did: `amount x weight/denominator`, and the rank of its remainder."""
    amount, denominator = row["amount_atoms"], row["denominator"]
    part = f"{row['weight']}/{denominator}{_remainder(row)}"
    if row["takes"] == "rest":
        others = " and ".join(f"{other}/{denominator}" for other in row["others"])
        return f"{amount} rest after {others}"
    if row["takes"] == "overlap":
        return (
            f"{amount} from {row['line_from']} on, cut by "
            f"{row['scope_atoms']} x {part} from {row['own_from']} on"
        )
    return f"{amount} x {part}"


def _remainder(row: Mapping[str, Any]) -> str:
    """Say which rank the remainder has among those who might get an atom that is left over."""
    if not row["atoms_left"]:
        return ""
    rank = f"remainder {row['rank']}, {row['atoms_left']} left over"
    return f" + 1 atom ({rank})" if row["atom"] else f" ({rank})"

"""Two exports that are one bill: Azure's actual and amortized cost, with a manifest each.

Takes    manifests as they were read, and when their exports were run
Gives    which of them are one delivery: the last run of each export of a scope and period
Holds    no run is in two deliveries
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

WORDS: Final[Mapping[str, str]] = {"actualcost": "actual", "amortizedcost": "amortized"}
"""What `exportConfig.type` says, and the word by which the mapping knows that half."""
MONTH: Final = 7


@dataclass(frozen=True)
class Half:
    """Which half of which bill an export is."""

    scope: str
    period: str
    word: str

    @property
    def bill(self) -> tuple[str, str]:
        """Give what the two halves have in common."""
        return self.scope, self.period


def half_of(document: Any) -> Half | None:
    """Tell from a manifest which half of a bill it brings; None where it is no half."""
    config, info = _part(document, "exportConfig"), _part(document, "runInfo")
    word = WORDS.get(str(config.get("type", "")).lower())
    start = info.get("startDate")
    if word is None or not isinstance(start, str):
        return None
    export = str(config.get("resourceId", "")).lower()
    scope, _, _ = export.partition("/providers/microsoft.costmanagement/")
    return Half(scope, start[:MONTH], word)


def _part(document: Any, name: str) -> Mapping[str, Any]:
    found = document.get(name) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}


def groups(runs: Sequence[tuple[Half | None, str, int]]) -> list[tuple[int, ...]]:
    """Give which runs are a delivery, by their numbers; a run is its half and when it was run.

    Where both halves of a bill are there, its last two make it, and earlier runs are in none.
    """
    bills: dict[tuple[str, str], dict[str, list[int]]] = {}
    alone: list[tuple[int, ...]] = []
    for number, (half, _, _) in enumerate(runs):
        if half is None:
            alone.append((number,))
        else:
            bills.setdefault(half.bill, {}).setdefault(half.word, []).append(number)
    for words in bills.values():
        if len(words) == len(WORDS):
            last = (max(numbers, key=lambda n: runs[n][1:]) for numbers in words.values())
            alone.append(tuple(sorted(last)))
        else:
            alone += [(number,) for numbers in words.values() for number in numbers]
    return sorted(alone)

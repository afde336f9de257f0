"""Labels that say the same, and the smallest set of labels whose loss reaches a budget.

Takes    the wide layout of a day
Gives    per metric: groups of equivalent labels; a set of at most three steps to a budget; the
         labels of the instance, all with the exact number of series left
Holds    exact; the same series give the same sets in the same order

a determines b when fp sums of (a, b) are as many as those of a alone; two that determine each other
are one choice, always offered together. The search takes at each step the choice that leaves the
fewest series (ties: most distinct values, then by name), also where it saves nothing by itself: a
sparse product of labels shows only as a set. Choices that turn out not to be needed are put back.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from transforms.cardinality.fingerprint import Wide

STEPS: Final = 3
INSTANCE: Final = (
    "container.id", "host.id", "host.name", "instance", "k8s.pod.ip", "k8s.pod.name", "k8s.pod.uid",
    "pod", "process.pid", "service.instance.id",
)  # fmt: skip
KEPT: Final = ("deployment.environment.name", "service.name", "service.namespace", "team")
SCHEMA: Final = {
    "metric": pl.String(),
    "set_kind": pl.String(),
    "labels": pl.List(pl.String()),
    "left": pl.Int64(),
    "is_within_budget": pl.Boolean(),
}


@dataclass(frozen=True)
class Choice:
    """One label, or several that say the same: its slots and names, and how many values."""

    slots: tuple[int, ...]
    names: tuple[str, ...]
    distinct: int


def label_sets(
    series: Wide, *, budget: int, searched: Collection[str] | None = None
) -> pl.DataFrame:
    """Give the sets of these metrics, or of all: `equivalent`, `budget` and `instance`."""
    found = [
        row
        for metric in series.chosen(searched)
        for row in _sets(metric, series.of_metric(metric), _names(series, metric), budget)
    ]
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


def left_without(rows: pl.DataFrame, slots: Sequence[int]) -> int:
    """Count the series left without the labels of these slots."""
    rest = pl.col("fp")
    for slot in slots:
        rest -= pl.col(f"h{slot}")
    return int(rows.select(rest.n_unique()).item())


def _names(series: Wide, metric: str) -> list[tuple[int, str]]:
    """Give slot and `level:label` of a metric's labels."""
    slots = series.slots.filter(pl.col("metric") == metric)
    names = slots.select("slot", pl.format("{}:{}", "level", "label")).rows()
    return [(int(slot), str(name)) for slot, name in names]


def _sets(
    metric: str, rows: pl.DataFrame, names: list[tuple[int, str]], budget: int
) -> list[tuple[object, ...]]:
    choices = equivalents(rows, names)
    total = left_without(rows, ())
    sets: list[tuple[object, ...]] = [
        _row(metric, "equivalent", rows, one, budget) for one in choices if len(one.names) > 1
    ]
    instance = [c for c in choices if all(name.partition(":")[2] in INSTANCE for name in c.names)]
    if instance and left_without(rows, _slots(instance)) < total:
        sets.append(_row(metric, "instance", rows, _joined(instance), budget))
    if total > budget and (chosen := search(rows, choices, budget)):
        sets.append(_row(metric, "budget", rows, _joined(chosen), budget))
    return sets


def equivalents(rows: pl.DataFrame, names: Sequence[tuple[int, str]]) -> list[Choice]:
    """Give the choices of a metric: labels with more than one value, equivalent ones together."""
    columns = rows.select(pl.col(f"h{slot}").n_unique() for slot, _ in names)
    counts = dict(zip((slot for slot, _ in names), columns.row(0) if names else (), strict=True))
    groups: list[list[tuple[int, str]]] = []
    for slot, name in names:
        if counts[slot] < 2:
            continue
        same = (g for g in groups if _is_mutual(rows, counts, g[0][0], slot))
        group = next(same, None)
        if group is None:
            groups.append([(slot, name)])
        else:
            group.append((slot, name))
    return [Choice(tuple(s for s, _ in g), tuple(n for _, n in g), counts[g[0][0]]) for g in groups]


def determines(rows: pl.DataFrame, slot: int, other: int) -> bool:
    """Tell whether a value of the first label leaves one value of the second only."""
    both = (pl.col(f"h{slot}") + pl.col(f"h{other}")).n_unique()
    return bool(rows.select(both == pl.col(f"h{slot}").n_unique()).item())


def _is_mutual(rows: pl.DataFrame, counts: dict[int, int], slot: int, other: int) -> bool:
    return counts[slot] == counts[other] and determines(rows, slot, other)


def search(rows: pl.DataFrame, choices: Sequence[Choice], budget: int) -> list[Choice]:
    """Give at most three choices whose loss leaves no more than the budget, or as few as can be."""
    free = [c for c in choices if not any(n.partition(":")[2] in KEPT for n in c.names)]
    total = left = left_without(rows, ())
    chosen: list[Choice] = []
    while free and left > budget and len(chosen) < STEPS:
        ranked = [(left_without(rows, _slots([*chosen, c])), -c.distinct, c.names, c) for c in free]
        left, _, _, best = min(ranked, key=lambda one: one[:3])
        chosen.append(best)
        free.remove(best)
    for one in list(chosen):
        rest = [c for c in chosen if c is not one]
        if rest and left_without(rows, _slots(rest)) <= max(left, budget):
            chosen = rest
    return chosen if left < total else []


def _slots(choices: Sequence[Choice]) -> tuple[int, ...]:
    return tuple(slot for choice in choices for slot in choice.slots)


def _joined(choices: Sequence[Choice]) -> Choice:
    names = tuple(name for choice in choices for name in choice.names)
    return Choice(_slots(choices), names, 0)


def _row(
    metric: str, kind: str, rows: pl.DataFrame, choice: Choice, budget: int
) -> tuple[object, ...]:
    left = left_without(rows, choice.slots)
    return (metric, kind, list(choice.names), left, left <= budget)

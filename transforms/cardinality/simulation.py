"""What would remain of all metrics after a plan: dropped, normalised, or folded to the top.

Takes    the wide layout of a day, a plan
Gives    per metric its series now and after
Holds    equals a count after really doing all of the plan at once; an empty plan changes nothing
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import polars as pl

from transforms.cardinality.fingerprint import Wide
from transforms.cardinality.rewrites import normalised, top_and_other
from transforms.cardinality.slots import digests

EVERY: Final = "*"
FEW: Final = 8
"""So many names are listed where none is near."""


@dataclass(frozen=True)
class Drop:
    """Drop a label of a metric; `*` for every metric that has it."""

    metric: str
    label: str


@dataclass(frozen=True)
class Normalise(Drop):
    """Fold paths to templates and codes of status to classes."""


@dataclass(frozen=True)
class TopK(Drop):
    """Keep the values with most series, fold the others to `other`."""

    top: int = 10


@dataclass(frozen=True)
class Remove(Drop):
    """Drop the whole metric; its label is empty."""


@dataclass(frozen=True)
class Halve(Drop):
    """Keep every second bound of an explicit histogram; its label is empty."""


Known = Mapping[str, Collection[str]]
"""The labels of each metric."""


def labels_of(series: Wide) -> dict[str, set[str]]:
    """Give the labels of each metric of the day; a metric may have none."""
    known: dict[str, set[str]] = {metric: set() for metric in series.metrics["metric"].to_list()}
    for metric, label in series.slots.select("metric", "label").rows():
        known[metric].add(label)
    return known


def unknown(known: Known, plan: Sequence[Drop]) -> list[tuple[Drop, str]]:
    """Give the parts of a plan that name nothing of the day, each with the nearest names."""
    every = {label for labels in known.values() for label in labels}
    lost: list[tuple[Drop, str]] = []
    for step in plan:
        labels = every if step.metric == EVERY else known.get(step.metric)
        if labels is None:
            lost.append((step, f"no metric {step.metric}{_nearest(step.metric, known)}"))
        elif step.label and step.label not in labels:
            lost.append((step, f"no label {step.label}{_nearest(step.label, labels)}"))
    return lost


def _nearest(name: str, names: Collection[str]) -> str:
    """Give names that look alike, or all where they are few."""
    ordered = sorted(names)
    near = (
        get_close_matches(name, ordered, n=3, cutoff=0.5)
        or [one for one in ordered if name.lower() in one.lower()][:3]
    )
    if near:
        return f"; near: {', '.join(near)}"
    return f"; there are: {', '.join(ordered)}" if 0 < len(ordered) <= FEW else ""


def simulated(series: Wide, plan: Sequence[Drop]) -> pl.DataFrame:
    """Count every metric's series now and after the plan: `metric series left`."""
    counts = series.series.with_columns(left=pl.col("series"))
    touched = [
        metric
        for metric in series.metrics["metric"].to_list()
        if any(step.metric in {metric, EVERY} for step in plan)
    ]
    left = {metric: _left(series, metric, plan) for metric in touched}
    return counts.with_columns(
        pl.col("metric").replace_strict(left, default=pl.col("series"), return_dtype=pl.Int64())
        .alias("left")
    ).sort("metric")  # fmt: skip


def _left(series: Wide, metric: str, plan: Sequence[Drop]) -> int:
    """Count a metric's series after the plan. A label that is dropped cannot be folded as well."""
    if any(isinstance(step, Remove) and step.metric == metric for step in plan):
        return 0
    rows = series.of_metric(metric)
    slots = series.slots.filter(pl.col("metric") == metric)
    rest = pl.col("fp")
    for slot, level, label in slots.select("slot", "level", "label").rows():
        steps = [s for s in plan if s.metric in {metric, EVERY} and s.label == label]
        if not steps:
            continue
        column = f"h{slot}"
        if any(type(step) is Drop for step in steps):
            rest -= pl.col(column)
            continue
        values = series.values.join(slots.select("metric_id").unique(), on="metric_id", how="semi")
        values = values.filter(level=level, label=label)
        rows = _replaced(rows, column, values, steps)
        rest += pl.col(f"new_{column}") - pl.col(column)
    return int(rows.select(rest.n_unique()).item())


def _replaced(
    rows: pl.DataFrame, column: str, values: pl.DataFrame, steps: Sequence[Drop]
) -> pl.DataFrame:
    """Add the hashes of a label's new values: normalised first, then folded."""
    level, label = values.select("level", "label").row(0)
    hashed = values.select("value", "series_count", pl.col("hash").alias(column))
    for step in sorted(steps, key=lambda one: isinstance(one, TopK)):
        if isinstance(step, TopK):
            weights = hashed.group_by("value").agg(pl.col("series_count").sum()).sort("value")
            new = dict(zip(weights["value"], top_and_other(weights, step.top), strict=True))
            folded = pl.col("value").replace_strict(new)
        else:
            templates = normalised(hashed, "path_template").to_frame("value")
            folded = pl.lit(normalised(templates, "status_class"))
        hashed = hashed.with_columns(folded.alias("value"))
    hashes = digests((level, label, "string", value) for value in hashed["value"].to_list())
    new_hash = hashed.select(column, hashes.alias(f"new_{column}"))
    return rows.join(new_hash, on=column, how="left", validate="m:1").with_columns(
        pl.coalesce(f"new_{column}", column).alias(f"new_{column}")
    )

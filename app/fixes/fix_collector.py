"""Processors of a Collector to copy: drop, fold or add up what a metric has too much of.

Takes    a metric, its labels, values or bounds
Gives    fixes named `Collector: <what>`
Never    lets a name from telemetry end its quotes, nor be taken for a variable (`$` is doubled)
"""

import re
from collections.abc import Sequence
from typing import Final

from app.fixes.snippets import Fix, number, quoted, yaml_text

ONE_BATCH: Final = (
    "It adds up only within one batch of one sender: cumulative counters of several pods that meet "
    "in one series go wrong. Use it behind a stage with one writer per series."
)
MERGES_SINCE: Final = "0.135.0"
_HEX: Final = "[0-9a-fA-F]"
TEMPLATES: Final = (
    ("[?#].*$", ""),
    (f"/{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}", "/{id}"),
    ("/[0-9]+(/|$)", "/{n}$1"),
    ("/[0-9]+(/|$)", "/{n}$1"),
    ("/[0-9a-f]*[0-9][0-9a-f]{7,}(/|$)", "/{id}$1"),
)
"""Patterns and what takes their place, in this order: what the what-if `path_template` counts."""


def processor(title: str, text: str, warning: str) -> Fix:
    """Give a fix; a `$` of a name or pattern is written as the Collector reads it."""
    return Fix(f"Collector: {title}", "yaml", text.replace("$", "$$"), warning)


def aggregated(metric: str, others: Sequence[str]) -> Fix:
    """Add up over all labels but these, by metricstransform."""
    kept = ", ".join(yaml_text(name) for name in sorted(others))
    text = (
        "processors:\n"
        "  metricstransform/drop_label:\n"
        "    transforms:\n"
        f"      - include: {yaml_text(metric)}\n"
        "        match_type: strict\n"
        "        action: update\n"
        "        operations:\n"
        "          - action: aggregate_labels\n"
        f"            label_set: [{kept}]\n"
        "            aggregation_type: sum\n"
    )
    return processor("metricstransform", text, ONE_BATCH)


def kept_only(metric: str, others: Sequence[str]) -> Fix:
    """Add up over all labels but these, by transform."""
    text = "processors:\n  transform/drop_label:\n    metric_statements:\n"
    return processor("transform", text + _added_up(metric, others), ONE_BATCH)


def templates(metric: str, label: str, others: Sequence[str]) -> Fix:
    """Fold paths to templates, then add up."""
    changes = [
        f"replace_pattern({_place(label)}, {quoted(pattern)}, {quoted(new)})"
        for pattern, new in TEMPLATES
    ]
    warning = f"Better at the source: http.route instead of the path. {ONE_BATCH}"
    return _folded("templates", "normalise", metric, label, others, changes, warning)


def status_classes(metric: str, label: str, others: Sequence[str]) -> Fix:
    """Fold codes of status to classes, also where they are numbers, then add up."""
    place = _place(label)
    changes = [
        f'set({place}, "{first}xx") where IsMatch({place}, "^{first}[0-9][0-9]$")'
        for first in range(1, 6)
    ]
    warning = f"Alerts on one code (429, 503) no longer see it. {ONE_BATCH}"
    return _folded("status classes", "status_class", metric, label, others, changes, warning)


def top_values(metric: str, label: str, others: Sequence[str], kept: Sequence[str]) -> Fix:
    """Keep these values, fold all others to `other`, then add up."""
    place = _place(label)
    pattern = f"^({'|'.join(re.escape(value) for value in kept)})$"
    changes = [
        f'set({place}, "other") where {place} != nil and not IsMatch({place}, {quoted(pattern)})'
    ]
    warning = (
        "The values with most series today; tomorrow's may be others, and a value that moves to "
        f"`other` ends its series. {ONE_BATCH}"
    )
    return _folded("top values", "top_values", metric, label, others, changes, warning)


def merged_buckets(metric: str, removed: Sequence[float]) -> Fix:
    """Take bounds out of a histogram; the counts of two buckets are added up."""
    lines = "".join(
        f"          - {yaml_text(f'merge_histogram_buckets({number(bound)})')}\n"
        for bound in removed
    )
    text = (
        "processors:\n"
        "  transform/fewer_bounds:\n"
        "    metric_statements:\n"
        "      - context: datapoint\n"
        f"        conditions: [{yaml_text(_only(metric))}]\n"
        f"        statements:\n{lines}"
    )
    warning = (
        f"Needs a contrib Collector {MERGES_SINCE} or newer. The bounds that stay keep their "
        "meaning, and no series merge: right behind any number of senders."
    )
    return processor("fewer bounds", text, warning)


def dropped_metric(metric: str) -> Fix:
    """Drop a whole metric."""
    text = (
        "processors:\n"
        "  filter/drop_metric:\n"
        "    error_mode: ignore\n"
        "    metrics:\n"
        "      metric:\n"
        f"        - {yaml_text('name == ' + quoted(metric))}\n"
    )
    warning = "All of it is gone, for everybody behind this pipeline; it cannot be had back later."
    return processor("drop the metric", text, warning)


def deleted_resource(label: str) -> Fix:
    """Delete an attribute of the resource."""
    text = (
        "processors:\n"
        "  resource/drop_attribute:\n"
        "    attributes:\n"
        f"      - key: {yaml_text(label)}\n"
        "        action: delete\n"
    )
    warning = (
        "For all metrics of the pipeline, though only this one was looked at. Safe for it today, "
        "as nothing merges. Without an attribute that tells who sent a series, cumulative counters "
        "of several senders meet in one and go wrong."
    )
    return processor("resource", text, warning)


def _folded(  # noqa: PLR0913, PLR0917 - the parts of a text
    title: str,
    ident: str,
    metric: str,
    label: str,
    others: Sequence[str],
    changes: Sequence[str],
    warning: str,
) -> Fix:
    lines = "".join(f"          - {yaml_text(change)}\n" for change in changes)
    text = (
        "processors:\n"
        f"  transform/{ident}:\n"
        "    metric_statements:\n"
        "      - context: datapoint\n"
        f"        conditions: [{yaml_text(_only(metric))}]\n"
        f"        statements:\n{lines}"
        f"{_added_up(metric, [*others, label])}"
    )
    return processor(title, text, warning)


def _added_up(metric: str, names: Sequence[str]) -> str:
    kept = ", ".join(quoted(name) for name in sorted(names))
    added = f'aggregate_on_attributes("sum", [{kept}])'
    return (
        "      - context: metric\n"
        f"        conditions: [{yaml_text(_only(metric))}]\n"
        "        statements:\n"
        f"          - {yaml_text(added)}\n"
    )


def _only(metric: str) -> str:
    return f"metric.name == {quoted(metric)}"


def _place(label: str) -> str:
    return f"datapoint.attributes[{quoted(label)}]"

"""Fixes of cardinality to copy: what to write where so that a label is gone or has fewer values.

Takes    a label of a metric: its level, the metric's kind and its other labels, whether anything
         merges without it, who uses it
Gives    fixes, the best first, each with what must be known before it is used; none where all
         would be wrong
Never    guesses how gauges are added up, or drops by relabelling where series would merge
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.snippets import Fix, quoted, yaml_text

ADDED_UP: Final = ("sum", "histogram", "exponential_histogram")
"""Kinds whose series may be added up."""

_ONE_BATCH: Final = (
    "It adds up only within one batch of one sender: cumulative counters of several pods that meet "
    "in one series go wrong. Use it behind a stage with one writer per series."
)


@dataclass(frozen=True)
class Label:
    """A label to be mended."""

    metric: str
    label: str
    level: str
    kind: str
    others: Sequence[str]
    """The other point labels of the metric."""
    is_safe: bool
    """Nothing merges without it."""
    use: str = "Usage unknown: no dashboard or rule is given."
    """A sentence: who uses it, as far as it is known."""


def drop(label: Label) -> tuple[Fix, ...]:
    """Give the ways to drop a label."""
    can_add = label.kind in ADDED_UP
    if label.level == "resource":
        fixes = [_resource(label)] if label.is_safe else []
    else:
        fixes = [_view(label), _declared_view(label)]
        if can_add:
            fixes += [_metricstransform(label), _ottl(label)]
    if can_add and not label.is_safe and label.kind != "exponential_histogram":
        fixes.append(_recording_rule(label))
    if label.level == "point" and label.is_safe:
        fixes.append(_relabel(label))
    return tuple(_with_use(fix, label) for fix in fixes)


def normalise(label: Label) -> tuple[Fix, ...]:
    """Give the way to fold paths to templates; first the one at the source."""
    if label.level != "point" or label.kind not in ADDED_UP:
        return ()
    place = f"datapoint.attributes[{quoted(label.label)}]"
    change = f'replace_pattern({place}, "/[0-9]+", "/{{n}}")'
    only = f"metric.name == {quoted(label.metric)}"
    text = (
        "processors:\n"
        "  transform/normalise:\n"
        "    metric_statements:\n"
        "      - context: datapoint\n"
        f"        conditions: [{yaml_text(only)}]\n"
        "        statements:\n"
        f"          - {yaml_text(change)}\n"
        "      - context: metric\n"
        f"        conditions: [{yaml_text(only)}]\n"
        "        statements:\n"
        f"          - {yaml_text(_added_up([*label.others, label.label]))}\n"
    )
    warning = f"Better at the source: http.route instead of the path. {_ONE_BATCH}"
    return (_with_use(Fix("Collector: templates", "yaml", text, warning), label),)


def _with_use(fix: Fix, label: Label) -> Fix:
    return replace(fix, warning=f"{fix.warning} {label.use}")


def _view(label: Label) -> Fix:
    kept = ", ".join(quoted(name) for name in sorted(label.others))
    return Fix(
        "SDK View (Python)",
        "python",
        "# the SDK adds up what merges, before it sends\n"
        "from opentelemetry.sdk.metrics import MeterProvider\n"
        "from opentelemetry.sdk.metrics.view import View\n\n"
        "view = View(\n"
        f"    instrument_name={quoted(label.metric)},\n"
        f"    attribute_keys={{{kept}}},\n"
        ")\n"
        "provider = MeterProvider(views=[view])\n"
        if kept
        else "from opentelemetry.sdk.metrics import MeterProvider\n"
        "from opentelemetry.sdk.metrics.view import View\n\n"
        f"view = View(instrument_name={quoted(label.metric)}, attribute_keys=set())\n"
        "provider = MeterProvider(views=[view])\n",
        "The best place: sums stay right, and the service needs less memory. Gauges keep the last "
        "value of those that merge. Labels that are new later are dropped too.",
    )


def _declared_view(label: Label) -> Fix:
    return Fix(
        "SDK View (declarative)",
        "yaml",
        "meter_provider:\n"
        "  views:\n"
        "    - selector:\n"
        f"        instrument_name: {yaml_text(label.metric)}\n"
        "      stream:\n"
        "        attribute_keys:\n"
        f"          excluded: [{yaml_text(label.label)}]\n",
        "The same for SDKs that read a configuration file (OTEL_EXPERIMENTAL_CONFIG_FILE); not "
        "every language has it yet.",
    )


def _metricstransform(label: Label) -> Fix:
    kept = ", ".join(yaml_text(name) for name in sorted(label.others))
    return Fix(
        "Collector: metricstransform",
        "yaml",
        "processors:\n"
        "  metricstransform/drop_label:\n"
        "    transforms:\n"
        f"      - include: {yaml_text(label.metric)}\n"
        "        match_type: strict\n"
        "        action: update\n"
        "        operations:\n"
        "          - action: aggregate_labels\n"
        f"            label_set: [{kept}]\n"
        "            aggregation_type: sum\n",
        _ONE_BATCH,
    )


def _ottl(label: Label) -> Fix:
    return Fix(
        "Collector: transform",
        "yaml",
        "processors:\n"
        "  transform/drop_label:\n"
        "    metric_statements:\n"
        "      - context: metric\n"
        f"        conditions: [{yaml_text(f'name == {quoted(label.metric)}')}]\n"
        "        statements:\n"
        f"          - {yaml_text(_added_up(label.others))}\n",
        _ONE_BATCH,
    )


def _added_up(names: Sequence[str]) -> str:
    kept = ", ".join(quoted(name) for name in sorted(names))
    return f'aggregate_on_attributes("sum", [{kept}])'


def _recording_rule(label: Label) -> Fix:
    name, gone = _plain(label.metric), _plain(label.label)
    suffix = "(_[a-z]+)?_total" if label.kind == "sum" else "(_[a-z]+)?_bucket"
    select = f"{{__name__=~{quoted(name + suffix)}}}"
    return Fix(
        "Recording rule",
        "yaml",
        "groups:\n"
        "  - name: fewer_series\n"
        "    rules:\n"
        f"      - record: {yaml_text(f'{name}:without_{gone}:rate5m')}\n"
        f"        expr: {yaml_text(f'sum without ({gone}) (rate({select}[5m]))')}\n",
        "Dashboards become quick, but the series are still stored: drop them afterwards, where the "
        "backend can drop after its rules. For counters and histograms; of an up-down counter "
        "there is no rate.",
    )


def _relabel(label: Label) -> Fix:
    return Fix(
        "Prometheus relabelling",
        "yaml",
        "metric_relabel_configs:\n"
        "  - source_labels: [__name__]\n"
        f"    regex: {yaml_text(_plain(label.metric) + '(_.*)?')}\n"
        f"    target_label: {yaml_text(_plain(label.label))}\n"
        "    replacement: ''\n",
        "Safe today, as nothing merges without the label; it saves bytes, not series. Not safe "
        "any more when two series differ by this label alone.",
    )


def _resource(label: Label) -> Fix:
    return Fix(
        "Collector",
        "yaml",
        "processors:\n"
        "  resource/drop_attribute:\n"
        "    attributes:\n"
        f"      - key: {yaml_text(label.label)}\n"
        "        action: delete\n",
        "For all metrics of the pipeline, though only this one was looked at. Safe for it today, "
        "as nothing merges. Without an attribute that tells who sent a series, cumulative counters "
        "of several senders meet in one and go wrong.",
    )


def _plain(name: str) -> str:
    """Write a name as Prometheus does."""
    return re.sub(r"[^A-Za-z0-9_:]+", "_", name)

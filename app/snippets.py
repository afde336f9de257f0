"""Fixes to copy: what a service's environment, SDK or Collector needs.

Takes    a service that misses signals; a metric, a label, the kind of the metric
Gives    configuration as text, and what must be known before it is used
Never    lets a name from telemetry end the quotes it stands in
"""

import json
from dataclasses import dataclass
from typing import Final

_SIGNAL_LINES: Final = {
    "logs": ("OTEL_LOGS_EXPORTER=otlp",),
    "metrics": ("OTEL_METRICS_EXPORTER=otlp", "OTEL_METRIC_EXPORT_INTERVAL=60000"),
    "traces": (
        "OTEL_TRACES_EXPORTER=otlp",
        "OTEL_TRACES_SAMPLER=parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG=0.1",
    ),
}
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=,:")


@dataclass(frozen=True)
class Fix:
    """One way to mend it."""

    title: str
    language: str
    text: str
    warning: str


def instrument(name: str, namespace: str, environment: str, missing: str) -> str:
    """Give the environment with which an OpenTelemetry SDK sends what a service misses.

    `missing` names signals, joined by `+`.
    """
    attributes = [
        f"{key}={value}"
        for key, value in (
            ("service.namespace", namespace),
            ("deployment.environment.name", environment),
        )
        if value
    ]
    lines = [
        f"OTEL_SERVICE_NAME={_shell(name)}",
        f"OTEL_RESOURCE_ATTRIBUTES={_shell(','.join(attributes))}",
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318",
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    ]
    for signal in missing.split("+"):
        lines += _SIGNAL_LINES.get(signal, ())
    return "\n".join(lines)


def drop_label(metric: str, label: str, level: str, kind: str, *, is_safe: bool) -> tuple[Fix, ...]:
    """Give the ways to drop a label, the best first; none is guessed where it would be wrong.

    A View keeps sums right, as the SDK adds up before it sends. The Collector adds up only within
    one batch of one sender.
    """
    if level == "resource":
        return (_resource_fix(label),)
    fixes = [_view_fix(metric, label)]
    if kind != "gauge":
        fixes.append(_collector_fix(metric, label))
    if is_safe:
        fixes.append(_relabel_fix(metric, label))
    return tuple(fixes)


def _view_fix(metric: str, label: str) -> Fix:
    return Fix(
        "SDK View (Python)",
        "python",
        "# keep every attribute but one: the SDK adds up what merges, before it sends\n"
        "from opentelemetry.sdk.metrics import MeterProvider\n"
        "from opentelemetry.sdk.metrics.view import View\n\n"
        f"DROPPED = {{{_quoted(label)}}}\n"
        "KEPT = {...}  # the attribute keys that you want to keep; without the dropped one\n\n"
        "MeterProvider(\n"
        f"    views=[View(instrument_name={_quoted(metric)}, attribute_keys=KEPT - DROPPED)]\n"
        ")",
        "The best place: sums stay right, and the service needs less memory. Dashboards and alerts "
        "that use the label stop working; their use is not known here.",
    )


def _collector_fix(metric: str, label: str) -> Fix:
    return Fix(
        "Collector",
        "yaml",
        "processors:\n"
        "  transform/drop_label:\n"
        "    metric_statements:\n"
        "      - context: metric\n"
        "        conditions:\n"
        f"          - {_yaml(f'name == {_quoted(metric)}')}\n"
        "        statements:\n"
        "          - "
        + _yaml(
            f'aggregate_on_attributes("sum", [...])  # all keys to keep, without {_quoted(label)}'
        )
        + "\n",
        "It adds up only within one batch of one sender: cumulative counters of several pods that "
        "meet in one series go wrong. Use it behind a stage with one writer per series.",
    )


def _relabel_fix(metric: str, label: str) -> Fix:
    name = label.replace(".", "_")
    return Fix(
        "Prometheus relabelling",
        "yaml",
        "metric_relabel_configs:\n"
        f"  - source_labels: [__name__]\n    regex: {_yaml(metric.replace('.', '_'))}\n"
        f"    target_label: {_yaml(name)}\n    replacement: ''\n",
        "Safe today, as nothing merges without the label; it saves bytes, not series. Not safe "
        "any more when two series differ by this label alone.",
    )


def _resource_fix(label: str) -> Fix:
    return Fix(
        "Collector",
        "yaml",
        "processors:\n"
        "  resource/drop_attribute:\n"
        "    attributes:\n"
        f"      - key: {_yaml(label)}\n"
        "        action: delete\n",
        "A resource attribute tells who sent the series: without it, series of several senders may "
        "meet in one, and cumulative counters go wrong. Look at the number of series left first.",
    )


def _shell(text: str) -> str:
    if text and set(text) <= _PLAIN:
        return text
    return "'" + text.replace("'", "'\\''") + "'"


def _quoted(text: str) -> str:
    """Quote for Python, OTTL and JSON alike."""
    return json.dumps(text)


def _yaml(text: str) -> str:
    return "'" + text.replace("'", "''").replace("\n", " ") + "'"

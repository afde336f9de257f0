"""Fixes to copy: what a service's environment, SDK or Collector needs.

Takes    a service that misses signals
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


def _shell(text: str) -> str:
    if text and set(text) <= _PLAIN:
        return text
    return "'" + text.replace("'", "'\\''") + "'"


def quoted(text: str) -> str:
    """Quote for Python, OTTL and JSON alike."""
    return json.dumps(text)


def yaml_text(text: str) -> str:
    """Quote for YAML: plainly, or with escapes where a character cannot stand by itself."""
    return "'" + text.replace("'", "''") + "'" if text.isprintable() else json.dumps(text)


def number(value: float) -> str:
    """Write a number with a point, as every language reads it as a fraction."""
    text = repr(float(value))
    return text if "." in text else text.replace("e", ".0e")

"""Collector pipelines to copy: for what cannot send by itself.

Takes    a service that misses signals, with its kind
Gives    a Collector configuration as YAML; every receiver, processor and exporter it names is in it
Never    lets a name from telemetry end the quotes it stands in
"""

from typing import Any, Final

import yaml

_DATABASES: Final = ("postgresql", "mysql", "redis", "mongodb", "elasticsearch")
_PORTS: Final = {
    "postgresql": "localhost:5432",
    "mysql": "localhost:3306",
    "redis": "localhost:6379",
    "mongodb": "localhost:27017",
    "elasticsearch": "http://localhost:9200",
}
OTLP: Final = "otlp"
NOTE: Final = "# put in your own addresses and passwords; take the receiver of your own store\n"


def collector_pipeline(name: str, namespace: str, environment: str, kind: str, missing: str) -> str:
    """Give the configuration with which a Collector beside the service sends what it misses.

    `missing` names signals, joined by `+`.
    """
    signals = [signal for signal in missing.split("+") if signal]
    receivers = {signal: _receiver(name, namespace, kind, signal) for signal in signals}
    attributes = [
        {"key": key, "value": value, "action": "upsert"}
        for key, value in (
            ("service.name", name),
            ("service.namespace", namespace),
            ("deployment.environment.name", environment),
        )
        if value
    ]
    pipelines = {
        signal: {"receivers": [receiver], "processors": ["resource"], "exporters": ["otlphttp"]}
        for signal, (receiver, _) in receivers.items()
    }
    return NOTE + yaml.safe_dump(
        {
            "receivers": dict(receivers.values()),
            "processors": {"resource": {"attributes": attributes}},
            "exporters": {"otlphttp": {"endpoint": "http://meterbook.example:4318"}},
            "service": {"pipelines": pipelines},
        },
        sort_keys=False,
        allow_unicode=True,
    )


def _receiver(name: str, namespace: str, kind: str, signal: str) -> tuple[str, dict[str, Any]]:
    """Give the receiver of a signal: files for logs, the store's own for its metrics."""
    if signal == "logs":
        place = "/".join([f"{namespace or '*'}_{name}-*", "*", "*.log"])
        path = f"/var/log/pods/{place}"
        return "filelog", {"include": [path], "operators": [{"type": "container"}]}
    if signal == "metrics" and kind == "third_party":
        return "httpcheck", {"targets": [{"endpoint": "https://example.com", "method": "GET"}]}
    if signal == "metrics" and kind == "datastore":
        store = next((word for word in _DATABASES if word[:5] in name.lower()), "postgresql")
        return store, {"endpoint": _PORTS[store], "collection_interval": "60s"}
    return OTLP, {"protocols": {"http": {"endpoint": "localhost:4318"}}}

"""OTLP/JSON documents as they are read: a request, or one part of it."""

import json
from typing import Any

from collector.otlp.wire.otlp_json import REQUESTS, to_protobuf


def read(signal: str, document: Any) -> Any:
    """Give the request that a document is read as."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return REQUESTS[signal].FromString(to_protobuf(signal, body))


def metric_request(metric: dict[str, Any]) -> dict[str, Any]:
    """Wrap a metric into a request."""
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}


def read_point(**point: Any) -> Any:
    """Give a point of a gauge as it was read."""
    request = read("metrics", metric_request({"gauge": {"dataPoints": [point]}}))
    return request.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0]


def read_value(value: Any) -> Any:
    """Give the value of an attribute as it was read."""
    return read_point(attributes=[{"key": "k", "value": value}]).attributes[0].value


def read_span(**span: Any) -> Any:
    """Give a span as it was read."""
    request = read("traces", {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    return request.resource_spans[0].scope_spans[0].spans[0]


def read_exponential(**point: Any) -> Any:
    """Give a point of an exponential histogram as it was read."""
    sent = {"exponentialHistogram": {"dataPoints": [point]}}
    request = read("metrics", metric_request(sent))
    metric = request.resource_metrics[0].scope_metrics[0].metrics[0]
    return metric.exponential_histogram.data_points[0]

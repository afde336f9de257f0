"""What the collector tells of itself, in two forms from one list.

Takes    its counters and gauges
Gives    Prometheus text, and an OTLP request that goes the way of every other
Holds    names, units and attributes are a closed set; none comes from a sender
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from collector.otlp.admission.counters import ATTRIBUTES

SERVICE: Final = "meterbook-collector"
SCOPE: Final = "meterbook.collector"
PREFIX: Final = "mb_ingest_"
TEXT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_COUNTER_TEXTS: Final = {
    "accepted_requests": ("{request}", "requests whose bytes are on disk"),
    "accepted_items": ("{item}", "points, log records and spans of accepted requests"),
    "rejected_items": ("{item}", "items of accepted requests that could not be taken"),
    "refused_requests": ("{request}", "requests that were refused, by cause"),
    "duplicate_requests": ("{request}", "requests that were stored before"),
    "received_bytes": ("By", "bytes of accepted requests, unpacked"),
    "rejected_series_points": ("{item}", "points of new series beyond the tenant's quota"),
    "decoded_requests": ("{request}", "requests that are in the lake"),
    "decoded_rows": ("{row}", "rows written to the lake"),
    "dropped_exemplars": ("{exemplar}", "exemplars, which are not kept"),
    "slow_path_records": ("{request}", "requests that only the slow decoder could take"),
    "quarantined_records": ("{record}", "records set aside with a reason"),
    "decoder_restarts": ("{restart}", "times that the decoder ended by itself"),
}


@dataclass(frozen=True)
class Gauge:
    """A value of now."""

    name: str
    unit: str
    text: str
    value: float


@dataclass(frozen=True)
class Facts:
    """Everything at one moment."""

    counters: Mapping[tuple[str, str], int]
    gauges: Sequence[Gauge]


def prometheus_text(facts: Facts) -> bytes:
    """Write the facts as Prometheus reads them."""
    lines: list[str] = []
    for name, rows in _by_name(facts).items():
        full = f"{PREFIX}{name}_total"
        lines += [f"# HELP {full} {_COUNTER_TEXTS[name][1]}", f"# TYPE {full} counter"]
        lines += [f"{full}{_labels(name, label)} {count}" for label, count in rows]
    for gauge in facts.gauges:
        lines += [f"# HELP {gauge.name} {gauge.text}", f"# TYPE {gauge.name} gauge"]
        lines.append(f"{gauge.name} {gauge.value:g}")
    return ("\n".join(lines) + "\n").encode()


def _by_name(facts: Facts) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    for (name, label), count in sorted(facts.counters.items()):
        if len(_values(label)) == len(ATTRIBUTES.get(name, ("unknown",) * 9)):
            found.setdefault(name, []).append((label, count))
    return found


def _values(label: str) -> list[str]:
    return label.split(":") if label else []


def _labels(name: str, label: str) -> str:
    pairs = zip(ATTRIBUTES[name], _values(label), strict=True)
    text = ",".join(f'{key}="{value}"' for key, value in pairs)
    return "{" + text + "}" if text else ""


def otlp_request(facts: Facts, started_ns: int, now_ns: int) -> bytes:
    """Write the facts as an OTLP request, counters cumulative since the first start."""
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    _attributes(resource.resource.attributes, {"service.name": SERVICE})
    scope = resource.scope_metrics.add()
    scope.scope.name = SCOPE
    for name, rows in _by_name(facts).items():
        unit, text = _COUNTER_TEXTS[name]
        metric = scope.metrics.add(name=f"{PREFIX}{name}", unit=unit, description=text)
        metric.sum.is_monotonic = True
        metric.sum.aggregation_temporality = (
            AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
        )
        for label, count in rows:
            point = metric.sum.data_points.add(
                as_int=count, time_unix_nano=now_ns, start_time_unix_nano=started_ns
            )
            values = zip(ATTRIBUTES[name], _values(label), strict=True)
            _attributes(point.attributes, dict(values))
    for gauge in facts.gauges:
        metric = scope.metrics.add(name=gauge.name, unit=gauge.unit, description=gauge.text)
        metric.gauge.data_points.add(as_double=gauge.value, time_unix_nano=now_ns)
    return request.SerializeToString()


def _attributes(target: Any, values: Mapping[str, str]) -> None:
    for key, value in values.items():
        target.add(key=key).value.string_value = value

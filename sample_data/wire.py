"""OTLP messages as protobuf bytes, put together by hand: fast, and the same bytes every time.

Takes    series, log entries and span entries of one resource
Gives    the fields of an Export*ServiceRequest, as bytes
Source   opentelemetry-proto 1.x, field numbers of metrics.proto, logs.proto, trace.proto
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from struct import Struct
from typing import Final, Literal

Attributes = tuple[tuple[str, str | int], ...]
Kind = Literal["gauge", "gauge_int", "sum", "sum_int", "delta_int", "histogram"]
Number = tuple[int, int, float]
Bucketed = tuple[int, int, int, float, tuple[int, ...]]

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
DELTA: Final = 1
CUMULATIVE: Final = 2

_GAUGE: Final = Struct("<BQBd")
_GAUGE_INT: Final = Struct("<BQBq")
_SUM: Final = Struct("<BQBQBd")
_SUM_INT: Final = Struct("<BQBQBq")
_START, _TIME, _DOUBLE, _INT = 0x11, 0x19, 0x21, 0x31
_BUCKETS: Final = len(BOUNDS) + 1
_HISTOGRAM: Final = Struct(f"<BQBQBQBdBB{_BUCKETS}Q")
_TRACE_IDS: Final = Struct("<BQ")


@dataclass(frozen=True, slots=True)
class Scope:
    """An instrumentation scope."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Metric:
    """What a series measures, and who measured it."""

    scope: Scope
    name: str
    unit: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one series: (start, time, value), or (start, time, count, sum, buckets).

    Times in nanoseconds since 1970. A start of 0 is not sent.
    """

    metric: Metric
    attributes: Attributes
    points: Sequence[Number | Bucketed]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One log record; an event has a name."""

    time: int
    severity: int
    severity_text: str
    body: str
    attributes: Attributes
    trace_id: int
    span_id: int
    event_name: str = ""


@dataclass(frozen=True, slots=True)
class SpanEntry:
    """One span: a server's, and the root of its trace, if nothing else is said."""

    name: str
    start: int
    end: int
    trace_id: int
    span_id: int
    attributes: Attributes
    kind: int = 2
    parent_id: int = 0


def varint(number: int) -> bytes:
    """Write a number as protobuf does."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, payload: bytes) -> bytes:
    """Write a field with a length: text, bytes or a message."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def flag(number: int, value: int) -> bytes:
    """Write a field with a small number: an int, an enum or a bool."""
    return varint(number << 3) + varint(value)


def text(number: int, value: str) -> bytes:
    """Write a text field."""
    return field(number, value.encode())


def attributes(number: int, pairs: Attributes) -> bytes:
    """Write attributes as repeated KeyValue."""
    return b"".join(
        field(
            number,
            text(1, key) + field(2, flag(3, value) if isinstance(value, int) else text(1, value)),
        )
        for key, value in pairs
    )


@lru_cache(maxsize=1 << 16)
def resource(pairs: Attributes) -> bytes:
    """Write a resource as field 1 of ResourceMetrics, ResourceLogs or ResourceSpans."""
    return field(1, attributes(1, pairs))


@lru_cache
def scope(value: Scope) -> bytes:
    """Write a scope as field 1 of ScopeMetrics, ScopeLogs or ScopeSpans."""
    return field(1, text(1, value.name) + text(2, value.version))


@lru_cache
def _head(metric: Metric) -> bytes:
    return text(1, metric.name) + (text(3, metric.unit) if metric.unit else b"")


@lru_cache(maxsize=4096)
def _labels(number: int, pairs: Attributes) -> bytes:
    return attributes(number, pairs)


_bounds: Final = field(7, Struct(f"<{len(BOUNDS)}d").pack(*BOUNDS))


def _numbers(series: Series) -> bytes:
    """Write the points of a gauge or a sum."""
    labels = _labels(7, series.attributes)
    kind = series.metric.kind
    if kind in {"gauge", "gauge_int"}:
        layout, mark = (_GAUGE, _DOUBLE) if kind == "gauge" else (_GAUGE_INT, _INT)
        head = b"\x0a" + varint(len(labels) + layout.size) + labels
        pack = layout.pack
        return b"".join([head + pack(_TIME, point[1], mark, point[2]) for point in series.points])
    layout, mark = (_SUM, _DOUBLE) if kind == "sum" else (_SUM_INT, _INT)
    head = b"\x0a" + varint(len(labels) + layout.size) + labels
    pack = layout.pack
    return b"".join(
        [head + pack(_START, point[0], _TIME, point[1], mark, point[2]) for point in series.points]
    )


def _histograms(series: Series) -> bytes:
    constant = _labels(9, series.attributes) + _bounds
    head = b"\x0a" + varint(len(constant) + _HISTOGRAM.size) + constant
    pack = _HISTOGRAM.pack
    return b"".join(
        [
            head
            + pack(
                *(_START, point[0], _TIME, point[1], 0x21, point[2], 0x29, point[3]),
                *(0x32, _BUCKETS * 8, *point[4]),
            )
            for point in series.points
            if len(point) == 5
        ]
    )


def _metric(several: Iterable[Series], metric: Metric) -> bytes:
    kind = metric.kind
    if kind == "histogram":
        points = b"".join([_histograms(series) for series in several])
        return field(2, _head(metric) + field(9, points + flag(2, CUMULATIVE)))
    points = b"".join([_numbers(series) for series in several])
    if kind in {"gauge", "gauge_int"}:
        return field(2, _head(metric) + field(5, points))
    temporality = DELTA if kind == "delta_int" else CUMULATIVE
    return field(2, _head(metric) + field(7, points + flag(2, temporality) + flag(3, 1)))


def resource_metrics(pairs: Attributes, several: Iterable[Series]) -> bytes:
    """Write one ResourceMetrics as field 1 of a request; series come by scope and metric."""
    body = [resource(pairs)]
    for owner, of_scope in groupby(several, key=lambda series: series.metric.scope):
        metrics = [
            _metric(group, metric)
            for metric, group in groupby(of_scope, key=lambda series: series.metric)
        ]
        body.append(field(2, scope(owner) + b"".join(metrics)))
    return field(1, b"".join(body))


def resource_logs(pairs: Attributes, owner: Scope, entries: Iterable[LogEntry]) -> bytes:
    """Write one ResourceLogs as field 1 of a request."""
    records = b"".join(field(2, _log(entry)) for entry in entries)
    return field(1, resource(pairs) + field(2, scope(owner) + records))


def _log(entry: LogEntry) -> bytes:
    return b"".join(
        (
            _TRACE_IDS.pack(0x09, entry.time),
            flag(2, entry.severity),
            text(3, entry.severity_text),
            field(5, text(1, entry.body)),
            attributes(6, entry.attributes),
            field(9, entry.trace_id.to_bytes(16, "big")),
            field(10, entry.span_id.to_bytes(8, "big")),
            _TRACE_IDS.pack(0x59, entry.time),
            text(12, entry.event_name) if entry.event_name else b"",
        )
    )


def resource_spans(pairs: Attributes, owner: Scope, entries: Iterable[SpanEntry]) -> bytes:
    """Write one ResourceSpans as field 1 of a request."""
    spans = b"".join(field(2, _span(entry)) for entry in entries)
    return field(1, resource(pairs) + field(2, scope(owner) + spans))


def _span(entry: SpanEntry) -> bytes:
    return b"".join(
        (
            field(1, entry.trace_id.to_bytes(16, "big")),
            field(2, entry.span_id.to_bytes(8, "big")),
            field(4, entry.parent_id.to_bytes(8, "big")) if entry.parent_id else b"",
            text(5, entry.name),
            flag(6, entry.kind),
            _TRACE_IDS.pack(0x39, entry.start),
            _TRACE_IDS.pack(0x41, entry.end),
            attributes(9, entry.attributes),
        )
    )

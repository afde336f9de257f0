"""The part of a sample world that goes through the OpenTelemetry SDK's own exporters.

Takes    a World, the addresses of both doors
Gives    all its logs and spans, and the last day's metrics of one team, as the SDK's own objects
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice
from typing import Final, TypeVar, cast

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (
    OTLPMetricExporter as GrpcMetrics,
)
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
    OTLPMetricExporter as HttpMetrics,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics import export as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    set_span_in_context,
)

from sample_data.model import Service, SignalName, World
from sample_data.otlp import service_window, windows
from sample_data.records import log_entries, span_entries
from sample_data.signals import (
    HTTP,
    SHOP,
    Window,
    service_resource,
    service_sends,
)
from sample_data.wire import (
    BOUNDS,
    Attributes,
    Bucketed,
    LogEntry,
    Metric,
    Number,
    Scope,
    Series,
    SpanEntry,
)

T = TypeVar("T")

SDK_TEAM: Final = "checkout"
"""The team whose last day of metrics goes through the SDK's exporters."""
BATCH: Final = 512


@dataclass(frozen=True)
class Exported:
    """What one call of an exporter carried, and whether it succeeded."""

    signal: SignalName
    count: int
    is_accepted: bool


def goes_by_sdk(world: World, service: Service, hour: int) -> bool:
    """Tell whether the metrics of a service in that hour go through the SDK."""
    return service.team == SDK_TEAM and hour >= world.hours - 24


def export(world: World, grpc: str, http: str) -> Iterator[Exported]:
    """Send that part, by turns through gRPC and through HTTP with gzip."""
    yield from _metrics(world, grpc, http)
    yield from _logs(world, grpc, http)
    yield from _spans(world, grpc, http)


def _metrics(world: World, grpc: str, http: str) -> Iterator[Exported]:
    doors = (
        GrpcMetrics(endpoint=grpc, insecure=True),
        HttpMetrics(endpoint=f"{http}/v1/metrics", compression=Compression.Gzip),
    )
    for number, window in enumerate(w for w in windows(world) if w.start >= world.hours - 24):
        data, count = _metrics_of(world, window)
        if count:
            result = doors[number % 2].export(data)
            yield Exported("metrics", count, result is sdk.MetricExportResult.SUCCESS)
    for door in doors:
        door.shutdown()


def _metrics_of(world: World, window: Window) -> tuple[sdk.MetricsData, int]:
    found, count = [], 0
    for service in world.services:
        if goes_by_sdk(world, service, window.start):
            fine = service_window(world, service, window)
            for pairs, series in service_sends(world, service, fine):
                count += sum(len(one.points) for one in series)
                found.append(sdk.ResourceMetrics(_resource(pairs), _scopes(series), ""))
    return sdk.MetricsData(found), count


def _resource(pairs: Attributes) -> Resource:
    return Resource(dict(pairs))


def _scope(scope: Scope) -> InstrumentationScope:
    return InstrumentationScope(scope.name, scope.version)


def _scopes(series: list[Series]) -> list[sdk.ScopeMetrics]:
    return [
        sdk.ScopeMetrics(
            _scope(scope),
            [
                _metric(metric, list(several))
                for metric, several in groupby(group, key=lambda one: one.metric)
            ],
            "",
        )
        for scope, group in groupby(series, key=lambda one: one.metric.scope)
    ]


def _metric(metric: Metric, several: list[Series]) -> sdk.Metric:
    cumulative = sdk.AggregationTemporality.CUMULATIVE
    data: sdk.Histogram | sdk.Sum
    if metric.kind == "histogram":
        data = sdk.Histogram(list(chain.from_iterable(map(_bucketed, several))), cumulative)
    else:
        data = sdk.Sum(list(chain.from_iterable(map(_numbers, several))), cumulative, True)  # noqa: FBT003 - the SDK's signature
    return sdk.Metric(metric.name, "", metric.unit, data)


def _numbers(series: Series) -> Iterator[sdk.NumberDataPoint]:
    labels = dict(series.attributes)
    for start, time, value in cast("Sequence[Number]", series.points):
        yield sdk.NumberDataPoint(labels, start, time, value)


def _bucketed(series: Series) -> Iterator[sdk.HistogramDataPoint]:
    labels = dict(series.attributes)
    for start, time, count, total, buckets in cast("Sequence[Bucketed]", series.points):
        yield sdk.HistogramDataPoint(
            labels, start, time, count, total, buckets, BOUNDS, min=0.001, max=9.0
        )


def _logs(world: World, grpc: str, http: str) -> Iterator[Exported]:
    doors = (
        GrpcLogs(endpoint=grpc, insecure=True),
        HttpLogs(endpoint=f"{http}/v1/logs", compression=Compression.Gzip),
    )
    records = (
        _record(service, entry)
        for hour in range(world.hours)
        for service in world.services
        for entry in log_entries(world, service, hour)
    )
    for number, batch in enumerate(_batches(records)):
        result = doors[number % 2].export(batch)
        yield Exported("logs", len(batch), result.name == "SUCCESS")
    for door in doors:
        door.shutdown()


def _record(service: Service, entry: LogEntry) -> ReadableLogRecord:
    record = LogRecord(
        timestamp=entry.time,
        observed_timestamp=entry.time,
        context=set_span_in_context(NonRecordingSpan(_context(entry))),
        severity_text=entry.severity_text,
        severity_number=SeverityNumber(entry.severity),
        body=entry.body,
        attributes=dict(entry.attributes),
        event_name=entry.event_name or None,
    )
    return ReadableLogRecord(record, _resource(service_resource(service)), _scope(SHOP))


def _spans(world: World, grpc: str, http: str) -> Iterator[Exported]:
    doors = (
        GrpcSpans(endpoint=grpc, insecure=True),
        HttpSpans(endpoint=f"{http}/v1/traces", compression=Compression.Gzip),
    )
    spans = (
        _span(service, entry)
        for hour in range(world.hours)
        for service in world.services
        for entry in span_entries(world, service, hour)
    )
    for number, batch in enumerate(_batches(spans)):
        result = doors[number % 2].export(batch)
        yield Exported("traces", len(batch), result.name == "SUCCESS")
    for door in doors:
        door.shutdown()


def _context(entry: LogEntry | SpanEntry) -> SpanContext:
    return SpanContext(
        entry.trace_id, entry.span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )


def _span(service: Service, entry: SpanEntry) -> ReadableSpan:
    return ReadableSpan(
        entry.name,
        _context(entry),
        resource=_resource(service_resource(service)),
        attributes=dict(entry.attributes),
        kind=SpanKind(entry.kind - 1),  # OTLP counts from 1
        parent=_parent(entry),
        start_time=entry.start,
        end_time=entry.end,
        instrumentation_scope=_scope(HTTP),
    )


def _parent(entry: SpanEntry) -> SpanContext | None:
    if not entry.parent_id:
        return None
    return SpanContext(entry.trace_id, entry.parent_id, is_remote=False)


def _batches(items: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(items, BATCH)):
        yield batch

"""OTLP on the wire, projected: only the fields we keep, straight into Arrow.

Takes    protobuf bodies of export requests
Gives    Arrow record batches, one row per request
Refuses  bodies that are no protobuf (UndecodableError)

Attributes, resources, scopes and log bodies stay bytes: they have the same wire form as the
messages they hold, and each distinct one is decoded once, later. Names and units are bytes too, so
that text which is not UTF-8 loses no request. Field numbers: opentelemetry-proto 1.x.
"""

from functools import cache
from typing import Any, Final

import pyarrow as pa
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from ptars import HandlerPool

from meterbook.base.errors import UndecodableError

_TYPES: Final = {
    "bytes": 12,
    "double": 1,
    "fixed64": 6,
    "fixed32": 7,
    "sfixed64": 16,
    "int32": 5,
    "uint32": 13,
    "uint64": 4,
    "sint32": 17,
    "bool": 8,
}
_MESSAGE: Final = 11
_OPTIONAL, _REPEATED = 1, 3

# message: (field, number, type); `*` repeats, `?` tells absent from zero
_FIELDS: Final[dict[str, tuple[tuple[str, int, str], ...]]] = {
    "Metrics": (("resource_metrics", 1, "ResourceMetrics*"),),
    "ResourceMetrics": (("resource", 1, "bytes"), ("scope_metrics", 2, "ScopeMetrics*")),
    "ScopeMetrics": (("scope", 1, "bytes"), ("metrics", 2, "Metric*")),
    "Metric": (
        ("name", 1, "bytes"),
        ("unit", 3, "bytes"),
        ("gauge", 5, "Gauge"),
        ("sum", 7, "Sum"),
        ("histogram", 9, "Histogram"),
        ("exponential_histogram", 10, "ExponentialHistogram"),
        ("summary", 11, "Summary"),
    ),
    "Gauge": (("data_points", 1, "NumberPoint*"),),
    "Sum": (
        ("data_points", 1, "NumberPoint*"),
        ("temporality", 2, "int32"),
        ("is_monotonic", 3, "bool"),
    ),
    "Histogram": (("data_points", 1, "HistogramPoint*"), ("temporality", 2, "int32")),
    "ExponentialHistogram": (
        ("data_points", 1, "ExponentialPoint*"),
        ("temporality", 2, "int32"),
    ),
    "Summary": (("data_points", 1, "SummaryPoint*"),),
    "NumberPoint": (
        ("start", 2, "fixed64"),
        ("time", 3, "fixed64"),
        ("as_double", 4, "double?"),
        ("exemplars", 5, "Exemplar*"),
        ("as_int", 6, "sfixed64?"),
        ("attributes", 7, "bytes*"),
        ("flags", 8, "uint32"),
    ),
    "HistogramPoint": (
        ("start", 2, "fixed64"),
        ("time", 3, "fixed64"),
        ("count", 4, "fixed64"),
        ("sum", 5, "double?"),
        ("bucket_counts", 6, "fixed64*"),
        ("bounds", 7, "double*"),
        ("exemplars", 8, "Exemplar*"),
        ("attributes", 9, "bytes*"),
        ("flags", 10, "uint32"),
        ("min", 11, "double?"),
        ("max", 12, "double?"),
    ),
    "ExponentialPoint": (
        ("attributes", 1, "bytes*"),
        ("start", 2, "fixed64"),
        ("time", 3, "fixed64"),
        ("count", 4, "fixed64"),
        ("sum", 5, "double?"),
        ("scale", 6, "sint32"),
        ("zero_count", 7, "fixed64"),
        ("positive", 8, "Buckets"),
        ("negative", 9, "Buckets"),
        ("flags", 10, "uint32"),
        ("exemplars", 11, "Exemplar*"),
        ("min", 12, "double?"),
        ("max", 13, "double?"),
    ),
    # only counted: of the fields of an exemplar one that is hardly ever sent stands for all
    "Exemplar": (("nothing", 536_870_911, "bool"),),
    "Buckets": (("offset", 1, "sint32"), ("bucket_counts", 2, "uint64*")),
    "SummaryPoint": (
        ("start", 2, "fixed64"),
        ("time", 3, "fixed64"),
        ("count", 4, "fixed64"),
        ("sum", 5, "double"),
        ("quantiles", 6, "Quantile*"),
        ("attributes", 7, "bytes*"),
        ("flags", 8, "uint32"),
    ),
    "Quantile": (("quantile", 1, "double"), ("value", 2, "double")),
    "Logs": (("resource_logs", 1, "ResourceLogs*"),),
    "ResourceLogs": (("resource", 1, "bytes"), ("scope_logs", 2, "ScopeLogs*")),
    "ScopeLogs": (("scope", 1, "bytes"), ("log_records", 2, "LogRecord*")),
    "LogRecord": (
        ("time", 1, "fixed64"),
        ("severity_number", 2, "int32"),
        ("severity_text", 3, "bytes"),
        ("body", 5, "bytes"),
        ("attributes", 6, "bytes*"),
        ("observed_time", 11, "fixed64"),
        ("event_name", 12, "bytes"),
    ),
    "Traces": (("resource_spans", 1, "ResourceSpans*"),),
    "ResourceSpans": (("resource", 1, "bytes"), ("scope_spans", 2, "ScopeSpans*")),
    "ScopeSpans": (("scope", 1, "bytes"), ("spans", 2, "Span*")),
    "Span": (("start", 7, "fixed64"),),
    # the same with what the decoder keeps; who only judges a request need not lay out that much
    "KeptTraces": (("resource_spans", 1, "KeptResourceSpans*"),),
    "KeptResourceSpans": (("resource", 1, "bytes"), ("scope_spans", 2, "KeptScopeSpans*")),
    "KeptScopeSpans": (("scope", 1, "bytes"), ("spans", 2, "KeptSpan*")),
    "KeptSpan": (
        ("trace_id", 1, "bytes"),
        ("span_id", 2, "bytes"),
        ("parent_span_id", 4, "bytes"),
        ("kind", 6, "int32"),
        ("start", 7, "fixed64"),
        ("end", 8, "fixed64"),
    ),
    # attributes cost as much as all the rest: only some requests are looked at so closely
    "SpanKeys": (("resource_spans", 1, "ResourceSpanKeys*"),),
    "ResourceSpanKeys": (("resource", 1, "bytes"), ("scope_spans", 2, "ScopeSpanKeys*")),
    "ScopeSpanKeys": (("scope", 1, "bytes"), ("spans", 2, "KeyedSpan*")),
    "KeyedSpan": (("start", 7, "fixed64"), ("attributes", 9, "bytes*")),
}
KEPT_TRACES: Final = "kept_traces"
SPAN_KEYS: Final = "span_keys"
_REQUEST: Final = {
    "metrics": "Metrics",
    "logs": "Logs",
    "traces": "Traces",
    KEPT_TRACES: "KeptTraces",
    SPAN_KEYS: "SpanKeys",
}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="meterbook/projected.proto", package="meterbook", syntax="proto3"
    )
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            bare = kind.rstrip("*?")
            made = message.field.add(
                name=field,
                number=number,
                label=_REPEATED if kind.endswith("*") else _OPTIONAL,
                type=_TYPES.get(bare, _MESSAGE),
            )
            if bare not in _TYPES:
                made.type_name = f".meterbook.{bare}"
            if kind.endswith("?"):
                made.proto3_optional = True
                made.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{field}")
    return file


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_file().SerializeToString())
    return pool


def request_class(signal: str) -> type[Any]:
    """Give google.protobuf's class of the same projected request."""
    message = _pool().FindMessageTypeByName(f"meterbook.{_REQUEST[signal]}")
    return message_factory.GetMessageClass(message)


def descriptor(signal: str) -> Any:
    """Give the projected descriptor of a signal's request."""
    return _pool().FindMessageTypeByName(f"meterbook.{_REQUEST[signal]}")


class Wire:
    """Parses the requests of all signals. One per process: it keeps prepared handlers."""

    def __init__(self) -> None:
        """Prepare a handler per signal."""
        self._handlers: dict[str, Any] = {}
        for signal in _REQUEST:
            message = descriptor(signal)
            handlers = HandlerPool([message.file])
            self._handlers[signal] = handlers.get_for_message(message)
            self._keep = handlers

    def parse(self, signal: str, bodies: list[bytes]) -> pa.RecordBatch:
        """Give one row per body. Errors: UndecodableError; one bad body fails the whole list."""
        try:
            return self._handlers[signal].list_to_record_batch(bodies)
        except ValueError as exc:
            raise UndecodableError(str(exc)[:200]) from None

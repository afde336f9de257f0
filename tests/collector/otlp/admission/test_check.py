"""What a request holds, by columns and as objects: the same count, the same refusal."""

from collections.abc import Callable

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from collector.otlp.admission.check import Content, content, rejection
from collector.otlp.admission.small import SmallCheck
from collector.otlp.wire.wire import Wire
from meterbook.base.errors import UndecodableError
from tests.collector.otlp.protobuf import field

WIRE, SMALL = Wire(), SmallCheck()
Check = Callable[[str, bytes], Content | None]


def by_columns(signal: str, body: bytes) -> Content:
    """Judge a request as large ones are."""
    return content(signal, WIRE.parse(signal, [body]))


BOTH = pytest.mark.parametrize("check", [by_columns, SMALL.content], ids=["columns", "objects"])


def deep(depth: int) -> bytes:
    """Give an attribute whose value is arrays within arrays, two messages each."""
    value = AnyValue(string_value="x" * 300).SerializeToString()
    for _ in range(depth):
        value = field(5, field(1, value))
    return field(1, b"key") + field(2, value)


def gauge(pair: bytes) -> bytes:
    """Give a metric with a point that bears an attribute."""
    point = b"\x21" + bytes(8) + field(7, pair)
    return field(1, b"m") + field(5, field(1, point))


PLACES: dict[tuple[str, str], Callable[[bytes], bytes]] = {
    ("metrics", "resource"): lambda pair: field(1, field(1, field(1, pair))),
    ("metrics", "scope"): lambda pair: field(1, field(2, field(1, field(3, pair)))),
    ("metrics", "point"): lambda pair: field(1, field(2, field(2, gauge(pair)))),
    ("logs", "resource"): lambda pair: field(1, field(1, field(1, pair))),
    ("logs", "scope"): lambda pair: field(1, field(2, field(1, field(3, pair)))),
    ("logs", "record"): lambda pair: field(1, field(2, field(2, field(6, pair)))),
    ("logs", "body"): lambda pair: field(1, field(2, field(2, field(5, pair)))),
    ("traces", "resource"): lambda pair: field(1, field(1, field(1, pair))),
    ("traces", "scope"): lambda pair: field(1, field(2, field(1, field(3, pair)))),
}


@BOTH
@pytest.mark.parametrize(("signal", "place"), PLACES)
def test_a_value_that_nests_too_deep_is_refused_wherever_it_stands(
    check: Check, signal: str, place: str
) -> None:
    """Forty arrays pass, fifty do not: 90 messages within messages are the limit."""
    body = PLACES[signal, place]

    check(signal, body(deep(40)))

    with pytest.raises(UndecodableError, match="nested deeper"):
        check(signal, body(deep(50)))


@BOTH
@pytest.mark.parametrize(("times", "is_dated"), [((), False), ((0, 0), False), ((0, 7), True)])
def test_logs_are_dated_where_one_record_is(check: Check, times: tuple[int, ...], is_dated) -> None:
    """Without any time of its own, or without a record, a request is not."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for time in times:
        scope.log_records.add(time_unix_nano=time)

    assert check("logs", request.SerializeToString()) == Content(len(times), is_dated=is_dated)


@BOTH
def test_spans_of_all_resources_are_counted(check: Check) -> None:
    """Two and three, of two scopes, are five."""
    request = ExportTraceServiceRequest()
    for count in (2, 3):
        scope = request.resource_spans.add().scope_spans.add()
        for _ in range(count):
            scope.spans.add(name="s")

    assert check("traces", request.SerializeToString()) == Content(5)


@BOTH
def test_points_without_a_name_a_value_or_a_temporality_are_rejected(check: Check) -> None:
    """Each for itself; one that says that it has no value is taken."""
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    scope.metrics.add(name="good").gauge.data_points.add(as_int=1)
    scope.metrics.add(name="").gauge.data_points.add(as_int=1)
    scope.metrics.add(name="none").gauge.data_points.add()
    scope.metrics.add(name="silent").gauge.data_points.add(flags=1)
    scope.metrics.add(name="sum").sum.data_points.add(as_int=1)
    total = scope.metrics.add(name="total").sum
    total.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    total.data_points.add(as_int=1)
    scope.metrics.add(name="late").gauge.data_points.add(as_int=1, time_unix_nano=2**63)
    scope.metrics.add(name="last").gauge.data_points.add(as_int=1, time_unix_nano=2**63 - 1)
    scope.metrics.add(name="old").summary.data_points.add(count=1)

    found = check("metrics", request.SerializeToString())

    assert found == rejection(9, 4)
    assert found.message == "4 of 9 points have no value, no name or no temporality"


def test_nothing_rejected_has_nothing_to_say() -> None:
    """Of nine points none."""
    assert rejection(9, 0) == Content(9)

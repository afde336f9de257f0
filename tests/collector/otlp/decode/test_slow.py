"""Columns, the slow path and google.protobuf: the same frames of any request that is valid."""

import base64
import math
from collections import Counter
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from collector.otlp.admission.check import content
from collector.otlp.admission.small import SmallCheck
from collector.otlp.decode import slow
from collector.otlp.decode.decode import Decoder
from collector.otlp.decode.presence import SAMPLE_RATIO
from collector.otlp.decode.sample import of_one_trace, of_request, of_trace
from collector.otlp.journal.journal import Record
from collector.otlp.wire.wire import Wire
from meterbook.base.errors import UndecodableError

TEXT = st.text(st.characters(codec="utf-8"), max_size=4)
PLAIN = st.one_of(
    st.builds(AnyValue, string_value=TEXT),
    st.builds(AnyValue, bool_value=st.booleans()),
    st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1)),
    st.builds(AnyValue, double_value=st.floats(allow_nan=False, allow_infinity=False)),
    st.builds(AnyValue, bytes_value=st.binary(max_size=4)),
    st.just(AnyValue()),
)
KEYS = st.sampled_from(["a", "b", "ü", "event.name", ""])


def _nested(values):
    pairs = st.lists(st.builds(KeyValue, key=KEYS, value=values), max_size=3)
    arrays = st.builds(ArrayValue, values=st.lists(values, max_size=3))
    maps = st.builds(KeyValueList, values=pairs)
    return st.builds(AnyValue, array_value=arrays) | st.builds(AnyValue, kvlist_value=maps)


VALUES = st.recursive(PLAIN, _nested, max_leaves=5)
ATTRIBUTES = st.lists(st.builds(KeyValue, key=KEYS, value=VALUES), max_size=4)
TIMES = st.sampled_from([0, 1, 10**18, 10**18 + 3_600_000_000_001, 2**63 - 1, 2**63])
DOUBLES = st.floats(allow_nan=False)
COUNTS = st.integers(0, 2**64 - 1)
KINDS = ["gauge", "sum", "histogram", "exponential_histogram", "summary"]
UNKNOWN = b"\xfa\x7f\x01x"


@st.composite
def requests(draw) -> ExportMetricsServiceRequest:
    """Give any request of metrics: several resources, scopes, kinds, points."""
    request = ExportMetricsServiceRequest()
    for _ in range(draw(st.integers(0, 2))):
        resource = request.resource_metrics.add()
        resource.resource.attributes.extend(draw(ATTRIBUTES))
        for _ in range(draw(st.integers(0, 2))):
            scope = resource.scope_metrics.add()
            scope.scope.name, scope.scope.version = draw(TEXT), draw(TEXT)
            scope.scope.attributes.extend(draw(ATTRIBUTES))
            for _ in range(draw(st.integers(0, 2))):
                metric = scope.metrics.add(name=draw(TEXT), unit=draw(TEXT))
                _fill(draw, metric, draw(st.sampled_from(KINDS)))
    return request


def _fill(draw, metric, kind: str) -> None:
    data = getattr(metric, kind)
    data.SetInParent()
    if kind not in {"gauge", "summary"}:
        data.aggregation_temporality = draw(st.integers(0, 2))
    if kind == "sum":
        data.is_monotonic = draw(st.booleans())
    for _ in range(draw(st.integers(0, 3))):
        point = data.data_points.add(time_unix_nano=draw(TIMES), flags=draw(st.integers(0, 3)))
        point.start_time_unix_nano = draw(TIMES)
        point.attributes.extend(draw(ATTRIBUTES))
        _value(draw, point, kind)
        point.MergeFromString(UNKNOWN)


def _value(draw, point, kind: str) -> None:
    if kind in {"gauge", "sum"}:
        choice = draw(st.integers(0, 2))
        if choice == 1:
            point.as_double = draw(DOUBLES)
        elif choice == 2:
            point.as_int = draw(st.integers(-(2**63), 2**63 - 1))
        point.exemplars.add(as_int=1)
        return
    point.count = draw(COUNTS)
    if kind == "summary":
        point.sum = draw(DOUBLES)
        point.quantile_values.add(quantile=draw(DOUBLES), value=draw(DOUBLES))
        return
    if draw(st.booleans()):
        point.sum, point.min, point.max = draw(DOUBLES), draw(DOUBLES), draw(DOUBLES)
    counts = draw(st.lists(COUNTS, max_size=3))
    if kind == "histogram":
        point.bucket_counts.extend(counts)
        point.explicit_bounds.extend(draw(st.lists(DOUBLES, max_size=3)))
    else:
        point.scale, point.zero_count = draw(st.integers(-5, 5)), draw(COUNTS)
        if draw(st.booleans()):
            point.positive.offset = draw(st.integers(-5, 5))
            point.positive.bucket_counts.extend(counts)


RECEIVED = 10**18


def _record(signal: str, body: bytes) -> Record:
    return Record(signal, "t", body, bytes(16), 7, RECEIVED)


def _rows(frames: dict[str, pl.DataFrame], name: str) -> Counter[str]:
    """Give rows as text without regard to order; -0.0 and 0.0 stay two."""
    return Counter(map(repr, frames[name].to_dicts())) if name in frames else Counter()


def _same(signal: str, body: bytes, ratio: float = SAMPLE_RATIO) -> dict[str, pl.DataFrame]:
    """Hold the columns against the slow path."""
    record = _record(signal, body)
    fast = Decoder(sample_ratio=ratio).decode(signal, [record], 3)
    walked = slow.decode(signal, record, 3, ratio)
    for name in fast.keys() | walked.keys():
        have = walked[name].select(fast[name].columns) if name in walked else pl.DataFrame()
        assert _rows(fast, name) == _rows({name: have}, name), name
        assert name not in walked or have.schema == fast[name].schema
    return fast


@given(requests())
@settings(max_examples=80, deadline=None)
def test_metrics_by_columns_by_the_slow_path_and_by_protobuf_are_the_same(request):
    """Whatever is valid: the same rows, and the points and series a full parse holds."""
    frames = _same("metrics", request.SerializeToString())

    assert _by_columns(frames) == _by_protobuf(request)


def _by_columns(frames) -> Counter[str]:
    named = {(r["series_id"], r["event_hour"]): r for r in _dicts(frames, "raw_series")}
    found: list[tuple] = []
    for table in ("raw_point", "raw_histogram"):
        for row in _dicts(frames, table):
            hour = row["event_at"].replace(minute=0, second=0, microsecond=0)
            of = named[row["series_id"], hour]
            found.append(
                (
                    *(of["metric_name"], of["metric_kind"], of["unit"], of["is_monotonic"]),
                    *(_pairs(of[f"{n}_attributes"]) for n in ("resource", "scope", "point")),
                    *(of["scope_name"], of["scope_version"]),
                    row["value"] if table == "raw_point" else (row["count"], row["sum"]),
                )
            )
    return Counter(map(repr, found))


def _dicts(frames, name: str) -> list[dict[str, Any]]:
    return frames[name].to_dicts() if name in frames else []


def _pairs(attributes) -> list[tuple[str, str, str]]:
    return [(a["key"], a["type"], a["value"]) for a in attributes]


def _by_protobuf(request) -> Counter[str]:
    found: list[tuple] = []
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                data = getattr(metric, kind)
                formless = kind in {"gauge", "summary"}
                if not metric.name or not (formless or data.aggregation_temporality):
                    continue
                for point in data.data_points:
                    value = _wanted(kind, point)
                    if value is None or point.time_unix_nano >= 2**63:
                        continue
                    found.append(
                        (
                            *(metric.name, kind, metric.unit),
                            kind == "sum" and data.is_monotonic,
                            _typed(resource.resource.attributes),
                            _typed(scope.scope.attributes),
                            _typed(point.attributes),
                            *(scope.scope.name, scope.scope.version),
                            value[0],
                        )
                    )
    return Counter(map(repr, found))


def _wanted(kind: str, point) -> tuple[Any] | None:
    if kind == "summary":
        return ((point.count, point.sum),)
    if kind in {"histogram", "exponential_histogram"}:
        return ((point.count, point.sum if point.HasField("sum") else None),)
    if point.flags & 1:
        return (None,)
    chosen = point.WhichOneof("value")
    return (float(getattr(point, chosen)),) if chosen else None


def _typed(attributes) -> list[tuple[str, str, str]]:
    """Type and text of attributes; of maps and arrays the type and how many they hold."""
    last = {a.key: a.value for a in attributes}
    return [(key, *_text(value)) for key, value in sorted(last.items())]


def _text(value: AnyValue) -> tuple[str, str]:
    chosen = value.WhichOneof("value")
    if chosen is None:
        return "empty", ""
    inner = getattr(value, chosen)
    if chosen in {"array_value", "kvlist_value"}:
        return chosen.removesuffix("_value"), _json(value)
    if chosen == "bytes_value":
        return "bytes", base64.b64encode(inner).decode()
    if chosen == "bool_value":
        return "bool", str(inner).lower()
    return chosen.removesuffix("_value"), repr(inner) if chosen == "double_value" else str(inner)


def _json(value: AnyValue) -> str:
    import orjson  # noqa: PLC0415 - only the oracle's last step

    return orjson.dumps(_object(value), option=orjson.OPT_SORT_KEYS).decode()


def _object(value: AnyValue) -> Any:
    chosen = value.WhichOneof("value")
    if chosen is None:
        return ""
    inner = getattr(value, chosen)
    if chosen == "array_value":
        return [_object(item) for item in inner.values]
    if chosen == "kvlist_value":
        return {pair.key: _object(pair.value) for pair in inner.values}
    return base64.b64encode(inner).decode() if chosen == "bytes_value" else inner


@given(st.lists(st.tuples(ATTRIBUTES, TIMES, TIMES, TEXT, VALUES), max_size=4))
@settings(max_examples=40, deadline=None)
def test_logs_by_columns_and_by_the_slow_path_are_the_same(records):
    """Every record is counted; those with a name are events."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for attributes, time, observed, name, body in records:
        scope.log_records.add(
            time_unix_nano=time,
            observed_time_unix_nano=observed,
            event_name=name,
            severity_text=name,
            body=body,
            attributes=attributes,
        )

    frames = _same("logs", request.SerializeToString())

    kept = [(r[0], r[3]) for r in records if (r[1] or r[2]) < 2**63]
    assert frames["raw_signal"]["item_count"].sum() == len(kept)
    named = [n or dict(_named(attributes)).get("event.name", "") for attributes, n in kept]
    assert len(_dicts(frames, "raw_event")) == sum(name != "" for name in named)


def _named(attributes) -> list[tuple[str, str]]:
    return [(key, text) for key, _, text in _typed(attributes)]


IDS = st.sampled_from([b"", b"short", b"\x01" * 16, b"\xfe" * 16, bytes(range(16))])


@given(st.lists(st.tuples(TIMES, TIMES, ATTRIBUTES, IDS, st.integers(0, 5)), max_size=4))
@settings(max_examples=30, deadline=None)
def test_traces_by_columns_and_by_the_slow_path_are_the_same(spans):
    """Spans are counted by their start; those with whole ids are kept when all traces are."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    for start, end, attributes, trace, kind in spans:
        resource.scope_spans.add().spans.add(
            start_time_unix_nano=start,
            end_time_unix_nano=end,
            attributes=attributes,
            trace_id=trace,
            span_id=trace[:8],
            kind=kind,
        )

    frames = _same("traces", request.SerializeToString())
    kept = _same("traces", request.SerializeToString(), 1.0)

    whole = [s for s in spans if s[0] < 2**63 and len(s[3]) == 16]
    assert frames["raw_signal"]["item_count"].sum() == sum(s[0] < 2**63 for s in spans)
    rows = sorted((r["trace_id"], r["kind"], r["duration_ns"]) for r in _dicts(kept, "raw_span"))
    wanted = [(t.hex(), kind, min(max(e - s, 0), 2**63 - 1)) for s, e, _, t, kind in whole]
    assert rows == sorted(wanted)
    found = {key for keys in kept["raw_signal"]["attribute_keys"] for key in keys}
    assert found == {pair.key for s in spans if s[0] < 2**63 for pair in s[2]}


def test_severities_are_counted_by_number_and_text():
    """With the first and last time of each, in order."""
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for second, number, text in ((1, 9, "INFO"), (2, 5, "DEBUG"), (3, 5, "DEBUG"), (4, 0, "")):
        records.add(time_unix_nano=second * 10**9, severity_number=number, severity_text=text)

    row = _same("logs", request.SerializeToString())["raw_signal"].row(0, named=True)

    found = [
        (s["severity_number"], s["severity_text"], s["item_count"], s["last_event_at"].second)
        for s in row["severities"]
    ]
    assert found == [(0, "", 1, 4), (5, "DEBUG", 2, 3), (9, "INFO", 1, 1)]


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=20), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_a_larger_sample_holds_the_smaller_one(traces, ratio):
    """The trace's id alone decides; 0 keeps none and 1 all."""
    ids, own = pa.array(traces, pa.binary()), pa.array([b"12345678"] * len(traces), pa.binary())

    few, more = of_trace(ids, own, ratio / 2), of_trace(ids, own, ratio)

    assert not (few & ~more).any()
    assert not of_trace(ids, own, 0.0).any()
    assert of_trace(ids, own, 1.0).all()


@given(st.lists(st.tuples(IDS, st.sampled_from([b"12345678", b""])), max_size=9), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_a_span_is_judged_alone_as_among_others(ids, ratio):
    """By columns and one by one; ids of a wrong length are never in the sample."""
    columns = [pa.array(list(column), pa.binary()) for column in zip(*ids, strict=True)]
    traces, spans = columns or (pa.array([], pa.binary()), pa.array([], pa.binary()))

    found = of_trace(traces, spans, ratio).tolist()

    assert found == [of_one_trace(trace, span, ratio) for trace, span in ids]


@pytest.mark.parametrize("at", [2, 7, 8, 14, 15])
@pytest.mark.parametrize("step", [1, 60])
def test_ids_that_count_up_are_sampled_evenly(at, step):
    """A tenth of 20,000 traces within six standard deviations, in each run of a thousand as well.

    The counter stands anywhere in the id, in the order of the network.
    """
    base = int.from_bytes(bytes(range(100, 116)))
    ids = [(base + n * step * 256 ** (15 - at)) % 2**128 for n in range(20_000)]
    traces = pa.array([number.to_bytes(16) for number in ids], pa.binary())

    found = of_trace(traces, pa.array([b"12345678"] * len(ids), pa.binary()), 0.1)

    assert abs(int(found.sum()) - 2000) < 6 * (20_000 * 0.09) ** 0.5
    assert max(abs(int(run) - 100) for run in found.reshape(-1, 1000).sum(axis=1)) < 6 * 90**0.5


def test_requests_in_the_sample_are_about_as_many_as_asked():
    """A tenth of any thousand in a row, within two of a hundred."""
    assert {
        sum(of_request(first + n, 0.1) for n in range(1000)) for first in (1, 10**6, 2**40)
    } <= {
        98,
        99,
        100,
        101,
        102,
    }


def test_the_slow_path_refuses_what_is_no_protobuf():
    """That goes to quarantine."""
    with pytest.raises(UndecodableError):
        slow.decode("metrics", _record("metrics", b"\xff\xff"), 1)


def test_values_that_are_no_number_are_kept():
    """NaN and the infinities are values."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    for value in (math.nan, math.inf, -math.inf):
        metric.gauge.data_points.add(as_double=value, time_unix_nano=5)

    frames = _same("metrics", request.SerializeToString())

    assert repr(frames["raw_point"]["value"].to_list()) == "[nan, inf, -inf]"


@settings(deadline=None, max_examples=100)
@given(requests(), st.data())
def test_a_small_request_is_judged_as_by_columns(request, data):
    """Items and rejected ones, with a byte of the body changed too: the same, or left to them."""
    body = bytearray(request.SerializeToString())
    if body and data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place] = data.draw(st.integers(0, 255))

    small = SmallCheck().content("metrics", bytes(body))

    if small is not None:
        assert small == content("metrics", Wire().parse("metrics", [bytes(body)]))


@settings(deadline=None)
@given(st.lists(st.integers(0, 2), max_size=4))
def test_small_logs_know_whether_they_are_dated(times):
    """Any record with a time makes the request dated, by objects and by columns."""
    logs = ExportLogsServiceRequest()
    records = logs.resource_logs.add().scope_logs.add().log_records
    for time in times:
        records.add(time_unix_nano=time)
    body = logs.SerializeToString()

    small = SmallCheck().content("logs", body)

    assert small == content("logs", Wire().parse("logs", [body]))
    assert small is not None
    assert (small.items, small.is_dated) == (len(times), any(times))

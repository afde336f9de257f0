"""How ptars reads the wire: what the decoder builds on, one test a case."""

import struct

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from collector.otlp.admission.check import content
from collector.otlp.wire.wire import Wire
from meterbook.base.errors import UndecodableError
from tests.collector.otlp.protobuf import field

WIRE = Wire()


def _metric(body: bytes) -> bytes:
    """Give a request with one metric of these bytes."""
    return field(1, field(2, field(2, body)))


def _gauge(*points: bytes) -> bytes:
    return _metric(field(1, b"m") + field(5, b"".join(field(1, p) for p in points)))


TIME = b"\x19" + struct.pack("<Q", 5)
DOUBLE = b"\x21" + struct.pack("<d", 1.5)
INTEGER = b"\x31" + struct.pack("<q", 7)


def _points(body: bytes, kind: str = "gauge") -> list[dict]:
    parsed = WIRE.parse("metrics", [body]).to_pylist()[0]
    return [
        point
        for resource in parsed["resource_metrics"]
        for scope in resource["scope_metrics"]
        for metric in scope["metrics"]
        for point in (metric[kind] or {"data_points": []})["data_points"]
    ]


def _rejected(body: bytes) -> tuple[int, int]:
    found = content("metrics", WIRE.parse("metrics", [body]))
    return found.items, found.rejected


def test_an_empty_body_is_an_empty_request():
    """No bytes: no resources."""
    assert WIRE.parse("metrics", [b""]).to_pylist() == [{"resource_metrics": []}]


@pytest.mark.parametrize(
    "extra",
    [b"\x79" + bytes(8), b"\x78\x01", b"\x7a\x01x", b"\x7b\x08\x01\x7c"],
    ids=["fixed64", "varint", "bytes", "group"],
)
def test_unknown_fields_and_groups_are_passed_over(extra: bytes):
    """A field that we do not know costs nothing, at any depth."""
    plain = _points(_gauge(TIME + DOUBLE))

    assert _points(_gauge(TIME + DOUBLE + extra) + extra) == plain


@pytest.mark.parametrize(
    "body",
    [_gauge(TIME + DOUBLE)[:-3], b"\x00\x01", b"\xff\xff\xff\xff"],
    ids=["cut", "field number 0", "random"],
)
def test_what_is_no_protobuf_fails_the_whole_list(body: bytes):
    """One bad body takes its neighbours along: the decoder then takes each by itself."""
    with pytest.raises(UndecodableError):
        WIRE.parse("metrics", [_gauge(TIME + DOUBLE), body])


def test_text_that_is_not_utf_8_is_read():
    """Names are declared bytes: a bad one loses no request."""
    batch = WIRE.parse("metrics", [_metric(field(1, b"\xff\xfe") + field(5, b""))])

    metric = batch.to_pylist()[0]["resource_metrics"][0]["scope_metrics"][0]["metrics"][0]
    assert metric["name"] == b"\xff\xfe"


def test_absent_and_zero_are_reported_apart():
    """An optional zero is a zero; one that is not sent is null."""
    zero = b"\x21" + struct.pack("<d", 0.0)

    values = [p["as_double"] for p in _points(_gauge(TIME + zero, TIME + INTEGER))]

    assert values == [0.0, None]


def test_a_double_and_an_integer_both_come_out_and_the_point_is_rejected():
    """Protobuf takes the last; ptars keeps both and the order is lost."""
    body = _gauge(TIME + DOUBLE + INTEGER, TIME + DOUBLE)

    first = _points(body)[0]

    assert (first["as_double"], first["as_int"]) == (1.5, 7)
    assert _rejected(body) == (2, 1)


def test_two_kinds_of_data_in_a_metric_are_both_rejected():
    """Which of them came last is lost too."""
    points = field(1, TIME + DOUBLE)
    body = _metric(field(1, b"m") + field(5, points) + field(7, points + b"\x10\x02"))

    assert _rejected(body) == (2, 2)


def test_a_gauge_that_is_sent_twice_keeps_both_points():
    """Fields of one message that come in two parts are merged, as protobuf says."""
    part = field(5, field(1, TIME + DOUBLE))

    assert len(_points(_metric(field(1, b"m") + part + part))) == 2


def test_packed_and_unpacked_counts_are_read_alike():
    """A repeated number may come either way."""
    counts = [struct.pack("<Q", n) for n in (1, 2)]
    packed = TIME + field(6, b"".join(counts))
    loose = TIME + b"".join(b"\x31" + one for one in counts)

    found = [
        _points(_metric(field(1, b"m") + field(9, field(1, p))), "histogram")
        for p in (packed, loose)
    ]

    assert found[0] == found[1]
    assert found[0][0]["bucket_counts"] == [1, 2]


def test_a_broken_attribute_is_not_noticed_here():
    """Attributes are bytes to ptars; `attributes` keeps what it cannot read under our name."""
    assert _points(_gauge(TIME + DOUBLE + field(7, b"\xff")))[0]["attributes"] == [b"\xff"]


def test_a_time_beyond_the_signed_range_is_rejected():
    """fixed64 reaches twice as far as an instant does."""
    latest, beyond = (b"\x19" + struct.pack("<Q", n) for n in (2**63 - 1, 2**63))

    assert _rejected(_gauge(latest + DOUBLE, beyond + DOUBLE)) == (2, 1)


def test_exemplars_are_counted_without_their_content():
    """Only how many there are comes out."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    point = metric.gauge.data_points.add(as_double=1, time_unix_nano=5)
    point.exemplars.add(as_double=2, trace_id=bytes(16))
    point.exemplars.add(as_int=3)

    (found,) = _points(request.SerializeToString())

    assert found["exemplars"] == [{"nothing": False}] * 2

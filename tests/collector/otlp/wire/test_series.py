"""What makes two points one series, and what does not."""

from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from collector.otlp.wire.series import RequestSeries
from collector.otlp.wire.wire import Wire

WIRE = Wire()


def _request(*points: list[KeyValue]) -> ExportMetricsServiceRequest:
    """Give a gauge with a point for each list of attributes."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    for attributes in points:
        metric.gauge.data_points.add(as_int=1, time_unix_nano=5, attributes=attributes)
    return request


def _ids(request, tenant="t", known: RequestSeries | None = None) -> list[int]:
    batch = WIRE.parse("metrics", [request.SerializeToString()])
    by_kind = (known or RequestSeries()).of(batch, tenant)
    return [number for ids in by_kind.values() for number in ids.tolist()]


def _kv(key: str, **value) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(**value))


ARRAY = ArrayValue(values=[AnyValue(int_value=1)])
ONES: list[dict[str, Any]] = [
    {"string_value": "1"},
    {"int_value": 1},
    {"double_value": 1.0},
    {"bool_value": True},
    {"bytes_value": b"1"},
    {"string_value": "true"},
    {"array_value": ARRAY},
    {"string_value": "[1]"},
    {"array_value": ArrayValue(values=[AnyValue(string_value="1")])},
    {"array_value": ArrayValue(values=[AnyValue(double_value=1.0)])},
    {"kvlist_value": KeyValueList(values=[_kv("a", int_value=1)])},
    {"kvlist_value": KeyValueList(values=[_kv("a", string_value="1")])},
    {},
]


def test_values_of_different_types_are_different_series():
    """Int 1, text 1, double 1.0, true, bytes, arrays and maps of them: none is another."""
    ids = _ids(_request(*([_kv("k", **one)] for one in ONES), []))

    assert len(set(ids)) == len(ONES) + 1


def test_the_same_series_has_the_same_id_in_every_process():
    """Keys are of this process; the id is not."""
    request = _request([_kv("a", int_value=1)], [_kv("b", string_value="x")])

    assert _ids(request) == _ids(request)


def test_order_of_attributes_and_of_maps_makes_no_series():
    """A map is what it holds, on a point as inside a value."""
    one, two = _kv("a", int_value=1), _kv("b", int_value=2)
    turned = [_kv("m", kvlist_value=KeyValueList(values=pair)) for pair in ([one, two], [two, one])]

    ids = _ids(_request([one, two], [two, one], [turned[0]], [turned[1]]))

    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_attributes_are_reported_apart_where_their_bytes_join():
    """One attribute whose bytes are those of two is not the two."""
    one, two = _kv("a", int_value=1), _kv("b", int_value=2)
    joined = KeyValue.FromString(one.SerializeToString() + two.SerializeToString())
    assert joined == two  # protobuf: the last of a field wins
    request = _request([one, two], [two])
    body = request.SerializeToString()

    ids = _ids(ExportMetricsServiceRequest.FromString(body))

    assert ids[0] != ids[1]


@pytest.mark.parametrize("part", ["resource", "scope name", "scope version", "scope", "unit"])
def test_what_stands_around_a_metric_is_part_of_its_name(part: str):
    """Resource, scope and unit: each of them alone makes another series."""
    plain, other = _request([]), _request([])
    around = other.resource_metrics[0]
    if part == "resource":
        around.resource.attributes.append(_kv("r", int_value=1))
    elif part == "scope":
        around.scope_metrics[0].scope.attributes.append(_kv("s", int_value=1))
    elif part == "unit":
        around.scope_metrics[0].metrics[0].unit = "s"
    else:
        setattr(around.scope_metrics[0].scope, part.split()[1], "x")

    assert _ids(plain) != _ids(other)


def test_two_tenants_never_share_a_series():
    """The tenant is part of the name."""
    known = RequestSeries()

    assert _ids(_request([]), "a", known) != _ids(_request([]), "b", known)


def test_points_come_in_the_order_of_the_request_without_those_that_are_rejected():
    """A point without a value has no series; the rest keep their places."""
    a, b = [_kv("k", int_value=1)], [_kv("k", int_value=2)]
    request = _request(a, b, a)
    points = request.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points
    points[0].ClearField("as_int")

    assert _ids(request) == _ids(_request(b, a))


def test_what_is_forgotten_gets_the_same_id_again():
    """The limit bounds memory and changes nothing else."""
    known = RequestSeries(limit=1)
    request = _request(*([_kv("k", int_value=n)] for n in range(5)))

    first, again = _ids(request, known=known), _ids(request, known=known)

    assert first == again
    assert len(set(first)) == 5


def test_a_request_of_nothing_has_no_series():
    """No metrics, no points."""
    assert _ids(ExportMetricsServiceRequest()) == []
    assert _ids(_request()) == []

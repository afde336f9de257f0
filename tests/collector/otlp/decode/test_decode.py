"""The decoder held against google.protobuf: the same points, series and values."""

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from collector.otlp.admission.check import content
from collector.otlp.decode.decode import Decoder, activity
from collector.otlp.journal.journal import Record
from collector.otlp.wire.wire import Wire
from warehouse.tables import BY_NAME

NAMES = st.sampled_from(["", "a", "ü", "requests"])
LABELS = st.dictionaries(st.sampled_from("abc"), st.text(max_size=3), max_size=3)
NUMBERS = st.one_of(
    st.none(), st.floats(allow_nan=False), st.integers(-(2**53), 2**53), st.just("flag")
)
METRICS = st.lists(
    st.tuples(
        NAMES,
        st.sampled_from(["gauge", "sum", "histogram", "exponential_histogram", "summary"]),
        st.integers(0, 2),
        st.lists(st.tuples(LABELS, NUMBERS, st.integers(1, 2**62)), max_size=4),
    ),
    max_size=5,
)
SHAPES = ("histogram", "exponential_histogram", "summary")


def _request(metrics) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    target = request.resource_metrics.add().scope_metrics.add().metrics
    for name, kind, temporality, points in metrics:
        data = getattr(target.add(name=name), kind)
        data.SetInParent()
        if kind not in {"gauge", "summary"}:
            data.aggregation_temporality = temporality
        for labels, value, time in points:
            point = data.data_points.add(time_unix_nano=time)
            for key, text in labels.items():
                point.attributes.add(key=key).value.string_value = text
            if kind in SHAPES:
                point.count = time % 1000
                point.sum = value if isinstance(value, float) else 1.0
            elif value == "flag":
                point.flags = 1
            elif isinstance(value, float):
                point.as_double = value
            elif value is not None:
                point.as_int = value
    return request


def _by_objects(request) -> list[tuple]:
    """Walk a full parse: what must be kept, point by point."""
    kept = []
    for metric in request.resource_metrics[0].scope_metrics[0].metrics:
        kind = metric.WhichOneof("data")
        data = getattr(metric, kind)
        temporality = getattr(data, "aggregation_temporality", 0)
        if not metric.name or (kind not in {"gauge", "summary"} and temporality == 0):
            continue
        kept += [
            (metric.name, kind, temporality, _labels(p), p.time_unix_nano // 1000, _value(kind, p))
            for p in data.data_points
            if kind in SHAPES or p.flags or p.WhichOneof("value")
        ]
    return sorted(kept, key=repr)


def _labels(point) -> tuple:
    return tuple(sorted((a.key, a.value.string_value) for a in point.attributes))


def _value(kind: str, point) -> float | None:
    if kind in SHAPES:
        return point.sum
    if point.flags:
        return None
    return float(getattr(point, point.WhichOneof("value")))


def _by_columns(frames) -> list[tuple]:
    series = {
        row["series_id"]: row
        for row in (frames["raw_series"].to_dicts() if "raw_series" in frames else [])
    }
    found = []
    for table, column in (("raw_point", "value"), ("raw_histogram", "sum")):
        for row in frames[table].to_dicts() if table in frames else []:
            of = series[row["series_id"]]
            labels = tuple((a["key"], a["value"]) for a in of["point_attributes"])
            found.append(
                (
                    of["metric_name"],
                    of["metric_kind"],
                    ("unspecified", "delta", "cumulative").index(of["temporality"]),
                    labels,
                    _micros(row["event_at"]),
                    row[column],
                )
            )
    return sorted(found, key=repr)


def _micros(moment) -> int:
    days = moment.toordinal() - 719_163
    seconds = (days * 24 + moment.hour) * 3600 + moment.minute * 60 + moment.second
    return seconds * 1_000_000 + moment.microsecond


def _decode(request):
    body = request.SerializeToString()
    return Decoder().decode("metrics", [Record("metrics", "t", body, bytes(16), 1, 10**18)], 1)


@given(METRICS)
@settings(max_examples=60, deadline=None)
def test_columns_give_what_objects_give(metrics):
    """Every point that is not rejected, with its series and value, and no other."""
    request = _request(metrics)
    request.resource_metrics[0].resource.SetInParent()

    frames = _decode(request)

    wanted = _by_objects(request)
    assert _by_columns(frames) == wanted
    found = content("metrics", Wire().parse("metrics", [request.SerializeToString()]))
    assert found.items - found.rejected == len(wanted)
    for name, frame in frames.items():
        table = BY_NAME[name]
        table.check(frame.select(*table.schema.names()).cast(table.schema))


def test_the_order_of_attributes_makes_no_series():
    """Two encodings of one set of labels are one series."""
    request = _request([("m", "gauge", 0, [({"a": "1", "b": "2"}, 1.0, 5)])])
    metric = request.resource_metrics[0].scope_metrics[0].metrics[0]
    turned = Metric.FromString(metric.SerializeToString())
    turned.gauge.data_points[0].attributes.reverse()
    request.resource_metrics[0].scope_metrics[0].metrics.append(turned)

    frames = _decode(request)

    assert frames["raw_series"].height == 1
    assert activity([frames["raw_point"]])["point_count"].to_list() == [2]
    assert frames["raw_point"]["series_id"].n_unique() == 1


def test_every_kind_of_histogram_keeps_its_buckets():
    """Explicit bounds, exponential buckets on both sides, quantiles."""
    request = _request(
        [
            ("h", "histogram", 1, [({}, 1.0, 5)]),
            ("e", "exponential_histogram", 2, [({}, 2.0, 5)]),
            ("s", "summary", 0, [({}, 3.0, 5)]),
        ]
    )
    metrics = request.resource_metrics[0].scope_metrics[0].metrics
    explicit = metrics[0].histogram.data_points[0]
    explicit.explicit_bounds.extend([1.0, 2.0])
    explicit.bucket_counts.extend([1, 0, 4])
    exponential = metrics[1].exponential_histogram.data_points[0]
    exponential.scale, exponential.zero_count = -2, 9
    exponential.positive.offset, exponential.negative.offset = -1, 3
    exponential.positive.bucket_counts.extend([5, 6])
    exponential.negative.bucket_counts.extend([7])
    metrics[2].summary.data_points[0].quantile_values.add(quantile=0.5, value=math.pi)

    rows = _decode(request)["raw_histogram"].sort("sum").to_dicts()

    assert (rows[0]["bounds"], rows[0]["bucket_counts"]) == ([1.0, 2.0], [1, 0, 4])
    assert (rows[1]["scale"], rows[1]["zero_count"]) == (-2, 9)
    assert (rows[1]["positive_offset"], rows[1]["negative_offset"]) == (-1, 3)
    assert (rows[1]["bucket_counts"], rows[1]["negative_counts"]) == ([5, 6], [7])
    assert rows[2]["quantiles"] == [{"quantile": 0.5, "value": math.pi}]


def test_a_series_is_named_once_an_hour_and_counted_each_time():
    """The second batch of an hour adds activity and no name; another hour names it again."""
    decoder, hour = Decoder(), 3600 * 10**9

    def batch(time: int):
        body = _request([("m", "gauge", 0, [({"a": "1"}, 1.0, time)])]).SerializeToString()
        return decoder.decode("metrics", [Record("metrics", "t", body, bytes(16), 1, 10**18)], 1)

    found = [batch(time) for time in (5, 6, hour + 5)]

    assert ["raw_series" in frames for frames in found] == [True, False, True]
    counts = [activity([frames["raw_point"]])["point_count"].to_list() for frames in found]
    assert counts == [[1], [1], [1]]


def test_a_batch_that_failed_leaves_nothing_behind_that_counts_as_written():
    """What a failed batch would have named is named when its records come again."""
    decoder = Decoder()
    body = _request([("m", "gauge", 0, [({"a": "1"}, 1.0, 5)])]).SerializeToString()
    good = Record("metrics", "t", body, bytes(16), 1, 10**18)
    overflowing = dataclasses.replace(good, seq=2**64)

    with pytest.raises(OverflowError):
        decoder.decode("metrics", [good, overflowing], 1)

    assert "raw_series" in decoder.decode("metrics", [good], 1)


def test_what_is_forgotten_is_named_again():
    """The limit bounds memory; the dictionary may repeat itself."""
    decoder = Decoder(limit=0)
    body = _request([("m", "gauge", 0, [({"a": "1"}, 1.0, 5)])]).SerializeToString()
    records = [Record("metrics", "t", body, bytes(16), 1, 10**18)]

    named = [decoder.decode("metrics", records, 1)["raw_series"] for _ in range(2)]

    assert named[0].equals(named[1])

"""OTLP/JSON: one test per rule, google.protobuf's own mapping as the second opinion."""

import base64
import json
import random
import subprocess
import sys
import time
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.otlp.wire.otlp_json import IDS, REQUESTS, to_protobuf
from meterbook.base.errors import UndecodableError
from tests.collector.otlp.wire.documents import (
    metric_request,
    read,
    read_point,
    read_value,
)

TRACE, SPAN = "5B8EFFF798038103D269B633813FC60C", "eee19b7ec3c1b174"
F = FieldDescriptor
INTEGERS = {
    F.TYPE_INT32: (-(2**31), 2**31 - 1),
    F.TYPE_SINT32: (-(2**31), 2**31 - 1),
    F.TYPE_INT64: (-(2**63), 2**63 - 1),
    F.TYPE_SFIXED64: (-(2**63), 2**63 - 1),
    F.TYPE_UINT32: (0, 2**32 - 1),
    F.TYPE_FIXED32: (0, 2**32 - 1),
    F.TYPE_UINT64: (0, 2**64 - 1),
    F.TYPE_FIXED64: (0, 2**64 - 1),
    F.TYPE_ENUM: (0, 1),
}


def _nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"intValue": 1}
    for _ in range(levels):
        value = {"arrayValue": {"values": [value]}}
    return value


def test_empty_body_is_an_empty_request():
    """An exporter with nothing to say sends nothing, or `{}`; both are requests."""
    assert to_protobuf("metrics", b"") == to_protobuf("metrics", b"{}") == b""


def test_snake_case_is_an_unknown_name():
    """Only lowerCamelCase is OTLP/JSON."""
    point = read_point(time_unix_nano="5", as_int="7", startTimeUnixNano="3")

    assert (point.time_unix_nano, point.HasField("as_int"), point.start_time_unix_nano) == (0, 0, 3)


def test_unknown_names_are_ignored_at_any_depth():
    """A newer sender is understood as far as we know its words."""
    odd: dict[str, Any] = {"x": [1, {"y": None}]}
    attributes = [{"key": "k", "value": {"intValue": "1", **odd}, **odd}]
    document = (
        metric_request({"gauge": {"dataPoints": [{"attributes": attributes, **odd}]}, **odd}) | odd
    )

    request = read("metrics", document)

    point = request.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0]
    assert point.attributes[0].value.int_value == 1


def test_null_is_absent_everywhere():
    """Null for any field of any message is the field left out."""
    for signal, kind in REQUESTS.items():
        _null_everywhere(signal, kind.DESCRIPTOR, lambda inner: inner)


def _null_everywhere(signal: str, message: Any, wrap: Any, depth: int = 0) -> None:
    nulls = dict.fromkeys((field.json_name for field in message.fields), None)
    assert to_protobuf(signal, json.dumps(wrap(nulls)).encode()) == to_protobuf(
        signal, json.dumps(wrap({})).encode()
    )
    for field in message.fields:
        if field.message_type is not None and depth < 9:

            def inside(inner: Any, field: Any = field) -> Any:
                return wrap({field.json_name: [inner] if field.is_repeated else inner})

            _null_everywhere(signal, field.message_type, inside, depth + 1)


def test_null_in_a_list_is_refused():
    """A list has no absent items."""
    with pytest.raises(UndecodableError):
        read("metrics", {"resourceMetrics": [None]})


def test_empty_any_value_is_the_empty_value():
    """`{}` is a value that is there and says nothing."""
    point = read_point(attributes=[{"key": "k", "value": {}}, {"key": "l"}])

    assert [one.HasField("value") for one in point.attributes] == [True, False]
    assert point.attributes[0].value.WhichOneof("value") is None


def test_arrays_and_maps_nest():
    """Values of values keep their kinds."""
    inner = {"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": False}}]}}

    value = read_value({"arrayValue": {"values": [inner, {"doubleValue": 1}, {"stringValue": ""}]}})

    kinds = [one.WhichOneof("value") for one in value.array_value.values]
    assert kinds == ["kvlist_value", "double_value", "string_value"]
    assert value.array_value.values[0].kvlist_value.values[0].value.bool_value is False


def test_nesting_is_taken_to_the_limit_and_refused_beyond():
    """What we take, every protobuf parser behind us takes too."""
    assert read_value(_nested(31)).HasField("array_value")
    for levels in (32, 33, 40, 100):
        with pytest.raises(UndecodableError, match="deeper"):
            read_value(_nested(levels))


DEEP = b"[" * 5000 + b"]" * 5000
DEEPER = b'{"arrayValue":{"values":[' * 5000 + b"{}" + b"]}}" * 5000


@pytest.mark.parametrize(
    "body",
    [
        DEEP,
        DEEP[:5000],
        b'{"unknown":%b}' % DEEP,
        b'{"resourceMetrics":%b}' % DEEP,
        b'{"resourceMetrics":[{"resource":%b}]}' % DEEP,
        b'{"resourceMetrics":[{"resource":{"attributes":[{"key":"k","value":%b}]}}]}' % DEEPER,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
    ],
)
def test_deep_nesting_is_refused_fast_wherever_it_stands(body):
    """Five thousand levels end in a refusal, neither in a crash nor in a RecursionError."""
    start = time.process_time()
    with pytest.raises(UndecodableError):
        to_protobuf("metrics", body)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf{}",
        b'{"x":"\xff"}',
        b'{"x":"\\ud800"}',
        b'{"resourceMetrics":[{"schemaUrl":"\xff"}]}',
        b'{"resourceMetrics":[{"schemaUrl":"\\ud800"}]}',
        b'{"resourceMetrics":[{"schemaUrl":"\xed\xa0\x80"}]}',
        b'{"resourceMetrics":[{"resource":{"attributes":[{"key":"\\udc00"}]}}]}',
        b"{} {}",
        b"{",
        b"null",
        b"[]",
        b"5",
    ],
)
def test_what_is_no_json_object_in_utf8_is_refused(body):
    """Order marks, half characters and broken documents are the sender's to mend."""
    with pytest.raises(UndecodableError):
        to_protobuf("metrics", body)


def test_of_a_key_given_twice_the_last_counts():
    """As most JSON readers do; null at last makes it absent."""
    last = b'{"schemaUrl":"a","schemaUrl":null}'
    body = b'{"resourceMetrics":[{"schemaUrl":"a","schemaUrl":"b"},%b]}' % last

    assert [one.schema_url for one in read("metrics", body).resource_metrics] == ["b", ""]


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"resourceMetrics": {}}, "resourceMetrics"),
        (metric_request({"name": 5}), "name"),
        (metric_request({"gauge": []}), "gauge"),
        (metric_request({"sum": {"isMonotonic": 1}}), "isMonotonic"),
        (metric_request({"gauge": {"dataPoints": [{"attributes": {}}]}}), "attributes"),
        (metric_request({"gauge": {"dataPoints": [{"attributes": [{"key": 1}]}]}}), "key"),
        (metric_request({"histogram": {"dataPoints": [{"bucketCounts": 1}]}}), "bucketCounts"),
        (metric_request({"histogram": {"dataPoints": [{"bucketCounts": ["x"]}]}}), "bucketCounts"),
        (
            metric_request({"histogram": {"dataPoints": [{"explicitBounds": [None]}]}}),
            "explicitBounds",
        ),
    ],
)
def test_a_wrong_type_is_refused_by_its_name(document, key):
    """The sender learns which key it got wrong."""
    with pytest.raises(UndecodableError, match=key):
        read("metrics", document)


@pytest.mark.parametrize(
    "document",
    [
        metric_request({"gauge": {"dataPoints": [{"asInt": "x" * 10_000}]}}),
        metric_request({"gauge": {"dataPoints": [{"asDouble": "\u20ac" * 10_000}]}}),
        {"resourceMetrics": "x" * 10_000},
        {"x" * 10_000: [1], "resourceMetrics": 5},
    ],
)
def test_a_message_shows_little_of_the_input(document):
    """Answers and logs do not grow with what was sent."""
    with pytest.raises(UndecodableError) as caught:
        read("metrics", document)
    assert len(str(caught.value)) <= 200


def test_two_values_where_one_may_be_are_refused():
    """A point of asInt and asDouble says two things; protobuf refuses it, and so do we."""
    for make in (
        lambda: read_point(asInt="1", asDouble=1),
        lambda: read_value({"stringValue": "a", "intValue": "1"}),
        lambda: read("metrics", metric_request({"gauge": {}, "sum": {}})),
    ):
        with pytest.raises(UndecodableError, match="two values"):
            make()
    assert read_point(asInt="1", asDouble=None).as_int == 1


def test_a_list_of_a_million_buckets_is_refused():
    """No histogram has them; their text would cost hundreds of bytes each."""
    with pytest.raises(UndecodableError, match="bucketCounts"):
        read(
            "metrics",
            metric_request({"histogram": {"dataPoints": [{"bucketCounts": ["0"] * 400_000}]}}),
        )


def test_attributes_seen_before_and_new_ones_mean_the_same():
    """What was kept for a list is what that list says, after the store was emptied too."""
    for number in [*range(25_000), *range(50)]:
        body = b'{"resourceLogs":[{"resource":{"attributes":[{"key":"k%d"}]}}]}' % (number % 12_000)
        request = read("logs", body)
        assert request.resource_logs[0].resource.attributes[0].key == f"k{number % 12_000}"


EXAMPLES = {
    "metrics": metric_request(
        {
            "name": "my.counter",
            "unit": "1",
            "sum": {
                "aggregationTemporality": 1,
                "isMonotonic": True,
                "dataPoints": [
                    {
                        "asDouble": 5,
                        "startTimeUnixNano": "1544712660300000000",
                        "attributes": [{"key": "my.attr", "value": {"stringValue": "some"}}],
                    }
                ],
            },
        }
    ),
    "logs": {
        "resourceLogs": [
            {
                "resource": {"attributes": [{"key": "service", "value": {"stringValue": "me"}}]},
                "scopeLogs": [
                    {
                        "scope": {"name": "my.library", "version": "1.0.0"},
                        "logRecords": [
                            {
                                "timeUnixNano": "1544712660300000000",
                                "observedTimeUnixNano": "1544712660300000000",
                                "severityNumber": 10,
                                "severityText": "Information",
                                "eventName": "browser.page_view",
                                "traceId": TRACE,
                                "spanId": SPAN,
                                "body": {"stringValue": "Example log record"},
                                "attributes": [{"key": "i", "value": {"intValue": "10"}}],
                            }
                        ],
                    }
                ],
            }
        ]
    },
    "traces": {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": TRACE,
                                "spanId": SPAN,
                                "parentSpanId": SPAN,
                                "flags": 257,
                                "name": "I'm a server span",
                                "kind": 2,
                                "endTimeUnixNano": "1544712661000000000",
                                "events": [{"name": "e", "timeUnixNano": 5}],
                                "status": {"code": 2, "message": "no"},
                            }
                        ]
                    }
                ]
            }
        ]
    },
}


def _with_base64_ids(document: Any) -> Any:
    if isinstance(document, list):
        return [_with_base64_ids(one) for one in document]
    if not isinstance(document, dict):
        return document
    return {
        key: base64.b64encode(bytes.fromhex(one)).decode()
        if key in {"traceId", "spanId", "parentSpanId"}
        else _with_base64_ids(one)
        for key, one in document.items()
    }


@pytest.mark.parametrize("signal", list(REQUESTS))
def test_examples_of_the_specification(signal):
    """Requests like the specification's mean what google.protobuf reads in them."""
    want = json_format.ParseDict(_with_base64_ids(EXAMPLES[signal]), REQUESTS[signal]())

    assert read(signal, EXAMPLES[signal]) == want


@st.composite
def _messages(draw: Any, kind: type[Message]) -> Any:
    message = kind()
    _filled(draw, message, 9)
    return message


def _filled(draw: Any, message: Any, depth: int) -> None:
    fields = [one for one in message.DESCRIPTOR.fields if depth or one.message_type is None]
    chosen = draw(st.lists(st.sampled_from(fields), max_size=4)) if fields else []
    if depth > 4:  # the way down to points, records and spans is always gone
        chosen = [*chosen, *(one for one in fields if one.is_repeated and one.message_type)]
    for field in chosen:
        _one(draw, message, field, depth)


def _one(draw: Any, message: Any, field: Any, depth: int) -> None:
    if field.message_type is not None and field.is_repeated:
        for _ in range(draw(st.integers(1, 2)) if depth < 5 else 1):
            _filled(draw, getattr(message, field.name).add(), depth - 1)
    elif field.message_type is not None:
        getattr(message, field.name).SetInParent()
        _filled(draw, getattr(message, field.name), depth - 1)
    elif field.is_repeated:
        getattr(message, field.name).extend(draw(st.lists(_scalar(field), max_size=3)))
    else:
        setattr(message, field.name, draw(_scalar(field)))


def _scalar(field: Any) -> Any:
    if field.type in INTEGERS:
        return st.integers(*INTEGERS[field.type])
    if field.type == F.TYPE_DOUBLE:
        return st.floats(allow_nan=False)
    if field.type == F.TYPE_BOOL:
        return st.booleans()
    if field.type == F.TYPE_BYTES:
        size = IDS.get(field.name)
        return st.binary(max_size=9) if size is None else st.binary(min_size=size, max_size=size)
    return st.text(max_size=6)


def _with_hex_ids(document: Any) -> Any:
    if isinstance(document, list):
        return [_with_hex_ids(one) for one in document]
    if not isinstance(document, dict):
        return document
    return {
        key: base64.b64decode(one).hex()
        if key in {"traceId", "spanId", "parentSpanId"}
        else _with_hex_ids(one)
        for key, one in document.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("signal", list(REQUESTS))
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_any_request_comes_back_as_it_was(signal, data):
    """What google.protobuf writes as JSON is, after us, the message it was."""
    message = data.draw(_messages(REQUESTS[signal]))

    document = _with_hex_ids(json_format.MessageToDict(message))

    assert read(signal, document) == message


def _refusal(signal: str, body: bytes) -> str | None:
    try:
        REQUESTS[signal].FromString(to_protobuf(signal, body))
    except UndecodableError as exc:
        return str(exc)
    return None


def test_broken_bodies_are_refused_and_raise_nothing_else():
    """Whatever is done to a body, the answer is a request or an UndecodableError."""
    dice = random.Random(11)  # noqa: S311 - seeded damage
    bits = [b"null", b"{", b"}", b"[", b"]", b'"', b",", b":", b"-1", b"1e9", b"\xff", b"\\ud800"]
    refused = 0
    for _ in range(6000):
        signal = dice.choice(list(EXAMPLES))
        body = bytearray(json.dumps(EXAMPLES[signal]).encode())
        for _ in range(dice.randrange(1, 4)):
            start = dice.randrange(len(body))
            body[start : start + dice.randrange(6)] = dice.choice(bits)
        refusal = _refusal(signal, bytes(body))
        refused += refusal is not None
        assert refusal is None or 0 < len(refusal) <= 200
    assert refused > 3000


BOMB = """
import resource, sys
from collector.otlp.wire.otlp_json import to_protobuf
from meterbook.base.errors import UndecodableError
head, unit, tail = (part.encode() for part in sys.argv[1:])
body = head + unit * ((16 << 20) // len(unit)) + tail
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    to_protobuf("metrics", body)
except UndecodableError:
    pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
OPEN = '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":['
POINTS = OPEN.replace("histogram", "exponentialHistogram")
ATTRIBUTES = '{"resourceMetrics":[{"resource":{"attributes":['


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "unit", "tail"),
    [
        (OPEN, "{},", "{}]}}]}]}]}"),
        (POINTS, '{"flagsssss":1 },', "{}]}}]}]}]}"),
        (POINTS, '{"asInt":"12345","timeUnixNano":"5"},', "{}]}}]}]}]}"),
        (OPEN + '{"bucketCounts":[', '"a",', '"a"]}]}}]}]}]}'),
        (ATTRIBUTES, '{"key":"aaaaaaaa"},', "{}]}}]}"),
        (ATTRIBUTES, '{"key":"ab","value":{"intValue":1}},', "{}]}}]}"),
        (ATTRIBUTES + '{"key":"', "a", '"}]}}]}'),
        (ATTRIBUTES + '{"key":"', "\\n", '"}]}}]}'),
        ('{"resourceMetrics":[', "{},", "{}]}"),
        ('{"u":', "[", ""),
    ],
)
def test_sixteen_mebibytes_of_malice_cost_under_300_mb(head, unit, tail):
    """No body makes memory grow far beyond its own size."""
    done = subprocess.run(
        [sys.executable, "-c", BOMB, head, unit, tail], capture_output=True, text=True, check=True
    )

    assert int(done.stdout) * 1024 < 300_000_000

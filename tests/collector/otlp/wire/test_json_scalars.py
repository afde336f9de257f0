"""Scalars of OTLP/JSON: integers, doubles, enums, ids and bytes, in range and out of it."""

import base64
import json

import pytest

from collector.otlp.wire.otlp_json import to_protobuf
from meterbook.base.errors import UndecodableError
from tests.collector.otlp.wire.documents import (
    metric_request,
    read,
    read_exponential,
    read_point,
    read_span,
    read_value,
)

TRACE, SPAN = "5B8EFFF798038103D269B633813FC60C", "eee19b7ec3c1b174"


@pytest.mark.parametrize("given", [2**64 - 1, str(2**64 - 1)])
def test_largest_unsigned_integer_is_exact(given):
    """64 bits never pass through a double."""
    assert read_point(timeUnixNano=given).time_unix_nano == 2**64 - 1


@pytest.mark.parametrize("given", [2**64, str(2**64), -1, "-1", 2**70, "9" * 5000])
def test_unsigned_integer_out_of_range_is_refused(given):
    """What does not fit is no time, and the message names the field."""
    with pytest.raises(UndecodableError, match="timeUnixNano"):
        read_point(timeUnixNano=given)


@pytest.mark.parametrize("given", [-(2**63), str(-(2**63)), -5, "-5"])
def test_negative_as_int(given):
    """A signed value keeps its sign as text and as number."""
    assert read_point(asInt=given).as_int == int(given)


@pytest.mark.parametrize("given", [2**63, str(2**63), -(2**63) - 1])
def test_as_int_out_of_range_is_refused(given):
    """One beyond the last is refused, not wrapped."""
    with pytest.raises(UndecodableError, match="asInt"):
        read_point(asInt=given)


@pytest.mark.parametrize(
    ("field", "given"),
    [("flags", 2**32), ("flags", -1), ("scale", 2**31), ("zeroCount", -1)],
)
def test_smaller_integers_have_their_ranges_too(field, given):
    """32 bits are 32 bits."""
    with pytest.raises(UndecodableError, match=field):
        read_exponential(**{field: given})


@pytest.mark.parametrize("given", [b"1e3", b"1000.0", b'"1e3"', b'"1000.0"', b"1000", b'"1000"'])
def test_whole_numbers_may_be_written_with_a_fraction_or_exponent(given):
    """1e3 and 1000.0 are whole: the JSON mapping of protobuf takes them."""
    body = json.dumps(metric_request({"gauge": {"dataPoints": [{"asInt": "@"}]}})).encode()

    request = read("metrics", body.replace(b'"@"', given))

    metric = request.resource_metrics[0].scope_metrics[0].metrics[0]
    assert metric.gauge.data_points[0].as_int == 1000


@pytest.mark.parametrize(
    "given", [1.5, "1.5", 1e18, "1e999", "1e30", "", " 1", "1_0", "+1", "\u0661", "x", True, [], {}]
)
def test_what_is_no_whole_number_is_refused(given):
    """Python's int() takes more than JSON does; a double above 2^53 has lost digits."""
    with pytest.raises(UndecodableError, match="asInt"):
        read_point(asInt=given)


def test_enums_are_integers_and_known_names_are_taken():
    """Numbers we do not know pass through; names we do not know are refused."""
    kinds = [read_span(kind=kind).kind for kind in (3, "SPAN_KIND_CLIENT", 77, -1, "3")]

    assert kinds == [3, 3, 77, -1, 3]
    with pytest.raises(UndecodableError, match="kind"):
        read_span(kind="SPAN_KIND_ODD")


@pytest.mark.parametrize("trace", [TRACE, TRACE.lower()])
def test_ids_are_hex_in_any_case(trace):
    """The bytes stored are those the digits say."""
    span = read_span(traceId=trace, spanId=SPAN, parentSpanId="")

    assert span.trace_id == bytes.fromhex(TRACE)
    assert (span.span_id.hex(), span.parent_span_id) == (SPAN, b"")


@pytest.mark.parametrize("field", ["traceId", "spanId", "parentSpanId"])
@pytest.mark.parametrize(
    "given",
    [
        base64.b64encode(bytes(16)).decode(),
        base64.b64encode(bytes(8)).decode(),
        TRACE + SPAN,
        SPAN[:-1],
        SPAN[:-1] + "g",
        "ee " * 5 + "e",
        "ee  " * 8,
        5,
    ],
)
def test_other_ids_are_refused(field, given):
    """Base64, spaces and other lengths are no ids."""
    with pytest.raises(UndecodableError, match=field):
        read_span(**{field: given})


def test_ids_of_exemplars_and_links_are_checked():
    """Ids deeper down are hex too."""
    assert read_point(exemplars=[{"traceId": TRACE}]).exemplars[0].trace_id == bytes.fromhex(TRACE)
    assert read_span(links=[{"spanId": SPAN}]).links[0].span_id.hex() == SPAN
    with pytest.raises(UndecodableError, match="spanId"):
        read_point(exemplars=[{"spanId": "xyz"}])


def test_bytes_value_is_base64():
    """Bytes are base64, and nothing else."""
    assert read_value({"bytesValue": "AP8="}).bytes_value == b"\x00\xff"
    with pytest.raises(UndecodableError, match="bytesValue"):
        read_value({"bytesValue": "A!"})


@pytest.mark.parametrize(
    ("given", "want"),
    [("Infinity", "inf"), ("-Infinity", "-inf"), ("NaN", "nan"), ("1.5", "1.5"), (2, "2.0")],
)
def test_doubles_may_be_words_or_text(given, want):
    """JSON has no NaN of its own."""
    assert str(read_point(asDouble=given).as_double) == want


@pytest.mark.parametrize("given", [b"NaN", b"1e400", b'"1e400"', b'"inf"', b'"1_0"', b"01", b'""'])
def test_doubles_that_json_does_not_have_are_refused(given):
    """Neither Python's words nor overflow become values."""
    body = json.dumps(metric_request({"gauge": {"dataPoints": [{"asDouble": "@"}]}})).encode()
    with pytest.raises(UndecodableError):
        to_protobuf("metrics", body.replace(b'"@"', given))

"""Values nested too deep are refused; what is honest is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from collector.otlp.admission.check import content
from collector.otlp.wire.wire import Wire
from meterbook.base.errors import UndecodableError
from tests.collector.otlp.protobuf import field

WIRE = Wire()


def _arrays(depth: int) -> bytes:
    """Give a value of arrays within arrays, two messages each."""
    value = AnyValue(string_value="x" * 300).SerializeToString()
    for _ in range(depth):
        value = field(5, field(1, value))
    return value


def _check(place: str, value: bytes) -> None:
    pair = field(1, b"key") + field(2, value)
    record = field(5, value) if place == "body" else field(6, pair)
    resource = field(1, field(1, pair)) if place == "resource" else b""
    request = field(1, resource + field(2, field(2, record if place != "resource" else b"")))
    content("logs", WIRE.parse("logs", [request]))


@pytest.mark.parametrize("place", ["body", "attribute", "resource"])
def test_forty_arrays_pass_and_a_hundred_do_not(place):
    """In bodies, attributes and resources."""
    _check(place, _arrays(40))
    for depth in (100, 5000):
        with pytest.raises(UndecodableError, match="nested"):
            _check(place, _arrays(depth))


@given(st.lists(st.tuples(st.text(), st.text(max_size=4000)), max_size=5), st.binary(max_size=4000))
def test_text_and_bytes_of_any_form_are_no_nesting(pairs, blob):
    """Flat attributes pass, whatever stands in them."""
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.attributes.extend(KeyValue(key=k, value=AnyValue(string_value=v)) for k, v in pairs)
    record.body.bytes_value = blob

    content("logs", WIRE.parse("logs", [request.SerializeToString()]))

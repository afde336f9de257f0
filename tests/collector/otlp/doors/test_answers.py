"""How each outcome is told in each protocol: one row a kind of error."""

import json
import random
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from collector.otlp.admission.check import Content
from collector.otlp.doors import answers
from meterbook.base.errors import (
    ForbiddenError,
    OverloadedError,
    QuotaError,
    TooLargeError,
    UnauthenticatedError,
    UndecodableError,
)

Code = grpc.StatusCode
ERRORS = [
    (TooLargeError(1), 413, Code.RESOURCE_EXHAUSTED, False),
    (UnauthenticatedError("x"), 401, Code.UNAUTHENTICATED, False),
    (ForbiddenError("x"), 403, Code.PERMISSION_DENIED, False),
    (QuotaError("shop", "1 requests a second", 7), 429, Code.RESOURCE_EXHAUSTED, True),
    (OverloadedError("x"), 503, Code.UNAVAILABLE, True),
    (UndecodableError("x"), 400, Code.INVALID_ARGUMENT, False),
]


@pytest.mark.parametrize(("error", "http", "code", "is_transient"), ERRORS)
def test_each_error_has_a_status_in_both_protocols(error, http, code, is_transient):
    """Only where coming again helps a time is told, in both."""
    assert (answers.http_status(error), answers.grpc_code(error)) == (http, code)
    assert (answers.retry_seconds(error) is not None) == is_transient


def test_coming_again_is_spread_over_twenty_seconds(monkeypatch):
    """From the time of the error to 20 seconds more, so that not all come at once."""
    monkeypatch.setattr(random, "randint", lambda low, high: 100 * low + high)

    assert answers.retry_seconds(QuotaError("shop", "x", 7)) == 7 + 20


@pytest.mark.parametrize(
    ("signal", "field"),
    [("metrics", "DataPoints"), ("logs", "LogRecords"), ("traces", "Spans")],
)
def test_what_was_left_out_is_reported_with_its_number(signal, field):
    """In protobuf a number, in JSON a text, as its mapping wants it."""
    found = Content(5, 2, "why")

    partial = json.loads(answers.success_json(signal, found))["partialSuccess"]
    assert partial == {f"rejected{field}": "2", "errorMessage": "why"}
    response: Any = answers.RESPONSES[signal].FromString(answers.success(signal, found))
    assert response.partial_success.error_message == "why"
    assert getattr(response.partial_success, answers.REJECTED[signal][0]) == 2


def test_a_whole_success_is_empty():
    """Nothing was rejected: no partial success."""
    assert answers.success("logs", Content(5)) == b""
    assert answers.success_json("logs", Content(5)) == b"{}"


def test_a_message_has_a_thousand_characters_at_most():
    """In each place that bears it."""
    found = Content(5, 1, "x" * 1001)

    partial = ExportLogsServiceResponse.FromString(answers.success("logs", found)).partial_success
    assert len(partial.error_message) == 1000
    text = json.loads(answers.success_json("logs", found))["partialSuccess"]["errorMessage"]
    assert len(text) == 1000
    assert len(answers.status(Code.UNAVAILABLE, "x" * 1001, 3).message) == 1000


def test_details_tell_when_to_come_again_or_what_was_wrong():
    """RetryInfo where a time is given, BadRequest for what the sender did, else none."""
    retry = answers.status(Code.UNAVAILABLE, "full", 3)
    wrong = answers.status(Code.INVALID_ARGUMENT, "no OTLP", None)
    plain = answers.status(Code.UNAUTHENTICATED, "who", None)

    again, bad = RetryInfo(), BadRequest()
    assert retry.details[0].Unpack(again)
    assert again.retry_delay.seconds == 3
    assert wrong.details[0].Unpack(bad)
    assert bad.field_violations[0].description == "no OTLP"
    assert len(plain.details) == 0


def test_a_status_is_written_in_the_encoding_of_the_request():
    """As JSON without details, as protobuf whole."""
    made = answers.status(Code.UNAVAILABLE, "full", 3)

    assert json.loads(answers.status_body(made, answers.JSON)) == {"code": 14, "message": "full"}
    assert Status.FromString(answers.status_body(made, answers.PROTOBUF)) == made

"""How an outcome is said in each protocol: one table for both doors.

Takes    what was found, or an error of ours
Gives    HTTP status and body, gRPC code and details
Never    answers something transient with a code that tells the sender to drop its data
"""

import random
from typing import Final

import grpc
import orjson
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.otlp.admission.check import Content
from meterbook.base.errors import (
    ForbiddenError,
    MeterbookError,
    OverloadedError,
    QuotaError,
    TooLargeError,
    UnauthenticatedError,
)

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
RESPONSES: Final[dict[str, type[Message]]] = {
    "metrics": ExportMetricsServiceResponse,
    "logs": ExportLogsServiceResponse,
    "traces": ExportTraceServiceResponse,
}
REJECTED: Final = {
    "metrics": ("rejected_data_points", "rejectedDataPoints"),
    "logs": ("rejected_log_records", "rejectedLogRecords"),
    "traces": ("rejected_spans", "rejectedSpans"),
}
MAX_MESSAGE: Final = 1000
JITTER_SECONDS: Final = 20
# The first kind that fits counts: a quota is an overload too, for which coming again helps
_TABLE: Final[tuple[tuple[type[MeterbookError], int, grpc.StatusCode], ...]] = (
    (TooLargeError, 413, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (UnauthenticatedError, 401, grpc.StatusCode.UNAUTHENTICATED),
    (ForbiddenError, 403, grpc.StatusCode.PERMISSION_DENIED),
    (QuotaError, 429, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (OverloadedError, 503, grpc.StatusCode.UNAVAILABLE),
    (MeterbookError, 400, grpc.StatusCode.INVALID_ARGUMENT),
)
HTTP_CODES: Final = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    404: grpc.StatusCode.UNIMPLEMENTED,
    405: grpc.StatusCode.UNIMPLEMENTED,
    415: grpc.StatusCode.INVALID_ARGUMENT,
}
"""gRPC codes of what is wrong with the form of an HTTP request."""


def success(signal: str, found: Content) -> bytes:
    """Give the protobuf answer: empty when all was taken, `partial_success` set otherwise."""
    if not found.rejected:
        return b""
    response = RESPONSES[signal]()
    partial = response.partial_success  # type: ignore[attr-defined]  # each response has one
    setattr(partial, REJECTED[signal][0], found.rejected)
    partial.error_message = found.message[:MAX_MESSAGE]
    return response.SerializeToString()


def success_json(signal: str, found: Content) -> bytes:
    """Give the JSON answer; 64-bit integers are text."""
    if not found.rejected:
        return b"{}"
    return orjson.dumps(
        {
            "partialSuccess": {
                REJECTED[signal][1]: str(found.rejected),
                "errorMessage": found.message[:MAX_MESSAGE],
            }
        }
    )


def http_status(error: MeterbookError) -> int:
    """Give the HTTP status of an error."""
    return _codes(error)[0]


def grpc_code(error: MeterbookError) -> grpc.StatusCode:
    """Give the gRPC code of an error."""
    return _codes(error)[1]


def _codes(error: MeterbookError) -> tuple[int, grpc.StatusCode]:
    return next((status, code) for kind, status, code in _TABLE if isinstance(error, kind))


def retry_seconds(error: MeterbookError) -> int | None:
    """Give after how long to come again, with jitter; None where coming again does not help."""
    if not isinstance(error, OverloadedError):
        return None
    return error.retry_after_seconds + random.randint(0, JITTER_SECONDS)  # noqa: S311 - jitter


def status(code: grpc.StatusCode, message: str, retry: int | None) -> Status:
    """Give `google.rpc.Status` with RetryInfo, or with BadRequest for what the sender did."""
    made = Status(code=code.value[0], message=message[:MAX_MESSAGE])
    detail = AnyMessage()
    if retry is not None:
        detail.Pack(RetryInfo(retry_delay=Duration(seconds=retry)))
        made.details.append(detail)
    elif code == grpc.StatusCode.INVALID_ARGUMENT:
        violation = BadRequest.FieldViolation(field="body", description=message[:MAX_MESSAGE])
        detail.Pack(BadRequest(field_violations=[violation]))
        made.details.append(detail)
    return made


def status_body(made: Status, content_type: str) -> bytes:
    """Write a status in the encoding of the request."""
    if content_type == JSON:
        return orjson.dumps({"code": made.code, "message": made.message})
    return bytes(made.SerializeToString())

"""The checklist of OTLP conformance, one test a row: for each signal, on both transports.

Rows 1 to 21 of the checklist; the single probes are in test_conformance.py.
"""

import concurrent.futures
import gzip
import json
import resource
from typing import Any

import grpc
import polars as pl
import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from tests.collector.otlp.protobuf import field

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
HOUR = 1_767_225_600_000_000_000  # 2026-01-01 00:00 UTC
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
SIGNALS = ["metrics", "logs", "traces"]
by_signal = pytest.mark.parametrize("signal", SIGNALS)
by_kind = pytest.mark.parametrize("kind", [PROTOBUF, JSON])


def _body(batches, kind: str, signal: str, name: str) -> bytes:
    body: bytes = batches.json(signal, name) if kind == JSON else batches.protobuf(signal, name)
    return body


def _message(answer, kind: str) -> str:
    """Give the words of a refusal; it is in the encoding of the request."""
    assert answer.headers["content-type"] == kind
    if kind == JSON:
        return str(json.loads(answer.body)["message"])
    return str(Status.FromString(answer.body).message)


def _bad_points(count: int) -> bytes:
    """Give a gauge of `count` points without time and value, 2 bytes each."""
    metric = b"\x0a\x01m" + field(5, b"\x0a\x00" * count)
    return field(1, field(2, field(2, metric)))


@by_kind
@by_signal
def test_row_01_each_signal_has_its_path_and_its_service(peer, batches, signal, kind):
    """One request of each signal over each transport, in each encoding."""
    name = f"row01.{signal}"

    answer = peer.post(_body(batches, kind, signal, name), f"/v1/{signal}", kind=kind)

    assert answer.status == 200
    assert peer.call(batches.protobuf(signal, name), signal) == b""


@by_kind
@by_signal
def test_row_02_gzip_is_read(peer, batches, signal, kind):
    """On both transports and in both encodings."""
    body = _body(batches, kind, signal, "row02")
    packed = gzip.compress(body)

    answer = peer.post(packed, f"/v1/{signal}", kind=kind, Content_Encoding="GZIP")

    assert answer.status == 200
    plain = batches.protobuf(signal, "row02")
    assert peer.call(plain, signal, compression=grpc.Compression.Gzip) == b""


@by_kind
@by_signal
def test_row_03_the_answer_has_the_type_of_the_request(peer, batches, signal, kind):
    """One port for both; the type decides."""
    body = _body(batches, kind, signal, "row03")
    assert peer.post(body, f"/v1/{signal}", kind=kind).headers["content-type"] == kind


@by_signal
def test_row_04_success_leaves_partial_success_unset(peer, batches, signal):
    """Nothing at all in protobuf, an empty object in JSON."""
    path = f"/v1/{signal}"
    assert peer.post(batches.protobuf(signal, "row04"), path).body == b""
    assert json.loads(peer.post(batches.json(signal, "row04"), path, kind=JSON).body) == {}
    assert peer.call(batches.protobuf(signal, "row04"), signal) == b""


def test_row_05_what_is_rejected_is_counted_in_each_answer(peer):
    """A point without a value: protobuf, JSON (the count is text) and gRPC say one."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="row05")
    metric.gauge.data_points.add(as_double=1, time_unix_nano=HOUR)
    metric.gauge.data_points.add(time_unix_nano=HOUR)
    points = [{"timeUnixNano": str(HOUR), "asDouble": 1}, {"timeUnixNano": str(HOUR)}]
    metrics = [{"name": "row05", "gauge": {"dataPoints": points}}]
    document = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}

    http = peer.post(request.SerializeToString())
    words = json.loads(peer.post(json.dumps(document).encode(), kind=JSON).body)["partialSuccess"]
    rpc = peer.call(request.SerializeToString())

    for answer in (http.body, rpc):
        found = ExportMetricsServiceResponse.FromString(answer).partial_success
        assert found.rejected_data_points == 1
        assert found.error_message
    assert words["rejectedDataPoints"] == "1"
    assert words["errorMessage"]


@by_signal
def test_row_06_an_empty_request_is_a_success(peer, signal):
    """No bytes, an empty object, and an empty call."""
    assert peer.post(b"", f"/v1/{signal}").status == 200
    assert peer.post(b"{}", f"/v1/{signal}", kind=JSON).status == 200
    assert peer.call(b"", signal) == b""


@by_signal
def test_row_07_what_cannot_be_read_is_reported_in_the_encoding_of_the_request(
    peer, batches, signal
):
    """400 and INVALID_ARGUMENT, with BadRequest in the details."""
    cut = batches.protobuf(signal, "row07")[:-7]

    http = peer.post(cut, f"/v1/{signal}")
    words = peer.post(batches.json(signal, "row07")[:-7], f"/v1/{signal}", kind=JSON)
    error: Any = peer.refusal(cut, signal)

    assert (http.status, words.status) == (400, 400)
    assert _message(http, PROTOBUF)
    assert _message(words, JSON)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    for found in (Status.FromString(http.body), rpc_status.from_call(error)):
        assert found.details[0].Is(BadRequest.DESCRIPTOR)


@by_signal
def test_row_08_the_limit_holds_before_and_after_unpacking(peer, signal):
    """413 and RESOURCE_EXHAUSTED without a hint to come again."""
    body = bytes(peer.limit + 1)
    packed = gzip.compress(body, 1)

    raw = peer.post(body, f"/v1/{signal}")
    unpacked = peer.post(packed, f"/v1/{signal}", Content_Encoding="gzip")
    words = peer.post(packed, f"/v1/{signal}", kind=JSON, Content_Encoding="gzip")
    error: Any = peer.refusal(body, signal)

    assert (raw.status, unpacked.status, words.status) == (413, 413, 413)
    assert _message(raw, PROTOBUF)
    assert _message(unpacked, PROTOBUF)
    assert _message(words, JSON)
    assert "retry-after" not in raw.headers
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert rpc_status.from_call(error) is None


def test_row_08_the_413_reaches_a_sender_that_still_sends(peer):
    """A sender that does not read before it has sent all gets the whole answer, no reset."""
    size = peer.limit + 5 * MIB
    head = f"POST /v1/metrics HTTP/1.1\r\nHost: h\r\nContent-Type: {PROTOBUF}\r\n"
    with peer.socket() as connection:
        connection.sendall(f"{head}Content-Length: {size}\r\n\r\n".encode())
        for _ in range(size // MIB):
            connection.sendall(bytes(MIB))
        answer = b""
        while part := connection.recv(65536):
            answer += part
    status, _, body = answer.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 413 ")
    assert Status.FromString(body).message


def test_row_09_an_answer_is_short_whatever_was_wrong(peer):
    """400,000 points that cannot be taken: all counted, in less than 4 KiB."""
    answer = peer.post(_bad_points(400_000))

    assert answer.status == 200
    assert len(answer.body) < 4096
    found = ExportMetricsServiceResponse.FromString(answer.body).partial_success
    assert found.rejected_data_points == 400_000


@by_signal
def test_row_10_overload_is_reported_with_a_time_to_come_again(full, batches, signal):
    """503 with Retry-After, UNAVAILABLE with RetryInfo; never 500."""
    http = full.post(batches.protobuf(signal, "row10"), f"/v1/{signal}")
    words = full.post(batches.json(signal, "row10"), f"/v1/{signal}", kind=JSON)
    error: Any = full.refusal(batches.protobuf(signal, "row10"), signal)

    assert (http.status, words.status) == (503, 503)
    assert int(http.headers["retry-after"]) > 0
    assert int(words.headers["retry-after"]) > 0
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert rpc_status.from_call(error).details[0].Is(RetryInfo.DESCRIPTOR)


def test_row_11_a_write_that_fails_is_503_and_passes(start, batches):
    """The system refuses to let the journal grow: 503, not 500; afterwards all is well."""
    running = start(seconds=60)
    peer = running.as_peer()
    pid = running.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    large = ExportMetricsServiceRequest()
    metric = large.resource_metrics.add().scope_metrics.add().metrics.add(name="row11")
    metric.description = "x" * 500_000
    metric.gauge.data_points.add(as_double=1, time_unix_nano=HOUR)

    resource.prlimit(pid, resource.RLIMIT_FSIZE, (200_000, before[1]))
    answer = peer.post(large.SerializeToString())
    error: Any = peer.refusal(large.SerializeToString())
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert peer.post(large.SerializeToString()).status == 200
    assert peer.post(batches.protobuf("metrics", "row11.next")).status == 200
    assert running.stop() == 0
    assert peer.points("row11") == [1.0]
    assert peer.points("row11.next") == [1.5]


@pytest.mark.parametrize("change", [str.upper, str.lower], ids=["upper", "lower"])
def test_row_12_ids_in_json_are_hex(start, batches, change):
    """The 16 bytes of the id, not their base64 reading, are what is on disk."""
    trace, span = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
    text = batches.json("traces", "row12").decode()
    text = text.replace(trace, change(trace)).replace(span, change(span))
    running = start(seconds=60)

    assert running.as_peer().post(text.encode(), "/v1/traces", kind=JSON).status == 200
    running.kill()

    journal = b"".join(
        path.read_bytes() for path in (running.home.journal).iterdir() if path.is_file()
    )
    assert bytes.fromhex(trace) in journal
    assert bytes.fromhex(span) in journal


def test_row_13_enums_in_json_are_integers(peer):
    """Temporality, severity, kind of a span, status code."""
    point = {"timeUnixNano": str(HOUR), "asInt": "1"}
    total = {"aggregationTemporality": 1, "dataPoints": [point]}
    metrics = [{"name": "row13", "sum": total}]
    record = {"timeUnixNano": str(HOUR), "severityNumber": 9, "eventName": "row13"}
    span = {"name": "row13", "kind": 3, "status": {"code": 2}, "startTimeUnixNano": str(HOUR)}
    documents = {
        "metrics": {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]},
        "logs": {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]},
        "traces": {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]},
    }
    for signal, document in documents.items():
        answer = peer.post(json.dumps(document).encode(), f"/v1/{signal}", kind=JSON)
        assert (answer.status, answer.body) == (200, b"{}")

    series = peer.lake("raw_series").filter(pl.col("metric_name") == "row13")
    events = peer.lake("raw_event").filter(pl.col("event_name") == "row13")
    assert set(series["temporality"]) == {"delta"}
    assert set(events["severity_number"]) == {9}


@by_signal
def test_row_14_json_of_a_newer_sender_is_read(peer, batches, signal):
    """Unknown keys at the top and inside, null, and an integer as a number."""
    document = batches.document(signal, "row14")
    (envelope,) = document
    inner = document[envelope][0]
    inner |= {"unknown": {"deep": [1, {"x": None}]}, "schemaUrl": None}
    body = json.dumps({**document, "snake_case": 1}).replace(f'"{HOUR}"', str(HOUR))

    answer = peer.post(body.encode(), f"/v1/{signal}", kind=JSON)

    assert (answer.status, answer.body) == (200, b"{}")


@by_signal
def test_row_15_unknown_protobuf_fields_are_ignored(peer, batches, signal):
    """Field 999 behind the request, on both transports."""
    body = batches.protobuf(signal, "row15") + b"\xb8\x3e\x01"
    assert peer.post(body, f"/v1/{signal}").status == 200
    assert peer.call(body, signal) == b""


def test_row_16_requests_piped_on_one_connection_are_answered_in_order(peer, batches):
    """Twelve requests in one write; the one that is broken is the one that is refused."""
    good = batches.protobuf("metrics", "row16")
    bodies = [good] * 5 + [b"\xff\xff\xff"] + [good] * 6
    head = f"POST /v1/metrics HTTP/1.1\r\nHost: h\r\nContent-Type: {PROTOBUF}\r\n"
    request = b"".join(f"{head}Content-Length: {len(b)}\r\n\r\n".encode() + b for b in bodies)
    with peer.socket() as connection:
        connection.sendall(request)
        answers = b""
        while answers.count(b"HTTP/1.1 ") < 12:
            answers += connection.recv(65536)
    statuses = [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200"] * 5 + [b"400"] + [b"200"] * 6


@by_signal
def test_row_17_path_method_and_type_are_refused_by_name(peer, batches, signal):
    """404, 405 with Allow, 415; each with words."""
    body = batches.json(signal, "row17")
    path = peer.post(body, f"/v1/{signal}/more", kind=JSON)
    method = peer.ask("PUT", f"/v1/{signal}", body, {"Content-Type": JSON})
    kind = peer.post(body, f"/v1/{signal}", kind="application/x-thrift")

    assert (path.status, method.status, kind.status) == (404, 405, 415)
    assert _message(path, JSON)
    assert _message(method, JSON)
    assert method.headers["allow"] == "POST"
    assert _message(kind, PROTOBUF)


@by_kind
@by_signal
def test_row_18_unknown_encodings_are_refused(peer, batches, signal, kind):
    """Whatever the label, nothing is guessed."""
    body = _body(batches, kind, signal, "row18")
    for encoding in ("br", "compress", "gzip, gzip", "x"):
        answer = peer.post(body, f"/v1/{signal}", kind=kind, Content_Encoding=encoding)
        assert answer.status == 400
        assert _message(answer, kind)


@by_signal
def test_row_19_text_that_is_not_utf8_loses_no_batch(peer, batches, signal):
    """Over both transports the request is taken."""
    body = batches.protobuf(signal, "row19XX").replace(b"XX", b"\xff\xfe")
    assert peer.post(body, f"/v1/{signal}").status == 200
    assert peer.call(body, signal) == b""


@by_signal
def test_row_20_unknown_methods_are_unimplemented(peer, signal):
    """For each service; and a service that we do not have."""
    package = {"metrics": "metrics", "logs": "logs", "traces": "trace"}[signal]
    service = f"/opentelemetry.proto.collector.{package}.v1"
    for method in (f"{service}.{package.title()}Service/Nope", f"{service}.Nope/Export"):
        assert peer.refusal(b"", method=method).code() == grpc.StatusCode.UNIMPLEMENTED


def test_row_21_a_resend_is_stored_once(peer, batches):
    """Over both transports, at once and one after the other, by content or by the sender's key."""
    body = batches.protobuf("metrics", "row21")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: peer.post(body).status, range(8)))
    assert answers == [200] * 8
    assert peer.call(body) == b""
    for name in ("row21.a", "row21.b"):
        keyed = batches.protobuf("metrics", name)
        assert peer.post(keyed, Idempotency_Key=f"row21-{peer.limit}").status == 200

    assert peer.points("row21") == [1.5]
    assert peer.points("row21.a") == [1.5]
    assert peer.points("row21.b") == []


def test_row_21_a_resend_after_a_kill_is_stored_once(start, batches):
    """The answer is lost with the collector; the next one knows what is on disk."""
    body = batches.protobuf("metrics", "row21")
    first = start(seconds=60)
    assert first.post(body)[0] == 200
    first.kill()
    second = start()

    assert second.post(body)[0] == 200

    assert second.as_peer().points("row21") == [1.5]

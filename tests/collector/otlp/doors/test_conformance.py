"""The probes of OTLP conformance, one test each, at limits of 16 and of 64 MiB.

H probes go over HTTP, J probes over HTTP in JSON, G probes over gRPC, P probes to a server that
refuses. They run against another receiver too: see the fixture `peers`.
"""

import concurrent.futures
import contextlib
import gzip
import json
import threading
import zlib
from typing import Any

import grpc
import polars as pl
import pytest
import zstandard
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_status import rpc_status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
HOUR = 1_767_225_600_000_000_000  # 2026-01-01 00:00 UTC
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
BOUNDED = 200 * MIB  # what unpacks to 300 MiB; the most that is asked of us is 300 MB


def _taken(answer, kind: str = PROTOBUF) -> bool:
    """Tell whether all was taken: an answer in the request's encoding, no partial success."""
    empty = b"" if kind == PROTOBUF else b"{}"
    return (answer.status, answer.headers.get("content-type"), answer.body) == (200, kind, empty)


def _refused(answer, status: int, kind: str = PROTOBUF) -> Status:
    """Check a refusal: the status, the encoding of the request, words."""
    assert answer.status == status
    assert answer.headers["content-type"] == kind
    if kind == JSON:
        known = json.loads(answer.body)
        found = Status(code=known["code"], message=known["message"])
    else:
        found = Status.FromString(answer.body)
    assert found.message
    return found


def _padded(size: int) -> bytes:
    """Give a request of about `size` bytes with one point: its metric has a long description."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name=f"padded_{size}")
    metric.gauge.data_points.add(as_double=1, time_unix_nano=HOUR)
    metric.description = "x" * (size - 100)
    return request.SerializeToString()


def _metric(**fields: Any) -> bytes:
    """Give a JSON request of one metric."""
    return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [fields]}]}]}).encode()


def _growth(peer, act) -> int:
    """Give by how many bytes the receiver's memory grew at most during an act; 0 if unseen."""
    if peer.running is None:
        act()
        return 0
    before = peer.running.forget_peak()
    act()
    return int(peer.running.peak()) - before


def test_h01_protobuf_is_taken(peer, batches):
    """Success is 200 with an empty protobuf answer: partial_success is unset."""
    answer = peer.post(batches.protobuf("metrics", "h01"))

    assert _taken(answer)
    assert not ExportMetricsServiceResponse.FromString(answer.body).HasField("partial_success")


@pytest.mark.parametrize("name", ["otlp/metrics.json", "shared/otlp/metrics.json"])
def test_h02_the_json_sample_is_taken(peer, sample_file, name):
    """The sample of the specification is answered in JSON, without partialSuccess."""
    assert _taken(peer.post(sample_file(name).read_bytes(), kind=JSON), JSON)


def test_h03_gzip_protobuf_is_taken(peer, batches):
    """Gzip must be read."""
    body = gzip.compress(batches.protobuf("metrics", "h03"))
    assert _taken(peer.post(body, Content_Encoding="gzip"))


def test_h04_gzip_json_is_taken(peer, batches):
    """Gzip must be read for JSON too."""
    body = gzip.compress(batches.json("metrics", "h04"))
    assert _taken(peer.post(body, kind=JSON, Content_Encoding="gzip"), JSON)


def test_h05_zstd_and_deflate_are_taken(peer, batches):
    """Both are read, and give the same points."""
    first, second = batches.protobuf("metrics", "h05.zstd"), batches.protobuf("metrics", "h05.zlib")

    assert _taken(peer.post(zstandard.compress(first), Content_Encoding="zstd"))
    assert _taken(peer.post(zlib.compress(second), Content_Encoding="deflate"))

    assert peer.points("h05.zstd") == peer.points("h05.zlib") == [1.5]


def test_h06_an_unknown_encoding_is_refused(peer, batches):
    """What cannot be unpacked is not guessed at."""
    answer = peer.post(batches.protobuf("metrics", "h06"), Content_Encoding="br")
    assert _refused(answer, 400).code == Code.INVALID_ARGUMENT


def test_h07_gzip_that_is_none_is_refused(peer, batches):
    """A label that lies is the sender's fault."""
    _refused(peer.post(batches.protobuf("metrics", "h07"), Content_Encoding="gzip"), 400)


def test_h08_an_empty_body_is_taken(peer):
    """An empty request is no error."""
    assert _taken(peer.post(b""))


def test_h09_an_empty_object_is_taken(peer):
    """An empty request in JSON is no error."""
    assert _taken(peer.post(b"{}", kind=JSON), JSON)


def test_h10_cut_protobuf_is_refused_with_details(peer, batches):
    """The answer says what is wrong, in protobuf, with BadRequest in its details."""
    found = _refused(peer.post(batches.protobuf("metrics", "h10")[:-7]), 400)

    assert found.code == Code.INVALID_ARGUMENT
    details = BadRequest()
    assert found.details[0].Unpack(details)
    assert details.field_violations[0].description


def test_h11_broken_json_is_refused_in_json(peer):
    """An answer to JSON is JSON even when the JSON was broken."""
    assert _refused(peer.post(b'{"resourceMetrics": [', kind=JSON), 400, JSON).code == 3


def test_h12_another_type_is_refused(peer, batches):
    """Only protobuf and JSON are read."""
    _refused(peer.post(batches.protobuf("metrics", "h12"), kind="text/plain"), 415)


def test_h13_no_type_is_refused(peer, batches):
    """Without a Content-Type nobody knows what it is."""
    _refused(peer.post(batches.protobuf("metrics", "h13"), kind=""), 415)


def test_h14_get_is_refused(peer):
    """Only POST is for ingest; the answer names it."""
    answer = peer.ask("GET", "/v1/metrics", None, {})
    _refused(answer, 405)
    assert answer.headers["allow"] == "POST"


def test_h15_parameters_and_case_of_the_type_do_not_matter(peer, batches):
    """Types are compared as HTTP says."""
    with_charset = f"{JSON}; charset=utf-8"
    assert _taken(peer.post(batches.json("metrics", "h15"), kind=with_charset), JSON)
    assert _taken(peer.post(batches.protobuf("metrics", "h15"), kind="Application/X-Protobuf"))


def test_h16_unknown_protobuf_fields_are_ignored(peer, batches):
    """A newer sender's field (number 999) is passed over."""
    assert _taken(peer.post(batches.protobuf("metrics", "h16") + b"\xb8\x3e\x01"))
    assert peer.points("h16") == [1.5]


def test_h17_text_that_is_not_utf8_loses_no_batch(peer, batches):
    """The metric beside the broken name is stored."""
    broken = batches.protobuf("metrics", "h17XX").replace(b"XX", b"\xff\xfe")

    assert _taken(peer.post(broken + batches.protobuf("metrics", "h17.good")))

    assert peer.points("h17.good") == [1.5]
    assert peer.points("h17\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}") == [1.5]


def test_h18_a_body_over_the_limit_is_413(peer):
    """65 MiB are beyond any limit; the sender gets the whole answer while it still sends."""
    found = _refused(peer.post(bytes(65 * MIB)), 413)
    assert found.code == Code.RESOURCE_EXHAUSTED
    assert not found.details


@pytest.mark.parametrize("size", [5, 19, 21, 40])
def test_h19_bodies_up_to_the_limit_pass(peer, size):
    """The limit is where it is said to be."""
    answer = peer.post(_padded(size * MIB))
    assert answer.status == (200 if size * MIB <= peer.limit else 413)


def test_h20_a_gzip_bomb_is_413_and_costs_no_memory(peer):
    """300 MiB in 300 KB: unpacking ends at the limit."""
    bomb = gzip.compress(b"x" * (300 * MIB), 1)
    answers = []

    grown = _growth(peer, lambda: answers.append(peer.post(bomb, Content_Encoding="gzip")))

    assert _refused(answers[0], 413).code == Code.RESOURCE_EXHAUSTED
    assert grown < BOUNDED


def test_h21_fifty_requests_on_one_connection(peer, batches):
    """The connection stays open."""
    body = batches.protobuf("metrics", "h21")
    with contextlib.closing(peer.connect()) as connection:
        connection.connect()
        socket = connection.sock
        for _ in range(50):
            connection.request("POST", "/v1/metrics", body, {"Content-Type": PROTOBUF})
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"")
        assert connection.sock is socket


def test_h22_a_chunked_body_is_taken(peer, batches):
    """The length need not be known beforehand."""
    body = batches.protobuf("metrics", "h22")
    with contextlib.closing(peer.connect()) as connection:
        headers = {"Content-Type": PROTOBUF}
        parts = (body[n : n + 9] for n in range(0, len(body), 9))
        connection.request("POST", "/v1/metrics", parts, headers, encode_chunked=True)
        assert connection.getresponse().status == 200
    assert peer.points("h22") == [1.5]


def test_h23_expect_100_continue_is_answered(peer, batches):
    """The sender is told to go on before it sends the body."""
    body = batches.protobuf("metrics", "h23")
    head = (
        f"POST /v1/metrics HTTP/1.1\r\nHost: h\r\nContent-Type: {PROTOBUF}\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    with peer.socket() as socket:
        socket.sendall(head.encode())
        assert socket.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        socket.sendall(body)
        assert socket.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_h24_an_answer_is_in_an_encoding_that_was_asked_for(peer, batches):
    """Compressing an answer is allowed, if the sender can read it."""
    answer = peer.post(batches.json("metrics", "h24"), kind=JSON, Accept_Encoding="gzip")
    encoding = answer.headers.get("content-encoding", "")
    body = gzip.decompress(answer.body) if encoding == "gzip" else answer.body
    assert (answer.status, body) == (200, b"{}")


def test_h25_logs_are_taken(peer, batches):
    """The path of logs."""
    assert _taken(peer.post(batches.protobuf("logs", "h25"), "/v1/logs"))


def test_h26_traces_are_taken(peer, batches):
    """The path of traces."""
    assert _taken(peer.post(batches.protobuf("traces", "h26"), "/v1/traces"))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("otlp/logs.json", "/v1/logs"),
        ("otlp/trace.json", "/v1/traces"),
        ("otlp/events.json", "/v1/logs"),
        ("shared/otlp/logs.json", "/v1/logs"),
        ("shared/otlp/trace.json", "/v1/traces"),
        ("shared/otlp/events.json", "/v1/logs"),
    ],
)
def test_h27_the_other_json_samples_are_taken(peer, sample_file, name, path):
    """The samples of the specification for logs, traces and events."""
    assert _taken(peer.post(sample_file(name).read_bytes(), path, kind=JSON), JSON)


def test_h28_another_path_is_404(peer, batches):
    """Only the paths of the specification take anything."""
    _refused(peer.post(batches.protobuf("metrics", "h28"), "/v1/nope"), 404)


def test_h29_thirty_two_connections_at_once(peer, batches):
    """All are answered, and each one's point is stored."""
    names = [f"h29.{n}" for n in range(32)]
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(
            pool.map(lambda name: peer.post(batches.protobuf("metrics", name)).status, names)
        )

    assert answers == [200] * 32
    assert set(names) <= set(peer.lake("raw_series")["metric_name"])


def test_h30_points_that_cannot_be_taken_are_counted(peer):
    """One good point of four: three rejected, with words, and status 200."""
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    points = metrics.add(name="h30").gauge.data_points
    points.add(as_double=5.0, time_unix_nano=HOUR)
    points.add(time_unix_nano=HOUR)
    metrics.add(name="h30.sum").sum.data_points.add(as_int=1, time_unix_nano=HOUR)
    metrics.add().gauge.data_points.add(as_int=1, time_unix_nano=HOUR)
    metrics.add(name="h30.without")

    answer = peer.post(request.SerializeToString())

    partial = ExportMetricsServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_data_points) == (200, 3)
    assert 0 < len(partial.error_message) < 4096
    assert peer.points("h30") == [5.0]


def test_h31_browsers_of_other_origins_are_not_let_in(peer):
    """CORS is off unless it is set."""
    asked = {"Origin": "http://other.example", "Access-Control-Request-Method": "POST"}
    answer = peer.ask("OPTIONS", "/v1/metrics", None, asked)
    assert answer.status == 405
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_j01_unknown_fields_are_ignored_at_every_depth(peer):
    """At the top, in a metric and in a point."""
    point = {"asDouble": 2.5, "timeUnixNano": str(HOUR), "new": {"a": [{"b": None}]}}
    metric = {"name": "j01", "gauge": {"dataPoints": [point]}, "new": [1, "x"]}
    scopes = [{"metrics": [metric], "new": 1.5}]
    document = {"resourceMetrics": [{"scopeMetrics": scopes}], "new": True}

    assert _taken(peer.post(json.dumps(document).encode(), kind=JSON), JSON)
    assert peer.points("j01") == [2.5]


def test_j02_integers_are_text_or_numbers(peer):
    """Both forms of 64-bit integers."""
    points = [
        {"timeUnixNano": str(HOUR), "asInt": "7"},
        {"timeUnixNano": HOUR, "asInt": 8},
    ]
    assert _taken(peer.post(_metric(name="j02", gauge={"dataPoints": points}), kind=JSON), JSON)
    assert peer.points("j02") == [7, 8]


@pytest.mark.parametrize(
    ("probe", "enum"), [("j03", 2), ("j04", "AGGREGATION_TEMPORALITY_CUMULATIVE")]
)
def test_j03_j04_enums_are_integers_and_names_are_tolerated(peer, probe, enum):
    """Integers must be read; names, which senders should not use, are read as peers do."""
    points = [{"timeUnixNano": str(HOUR), "asInt": "7"}]
    total = {"aggregationTemporality": enum, "isMonotonic": True, "dataPoints": points}

    assert _taken(peer.post(_metric(name=probe, sum=total), kind=JSON), JSON)

    series = peer.lake("raw_series").filter(pl.col("metric_name") == probe)
    assert series.select("temporality", "is_monotonic").row(0) == ("cumulative", True)


def _with_exemplar(name: str, trace: str, span: str) -> bytes:
    exemplar = {"asDouble": 1, "timeUnixNano": str(HOUR), "traceId": trace, "spanId": span}
    point = {"asDouble": 1, "timeUnixNano": str(HOUR), "exemplars": [exemplar]}
    return _metric(name=name, gauge={"dataPoints": [point]})


def test_j05_ids_are_hex_in_both_cases(peer):
    """Trace and span ids in upper and in lower case."""
    trace, span = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
    assert _taken(peer.post(_with_exemplar("j05", trace, span), kind=JSON), JSON)
    upper = _with_exemplar("j05.upper", trace.upper(), span.upper())
    assert _taken(peer.post(upper, kind=JSON), JSON)


def test_j06_ids_in_base64_are_refused(peer):
    """The base64 of protobuf's own JSON mapping is not OTLP's."""
    body = _with_exemplar("j06", "W47/95gDgQPSabYzgT/GDA==", "7uGbfsPBsXQ=")
    _refused(peer.post(body, kind=JSON), 400, JSON)


def test_j07_numbers_that_json_does_not_know_are_words(peer):
    """NaN and infinity."""
    values = ["NaN", "-Infinity", "Infinity"]
    points = [{"timeUnixNano": str(HOUR + n), "asDouble": v} for n, v in enumerate(values)]
    assert _taken(peer.post(_metric(name="j07", gauge={"dataPoints": points}), kind=JSON), JSON)
    assert [str(v) for v in peer.points("j07")].count("nan") == 1
    assert {float("inf"), float("-inf")} <= set(peer.points("j07"))


def test_j08_snake_case_is_an_unknown_field(peer):
    """Keys are lowerCamelCase only; others are passed over."""
    document = json.loads(_metric(name="j08", gauge={"dataPoints": []}))
    snake = {"resource_metrics": document["resourceMetrics"]}
    assert _taken(peer.post(json.dumps(snake).encode(), kind=JSON), JSON)
    assert peer.points("j08") == []


def test_j09_null_is_absent(peer):
    """Null for text and for lists."""
    points = [{"timeUnixNano": str(HOUR), "asDouble": 3.5, "attributes": None}]
    metric = {"name": "j09", "unit": None, "description": None, "gauge": {"dataPoints": points}}
    scopes = [{"metrics": [metric], "schemaUrl": None}]
    document = {"resourceMetrics": [{"scopeMetrics": scopes, "schemaUrl": None}]}
    assert _taken(peer.post(json.dumps(document).encode(), kind=JSON), JSON)
    assert peer.points("j09") == [3.5]


def test_j10_every_kind_of_point_and_of_attribute(peer):
    """Exponential histogram, summary; bytes, array, map and empty value."""
    attributes = [
        {"key": "bytes", "value": {"bytesValue": "AQI="}},
        {"key": "array", "value": {"arrayValue": {"values": [{"intValue": "1"}]}}},
        {"key": "empty", "value": {}},
        {"key": "map", "value": {"kvlistValue": {"values": [{"key": "k", "value": {}}]}}},
    ]
    common = {"timeUnixNano": str(HOUR), "count": "3", "sum": 6.5, "attributes": attributes}
    exponential = {
        **common,
        "scale": 2,
        "zeroCount": "1",
        "positive": {"offset": 1, "bucketCounts": ["1", 1]},
    }
    summary = {**common, "quantileValues": [{"quantile": 0.5, "value": 2.0}]}
    histogram = {"aggregationTemporality": 1, "dataPoints": [exponential]}
    metrics = [
        {"name": "j10", "exponentialHistogram": histogram},
        {"name": "j10", "summary": {"dataPoints": [summary]}},
    ]
    document = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}

    assert _taken(peer.post(json.dumps(document).encode(), kind=JSON), JSON)

    series = peer.lake("raw_series").filter(pl.col("metric_name") == "j10")
    assert set(series["metric_kind"]) == {"exponential_histogram", "summary"}
    kinds = {(a["key"], a["type"]) for a in series["point_attributes"][0]}
    assert kinds == {("bytes", "bytes"), ("array", "array"), ("empty", "empty"), ("map", "kvlist")}
    points = peer.lake("raw_histogram").filter(
        pl.col("series_id").is_in(series["series_id"].to_list())
    )
    assert set(points.select("count", "sum").rows()) == {(3, 6.5)}


def test_g01_export_is_answered_by_an_empty_message(peer, batches):
    """Success leaves partial_success unset."""
    assert peer.call(batches.protobuf("metrics", "g01")) == b""


def test_g02_gzip_is_taken(peer, batches):
    """Gzip must be read."""
    body = batches.protobuf("metrics", "g02") + _padded(100_000)
    assert peer.call(body, compression=grpc.Compression.Gzip) == b""
    assert peer.points("g02") == [1.5]


def test_g03_deflate_is_taken(peer):
    """GRPC's other encoding."""
    assert peer.call(_padded(100_001), compression=grpc.Compression.Deflate) == b""
    assert peer.points("padded_100001") == [1.0]


def test_g04_an_empty_request_is_taken(peer):
    """An empty request is no error."""
    assert peer.call(b"") == b""


def test_g05_a_cut_message_is_the_senders_fault(peer, batches):
    """INVALID_ARGUMENT with words and BadRequest; never a code that clients retry."""
    error: Any = peer.refusal(batches.protobuf("metrics", "g05")[:-7])

    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.details()
    found = rpc_status.from_call(error)
    assert found.details[0].Is(BadRequest.DESCRIPTOR)


@pytest.mark.parametrize("size", [3, 5, 20, 63])
def test_g06_messages_up_to_the_limit_pass(peer, size):
    """The limit is where it is said to be, not gRPC's own of 4 MiB."""
    body = _padded(size * MIB + 1)
    if len(body) <= peer.limit:
        assert peer.call(body) == b""
    else:
        assert peer.refusal(body).code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def _gives_up(error) -> bool:
    """Tell whether an error says: too much, and coming again does not help."""
    found = rpc_status.from_call(error)
    details = found.details if found is not None else []
    is_again = any(detail.Is(RetryInfo.DESCRIPTOR) for detail in details)
    return error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and not is_again


def test_g07_a_message_over_the_limit_is_refused_for_good(peer):
    """RESOURCE_EXHAUSTED without RetryInfo: the sender drops it."""
    assert _gives_up(peer.refusal(bytes(65 * MIB)))


def test_g08_a_gzip_bomb_is_refused_and_costs_no_memory(peer):
    """300 MiB in 300 KB over gRPC."""
    errors = []
    bomb = b"x" * (300 * MIB)

    grown = _growth(
        peer,
        lambda: errors.append(peer.refusal(bomb, compression=grpc.Compression.Gzip)),
    )

    assert _gives_up(errors[0])
    assert grown < BOUNDED


def test_g09_a_hundred_calls_at_once_on_one_channel(peer, batches):
    """All are answered, and each one's point is stored."""
    names = [f"g09.{n}" for n in range(100)]
    path = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
    with peer.channel() as channel:
        call: Any = channel.unary_unary(path)
        pending = [call.future(batches.protobuf("metrics", n), timeout=60) for n in names]
        assert [one.result() for one in pending] == [b""] * 100
    assert set(names) <= set(peer.lake("raw_series")["metric_name"])


def test_g10_an_unknown_method_is_unimplemented(peer):
    """No other answer tells a client that we are older than it."""
    method = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Nope"
    assert peer.refusal(b"", method=method).code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("signal", ["logs", "traces"])
def test_g11_logs_and_traces_are_taken(peer, batches, signal):
    """The services of the other signals."""
    assert peer.call(batches.protobuf(signal, "g11"), signal) == b""


@pytest.mark.parametrize("service", ["", "opentelemetry.proto.collector.metrics.v1.MetricsService"])
def test_g12_health_can_be_asked(peer, service):
    """`grpc.health.v1` tells that the server and its services serve."""
    asked = HealthCheckRequest(service=service).SerializeToString()
    answer = peer.call(asked, method="/grpc.health.v1.Health/Check")
    assert HealthCheckResponse.FromString(answer).status == HealthCheckResponse.SERVING


@pytest.mark.slow
def test_g13_pings_on_an_idle_channel_are_tolerated(peers, batches):
    """Pings every 10 s without calls do not get the client thrown out: after 21 s a call works."""
    peer = peers(16 * MIB)
    options = (("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_permit_without_calls", 1))
    with peer.channel(*options, ("grpc.http2.max_pings_without_data", 0)) as channel:
        call: Any = channel.unary_unary(
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
        )
        states: list[grpc.ChannelConnectivity] = []
        assert call(batches.protobuf("metrics", "g13"), timeout=20) == b""
        channel.subscribe(states.append)
        threading.Event().wait(21)  # the fact is about time: two pings fall into it
        assert call(batches.protobuf("metrics", "g13.2"), timeout=20) == b""
    assert grpc.ChannelConnectivity.TRANSIENT_FAILURE not in states


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_p01_a_server_that_is_full_says_when_to_come_again(full, batches, kind):
    """503 with Retry-After in whole seconds, and RetryInfo in the body where it can stand."""
    body = batches.json("metrics", "p") if kind == JSON else batches.protobuf("metrics", "p")

    answer = full.post(body, kind=kind)

    found = _refused(answer, 503, kind)
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert found.code == Code.UNAVAILABLE


def test_p02_a_server_that_is_full_says_so_over_grpc(full, batches):
    """UNAVAILABLE with RetryInfo, for every signal."""
    for signal in ("metrics", "logs", "traces"):
        error: Any = full.refusal(batches.protobuf(signal, "p"), signal)
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        hint = RetryInfo()
        assert rpc_status.from_call(error).details[0].Unpack(hint)
        assert 1 <= hint.retry_delay.seconds <= 60

"""Both doors, as senders meet them."""

import gzip
import json
import zlib
from typing import Any

import grpc
import polars as pl
import pytest
from google.rpc.status_pb2 import Status as RpcStatus
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (
    OTLPMetricExporter as GrpcExporter,
)
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
    OTLPMetricExporter as HttpExporter,
)
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

from collector.otlp.decode.status import wait_until_decoded

pytestmark = pytest.mark.slow

EXPORT = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
JSON = "application/json"


def _points(home) -> list[float]:
    wait_until_decoded(home, 20)
    files = list((home.lake / "raw_point").rglob("*.parquet"))
    return sorted(pl.read_parquet(files)["value"].to_list()) if files else []


def _call(running, body: bytes, method: str = EXPORT) -> bytes:
    with grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel:
        call: Any = channel.unary_unary(method)
        answer: bytes = call(body, timeout=20)
        return answer


def test_whole_success_is_an_empty_answer_on_both_doors(running, gauge):
    """`partial_success` is unset when all was taken."""
    http = running.post(gauge(1.0))
    rpc = _call(running, gauge(2.0))

    assert http[:2] == (200, b"")
    assert http[2]["Content-Type"] == "application/x-protobuf"
    assert rpc == b""
    assert _points(running.home) == [1.0, 2.0]


def test_encodings_are_read(running, gauge):
    """Gzip in one or several members, deflate and none give the same points."""
    two = gzip.compress(gauge(2.0)[:9]) + gzip.compress(gauge(2.0)[9:])

    assert running.post(gzip.compress(gauge(1.0)), Content_Encoding="gzip")[0] == 200
    assert running.post(two, Content_Encoding="gzip")[0] == 200
    assert running.post(zlib.compress(gauge(3.0)), Content_Encoding="deflate")[0] == 200
    assert running.post(gauge(4.0), Content_Encoding="identity")[0] == 200

    assert _points(running.home) == [1.0, 2.0, 3.0, 4.0]


def test_json_is_read_by_the_mapping_of_the_specification(running):
    """Integers are text or numbers, unknown keys and null are passed over, NaN is a word."""
    point = {"timeUnixNano": "1767225600000000000", "asInt": "7", "unknown": {"a": [1]}}
    metric = {
        "name": "m",
        "unit": None,
        "gauge": {"dataPoints": [point, {**point, "asInt": 8}]},
    }
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()

    answer = running.post(body, Content_Type=f"{JSON}; charset=utf-8")

    assert answer[:2] == (200, b"{}")
    assert answer[2]["Content-Type"] == JSON
    assert _points(running.home) == [7.0, 8.0]


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/v1/metrics", {}, b"\xff\xff\xff", 400),
        ("/v1/metrics", {"Content_Encoding": "gzip"}, b"no gzip", 400),
        ("/v1/metrics", {"Content_Encoding": "br"}, b"x", 400),
        ("/v1/metrics", {"Content_Type": "text/plain"}, b"x", 415),
        ("/v1/nope", {}, b"x", 404),
        (
            "/v1/metrics",
            {"Content_Encoding": "gzip"},
            gzip.compress(bytes(64 * 1024 * 1024)),
            413,
        ),
    ],
)
def test_a_refusal_is_a_status_message(shared, path, headers, body, status):
    """Whatever is refused is answered by `google.rpc.Status` with words."""
    answer = shared.post(body, path, **headers)

    assert answer[0] == status
    assert RpcStatus.FromString(answer[1]).message


def test_a_refusal_of_json_is_json(shared):
    """Broken JSON is answered in JSON."""
    status, body, headers = shared.post(b"{", Content_Type=JSON)

    assert status == 400
    assert headers["Content-Type"] == JSON
    assert json.loads(body)["message"]


def test_grpc_says_that_the_sender_is_at_fault(shared, gauge):
    """A cut message is INVALID_ARGUMENT, an unknown method UNIMPLEMENTED."""
    with pytest.raises(grpc.RpcError) as cut:
        _call(shared, gauge(1.0)[:-3])
    with pytest.raises(grpc.RpcError) as unknown:
        _call(shared, b"", EXPORT.replace("Export", "Nope"))

    assert cut.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert unknown.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_points_that_cannot_be_taken_are_counted_and_the_rest_is_kept(running):
    """No value, no temporality, no name: three rejected, one kept."""
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    points = metrics.add(name="good").gauge.data_points
    points.add(as_double=5.0, time_unix_nano=1)
    points.add(time_unix_nano=1)
    metrics.add(name="sum").sum.data_points.add(as_int=1, time_unix_nano=1)
    metrics.add().gauge.data_points.add(as_int=1, time_unix_nano=1)
    metrics.add(name="without data")

    status, body, _ = running.post(request.SerializeToString())

    partial = ExportMetricsServiceResponse.FromString(body).partial_success
    assert (status, partial.rejected_data_points) == (200, 3)
    assert partial.error_message
    assert _points(running.home) == [5.0]


def test_a_resend_is_stored_once_even_after_a_restart(start, gauge):
    """A sender that lost our answer may send again; the key lives longer than the process."""
    first = start()
    assert first.post(gauge(1.0))[0] == 200
    assert first.post(gauge(1.0))[0] == 200
    wait_until_decoded(first.home, 20)
    assert first.stop() == 0
    second = start()

    assert second.post(gauge(1.0))[0] == 200

    assert _points(second.home) == [1.0]


def test_logs_and_traces_are_seen(running):
    """Their presence is kept by hour, resource and scope; named records become events."""
    logs, traces = ExportLogsServiceRequest(), ExportTraceServiceRequest()
    records = logs.resource_logs.add().scope_logs.add().log_records
    records.add(time_unix_nano=1_767_225_600_000_000_000)
    records.add(time_unix_nano=1_767_225_600_000_000_000, event_name="deploy")
    traces.resource_spans.add().scope_spans.add().spans.add(start_time_unix_nano=10**18)

    assert running.post(logs.SerializeToString(), "/v1/logs")[0] == 200
    assert running.post(traces.SerializeToString(), "/v1/traces")[0] == 200

    wait_until_decoded(running.home, 20)
    seen = pl.read_parquet(list((running.home.lake / "raw_signal").rglob("*.parquet")))
    events = pl.read_parquet(list((running.home.lake / "raw_event").rglob("*.parquet")))
    assert sorted(seen.select("signal", "item_count").rows()) == [("logs", 2), ("traces", 1)]
    assert events["event_name"].to_list() == ["deploy"]


@pytest.mark.parametrize("door", ["grpc", "http"])
def test_the_python_sdk_is_understood(running, door):
    """A real client over each transport: what it counted is what we hold."""
    exporter = (
        GrpcExporter(endpoint=f"127.0.0.1:{running.grpc_port}", insecure=True)
        if door == "grpc"
        else HttpExporter(
            endpoint=f"http://127.0.0.1:{running.http_port}/v1/metrics",
            compression=Compression.Gzip,
        )
    )
    provider = MeterProvider([PeriodicExportingMetricReader(exporter, 1e9)])
    counter = provider.get_meter("test").create_counter("orders")
    for number in range(50):
        counter.add(number, {"shop": str(number)})

    assert provider.force_flush(10_000)

    found = set(_points(running.home))
    provider.shutdown()
    assert found >= {float(number) for number in range(50)}


def test_an_orderly_end_leaves_nothing_undecoded(start, gauge):
    """SIGTERM right after an answer: the point is in the lake, the exit status 0."""
    running = start(seconds=60)
    assert running.post(gauge(1.0))[0] == 200

    assert running.stop() == 0

    assert _points(running.home) == [1.0]

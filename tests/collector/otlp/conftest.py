"""A collector of its own for a test, and requests to send to it."""

import contextlib
import dataclasses
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import polars as pl
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.otlp.decode.status import wait_until_decoded
from meterbook.base.home import Home
from warehouse.tables import ALL

PROGRAM = """
import json, sys
from pathlib import Path
from collector.otlp.serve import serve
from meterbook.base.home import Home
from meterbook.base.settings import CollectorSettings
settings = CollectorSettings(**json.loads(sys.argv[2]))
def ready(ports):
    print(json.dumps([ports.grpc, ports.http]), flush=True)
sys.exit(serve(settings, Home(Path(sys.argv[1])), ready=ready))
"""
MIB = 1024 * 1024
HOUR = 1_767_225_600_000_000_000  # 2026-01-01 00:00 UTC


PROTOBUF = "application/x-protobuf"
SERVICE = "opentelemetry.proto.collector"
METHODS = {
    "metrics": f"/{SERVICE}.metrics.v1.MetricsService/Export",
    "logs": f"/{SERVICE}.logs.v1.LogsService/Export",
    "traces": f"/{SERVICE}.trace.v1.TraceService/Export",
}


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back over HTTP."""

    status: int
    body: bytes
    headers: dict[str, str]
    """By the name in lower case."""

    @classmethod
    def read(cls, connection: http.client.HTTPConnection) -> "Answer":
        """Read the next answer of a connection."""
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return cls(answer.status, answer.read(), headers)


@dataclasses.dataclass
class Running:
    """A collector in a process group of its own."""

    home: Home
    process: subprocess.Popen[str]
    grpc_port: int
    http_port: int

    def post(
        self, body: bytes, path: str = "/v1/metrics", **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """Give status, body and headers of the answer."""
        named = {"Content-Type": "application/x-protobuf"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://127.0.0.1:{self.http_port}{path}"
        request = urllib.request.Request(url, data=body, headers=named)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as exc:
            with exc:
                return exc.code, exc.read(), dict(exc.headers)

    def as_peer(self) -> "Peer":
        """Give it as the receiver under test."""
        return Peer("127.0.0.1", self.http_port, self.grpc_port, 16 * MIB, self)

    def members(self) -> list[Path]:
        """Give the folders in /proc of the collector and of all that it started."""
        group = str(self.process.pid)
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                state = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            if state[2] == group and state[0] != "Z":
                found.append(folder)
        return found

    def forget_peak(self) -> int:
        """Let the peak of memory begin anew; give what is used now, in bytes."""
        for folder in self.members():
            (folder / "clear_refs").write_text("5")
        return self.peak()

    def peak(self) -> int:
        """Give the sum of the processes' peaks of memory, in bytes."""
        total = 0
        for folder in self.members():
            lines = (folder / "status").read_text().splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line[:6] == "VmHWM:")
        return total

    def kill(self) -> None:
        """End collector and decoder as a power cut would, without a last word."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self._gone()

    def stop(self) -> int:
        """Ask it to end; give the exit status."""
        self.process.terminate()
        return self._gone()

    def _gone(self) -> int:
        assert self.process.stdout is not None
        status = self.process.wait(40)
        self.process.stdout.close()
        return status


Start = Callable[..., Running]


def _launch(home: Home, **settings: object) -> Running:
    """Start a collector; `settings` are any of `CollectorSettings`."""
    given = {"grpc_port": 0, "http_port": 0, "telemetry_seconds": 0, **settings}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(home), json.dumps(given)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    grpc_port, http_port = json.loads(process.stdout.readline())
    return Running(home, process, grpc_port, http_port)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Give the way to start a collector; whatever still runs at the end is killed."""
    started: list[Running] = []

    def begin(home: Home | None = None, seconds: float = 0.2, **settings: object) -> Running:
        chosen = home or Home(tmp_path / "home")
        started.append(_launch(chosen, segment_seconds=seconds, **settings))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.kill()


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Give the way to start a collector that tests of a file share; it is killed after them."""
    started: list[Running] = []

    def begin(**settings: object) -> Running:
        home = Home(tmp_path_factory.mktemp("shared") / "home")
        started.append(_launch(home, segment_seconds=0.2, **settings))
        return started[-1]

    yield begin
    for running in started:
        running.kill()


@pytest.fixture(scope="module")
def shared(launch: Start) -> Running:
    """Give one collector for all tests of a file that ask for it."""
    return launch()


@pytest.fixture
def running(start: Start) -> Running:
    """Give a collector."""
    return start()


SEND_ALL = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))
Header = dict[str, str]


@dataclasses.dataclass(frozen=True)
class Peer:
    """A receiver of OTLP: ours, or another one that the environment names."""

    host: str
    http_port: int
    grpc_port: int
    limit: int
    """Its limit of a body, in bytes."""
    running: Running | None

    def post(
        self, body: bytes, path: str = "/v1/metrics", kind: str = PROTOBUF, **headers: str
    ) -> Answer:
        """Send one request over a connection of its own."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if kind:
            named["Content-Type"] = kind
        return self.ask("POST", path, body, named)

    def ask(self, method: str, path: str, body: bytes | None, headers: Header) -> Answer:
        """Send any request."""
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, headers)
            return Answer.read(connection)

    def connect(self) -> http.client.HTTPConnection:
        """Give a connection."""
        return http.client.HTTPConnection(self.host, self.http_port, timeout=60)

    def socket(self) -> socket.socket:
        """Give a bare connection to the HTTP door."""
        return socket.create_connection((self.host, self.http_port), timeout=30)

    def channel(self, *options: tuple[str, int]) -> grpc.Channel:
        """Give a channel of its own, whose messages may have any size."""
        own = ("grpc.use_local_subchannel_pool", 1)
        return grpc.insecure_channel(
            f"{self.host}:{self.grpc_port}", options=[*SEND_ALL, own, *options]
        )

    def call(self, body: bytes, signal: str = "metrics", method: str = "", **more: Any) -> bytes:
        """Call Export with bytes, or another method by its path. Errors: grpc.RpcError."""
        with self.channel() as channel:
            call: Any = channel.unary_unary(method or METHODS[signal])
            answer: bytes = call(body, timeout=60, **more)
            return answer

    def refusal(self, body: bytes, signal: str = "metrics", **more: Any) -> grpc.RpcError:
        """Give the error that a call ends with."""
        with pytest.raises(grpc.RpcError) as caught:
            self.call(body, signal, **more)
        return caught.value

    def lake(self, table: str) -> pl.DataFrame:
        """Give all rows of a table after everything accepted is decoded."""
        if self.running is None:
            pytest.skip("what another receiver stores cannot be seen: unset MB_TEST_OTLP_HTTP")
        return rows(self.running.home, table)

    def points(self, name: str) -> list[float]:
        """Give the stored values of the gauges and sums of one name."""
        series = self.lake("raw_series")
        known = series.filter(pl.col("metric_name") == name)["series_id"].unique().to_list()
        found = self.lake("raw_point").filter(pl.col("series_id").is_in(known))
        return sorted(found["value"].to_list())


def rows(home: Home, table: str) -> pl.DataFrame:
    """Give all rows of a table of the lake; none where it has no file."""
    wait_until_decoded(home, 60)
    files = sorted((home.lake / table).rglob("*.parquet"))
    return pl.read_parquet(files) if files else next(t for t in ALL if t.name == table).empty()


@pytest.fixture(scope="session")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Peer]]:
    """Give the receiver under test by its limit in bytes; each is started once.

    `MB_TEST_OTLP_HTTP` (http://host:port) and `MB_TEST_OTLP_GRPC` (host:port) name another one.
    """
    started: dict[int, Peer] = {}

    def peer(limit: int) -> Peer:
        if (url := os.environ.get("MB_TEST_OTLP_HTTP")) is not None:
            http_door = urllib.parse.urlsplit(url)
            grpc_door = urllib.parse.urlsplit(f"//{os.environ['MB_TEST_OTLP_GRPC']}")
            ports = http_door.port or 4318, grpc_door.port or 4317
            return Peer(http_door.hostname or "", *ports, limit, None)
        if limit not in started:
            home = Home(tmp_path_factory.mktemp("conformance") / "home")
            ours = _launch(home, segment_seconds=0.2, max_request_bytes=limit)
            started[limit] = Peer("127.0.0.1", ours.http_port, ours.grpc_port, limit, ours)
        return started[limit]

    yield peer
    for one in started.values():
        if one.running is not None and one.running.process.poll() is None:
            one.running.kill()


@pytest.fixture(params=[16, 64], ids=["16MiB", "64MiB"])
def peer(request: pytest.FixtureRequest, peers: Callable[[int], Peer]) -> Peer:
    """Give the receiver under test at either limit."""
    return peers(request.param * MIB)


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Give a collector of ours whose journal may hold nothing: it is always overloaded."""
    running = _launch(Home(tmp_path_factory.mktemp("full") / "home"), max_journal_bytes=0)
    yield running.as_peer()
    running.kill()


Gauge = Callable[..., bytes]


@pytest.fixture
def gauge() -> Gauge:
    """Give a request with one gauge point per value."""

    def made(*values: float, name: str = "temperature") -> bytes:
        request = ExportMetricsServiceRequest()
        metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name=name)
        for value in values:
            metric.gauge.data_points.add(as_double=value, time_unix_nano=HOUR)
        return request.SerializeToString()

    return made


def _document(signal: str, name: str) -> dict[str, Any]:
    """Give a request of one item as OTLP/JSON. `name` names the metric, the event or the span."""
    at = {"timeUnixNano": str(HOUR)}
    if signal == "metrics":
        metric = {"name": name, "gauge": {"dataPoints": [{"asDouble": 1.5, **at}]}}
        return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    if signal == "logs":
        record = {"eventName": name, "body": {"stringValue": "words"}, **at}
        return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    ids = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174"}
    times = {"startTimeUnixNano": str(HOUR), "endTimeUnixNano": str(HOUR + 1)}
    span = {"name": name, "kind": 2, **ids, **times}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def _message(signal: str, name: str) -> bytes:
    """Give the same in protobuf."""
    if signal == "metrics":
        metrics = ExportMetricsServiceRequest()
        metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name=name)
        metric.gauge.data_points.add(as_double=1.5, time_unix_nano=HOUR)
        return metrics.SerializeToString()
    if signal == "logs":
        logs = ExportLogsServiceRequest()
        record = logs.resource_logs.add().scope_logs.add().log_records.add(event_name=name)
        record.time_unix_nano = HOUR
        record.body.string_value = "words"
        return logs.SerializeToString()
    traces = ExportTraceServiceRequest()
    span = traces.resource_spans.add().scope_spans.add().spans.add(name=name)
    span.trace_id, span.span_id = bytes(range(16)), bytes(range(8))
    span.start_time_unix_nano, span.end_time_unix_nano = HOUR, HOUR + 1
    return traces.SerializeToString()


@dataclasses.dataclass(frozen=True)
class Batches:
    """Requests of one item, in both encodings."""

    document: Callable[[str, str], dict[str, Any]] = _document
    protobuf: Callable[[str, str], bytes] = _message

    def json(self, signal: str, name: str) -> bytes:
        """Give a request as JSON."""
        return json.dumps(self.document(signal, name)).encode()


@pytest.fixture(scope="session")
def batches() -> Batches:
    """Give the way to requests of each signal."""
    return Batches()

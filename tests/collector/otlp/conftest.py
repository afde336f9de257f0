"""A collector of its own for a test, and requests to send to it."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

PROGRAM = """
import json, sys
from pathlib import Path
from collector.otlp.serve import serve
from meterbook.settings import CollectorSettings
settings = CollectorSettings(grpc_port=0, http_port=0, **json.loads(sys.argv[2]))
def ready(ports):
    print(json.dumps([ports.grpc, ports.http]), flush=True)
sys.exit(serve(settings, Path(sys.argv[1]), ready=ready))
"""
HOUR = 1_767_225_600_000_000_000  # 2026-01-01 00:00 UTC


@dataclasses.dataclass
class Running:
    """A collector in a process group of its own."""

    home: Path
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


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Give the way to start a collector; whatever still runs at the end is killed."""
    started: list[Running] = []

    def begin(home: Path = tmp_path / "home", seconds: float = 0.2, **settings: object) -> Running:
        given = {"segment_seconds": seconds, "telemetry_seconds": 0, **settings}
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(home), json.dumps(given)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            cwd=Path(__file__).parents[3],
        )
        assert process.stdout is not None
        grpc_port, http_port = json.loads(process.stdout.readline())
        started.append(Running(home, process, grpc_port, http_port))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.kill()


@pytest.fixture
def running(start: Start) -> Running:
    """Give a collector."""
    return start()


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

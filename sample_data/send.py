"""A sample world sent over the wire, as its own services would.

Takes    a World, the addresses of both doors of a collector
Gives    a SendReport; two connections, one raw gRPC and one raw HTTP (every other body in gzip),
         then the SDK's exporters for all logs and spans and one team's last day of metrics
Refuses  to go on after a refusal that no repetition can mend: RefusedError, with the counts
"""

import gzip
import http.client
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Final, Protocol
from urllib.parse import urlsplit

import grpc as grpc_client
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)

from meterbook.base.errors import MeterbookError
from sample_data.model import World
from sample_data.otlp import Request, bulk
from sample_data.sdk import export, goes_by_sdk

Say = Callable[[str], None]

TRIES: Final = 60
FIRST_WAIT_SECONDS: Final = 0.5
LONGEST_WAIT_SECONDS: Final = 10.0
TIMEOUT_SECONDS: Final = 60
SAY_EVERY: Final = 500
_METHOD: Final = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"


@dataclass
class SendReport:
    """What was sent. `refused` counts points, log records and spans that were not taken."""

    requests: int = 0
    points: int = 0
    log_records: int = 0
    spans: int = 0
    seconds: float = 0.0
    refused: int = 0


class RefusedError(MeterbookError):
    """The collector refused a part of the world for good."""

    def __init__(self, report: SendReport, reason: str) -> None:
        """Keep the counts and the first reason."""
        super().__init__(
            f"{report.refused} items of the sample world were refused, after {report.requests} "
            f"requests; the first reason: {reason}"
        )
        self.report = report


class _Door(Protocol):
    """One connection. `send` gives the number of refused points and why, or how long to wait."""

    def send(self, request: Request) -> "_Answer": ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class _Answer:
    refused: int = 0
    reason: str = ""
    wait_seconds: float | None = None


class _GrpcDoor:
    def __init__(self, address: str) -> None:
        self.channel = grpc_client.insecure_channel(address)
        self.call: Callable[..., bytes] = self.channel.unary_unary(
            _METHOD, request_serializer=None, response_deserializer=None
        )

    def send(self, request: Request) -> _Answer:
        try:
            return _partial(self.call(request.body, timeout=TIMEOUT_SECONDS), request)
        except grpc_client.RpcError as exc:
            code = exc.code()
            if code in {
                grpc_client.StatusCode.UNAVAILABLE,
                grpc_client.StatusCode.RESOURCE_EXHAUSTED,
            }:
                return _Answer(wait_seconds=_retry_info(exc), reason=f"{code.name}")
            return _Answer(request.points, f"{code.name}: {exc.details()}")

    def close(self) -> None:
        self.channel.close()


def _retry_info(exc: grpc_client.RpcError) -> float:
    status = rpc_status.from_call(exc)
    info = error_details_pb2.RetryInfo()
    for detail in status.details if status else ():
        if detail.Unpack(info):
            return float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9)
    return FIRST_WAIT_SECONDS


class _HttpDoor:
    def __init__(self, address: str) -> None:
        place = urlsplit(address)
        self.path = f"{place.path.rstrip('/')}/v1/metrics"
        self.connection = http.client.HTTPConnection(
            place.hostname or "127.0.0.1", place.port or 4318, timeout=TIMEOUT_SECONDS
        )
        self.sent = 0

    def send(self, request: Request) -> _Answer:
        self.sent += 1
        headers = {"Content-Type": "application/x-protobuf"}
        body = request.body
        if self.sent % 2:
            body, headers["Content-Encoding"] = gzip.compress(body, 1, mtime=0), "gzip"
        try:
            self.connection.request("POST", self.path, body, headers)
            response = self.connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as exc:
            self.connection.close()
            return _Answer(wait_seconds=FIRST_WAIT_SECONDS, reason=f"{exc!r}")
        if response.status == http.client.OK:
            return _partial(answer, request)
        reason = f"HTTP {response.status}"
        if response.status in {429, 502, 503, 504}:
            hint = response.getheader("Retry-After", "")
            wait = float(hint) if hint.isdigit() else FIRST_WAIT_SECONDS
            return _Answer(wait_seconds=wait, reason=reason)
        return _Answer(request.points, reason)

    def close(self) -> None:
        self.connection.close()


def _partial(answer: bytes, request: Request) -> _Answer:
    """Read a success, which may be a partial one."""
    if not answer:
        return _Answer()
    partial = ExportMetricsServiceResponse.FromString(answer).partial_success
    return _Answer(min(partial.rejected_data_points, request.points), partial.error_message)


class _Queue:
    """Hands the requests to the connections, one by one, and counts what became of them."""

    def __init__(self, requests: Iterator[Request], say: Say) -> None:
        self.requests, self.say = requests, say
        self.lock = Lock()
        self.report = SendReport()
        self.reason = ""

    def next(self) -> Request | None:
        with self.lock:
            return next(self.requests, None)

    def count(self, request: Request, answer: _Answer) -> None:
        with self.lock:
            report = self.report
            report.requests += 1
            report.points += request.points
            report.refused += answer.refused
            self.reason = self.reason or (answer.reason if answer.refused else "")
            if report.requests % SAY_EVERY == 0:
                self.say(f"sent {report.requests} requests, {report.points:,} points")


def send_world(world: World, *, grpc: str, http: str, say: Say) -> SendReport:
    """Send a world to a collector at `grpc` (host:port) and `http` (a base address).

    Errors: RefusedError when a part was refused for good, after everything was tried.
    """
    begun = time.monotonic()
    queue = _Queue(bulk(world, lambda service, hour: not goes_by_sdk(world, service, hour)), say)
    doors: tuple[_Door, ...] = (_GrpcDoor(grpc), _HttpDoor(http))
    with ThreadPoolExecutor(len(doors)) as pool:
        running: list[Future[None]] = [pool.submit(_drain, queue, door) for door in doors]
        for future in running:
            future.result()
    _send_by_sdk(world, queue, grpc, http)
    report = queue.report
    report.seconds = time.monotonic() - begun
    if report.refused:
        raise RefusedError(report, queue.reason)
    return report


def _drain(queue: _Queue, door: _Door) -> None:
    while (request := queue.next()) is not None:
        queue.count(request, _send(door, request))
    door.close()


def _send(door: _Door, request: Request) -> _Answer:
    """Send a request until it is taken or refused; wait as long as the server asks."""
    wait, answer = FIRST_WAIT_SECONDS, _Answer()
    for _ in range(TRIES):
        answer = door.send(request)
        if answer.wait_seconds is None:
            return answer
        time.sleep(min(max(wait, answer.wait_seconds), LONGEST_WAIT_SECONDS))
        wait = min(wait * 2, LONGEST_WAIT_SECONDS)
    return _Answer(request.points, f"still {answer.reason} after {TRIES} tries")


def _send_by_sdk(world: World, queue: _Queue, grpc: str, http: str) -> None:
    report = queue.report
    for sent in export(world, grpc, http):
        report.requests += 1
        report.points += sent.count if sent.signal == "metrics" else 0
        report.log_records += sent.count if sent.signal == "logs" else 0
        report.spans += sent.count if sent.signal == "traces" else 0
        if not sent.is_accepted:
            report.refused += sent.count
            queue.reason = queue.reason or f"an SDK exporter of {sent.signal} gave up"
    queue.say(f"sent {report.log_records} log records and {report.spans} spans by the SDK")

"""The gRPC door: transport and nothing else.

Takes    OTLP/gRPC calls over TCP, TLS or a Unix socket; gzip and deflate are gRPC's own
Gives    `accept()` the bytes as they came, and its outcome as a gRPC status; `grpc.health.v1`
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc
import grpc.aio
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import OVERALL_HEALTH
from grpc_health.v1.health import aio as health
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_status import rpc_status

from collector.otlp.admission.accept import Acceptor
from collector.otlp.admission.gate import Gate, Sender
from collector.otlp.doors import answers
from collector.otlp.doors.tls import Certificates, names_of_grpc
from meterbook.base.errors import MeterbookError
from meterbook.base.settings import CollectorSettings

TRANSPORT: Final = "grpc"
RETRY_TRAILER: Final = "google.rpc.retryinfo-bin"
SERVICES: Final = {
    "opentelemetry.proto.collector.metrics.v1.MetricsService": "metrics",
    "opentelemetry.proto.collector.logs.v1.LogsService": "logs",
    "opentelemetry.proto.collector.trace.v1.TraceService": "traces",
}
GRACE_SECONDS: Final = 10


def _export(acceptor: Acceptor, gate: Gate, signal: str) -> Callable[..., Awaitable[bytes]]:
    async def export(body: bytes, context: Any) -> bytes:
        try:
            authorization, idempotency = _metadata(context)
            names = names_of_grpc(context.auth_context())
            sender = Sender(gate.ingest(signal, authorization, names), TRANSPORT)
            await acceptor.admit(signal, sender)
            found = await acceptor.accept(signal, sender, body, idempotency)
        except MeterbookError as exc:
            acceptor.counters.refused(signal, TRANSPORT, exc)
            code, retry = answers.grpc_code(exc), answers.retry_seconds(exc)
            await context.abort_with_status(_status(answers.status(code, str(exc), retry)))
            raise
        return answers.success(signal, found)

    return export


def _status(made: Status) -> grpc.Status:
    """Give a status with its details, and RetryInfo once more where the Python SDK looks for it."""
    found: Any = rpc_status.to_status(made)
    hints = [d.value for d in made.details if d.Is(RetryInfo.DESCRIPTOR)]
    trailers = (*found.trailing_metadata, *((RETRY_TRAILER, hint) for hint in hints))
    reported: grpc.Status = found._replace(trailing_metadata=trailers)
    return reported


def _metadata(context: Any) -> tuple[list[str], str]:
    """Give all values of `authorization`, and the sender's own name of the request."""
    authorization: list[str] = []
    idempotency = ""
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            authorization.append(str(value))
        elif key in {"idempotency-key", "x-idempotency-key"}:
            idempotency = str(value)
    return authorization, idempotency


class GrpcDoor:
    """The gRPC server with its health."""

    def __init__(
        self,
        settings: CollectorSettings,
        acceptor: Acceptor,
        gate: Gate,
        certificates: Certificates | None,
    ) -> None:
        """Prepare the server; nothing listens yet."""
        self._settings = settings
        self._certificates = certificates
        self._health = health.HealthServicer()
        self._server = grpc.aio.server(options=_options(settings))
        self._server.add_generic_rpc_handlers(
            tuple(
                grpc.method_handlers_generic_handler(
                    service,
                    {
                        "Export": grpc.unary_unary_rpc_method_handler(
                            _export(acceptor, gate, signal)
                        )
                    },
                )
                for service, signal in SERVICES.items()
            )
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)

    async def open(self) -> int:
        """Listen; give the port. Errors: RuntimeError when the port is taken."""
        place = f"{self._settings.host}:{self._settings.grpc_port}"
        if self._certificates is None:
            port = self._server.add_insecure_port(place)
        else:
            port = self._server.add_secure_port(place, self._certificates.credentials())
        if self._settings.grpc_socket:
            self._server.add_insecure_port(f"unix:{self._settings.grpc_socket}")
        await self._server.start()
        await self.report(is_serving=True)
        return port

    async def report(self, *, is_serving: bool) -> None:
        """Set what health checks and watches are told."""
        words = HealthCheckResponse.ServingStatus
        word = words.SERVING if is_serving else words.NOT_SERVING
        for service in (OVERALL_HEALTH, *SERVICES):
            await self._health.set(service, word)

    async def close(self) -> None:
        """Take no more calls; those that came are answered."""
        await self._server.stop(GRACE_SECONDS)


def _options(settings: CollectorSettings) -> list[tuple[str, int]]:
    options = [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", settings.max_request_bytes),
        ("grpc.max_concurrent_streams", settings.grpc_max_streams),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
    if settings.grpc_max_age_seconds:
        age = int(settings.grpc_max_age_seconds * 1000)
        options += [("grpc.max_connection_age_ms", age)]
        options += [("grpc.max_connection_age_grace_ms", GRACE_SECONDS * 1000)]
    return options

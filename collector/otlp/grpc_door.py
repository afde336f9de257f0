"""The gRPC door: transport and nothing else.

Takes    OTLP/gRPC calls on one port; gzip and deflate are gRPC's own
Gives    `accept()` the bytes as they came, and its outcome as a gRPC status
"""

from collections.abc import Awaitable, Callable

import grpc
import grpc.aio
from grpc_status import rpc_status

from collector.otlp import answers
from collector.otlp.accept import Acceptor
from meterbook.errors import MeterbookError
from meterbook.settings import CollectorSettings

TENANT = "default"
_SERVICES = {
    "opentelemetry.proto.collector.metrics.v1.MetricsService": "metrics",
    "opentelemetry.proto.collector.logs.v1.LogsService": "logs",
    "opentelemetry.proto.collector.trace.v1.TraceService": "traces",
}
_HEALTH = "grpc.health.v1.Health"
_SERVING = b"\x08\x01"  # HealthCheckResponse(status=SERVING)

Context = "grpc.aio.ServicerContext[bytes, bytes]"


def _export(acceptor: Acceptor, signal: str) -> Callable[..., Awaitable[bytes]]:
    async def export(body: bytes, context: Context) -> bytes:  # type: ignore[valid-type]  # generic at run time only
        keys = dict(context.invocation_metadata() or ())  # type: ignore[attr-defined]
        idempotency = str(keys.get("idempotency-key", ""))
        try:
            found = await acceptor.accept(signal, TENANT, body, idempotency)
        except MeterbookError as exc:
            code, retry = answers.grpc_code(exc), answers.retry_seconds(exc)
            made = rpc_status.to_status(answers.status(code, str(exc), retry))
            await context.abort_with_status(made)  # type: ignore[attr-defined]
            raise
        return answers.success(signal, found)

    return export


async def _healthy(_body: bytes, _context: object) -> bytes:
    return _SERVING


async def open_grpc(settings: CollectorSettings, acceptor: Acceptor) -> tuple[grpc.aio.Server, int]:
    """Start the door; give the server and its port. Errors: RuntimeError when the port is taken."""
    server = grpc.aio.server(
        options=(
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", settings.max_request_bytes),
            ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ("grpc.keepalive_permit_without_calls", 1),
        )
    )
    handlers = [
        grpc.method_handlers_generic_handler(
            service, {"Export": grpc.unary_unary_rpc_method_handler(_export(acceptor, signal))}
        )
        for service, signal in _SERVICES.items()
    ]
    handlers.append(
        grpc.method_handlers_generic_handler(
            _HEALTH, {"Check": grpc.unary_unary_rpc_method_handler(_healthy)}
        )
    )
    server.add_generic_rpc_handlers(tuple(handlers))
    port = server.add_insecure_port(f"{settings.host}:{settings.grpc_port}")
    await server.start()
    return server, port

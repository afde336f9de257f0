"""The HTTP door: transport and nothing else.

Takes    HTTP/1.1 POSTs to /v1/metrics, /v1/logs, /v1/traces, in protobuf or JSON; GET /healthz
Gives    `accept()` the plain protobuf bytes, and its outcome as a status and a body in the
         request's encoding
Refuses  other paths (404), methods (405) and types (415), bodies over the limit (413)
Never    waits for a slow sender: half a request is cut off after a while
"""

import asyncio
from typing import Final

import grpc
import httptools

from collector.otlp import answers
from collector.otlp.accept import Acceptor
from collector.otlp.check import Content
from collector.otlp.limits import plain
from collector.otlp.otlp_json import to_protobuf
from meterbook.errors import MeterbookError, TooLargeError
from meterbook.settings import CollectorSettings

TENANT: Final = "default"
PATHS: Final = {b"/v1/metrics": "metrics", b"/v1/logs": "logs", b"/v1/traces": "traces"}
HEALTH: Final = b"/healthz"
IDLE_SECONDS: Final = 60
MAX_HEADERS: Final = 64 * 1024
REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    503: "Service Unavailable",
}
_CODES: Final = {
    404: grpc.StatusCode.UNIMPLEMENTED,
    405: grpc.StatusCode.UNIMPLEMENTED,
    415: grpc.StatusCode.INVALID_ARGUMENT,
}


class HttpDoor(asyncio.Protocol):
    """One connection. Requests on it are answered in order."""

    def __init__(
        self,
        acceptor: Acceptor,
        settings: CollectorSettings,
        connections: set["HttpDoor"],
    ) -> None:
        """Keep the parts; the connection stands in `connections` while it is open."""
        self._acceptor = acceptor
        self._limit = settings.max_request_bytes
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._queue: asyncio.Queue[_Request | None] = asyncio.Queue(maxsize=16)
        self._request = _Request()
        self._timer: asyncio.TimerHandle | None = None
        self._worker: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport  # type: ignore[assignment]  # TCP gives a full transport
        self._connections.add(self)
        self._worker = asyncio.ensure_future(self._work())
        self._restart_timer()

    def connection_lost(self, _exc: Exception | None) -> None:
        """End; what is being stored is stored all the same."""
        self._connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._queue_put(None)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self._restart_timer()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.close()
        except httptools.HttpParserError:
            self._request.problem = self._request.problem or 400
            self._request.is_last = True
            self._queue_put(self._request)
            self._request = _Request(problem=400)

    def on_url(self, url: bytes) -> None:
        """Take the path of a new request."""
        self._request.path = url.split(b"?", 1)[0]

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        request = self._request
        request.header_bytes += len(name) + len(value)
        if request.header_bytes > MAX_HEADERS:
            request.problem = 400
            return
        request.headers[name.lower()] = value
        if name.lower() == b"expect" and value.lower() == b"100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, up to the limit."""
        request = self._request
        request.size += len(body)
        if request.size > self._limit:
            request.problem = 413
            request.parts.clear()
            request.is_last = True
            return
        request.parts.append(body)

    def on_message_complete(self) -> None:
        """Hand the request on; the next one may be on its way."""
        self._request.method = self._parser.get_method()
        self._request.is_last |= not self._parser.should_keep_alive()
        self._queue_put(self._request)
        self._request = _Request()

    def close(self) -> None:
        """Close the connection when what is being answered has been."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()

    def finish(self) -> "asyncio.Task[None]":
        """Take no more requests; the task is done when those that came are answered."""
        self._queue_put(None)
        assert self._worker is not None  # noqa: S101 - made with the connection
        return self._worker

    def _queue_put(self, request: "_Request | None") -> None:
        try:
            self._queue.put_nowait(request)
        except asyncio.QueueFull:  # 16 requests piped without reading one answer
            self.close()

    def _restart_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self.close)

    async def _work(self) -> None:
        while (request := await self._queue.get()) is not None:
            status, body, headers = await self._answer(request)
            self._write(status, body, headers, is_last=request.is_last)
            if request.is_last:
                self.close()
                return

    def _write(self, status: int, body: bytes, headers: str, *, is_last: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._restart_timer()
        end = "Connection: close\r\n" if is_last else ""
        head = (
            f"HTTP/1.1 {status} {REASONS[status]}\r\n{headers}Content-Length: {len(body)}\r\n"
            f"{end}\r\n"
        )
        self._transport.write(head.encode() + body)

    async def _answer(self, request: "_Request") -> tuple[int, bytes, str]:
        """Give status, body and headers for a request."""
        if request.path == HEALTH and request.method == b"GET":
            return 200, b'{"status":"ok"}', "Content-Type: application/json\r\n"
        if request.problem == 413:
            return self._refused(request, TooLargeError(self._limit))
        signal = PATHS.get(request.path)
        problem = request.problem or self._misfit(request, signal)
        if problem or signal is None:
            return self._problem(request, problem or 404)
        try:
            found = await self._accepted(request, signal)
        except MeterbookError as exc:
            return self._refused(request, exc)
        if request.content_type == answers.JSON:
            return 200, answers.success_json(signal, found), _type(answers.JSON)
        return 200, answers.success(signal, found), _type(answers.PROTOBUF)

    @staticmethod
    def _misfit(request: "_Request", signal: str | None) -> int:
        if signal is None:
            return 404
        if request.method != b"POST":
            return 405
        return 0 if request.content_type in {answers.JSON, answers.PROTOBUF} else 415

    async def _accepted(self, request: "_Request", signal: str) -> Content:
        encoding = request.headers.get(b"content-encoding", b"").decode("latin-1")
        body = plain(b"".join(request.parts), encoding, self._limit)
        if request.content_type == answers.JSON:
            body = to_protobuf(signal, body)
        idempotency = request.headers.get(b"idempotency-key", b"").decode("latin-1")
        return await self._acceptor.accept(signal, TENANT, body, idempotency)

    def _refused(self, request: "_Request", error: MeterbookError) -> tuple[int, bytes, str]:
        retry = answers.retry_seconds(error)
        made = answers.status(answers.grpc_code(error), str(error), retry)
        headers = _type(request.answer_type)
        if retry is not None:
            headers += f"Retry-After: {retry}\r\n"
        return answers.http_status(error), answers.status_body(made, request.answer_type), headers

    @staticmethod
    def _problem(request: "_Request", status: int) -> tuple[int, bytes, str]:
        messages = {
            400: "this is no HTTP request",
            404: "no such path; want /v1/metrics, /v1/logs or /v1/traces",
            405: "want POST",
            415: "Content-Type: want application/x-protobuf or application/json",
        }
        code = _CODES.get(status, grpc.StatusCode.INVALID_ARGUMENT)
        made = answers.status(code, messages[status], None)
        allow = "Allow: POST\r\n" if status == 405 else ""
        body = answers.status_body(made, request.answer_type)
        return status, body, _type(request.answer_type) + allow


class _Request:
    """What has come of a request so far."""

    __slots__ = ("header_bytes", "headers", "is_last", "method", "parts", "path", "problem", "size")

    def __init__(self, problem: int = 0) -> None:
        self.path = b""
        self.method = b""
        self.headers: dict[bytes, bytes] = {}
        self.header_bytes = 0
        self.parts: list[bytes] = []
        self.size = 0
        self.problem = problem
        self.is_last = False

    @property
    def content_type(self) -> str:
        """Give the type without parameters, in lower case."""
        text = self.headers.get(b"content-type", b"").decode("latin-1")
        return text.split(";", 1)[0].strip().lower()

    @property
    def answer_type(self) -> str:
        """Give the type of an answer: the request's, or protobuf's where that is none of ours."""
        return answers.JSON if self.content_type == answers.JSON else answers.PROTOBUF


def _type(name: str) -> str:
    return f"Content-Type: {name}\r\n"


async def open_http(
    settings: CollectorSettings, acceptor: Acceptor
) -> tuple[asyncio.Server, int, set[HttpDoor]]:
    """Start the door; give the server, its port and its open connections."""
    connections: set[HttpDoor] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpDoor(acceptor, settings, connections), settings.host, settings.http_port
    )
    return server, server.sockets[0].getsockname()[1], connections


async def drain(connections: set[HttpDoor], seconds: float) -> None:
    """Answer what has come whole, then close; after some seconds close all the same."""
    workers = [door.finish() for door in list(connections)]
    if workers:
        await asyncio.wait(workers, timeout=seconds)
    for door in list(connections):
        door.close()

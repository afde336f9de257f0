"""The HTTP door: transport and nothing else.

Takes    HTTP/1.1 POSTs to /v1/metrics, /v1/logs, /v1/traces, in protobuf or JSON; GET /healthz and
         /metrics; over TCP, TLS or a Unix socket
Gives    `accept()` the plain protobuf bytes, and its outcome as a status and a body in the
         request's encoding
Refuses  other paths (404), methods (405) and types (415), bodies over the limit (413), and whoever
         the gate does not know (401, 403) before a byte of the body is looked at
Never    waits for a slow sender: half a header or half a body is cut off after a while
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import httptools

from collector.otlp.admission.accept import Acceptor
from collector.otlp.admission.check import Content
from collector.otlp.admission.gate import Gate, Sender
from collector.otlp.doors import answers
from collector.otlp.doors.http_request import Request
from collector.otlp.doors.tls import names_of
from collector.otlp.wire.limits import plain
from collector.otlp.wire.otlp_json import to_protobuf
from meterbook.base.errors import MeterbookError, OverloadedError, TooLargeError
from meterbook.base.settings import CollectorSettings

TRANSPORT: Final = "http"
SIGNALS: Final = {b"/v1/metrics": "metrics", b"/v1/logs": "logs", b"/v1/traces": "traces"}
HEALTH: Final = b"/healthz"
PAGES: Final = b"/metrics"
MOST_HELD: Final = 256 * 1024 * 1024
"""Bytes of bodies that may be in memory at once, over all connections."""
READ_AHEAD: Final = 4
"""Requests of one connection that may wait; then it is not read on."""
SWEEP_SECONDS: Final = 0.5
REASONS: Final = {
    200: "OK",
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    503: "Service Unavailable",
}
Answer = tuple[int, bytes, str]
"""Status, body, header lines."""


@dataclass
class HttpState:
    """What all connections of the door share."""

    acceptor: Acceptor
    gate: Gate
    settings: CollectorSettings
    telemetry: Callable[[], tuple[str, bytes]]
    """Gives the type and the text of /metrics."""
    is_draining: bool = False
    held_bytes: int = 0
    """Of bodies that are coming in or wait for their turn."""
    connections: set["HttpDoor"] = field(default_factory=set)


class HttpDoor(asyncio.Protocol):
    """One connection. Requests on it are answered in order."""

    def __init__(self, state: HttpState) -> None:
        """Keep what is shared."""
        self._state = state
        self._limit = state.settings.max_request_bytes
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._names: Sequence[str] = ()
        self._queue: asyncio.Queue[Request | None] = asyncio.Queue()
        self._request = Request()
        self._is_broken = False
        self._is_working = False
        self._worker: asyncio.Task[None] | None = None
        self._clock = asyncio.get_running_loop().time
        self.deadline = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport  # type: ignore[assignment]  # TCP gives a full transport
        self._names = names_of(transport.get_extra_info("peercert"))
        self._state.connections.add(self)
        self._worker = asyncio.ensure_future(self._work())
        self._allow(self._state.settings.idle_seconds)

    def connection_lost(self, _exc: Exception | None) -> None:
        """End; what is being stored is stored all the same."""
        self._state.connections.discard(self)
        if not self._request.is_answered:
            self._let_go(self._request)
        self._queue.put_nowait(None)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._is_broken:
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError):
            self._is_broken = True  # whatever follows is not taken for a new request
            if not self._request.is_answered:
                self._request.fail(400)
                self._put(self._request)

    def on_message_begin(self) -> None:
        """Give the header its time."""
        self._request = Request()
        self._allow(self._state.settings.header_seconds)

    def on_url(self, url: bytes) -> None:
        """Take the path of a new request."""
        self._request.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._request.add_header(name, value)

    def on_headers_complete(self) -> None:
        """Look who it is and whether we want it, before the body comes."""
        request = self._request
        request.method = self._parser.get_method()
        request.signal = SIGNALS.get(request.path, "")
        self._allow(self._state.settings.body_seconds)
        self._admit(request)
        if request.is_refused:
            self._put(request)  # answered at once; what is still coming is read and thrown away
        elif request.headers.get(b"expect", b"").lower() == b"100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _admit(self, request: Request) -> None:
        """Note what is wrong with a request as far as its header tells."""
        if request.problem or not request.signal or request.method == b"OPTIONS":
            return
        if request.method != b"POST":
            request.problem = 405
        elif request.content_type not in {answers.JSON, answers.PROTOBUF}:
            request.problem = 415
        if request.problem:
            return
        try:
            tenant = self._state.gate.ingest(request.signal, request.authorization, self._names)
            request.sender = Sender(tenant, TRANSPORT)
        except MeterbookError as exc:
            request.error = exc
        if request.content_length > self._limit and request.error is None:
            self._too_large(request)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, up to the limit."""
        request = self._request
        if request.is_answered:
            return
        request.size += len(body)
        if request.size > self._limit:
            self._too_large(request)
            self._put(request)
            return
        if self._state.held_bytes + len(body) > MOST_HELD:
            self._let_go(request)
            request.error = OverloadedError("too many bodies are coming in at once")
            self._put(request)
            return
        self._state.held_bytes += len(body)
        request.parts.append(body)

    def _too_large(self, request: Request) -> None:
        """Refuse a body; the connection ends with it, so that its rest is never a new request."""
        self._let_go(request)
        request.error = TooLargeError(self._limit)
        request.is_last = True

    def _let_go(self, request: Request) -> None:
        """Forget what came of a body."""
        self._state.held_bytes -= sum(map(len, request.parts))
        request.parts.clear()

    def on_message_complete(self) -> None:
        """Hand the request on; the next one may be on its way."""
        request = self._request
        request.is_complete = True
        if not self._parser.should_keep_alive():
            request.is_last = True
        self._allow(self._state.settings.idle_seconds)
        if not request.is_answered:
            self._put(request)
        elif request.is_written and request.is_last:
            self.close()

    def close(self) -> None:
        """Close the connection when what is being answered has been."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()

    def sweep(self, now: float) -> None:
        """Cut the connection off when its time is up and nothing of it is being answered."""
        if now <= self.deadline or self._is_working or not self._queue.empty():
            return
        if self._transport is not None and self._transport.is_closing():
            self._transport.abort()  # it does not read our last answer
        self.close()

    def finish(self) -> "asyncio.Task[None]":
        """Take no more requests; the task is done when those that came are answered."""
        self._queue.put_nowait(None)
        assert self._worker is not None  # noqa: S101 - made with the connection
        return self._worker

    def _allow(self, seconds: float) -> None:
        self.deadline = self._clock() + seconds

    def _put(self, request: Request) -> None:
        request.is_answered = True
        self._queue.put_nowait(request)
        if self._queue.qsize() == READ_AHEAD and self._transport is not None:
            self._transport.pause_reading()

    async def _work(self) -> None:
        while (request := await self._queue.get()) is not None:
            self._is_working = True
            if self._queue.qsize() == READ_AHEAD - 1 and self._transport is not None:
                self._transport.resume_reading()
            answer = await self._answer(request)
            self._let_go(request)
            self._write(request, *answer)
            self._is_working = False
            if request.is_last and (request.is_complete or self._is_broken):
                self.close()
                return

    def _write(self, request: Request, status: int, body: bytes, headers: str) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        request.is_written = True
        self._allow(self._state.settings.idle_seconds)
        end = "Connection: close\r\n" if request.is_last else ""
        head = (
            f"HTTP/1.1 {status} {REASONS[status]}\r\n{headers}{self._cors(request)}"
            f"Content-Length: {len(body)}\r\n{end}\r\n"
        )
        self._transport.write(head.encode() + (b"" if request.method == b"HEAD" else body))

    def _cors(self, request: Request) -> str:
        allowed = self._state.settings.cors_origins
        origin = request.headers.get(b"origin", b"").decode("latin-1")
        if not allowed or not origin or not ({origin, "*"} & set(allowed)):
            return ""
        return f"Access-Control-Allow-Origin: {origin}\r\nVary: Origin\r\n"

    async def _answer(self, request: Request) -> Answer:
        """Give status, body and header lines for a request."""
        if request.problem:
            return self._problem(request, request.problem)
        if not request.signal:
            return self._other(request)
        if request.method == b"OPTIONS":
            return self._preflight(request)
        try:
            if request.error is not None:
                raise request.error
            found = await self._accepted(request)
        except MeterbookError as exc:
            self._state.acceptor.counters.refused(request.signal, TRANSPORT, exc)
            return self._refused(request, exc)
        if request.content_type == answers.JSON:
            return 200, answers.success_json(request.signal, found), _type(answers.JSON)
        return 200, answers.success(request.signal, found), _type(answers.PROTOBUF)

    async def _accepted(self, request: Request) -> Content:
        assert request.sender is not None  # noqa: S101 - the gate let it in
        acceptor, signal = self._state.acceptor, request.signal
        await acceptor.admit(signal, request.sender)
        encoding = request.headers.get(b"content-encoding", b"").decode("latin-1")
        body = b"".join(request.parts)
        self._let_go(request)
        body = plain(body, encoding, self._limit)
        if request.content_type == answers.JSON:
            body = to_protobuf(signal, body)
        return await acceptor.accept(signal, request.sender, body, request.idempotency)

    def _other(self, request: Request) -> Answer:
        """Answer what is no ingest: health, our own metrics, unknown paths."""
        if request.path not in {HEALTH, PAGES}:
            return self._problem(request, 404)
        if request.method not in {b"GET", b"HEAD"}:
            return self._problem(request, 405)
        if request.path == HEALTH:
            is_well = not self._state.is_draining and self._state.acceptor.room != "full"
            word = b"ok" if is_well else b"draining" if self._state.is_draining else b"full"
            return 200 if is_well else 503, b'{"status":"%s"}' % word, _type(answers.JSON)
        try:
            self._state.gate.read(request.authorization, self._names)
        except MeterbookError as exc:
            return self._refused(request, exc)
        kind, text = self._state.telemetry()
        return 200, text, _type(kind)

    def _preflight(self, request: Request) -> Answer:
        if not self._cors(request):
            return self._problem(request, 405)
        asked = request.headers.get(b"access-control-request-headers", b"").decode("latin-1")
        lines = "Access-Control-Allow-Methods: POST\r\nAccess-Control-Max-Age: 7200\r\n"
        return 204, b"", f"{lines}Access-Control-Allow-Headers: {asked}\r\n"

    def _refused(self, request: Request, error: MeterbookError) -> Answer:
        retry = answers.retry_seconds(error)
        made = answers.status(answers.grpc_code(error), str(error), retry)
        headers = _type(request.answer_type)
        if retry is not None:
            headers += f"Retry-After: {retry}\r\n"
        status = answers.http_status(error)
        if status == 401:
            headers += "WWW-Authenticate: Bearer\r\n"
        return status, answers.status_body(made, request.answer_type), headers

    @staticmethod
    def _problem(request: Request, status: int) -> Answer:
        messages = {
            400: "this is no HTTP request that we read",
            404: "no such path; want /v1/metrics, /v1/logs or /v1/traces",
            405: "want POST" if request.signal else "want GET",
            415: "Content-Type: want application/x-protobuf or application/json",
        }
        made = answers.status(answers.HTTP_CODES[status], messages[status], None)
        allow = f"Allow: {'POST' if request.signal else 'GET'}\r\n" if status == 405 else ""
        body = answers.status_body(made, request.answer_type)
        return status, body, _type(request.answer_type) + allow


def _type(name: str) -> str:
    return f"Content-Type: {name}\r\n"


async def listen(state: HttpState, context: ssl.SSLContext | None) -> asyncio.Server:
    """Open the TCP port."""
    return await asyncio.get_running_loop().create_server(
        lambda: HttpDoor(state), state.settings.host, state.settings.http_port, ssl=context
    )


async def listen_at(state: HttpState, path: str) -> asyncio.Server:
    """Open a Unix socket; who may write to its file may come in."""
    return await asyncio.get_running_loop().create_unix_server(lambda: HttpDoor(state), path)


async def renew(
    state: HttpState, server: asyncio.Server, context: ssl.SSLContext
) -> asyncio.Server:
    """Take up new certificates: the same socket, listened on by a server with another context.

    The kernel keeps who connects in between; connections that are open go on.
    """
    listening = [part.dup() for part in server.sockets]
    server.close()
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_server(lambda: HttpDoor(state), sock=s, ssl=context) for s in listening
    ]
    return made[0]


async def sweep(state: HttpState) -> None:
    """Cut off who is too slow, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        now = loop.time()
        for door in list(state.connections):
            door.sweep(now)


async def drain(state: HttpState, seconds: float) -> None:
    """Answer what has come whole, then close; after some seconds close all the same."""
    workers = [door.finish() for door in list(state.connections)]
    if workers:
        await asyncio.wait(workers, timeout=seconds)
    for door in list(state.connections):
        with contextlib.suppress(RuntimeError):
            door.close()

"""The HTTP door without a socket: limits of bodies and time, to the byte and the second."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from collector.otlp.admission.check import Content
from collector.otlp.admission.counters import Counters
from collector.otlp.admission.gate import Gate
from collector.otlp.admission.tokens import TokenBook
from collector.otlp.doors import http_door
from collector.otlp.doors.http_door import HttpDoor, HttpState
from meterbook.base.settings import CollectorSettings


class Accepted:
    """Stands where requests come in; keeps what it was given."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.bodies: list[tuple[str, bytes]] = []
        self.counters = Counters({})
        self.room = "ok"

    async def admit(self, signal: str, sender: object) -> None:
        """Let everybody in."""

    async def accept(self, signal: str, _sender: object, body: bytes, _key: str = "") -> Content:
        """Keep a body."""
        self.bodies.append((signal, body))
        return Content(1)


class Wire(asyncio.Transport):
    """A connection's other end."""

    def __init__(self) -> None:
        """Begin open, with nothing sent."""
        super().__init__()
        self.sent = b""
        self.closed = self.aborted = False
        self.is_reading_paused = False

    def write(self, data: bytes) -> None:  # type: ignore[override] # bytes are all it gets
        """Keep what is sent."""
        self.sent += data

    def is_closing(self) -> bool:
        """Tell whether it was closed."""
        return self.closed

    def close(self) -> None:
        """Close."""
        self.closed = True

    def abort(self) -> None:
        """Close at once."""
        self.aborted = True

    def pause_reading(self) -> None:
        """Read no further."""
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        """Read on."""
        self.is_reading_paused = False

    @property
    def statuses(self) -> list[int]:
        """Give the status of each answer."""
        return [int(part[:3]) for part in self.sent.split(b"HTTP/1.1 ")[1:]]


class Opened:
    """A door with a connection, for one test."""

    def __init__(self, path, **settings: object) -> None:
        """Open it."""
        self.accepted = Accepted()
        self.state = HttpState(
            acceptor=self.accepted,  # type: ignore[arg-type] # stands in for it
            gate=Gate("none", TokenBook(path), lambda: None),  # type: ignore[arg-type,return-value] # asks nobody
            settings=CollectorSettings(**settings),  # type: ignore[arg-type] # of any kind
            telemetry=lambda: ("text/plain", b"up 1"),
        )
        self.wire = Wire()
        self.door = HttpDoor(self.state)
        self.door.connection_made(self.wire)

    async def send(self, *data: bytes) -> None:
        """Let bytes come in, and what they set off happen."""
        for part in data:
            self.door.data_received(part)
        for _ in range(20):
            await asyncio.sleep(0)


def post(body: bytes, path: str = "/v1/logs", method: str = "POST", **headers: str) -> bytes:
    """Give a request."""
    named = {"Content-Type": "application/x-protobuf", "Content-Length": str(len(body))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"{method} {path} HTTP/1.1\r\nHost: h\r\n{lines}\r\n".encode() + body


def chunked(*parts: bytes) -> bytes:
    """Give a request whose length nobody tells before."""
    head = b"POST /v1/logs HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-protobuf\r\n"
    body = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in (*parts, b""))
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + body


def run(tmp_path, act: Callable[[Opened], Awaitable[None]], **settings: object) -> Opened:
    """Open a door, act, and close it."""

    async def whole() -> Opened:
        opened = Opened(tmp_path / "tokens.json", **settings)
        await act(opened)
        opened.door.connection_lost(None)
        await asyncio.sleep(0)
        return opened

    return asyncio.run(whole())


@pytest.mark.parametrize("form", [post, chunked])
def test_a_body_of_just_the_limit_is_taken(tmp_path, form):
    """With its length told before or not; a byte more is 413 and ends the connection."""

    async def act(opened: Opened) -> None:
        await opened.send(form(b"a" * 100))
        assert not opened.wire.closed
        await opened.send(form(b"b" * 101))

    opened = run(tmp_path, act, max_request_bytes=100)

    assert opened.wire.statuses == [200, 413]
    assert opened.accepted.bodies == [("logs", b"a" * 100)]
    assert opened.wire.closed
    assert opened.state.held_bytes == 0


@pytest.mark.parametrize(("size", "status"), [(40, 200), (41, 503)])
def test_bodies_in_memory_may_be_just_as_many_as_allowed(tmp_path, monkeypatch, size, status):
    """60 bytes of 100 are held elsewhere: 40 more fit, 41 do not; what was held is let go."""
    monkeypatch.setattr(http_door, "MOST_HELD", 100)

    async def act(opened: Opened) -> None:
        opened.state.held_bytes = 60
        await opened.send(chunked(b"a" * 30, b"a" * (size - 30)))

    opened = run(tmp_path, act)

    assert opened.wire.statuses == [status]
    assert opened.state.held_bytes == 60
    assert len(opened.accepted.bodies) == (status == 200)


@pytest.mark.parametrize(("late", "is_cut"), [(0.0, False), (0.1, True)])
def test_a_connection_is_cut_when_its_time_is_over(tmp_path, late, is_cut):
    """At its deadline it still has its time; a moment later it has not."""

    async def act(opened: Opened) -> None:
        opened.door.sweep(opened.door.deadline + late)

    assert run(tmp_path, act).wire.closed == is_cut


def test_each_part_of_a_request_has_its_own_time(tmp_path):
    """Idle, header, body: the deadline is that of what is waited for now."""
    left: list[float] = []

    async def act(opened: Opened) -> None:
        loop = asyncio.get_running_loop()
        whole = post(b"abc")
        for part in (b"", whole[:20], whole[20:-1], whole[-1:]):
            await opened.send(part)
            left.append(round(opened.door.deadline - loop.time()))

    run(tmp_path, act, idle_seconds=500, header_seconds=100, body_seconds=300)

    assert left == [500, 100, 300, 500]


def test_a_connection_that_was_closed_and_does_not_go_is_aborted(tmp_path):
    """It does not read our last answer."""

    async def act(opened: Opened) -> None:
        opened.wire.closed = True
        opened.door.sweep(opened.door.deadline + 1)

    assert run(tmp_path, act).wire.aborted


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (post(b"", "/v1/none"), 404),
        (post(b"", method="PUT"), 405),
        (post(b"", Content_Type="text/plain"), 415),
        (post(b"", "/healthz", "GET"), 200),
        (post(b"", "/healthz", "PUT"), 405),
        (post(b"", "/metrics", "GET"), 200),
        (post(b"", method="OPTIONS"), 405),
        (post(b"x", Content_Encoding="br"), 400),
        (b"no http at all\r\n\r\n", 400),
    ],
)
def test_what_is_no_post_of_a_signal_has_its_status(tmp_path, given, status):
    """Whatever is wrong with its form."""

    async def act(opened: Opened) -> None:
        await opened.send(given)

    assert run(tmp_path, act).wire.statuses == [status]


def test_health_says_how_we_are(tmp_path):
    """Well while it sheds; not while the disk is full or the end is near."""

    async def act(opened: Opened) -> None:
        for room, is_draining in (("ok", False), ("shed", False), ("full", False), ("ok", True)):
            opened.accepted.room, opened.state.is_draining = room, is_draining
            await opened.send(post(b"", "/healthz", "GET"))

    opened = run(tmp_path, act)

    assert opened.wire.statuses == [200, 200, 503, 503]
    words = [
        json.loads(part.split(b"\r\n\r\n")[-1]) for part in opened.wire.sent.split(b"HTTP")[1:]
    ]
    assert [word["status"] for word in words] == ["ok", "ok", "full", "draining"]


def test_a_sender_is_not_read_on_while_four_of_its_requests_wait(tmp_path):
    """Then it is read on; all are answered in their order."""
    paused: list[bool] = []

    async def act(opened: Opened) -> None:
        for number in range(4):
            opened.door.data_received(post(b"%d" % number))
            paused.append(opened.wire.is_reading_paused)
        await opened.send()
        paused.append(opened.wire.is_reading_paused)

    opened = run(tmp_path, act)

    assert paused == [False, False, False, True, False]
    assert opened.accepted.bodies == [("logs", b"%d" % n) for n in range(4)]


def test_a_connection_that_goes_in_mid_body_lets_its_bytes_go(tmp_path):
    """What came of a body is no longer held."""

    async def act(opened: Opened) -> None:
        await opened.send(post(b"a" * 50)[:-10])
        assert opened.state.held_bytes == 40

    opened = run(tmp_path, act)

    assert opened.state.held_bytes == 0
    assert opened.state.connections == set()


def test_who_asks_whether_to_go_on_is_answered(tmp_path):
    """100 Continue before the body, where the header is no reason to refuse it."""

    async def act(opened: Opened) -> None:
        await opened.send(post(b"abc", Expect="100-Continue")[:-3])

    assert run(tmp_path, act).wire.sent == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    ("origins", "origin", "is_let_in"),
    [
        ((), "https://a", False),
        (("https://a",), "https://a", True),
        (("https://a",), "https://b", False),
        (("*",), "https://b", True),
        (("*",), "", False),
    ],
)
def test_browsers_of_named_origins_may_ask(tmp_path, origins, origin, is_let_in):
    """Who names no origin is no browser."""

    async def act(opened: Opened) -> None:
        headers = {"Origin": origin} if origin else {}
        await opened.send(post(b"", method="OPTIONS", **headers))

    opened = run(tmp_path, act, cors_origins=origins)

    assert opened.wire.statuses == [204 if is_let_in else 405]
    assert (b"Access-Control-Allow-Origin" in opened.wire.sent) == is_let_in

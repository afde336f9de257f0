"""Senders that mean harm, or are many: memory stays bounded and honest senders are served."""

import concurrent.futures
import contextlib
import gzip
import socket
import time
import zlib
from collections.abc import Callable
from typing import Any

import grpc
import polars as pl
import pytest
import zstandard

from tests.collector.otlp.protobuf import field

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
HOUR = 1_767_225_600_000_000_000  # 2026-01-01 00:00 UTC
MOST = 300_000_000
"""Bytes by which memory may grow whatever is sent."""


@pytest.fixture(scope="module")
def guarded(launch):
    """Give one that asks for a token."""
    return launch(auth="token")


def _packed(encoding: str, size: int) -> bytes:
    """Give zeros, compressed bit by bit: the test itself is not to need the memory."""
    packer: Any = {
        "gzip": lambda: zlib.compressobj(9, zlib.DEFLATED, 31),
        "deflate": lambda: zlib.compressobj(9),
        "zstd": lambda: zstandard.ZstdCompressor().compressobj(),
    }[encoding]()
    part = bytes(MIB)
    return b"".join(packer.compress(part) for _ in range(size // MIB)) + bytes(packer.flush())


def _deep_value(depth: int) -> bytes:
    """Give a point whose attribute holds a list in a list in a list..."""
    value = b""
    for _ in range(depth):
        value = field(5, field(1, value))
    attribute = field(7, field(1, b"k") + field(2, value))
    point = b"\x19" + HOUR.to_bytes(8, "little") + b"\x21" + bytes(8) + attribute
    metric = field(1, b"deep") + field(5, field(1, point))
    return field(1, field(2, field(2, metric)))


def _serves(peer, batches, name: str) -> float:
    """Give how many seconds an honest request takes."""
    begun = time.monotonic()
    assert peer.post(batches.protobuf("metrics", name)).status == 200
    return time.monotonic() - begun


def _endured(running, batches, attack: Callable[[], int]) -> int:
    """Give the status of an attack that cost little memory and left the collector in health."""
    peer = running.as_peer()
    _serves(peer, batches, "before")
    before = running.forget_peak()
    status = attack()
    assert running.peak() - before < MOST
    assert _serves(peer, batches, "after") < 1
    return status


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("size", [300 * MIB, 1024 * MIB], ids=["300MiB", "1GiB"])
def test_bombs(shared, batches, encoding, size):
    """What unpacks to far more than the limit is 413."""
    bomb = _packed(encoding, size)
    peer = shared.as_peer()

    def attack() -> int:
        return int(peer.post(bomb, Content_Encoding=encoding).status)

    assert _endured(shared, batches, attack) == 413


@pytest.mark.slow
def test_a_bomb_in_many_members(shared, batches):
    """Each member of the gzip is small; together they are over the limit."""
    bomb = gzip.compress(bytes(MIB)) * 1000
    peer = shared.as_peer()
    status = _endured(shared, batches, lambda: int(peer.post(bomb, Content_Encoding="gzip").status))
    assert status == 413


@pytest.mark.slow
@pytest.mark.parametrize("many", ["resources", "scopes", "metrics", "points"])
def test_sixteen_megabytes_of_empty_messages(shared, batches, many):
    """Eight million messages of two bytes are refused before they are parsed."""
    tag = {"resources": b"\x0a", "scopes": b"\x12", "metrics": b"\x12", "points": b"\x0a"}[many]
    inner = (tag + b"\x00") * (8 * MIB - 64)
    if many == "points":
        inner = field(2, field(2, field(1, b"m") + field(5, inner)))
    elif many == "metrics":
        inner = field(2, inner)
    body = inner if many == "resources" else field(1, inner)
    peer = shared.as_peer()

    assert _endured(shared, batches, lambda: int(peer.post(body).status)) == 400


@pytest.mark.slow
def test_empty_messages_over_grpc(shared, batches):
    """The same over the other door."""
    body = b"\x0a\x00" * (8 * MIB - 64)
    peer = shared.as_peer()

    def attack() -> int:
        return int(peer.refusal(body).code().value[0])

    assert _endured(shared, batches, attack) == grpc.StatusCode.INVALID_ARGUMENT.value[0]


def test_json_nested_five_thousand_deep(running, batches):
    """Refused, and the decoder lives on."""
    value = b'{"arrayValue":{"values":[' * 5000 + b"]}}" * 5000
    body = b'{"resourceMetrics":[{"resource":{"attributes":[{"key":"k","value":' + value + b"}]}}]}"
    peer = running.as_peer()

    status = _endured(running, batches, lambda: int(peer.post(body, kind=JSON).status))

    assert status == 400
    assert peer.points("after") == [1.5]


def test_protobuf_nested_five_thousand_deep(running, batches):
    """Refused, and the decoder lives on."""
    peer = running.as_peer()

    status = _endured(running, batches, lambda: int(peer.post(_deep_value(5000)).status))

    assert status == 400
    assert peer.points("after") == [1.5]


def _head(length: int, *more: str) -> bytes:
    lines = [f"Content-Type: {PROTOBUF}", f"Content-Length: {length}", *more]
    return ("POST /v1/metrics HTTP/1.1\r\nHost: h\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode()


def _all(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            answer += part
    return answer


def test_a_content_length_that_is_too_small(shared, batches):
    """What follows the body is no request: it is refused, and the connection ends."""
    body = batches.protobuf("metrics", "short")
    with shared.as_peer().socket() as connection:
        connection.sendall(_head(len(body)) + body + b"\x00\x01\x02 rest\r\n\r\n")
        statuses = [part[:3] for part in _all(connection).split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"400"]


@pytest.mark.parametrize(
    "more",
    [("Content-Length: 5",), ("Transfer-Encoding: chunked",), ("Transfer-Encoding: x",)],
    ids=["two lengths", "length and chunks", "unknown coding"],
)
def test_a_body_of_two_lengths_is_refused(shared, batches, more):
    """The beginning of a second request must not depend on who reads the header."""
    body = batches.protobuf("metrics", "smuggled")
    with shared.as_peer().socket() as connection:
        connection.sendall(_head(len(body), *more) + body)
        connection.shutdown(socket.SHUT_WR)
        statuses = [part[:3] for part in _all(connection).split(b"HTTP/1.1 ")[1:]]
    assert b"200" not in statuses


@pytest.mark.parametrize(
    "target",
    [
        "//v1/metrics",
        "/v1/metrics/",
        "/v1/metrics/../metrics",
        "/v1/%2e%2e/v1/metrics",
        "/v1/%6detrics",
        "/V1/METRICS",
        "/v1/metrics;x=1",
        "/metrics/v1/metrics",
    ],
)
def test_paths_are_taken_as_they_are(guarded, batches, target):
    """No trick of paths leads past the token: it is 404, or 401 where the path is right."""
    peer = guarded.as_peer()
    named = {"Content-Type": PROTOBUF, "X-HTTP-Method-Override": "GET"}
    body = batches.protobuf("metrics", "path")

    assert peer.ask("POST", target, body, named).status == 404
    assert peer.ask("POST", "/v1/metrics", body, named).status == 401
    absolute = f"http://127.0.0.1:{peer.http_port}/v1/metrics"
    assert peer.ask("POST", absolute, body, named).status in {401, 404}
    assert peer.ask("GET", "/metrics", None, named).status == 401


@pytest.mark.slow
def test_slow_senders_are_cut_off(start, batches):
    """Nothing at all, a header and a body at a byte a second: cut in time, others are served."""
    peer = start(header_seconds=2.0, body_seconds=2.0, idle_seconds=2.0).as_peer()
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        idle, header, body = (stack.enter_context(peer.socket()) for _ in range(3))
        more = [stack.enter_context(peer.socket()) for _ in range(197)]
        body.sendall(_head(1000))
        slowly = iter(b"POST /v1/metrics HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 100)
        cut: dict[socket.socket, float] = {}
        while len(cut) < 3 and time.monotonic() - begun < 20:
            for one in {header, body} - set(cut):
                with contextlib.suppress(OSError):
                    one.sendall(bytes([next(slowly)]) if one is header else b"\x0a")
            assert _serves(peer, batches, "honest") < 1
            for one in {idle, header, body} - set(cut):
                one.settimeout(0.3)
                with contextlib.suppress(TimeoutError):
                    assert _all(one) == b""
                    cut[one] = time.monotonic() - begun
        assert len(cut) == 3
        assert max(cut.values()) < 10
        assert all(_all(one) == b"" for one in more)


CONNECTIONS = (700, 300)
EACH = 4


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_thousand_connections_over_both_doors(running, batches):
    """700 of HTTP and 300 of gRPC, all open at once: all are answered, all of it is stored."""
    peer = running.as_peer()
    names = [[f"c{n}.{k}" for k in range(EACH)] for n in range(sum(CONNECTIONS))]
    with contextlib.ExitStack() as stack:
        https = [stack.enter_context(contextlib.closing(peer.connect())) for _ in range(700)]
        for one in https:
            one.connect()
        calls: list[Any] = [
            stack.enter_context(peer.channel()).unary_unary(
                "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
            )
            for _ in range(300)
        ]

        def over_http(at: int) -> list[int]:
            found = []
            for name in names[at]:
                body = batches.protobuf("metrics", name)
                https[at].request("POST", "/v1/metrics", body, {"Content-Type": PROTOBUF})
                answer = https[at].getresponse()
                answer.read()
                found.append(answer.status)
            return found

        def over_grpc(at: int) -> list[bytes]:
            call = calls[at - 700]
            return [call(batches.protobuf("metrics", name), timeout=60) for name in names[at]]

        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            http_answers = pool.map(over_http, range(700))
            grpc_answers = pool.map(over_grpc, range(700, 1000))
            assert list(http_answers) == [[200] * EACH] * 700
            assert list(grpc_answers) == [[b""] * EACH] * 300

    named = peer.lake("raw_series").select("series_id", "metric_name").unique("series_id")
    active = peer.lake("raw_activity").join(named, on="series_id", how="left", validate="m:1")
    stored = active.group_by("metric_name").agg(pl.col("point_count").sum())
    assert dict(stored.rows()) == {name: 1 for some in names for name in some}

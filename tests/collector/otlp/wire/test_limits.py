"""Bounds on a body: how far it may unpack, how many items it may hold, to the byte and the item."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard

from collector.otlp.wire.limits import COUNTED_FROM_BYTES, count_items, plain
from meterbook.base.errors import TooLargeError, UndecodableError
from tests.collector.otlp.protobuf import field, varint

KIB_256 = 262_144
UNKNOWN = 100
"""A field that no message of a request has."""


def padded(body: bytes, size: int = KIB_256) -> bytes:
    """Add an unknown field, so that the body is just so long."""
    behind = field(UNKNOWN, bytes(size - len(body)))
    extra = len(behind) - (size - len(body))
    return body + field(UNKNOWN, bytes(size - len(body) - extra))


def metrics(points: int, data: int = 5) -> bytes:
    """Give a request of one metric with so many empty points of a kind of data."""
    return field(1, field(2, field(2, field(1, b"m") + field(data, field(1, b"") * points))))


def records(count: int) -> bytes:
    """Give a request of one scope with so many empty log records, or spans."""
    return field(1, field(2, field(2, b"") * count))


BODIES: list[tuple[str, Callable[[int], bytes]]] = [
    ("logs", records),
    ("traces", records),
    *(("metrics", lambda count, data=data: metrics(count, data)) for data in (5, 7, 9, 10, 11)),
]


@pytest.mark.parametrize(("signal", "body"), BODIES)
def test_as_many_items_as_the_limit_are_taken(signal: str, body: Callable[[int], bytes]) -> None:
    """Ten of ten pass, eleven do not: of gauges, sums, both histograms and summaries alike."""
    count_items(signal, padded(body(10)), 10)

    with pytest.raises(UndecodableError, match="more than 10 items in one request"):
        count_items(signal, padded(body(11)), 10)


@pytest.mark.parametrize(
    "inside",
    [
        lambda count: field(1, b"") * count,
        lambda count: field(1, field(2, b"") * count),
        lambda count: field(1, field(2, field(2, b"") * count)),
    ],
    ids=["resources", "scopes", "metrics"],
)
def test_messages_around_the_items_count_too(inside: Callable[[int], bytes]) -> None:
    """Millions of empty resources hold no point and cost as much."""
    count_items("metrics", padded(inside(10)), 10)

    with pytest.raises(UndecodableError, match="more than 10 resources, scopes or metrics"):
        count_items("metrics", padded(inside(11)), 10)


def test_too_many_are_refused_before_the_rest_is_looked_at() -> None:
    """Whatever stands behind them, no protobuf at all too; so long a look is what is saved."""
    with pytest.raises(UndecodableError, match="more than 10"):
        count_items("logs", padded(field(1, b"") * 11) + b"\xff", 10)


def test_items_of_all_resources_are_counted_together() -> None:
    """Six and five are eleven."""
    six, five = records(6), records(5)

    count_items("logs", padded(six + records(4)), 10)

    with pytest.raises(UndecodableError, match="more than 10 items"):
        count_items("logs", padded(six + five), 10)


def test_bodies_from_256_kib_on_are_counted() -> None:
    """One byte less cannot hold enough to hurt, and is left to the parser."""
    body = records(11)
    assert COUNTED_FROM_BYTES == KIB_256

    count_items("logs", padded(body, KIB_256 - 1), 10)

    with pytest.raises(UndecodableError):
        count_items("logs", padded(body, KIB_256), 10)


def tagged(number: int, kind: int, body: bytes) -> bytes:
    """Give a field of any wire type."""
    return varint(number << 3 | kind) + body


@pytest.mark.parametrize(
    "other",
    [
        tagged(1, 0, varint(300)),
        tagged(1, 1, b"\xff" * 8),
        tagged(1, 5, b"\xff" * 4),
        tagged(1, 0, b"\xff" * 9 + b"\x01"),
        field(3, records(99)),
        tagged(2**28, 0, b"\x7f"),
    ],
    ids=["varint", "fixed64", "fixed32", "longest varint", "other message", "long tag"],
)
def test_other_fields_are_passed_over(other: bytes) -> None:
    """Of whatever type and length: what stands behind them is counted."""
    count_items("logs", padded(other + records(10)), 10)

    with pytest.raises(UndecodableError):
        count_items("logs", padded(other + records(11)), 10)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body + tagged(1, 3, b""),
        lambda body: body + b"\xff",
        lambda body: body + varint(UNKNOWN << 3 | 2) + varint(9) + bytes(8),
        lambda body: b"\x08" + b"\xff" * 10 + b"\x01" + body,
    ],
    ids=["group", "cut varint", "cut field", "endless varint"],
)
def test_what_is_no_protobuf_is_left_to_the_parser(spoil: Callable[[bytes], bytes]) -> None:
    """Its words are better; the items of such a body do not matter."""
    count_items("metrics", spoil(padded(metrics(11) * 2)), 10)


def test_the_longest_number_has_ten_bytes() -> None:
    """Nine bytes bear 63 bits, the tenth the last one; an eleventh is none."""
    ten, eleven = (b"\x08" + b"\xff" * count + b"\x01" for count in (9, 10))

    with pytest.raises(UndecodableError):
        count_items("logs", padded(ten + records(11)), 10)
    count_items("logs", padded(eleven + records(11)), 10)


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("encoding", PACKED)
def test_a_body_may_unpack_to_just_the_limit(encoding: str) -> None:
    """A thousand bytes of a thousand are read, one more is too large."""
    body = b"a" * 999 + b"b"

    assert plain(PACKED[encoding](body), f" {encoding.upper()} ", 1000) == body

    with pytest.raises(TooLargeError):
        plain(PACKED[encoding](body + b"c"), encoding, 1000)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_members_share_one_limit(encoding: str) -> None:
    """Two of 500 are a thousand; 500 and 501 are too large."""
    pack = PACKED[encoding]
    first, second = b"a" * 500, b"b" * 500

    assert plain(pack(first) + pack(second), encoding, 1000) == first + second

    with pytest.raises(TooLargeError):
        plain(pack(first) + pack(second + b"c"), encoding, 1000)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_behind_a_body_of_the_limit_takes_no_memory(encoding: str) -> None:
    """Where nothing is left one byte more is enough to know: 64 MiB are not unpacked for it."""
    body = PACKED[encoding](bytes(1000)) + PACKED[encoding](bytes(64 * 1024 * 1024))
    tracemalloc.start()

    with pytest.raises(TooLargeError):
        plain(body, encoding, 1000)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1024 * 1024


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_what_is_not_what_it_says_is_refused(encoding: str) -> None:
    """No such stream at all, one with other bytes behind it, one that ends too early."""
    packed = PACKED[encoding](bytes(range(250)))

    for body in (b"plain text", packed + b"plain text"):
        with pytest.raises(UndecodableError, match="is not what Content-Encoding says"):
            plain(body, encoding, 1000)
    if encoding != "zstd":
        with pytest.raises(UndecodableError, match="ends too early"):
            plain(packed[:-1], encoding, 1000)


def test_a_piece_of_a_frame_header_is_no_zstd() -> None:
    """Three bytes of its four are no frame; a frame of nothing is nothing."""
    with pytest.raises(UndecodableError, match="no zstd frame"):
        plain(zstandard.FRAME_HEADER[:3], "zstd", 1000)

    assert plain(PACKED["zstd"](b""), "zstd", 1000) == b""


@pytest.mark.parametrize("encoding", PACKED)
def test_no_bytes_are_an_empty_body(encoding: str) -> None:
    """Whatever they are said to be."""
    assert plain(b"", encoding, 1000) == b""


def test_an_unknown_encoding_is_named() -> None:
    """Up to forty characters of it, and what is read instead."""
    with pytest.raises(UndecodableError) as caught:
        plain(b"", "b" * 41, 1000)

    assert str(caught.value) == (
        f"Content-Encoding '{'b' * 40}' is not read; want gzip, zstd, deflate or identity"
    )


@pytest.mark.parametrize(("window_log", "is_read"), [(23, True), (24, False)])
def test_a_zstd_window_of_8_mib_is_the_greatest(window_log: int, is_read) -> None:
    """What a frame asks for before its first byte is bounded too: 2 ** 23 bytes."""
    terms = zstandard.ZstdCompressionParameters(window_log=window_log)
    packer = zstandard.ZstdCompressor(compression_params=terms).compressobj()
    packed = packer.compress(b"a") + packer.flush()

    try:
        found = plain(packed, "zstd", 1000)
    except UndecodableError:
        found = b""
    assert found == (b"a" if is_read else b"")

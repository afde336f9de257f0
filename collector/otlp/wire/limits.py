"""Bounds on a body: how far it may unpack, and how many messages it may hold.

Takes    a body, its Content-Encoding, the limits
Gives    the plain bytes
Refuses  unknown encodings and broken streams (UndecodableError), too much (TooLargeError)
Never    unpacks beyond the limit, whatever the body claims, and never parses millions of messages
         to find that they are empty: they are counted on the wire first
"""

import io
import zlib
from typing import Final

import zstandard

from meterbook.base.errors import TooLargeError, UndecodableError

GZIP: Final = 31
ZLIB: Final = 15
ZSTD_WINDOW: Final = 8 * 1024 * 1024
ENCODINGS: Final = "gzip, zstd, deflate or identity"
COUNTED_FROM_BYTES: Final = 256 * 1024
"""A smaller body cannot hold enough empty messages to hurt: 131,072 at 2 bytes each."""

# The fields that lead to the items of a request, from the outside: points, records, spans
_DATA: Final = frozenset({5, 7, 9, 10, 11})
_PATHS: Final = {
    "metrics": (frozenset({1}), frozenset({2}), frozenset({2}), _DATA, frozenset({1})),
    "logs": (frozenset({1}), frozenset({2}), frozenset({2})),
    "traces": (frozenset({1}), frozenset({2}), frozenset({2})),
}


def plain(body: bytes, encoding: str, limit: int) -> bytes:
    """Give the plain body. `encoding` is that of the header, in any case."""
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        if len(body) > limit:
            raise TooLargeError(limit)
        return body
    if name in {"gzip", "x-gzip"}:
        return _inflated(body, GZIP, limit)
    if name == "deflate":
        return _inflated(body, ZLIB, limit)
    if name == "zstd":
        return _unzstd(body, limit)
    raise UndecodableError(f"Content-Encoding '{name[:40]}' is not read; want {ENCODINGS}")


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    """Inflate member after member against one limit; anything behind the last is refused."""
    parts: list[bytes] = []
    left = limit
    while body:
        member = zlib.decompressobj(window)
        try:
            part = member.decompress(body, left + 1)
        except zlib.error as exc:
            raise UndecodableError(f"the body is not what Content-Encoding says: {exc}") from None
        left -= len(part)
        if left < 0 or member.unconsumed_tail:
            raise TooLargeError(limit)
        if not member.eof:
            raise UndecodableError("the compressed body ends too early")
        parts.append(part)
        body = member.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _unzstd(body: bytes, limit: int) -> bytes:
    """Unpack by the stream reader: the one-shot call believes the size that a frame declares."""
    unpacker = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    try:
        with unpacker.stream_reader(io.BytesIO(body), read_across_frames=True) as stream:
            found = stream.read(limit + 1)
    except zstandard.ZstdError as exc:
        raise UndecodableError(f"the body is not what Content-Encoding says: {exc}") from None
    if len(found) > limit:
        raise TooLargeError(limit)
    if body and not found and not body.startswith(zstandard.FRAME_HEADER):
        raise UndecodableError("the body is not what Content-Encoding says: no zstd frame")
    return found


def count_items(signal: str, body: bytes, limit: int) -> None:
    """Refuse a large body of more items than the limit before it is parsed.

    Only the messages around the items are looked into; a body that is no protobuf is left to the
    parser, whose words are better.
    """
    if len(body) < COUNTED_FROM_BYTES:
        return
    path = _PATHS[signal]
    spans = [(0, len(body))]
    for depth, numbers in enumerate(path):
        found: list[tuple[int, int]] = []
        for start, end in spans:
            if not _collect(body, start, end, numbers, found, limit):
                return
            if len(found) > limit:
                what = "items" if depth == len(path) - 1 else "resources, scopes or metrics"
                raise UndecodableError(
                    f"more than {limit} {what} in one request: send smaller batches"
                )
        spans = found


def _collect(  # noqa: PLR0913, PLR0917 - a scan in place, without objects
    body: bytes,
    at: int,
    end: int,
    numbers: frozenset[int],
    found: list[tuple[int, int]],
    most: int,
) -> bool:
    """Add the stretches of the wanted messages; False when this is no protobuf."""
    try:
        while at < end:
            tag, at = _varint(body, at)
            kind = tag & 7
            if kind == 2:
                length, at = _varint(body, at)
                if tag >> 3 in numbers:
                    found.append((at, at + length))
                    if len(found) > most:
                        return True
                at += length
            elif kind == 0:
                _, at = _varint(body, at)
            elif kind in {1, 5}:
                at += 8 if kind == 1 else 4
            else:
                return False
    except IndexError:
        return False
    return at == end


def _varint(body: bytes, at: int) -> tuple[int, int]:
    result = body[at]
    at += 1
    if result < 128:
        return result, at
    result &= 127
    shift = 7
    while True:
        byte = body[at]
        at += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return result, at
        shift += 7
        if shift > 63:
            raise IndexError

"""Decompression with a bound: no body grows beyond the limit, whatever it claims.

Takes    a body, its Content-Encoding, the limit
Gives    the plain bytes
Refuses  unknown encodings and broken streams (UndecodableError), too much (TooLargeError)
"""

import zlib
from typing import Final

from meterbook.errors import TooLargeError, UndecodableError

GZIP: Final = 31
ZLIB: Final = 15


def plain(body: bytes, encoding: str, limit: int) -> bytes:
    """Give the plain body. `encoding` is that of the header, in any case."""
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        if len(body) > limit:
            raise TooLargeError(limit)
        return body
    if name == "gzip":
        return _inflated(body, GZIP, limit)
    if name == "deflate":
        return _inflated(body, ZLIB, limit)
    raise UndecodableError(f"Content-Encoding '{name}' is not read; want gzip, deflate or identity")


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
    return b"".join(parts)

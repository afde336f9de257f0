"""Attributes, decoded once per distinct byte string.

Takes    the bytes of a KeyValue, a Resource, a Scope or an AnyValue
Gives    typed attributes `{key, type, value}` sorted by key, as raw_series keeps them
Holds    two encodings of the same attributes give the same list; text that is not UTF-8 is kept
         with replacement characters
"""

import base64
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import orjson

Attribute = dict[str, str]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DEPTH: Final = 64  # more than `nesting` lets in
UNREADABLE: Final = "meterbook.unreadable"


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Give field numbers and raw values of a message. Errors: ValueError, IndexError."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
        elif kind == _BYTES:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError("a field is cut short")
            yield number, data[at : at + length]
            at += length
        elif kind in {_FIXED64, _FIXED32}:
            size = 8 if kind == _FIXED64 else 4
            yield number, data[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {kind}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[at]
        result |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return result, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def any_value(data: bytes, depth: int = _DEPTH) -> tuple[str, Any]:
    """Give type and value of an AnyValue; the last of several values wins."""
    found: tuple[str, Any] = ("empty", "")
    for number, value in fields(data):
        if number == 1:
            found = ("string", _text(value))
        elif number == 2:
            found = ("bool", bool(value))
        elif number == 3:
            found = ("int", value - (1 << 64) if value >> 63 else value)
        elif number == 4:
            found = ("double", struct.unpack("<d", value)[0])
        elif number == 5 and depth:
            inner = [any_value(item, depth - 1) for n, item in fields(value) if n == 1]
            found = ("array", [item[1] for item in inner])
        elif number == 6 and depth:
            pairs = [_pair(item, depth - 1) for n, item in fields(value) if n == 1]
            found = ("kvlist", {key: item[1] for key, item in sorted(pairs, key=lambda p: p[0])})
        elif number == 7:
            found = ("bytes", base64.b64encode(value).decode())
    return found


def _pair(data: bytes, depth: int) -> tuple[str, tuple[str, Any]]:
    key, value = "", ("empty", "")
    for number, part in fields(data):
        if number == 1:
            key = _text(part)
        elif number == 2:
            value = any_value(part, depth)
    return key, value


def as_text(kind: str, value: Any) -> str:
    """Write a value as text: whole, and the same for the same value."""
    if kind in {"array", "kvlist"}:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()
    if kind == "bool":
        return "true" if value else "false"
    return repr(value) if kind == "double" else str(value)


@lru_cache(maxsize=50_000)
def key_value(data: bytes) -> tuple[str, str, str]:
    """Give key, type and text of a KeyValue; what cannot be read is kept under a name of ours."""
    try:
        key, (kind, value) = _pair(data, _DEPTH)
        return key, kind, as_text(kind, value)
    except (ValueError, IndexError, struct.error, TypeError):
        return UNREADABLE, "bytes", base64.b64encode(data).decode()


def attributes(items: list[bytes]) -> list[Attribute]:
    """Give attributes sorted by key; of a key that stands twice the last counts."""
    found = {key: (kind, value) for key, kind, value in map(key_value, items)}
    return [
        {"key": key, "type": kind, "value": value} for key, (kind, value) in sorted(found.items())
    ]


@lru_cache(maxsize=5_000)
def resource(data: bytes) -> list[Attribute]:
    """Give the attributes of a Resource."""
    return attributes([value for number, value in _lenient(data) if number == 1])


@lru_cache(maxsize=1_000)
def scope(data: bytes) -> tuple[str, str, list[Attribute]]:
    """Give name, version and attributes of an InstrumentationScope."""
    name = version = b""
    items: list[bytes] = []
    for number, value in _lenient(data):
        if number == 1:
            name = value
        elif number == 2:
            version = value
        elif number == 3:
            items.append(value)
    return _text(name), _text(version), attributes(items)


def body_text(data: bytes) -> str:
    """Give a log body as text."""
    try:
        return as_text(*any_value(data))
    except (ValueError, IndexError, struct.error, TypeError):
        return base64.b64encode(data).decode()


def _lenient(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the fields that hold bytes, as far as they can be read."""
    try:
        for number, value in fields(data):
            if isinstance(value, bytes):
                yield number, value
    except (ValueError, IndexError):
        return

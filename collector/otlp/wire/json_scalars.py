"""One JSON value into its protobuf wire form, by the type of the field.

Takes    a decoded JSON value, and the bytes of the field's tag
Gives    tag and value as on the wire
Refuses  what is out of range or no value of the type (ValueError, its text for the sender)

Integers are numbers or text, `1e3` and `1.0` too since they are whole; a number with a fraction or
exponent beyond 2**53 is refused, for its digits may be lost by then.
"""

import base64
import re
import struct
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

Put = Callable[[Any], bytes]

_DIGITS: Final = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,399})(\.[0-9]{1,399})?([eE][+-]?[0-9]{1,3})?")
_WORDS: Final = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_EXACT: Final = 2**53
_WRAP: Final = 2**64 - 1
_SHOWN: Final = 40
REMEMBERED: Final = 4096


def varint(value: int) -> bytes:
    """Give `value`, at least 0, as a varint."""
    if value < 0x80:
        return _SHORT[value]
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_SHORT: Final = [bytes((n,)) for n in range(0x80)]


def shown(value: Any) -> str:
    """Give the start of `value`, for a message."""
    text = value[: _SHOWN + 1] if isinstance(value, str) else value
    return repr(text)[:_SHOWN]


def integer(value: float | str) -> int:
    """Give a whole number, however JSON wrote it."""
    if type(value) is int:
        return value
    if isinstance(value, str):
        if _DIGITS.fullmatch(value):
            return int(value)
        if len(value) < _SHOWN and _NUMBER.fullmatch(value) and _whole(Decimal(value)):
            return int(Decimal(value))
    elif value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    raise ValueError(f"have {shown(value)}, want a whole number")


def _whole(number: Decimal) -> bool:
    """Tell whether it is a whole number of at most 20 digits; the exponent is looked at first."""
    return number == 0 or (number.adjusted() < 20 and number == number.to_integral_value())


def number(value: float | str) -> float:
    """Give a double: a number, a number as text, or one of three words."""
    if not isinstance(value, str):
        return value
    if value in _WORDS:
        return _WORDS[value]
    if len(value) <= 800 and _NUMBER.fullmatch(value):
        made = float(value)
        if abs(made) != _WORDS["Infinity"]:
            return made
    raise ValueError(f"have {shown(value)}, want a number")


def fixed(tag: bytes, form: str) -> Put:
    """Encode integers of fixed width: `form` is that of struct."""
    pack = struct.Struct(f"<{len(tag)}s{form}").pack

    def put(value: float | str) -> bytes:
        try:
            return pack(tag, value if type(value) is int else integer(value))
        except struct.error:
            raise ValueError(f"have {shown(value)}, out of range") from None

    return put


def remembered(plain: Put) -> Put:
    """Remember what was made: the times of a request are mostly the same."""
    made: dict[Any, bytes] = {}

    def put(value: Any) -> bytes:
        found = made.get(value)
        if found is None:
            found = plain(value)
            if len(made) >= REMEMBERED:
                made.clear()
            if not isinstance(value, float) and len(found) < 100:  # 1.0 == 1, and -0.0 == 0.0
                made[value] = found
        return found

    return put


def double(tag: bytes) -> Put:
    """Encode doubles."""
    pack = struct.Struct(f"<{len(tag)}sd").pack
    return lambda value: pack(tag, number(value))


def variable(tag: bytes, low: int, high: int, *, zigzag: bool = False) -> Put:
    """Encode integers of `low` to `high` as varints."""

    def put(value: float | str) -> bytes:
        whole = integer(value)
        if not low <= whole <= high:
            raise ValueError(f"have {shown(value)}, want {low} to {high}")
        return tag + varint((whole << 1 ^ whole >> 63) & _WRAP if zigzag else whole & _WRAP)

    return put


def enum(tag: bytes, names: Mapping[str, int]) -> Put:
    """Encode enums: numbers, known or not, and known names."""
    plain = variable(tag, -(2**31), 2**31 - 1)
    return lambda value: plain(names.get(value, value) if isinstance(value, str) else value)


def boolean(tag: bytes) -> Put:
    """Encode true and false."""
    both = (tag + b"\0", tag + b"\1")
    return lambda value: both[value]


def sized(tag: bytes) -> Callable[[bytes], bytes]:
    """Give what puts tag and length before a content."""
    short = [tag + varint(size) for size in range(512)]

    def put(content: bytes) -> bytes:
        size = len(content)
        return short[size] + content if size < 512 else b"%b%b%b" % (tag, varint(size), content)

    return put


def text(tag: bytes) -> Put:
    """Encode text."""
    put = sized(tag)
    return remembered(lambda value: put(value.encode()))


def binary(tag: bytes) -> Put:
    """Encode bytes that JSON holds as base64."""
    wrap = sized(tag)

    def put(value: str) -> bytes:
        try:
            return wrap(base64.b64decode(value, validate=True))
        except ValueError:
            raise ValueError(f"have {shown(value)}, want base64") from None

    return put


def identity(tag: bytes, size: int) -> Put:
    """Encode trace and span ids, which JSON holds as hex: `size` bytes, or none."""
    wrap = sized(tag)

    def put(value: str) -> bytes:
        try:
            raw = bytes.fromhex(value) if len(value) == 2 * size else b"" if not value else None
        except ValueError:
            raw = None
        if raw is None or len(raw) not in {0, size}:
            raise ValueError(f"have {shown(value)}, want {2 * size} hex digits")
        return wrap(raw)

    return put

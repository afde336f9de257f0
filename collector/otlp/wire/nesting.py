"""How deep values are nested, told before the answer.

Takes    the bytes of attributes, resources, scopes and bodies as they stand on the wire
Gives    nothing where every value is at most so deep as the decoder keeps
Refuses  deeper ones (UndecodableError): no sender means them, and walking them costs a stack
Never    looks into short bytes: a level takes two bytes at least, so they cannot be deep
"""

from functools import lru_cache
from typing import Any, Final

import numpy as np

from collector.otlp.wire.attributes import fields
from collector.otlp.wire.flat import sizes
from meterbook.base.errors import UndecodableError

MESSAGES: Final = 90
"""Messages within messages: 45 arrays or 30 maps; google.protobuf stops at 100 in all."""
LEAST_BYTES: Final = 2
SHORT: Final = MESSAGES * LEAST_BYTES
REMEMBERED: Final = 5_000
REMEMBERED_BYTES: Final = 4_096
"""Longer values are looked at each time: 20 MB at most are remembered."""


def check_columns(*columns: Any) -> None:
    """Refuse columns of bytes with a value that is nested too deep. Errors: UndecodableError."""
    for column in columns:
        for row in np.flatnonzero(sizes(column) > SHORT).tolist():
            check_value(column[row].as_py())


def check_value(data: bytes) -> None:
    """Refuse bytes that nest too deep. Errors: UndecodableError."""
    if (_is_deep_again if len(data) <= REMEMBERED_BYTES else _is_deep)(data):
        raise UndecodableError(f"a value is nested deeper than {MESSAGES} messages")


def _is_deep(data: bytes) -> bool:
    """Tell whether anything in a message nests too deep: level by level, without recursion.

    Whether the bytes are an attribute, a resource or a value is not asked: text that only looks
    like a message ends after a few levels.
    """
    level = [data]
    for _ in range(MESSAGES):
        level = [inner for message in level for inner in _messages(message)]
        if not level:
            return False
    return True


def _messages(data: bytes) -> list[bytes]:
    """Give the parts of a message that may be messages and are long enough to matter."""
    try:
        return [v for _, v in fields(data) if isinstance(v, bytes) and len(v) >= LEAST_BYTES]
    except (ValueError, IndexError):
        return []


_is_deep_again = lru_cache(maxsize=REMEMBERED)(_is_deep)

"""How deep values are nested, told before the answer.

Takes    the bytes of attributes, resources, scopes and bodies as they stand on the wire
Gives    nothing where every value is at most so deep as the decoder keeps
Refuses  deeper ones (UndecodableError): no sender means them, and walking them costs a stack
Never    looks into short bytes: a level takes two bytes at least, so they cannot be deep
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyarrow as pa

from collector.otlp.attributes import fields
from collector.otlp.flat import Metrics, laid, sizes
from meterbook.errors import UndecodableError

MESSAGES: Final = 90
"""Messages within messages: 45 arrays or 30 maps; google.protobuf stops at 100 in all."""
LEAST_BYTES: Final = 2
SHORT: Final = MESSAGES * LEAST_BYTES
_LISTS: Final = {
    "logs": ("resource_logs", "scope_logs", "log_records"),
    "traces": ("resource_spans", "scope_spans", "spans"),
}


def check_nesting(signal: str, batch: pa.RecordBatch) -> None:
    """Refuse a request with a value that is nested too deep."""
    for column in _columns(signal, batch):
        long = np.flatnonzero(sizes(column) > SHORT)
        for row in long.tolist():
            check_value(column[row].as_py())


def check_value(data: bytes) -> None:
    """Refuse bytes that nest too deep. Errors: UndecodableError."""
    if _is_deep(data):
        raise UndecodableError(f"a value is nested deeper than {MESSAGES} messages")


def _columns(signal: str, batch: pa.RecordBatch) -> Iterable[Any]:
    """Give every column of bytes that may hold a value."""
    if signal == "metrics":
        flat = Metrics(batch)
        yield flat.resources.field("resource")
        yield flat.scopes.field("scope")
        for found in flat.kinds():
            yield laid(found.points.field("attributes"))[0]
        return
    first, second, third = _LISTS[signal]
    column: Any = batch.column(first)
    resources = laid(column)[0]
    scopes = laid(resources.field(second))[0]
    items = laid(scopes.field(third))[0]
    yield resources.field("resource")
    yield scopes.field("scope")
    if signal == "logs":
        yield items.field("body")
        yield laid(items.field("attributes"))[0]


@lru_cache(maxsize=20_000)
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

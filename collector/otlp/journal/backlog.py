"""What waits in the journal for the decoder.

Takes    the journal's folder
Gives    the segments that may be decoded, the bytes of all, the age of the oldest record
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from collector.otlp.journal.segment import SEGMENT

_FIRST_RECEIVED: Final = SEGMENT.size + 24
_SUFFIXES: Final = frozenset({".open", ".wal"})


def sealed(folder: Path) -> Iterator[Path]:
    """Give the segments that wait for the decoder, oldest first."""
    yield from sorted(folder.glob("*.wal"))


def pending_bytes(folder: Path) -> int:
    """Give the bytes of all segments that are not decoded yet."""
    size = 0
    for path in _segments(folder):
        with contextlib.suppress(FileNotFoundError):  # the decoder may be done with it
            size += path.stat().st_size
    return size


def oldest_seconds(folder: Path) -> float:
    """Give the age of the oldest record that is not decoded yet; 0 when there is none."""
    for path in _segments(folder):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            file.seek(_FIRST_RECEIVED)
            received = file.read(8)
            if len(received) == 8:
                return max(0.0, (time.time_ns() - int.from_bytes(received, "little")) / 1e9)
    return 0.0


def _segments(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("[0-9]*.*") if p.suffix in _SUFFIXES)

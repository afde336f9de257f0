"""What a killed run left in the journal, made ready for the next one.

Takes    the journal's folder, locked by the caller
Gives    every segment sealed, its torn end cut off; what was found, counted by reason
Holds    bytes that are cut lie in `quarantine/`, synced, with the reason beside, before the cut;
         damage in the middle stays where it is: the decoder sets it aside and keeps the rest
Never    loses a record for want of room: what cannot be set aside is sealed uncut
"""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from collector.otlp.journal.files import Files, write_whole
from collector.otlp.journal.segment import SEGMENT, Scan, scan
from meterbook.base.home import KEYS, QUARANTINE


@dataclass
class Recovery:
    """What a start found."""

    sealed: int = 0
    """Segments that a killed run had left open and that are sealed now."""
    removed: int = 0
    """Segments without one sound record; their bytes are in quarantine."""
    damaged: int = 0
    """Segments, open or sealed before, with bytes that are no records."""
    cut_bytes: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    last_seq: int = 0


def recover(folder: Path, files: Files) -> Recovery:
    """Seal what a killed run left open, and look through what was sealed before.

    The new names are not synced here: a start after a power cut finds the old ones and does it
    again, and a disk that cannot sync is no reason not to start.
    """
    found = Recovery()
    for path in sorted(folder.glob("*.wal")):
        with contextlib.suppress(FileNotFoundError):  # a former run's decoder may still finish
            _count(scan(path.read_bytes()), found)
    for path in sorted(folder.glob("*.open")):
        data = path.read_bytes()
        segment = scan(data)
        _count(segment, found)
        _take_up(path, data, segment, files, found)
    return found


def last_id(folder: Path) -> int:
    """Give the highest id that a segment ever had here, as far as files still tell."""
    return max(_ids(folder), default=0)


def _ids(folder: Path) -> Iterator[int]:
    for place in (folder, folder.with_name(KEYS), folder.with_name(QUARANTINE)):
        for path in place.glob("[0-9]*"):
            digits = path.name[:16]
            if digits.isdecimal():
                yield int(digits)


def _count(segment: Scan, found: Recovery) -> None:
    found.damaged += bool(segment.damaged)
    found.reasons.update(reason for _, _, reason in segment.damaged)
    found.last_seq = max(found.last_seq, *(r.seq for r in segment.records), 0)


def _take_up(path: Path, data: bytes, segment: Scan, files: Files, found: Recovery) -> None:
    """Seal an open segment without its torn end, or remove it when it holds no record."""
    tail = segment.damaged[-1] if segment.damaged and segment.damaged[-1][1] == len(data) else None
    if tail is not None and tail[0] < len(data):
        try:
            set_aside(path, data[tail[0] :], tail[2], files)
        except OSError:  # no room: the decoder passes over the tail as well
            _seal(path, files, found)
            return
    if not segment.records:
        files.remove(path)
        found.removed += 1
        return
    if tail is not None:
        _cut(path, max(tail[0], SEGMENT.size), files)
        found.cut_bytes += len(data) - tail[0]
    _seal(path, files, found)


def _seal(path: Path, files: Files, found: Recovery) -> None:
    files.rename(path, path.with_suffix(".wal"))
    found.sealed += 1


def _cut(path: Path, size: int, files: Files) -> None:
    handle = files.reopen(path)
    try:
        files.cut(handle, size)
        files.sync(handle)
    finally:
        files.close(handle)


def set_aside(path: Path, data: bytes, reason: str, files: Files) -> None:
    """Put the end of a segment in quarantine, synced, and why it is there beside it."""
    quarantine = path.parent.with_name(QUARANTINE)
    is_new = not quarantine.exists()
    quarantine.mkdir(exist_ok=True)
    name = f"{path.stem}-tail.bin"
    why = {"reason": reason, "bytes": len(data), "segment": path.stem}
    write_whole(files, quarantine / name, data)
    write_whole(files, quarantine / f"{name}.json", json.dumps(why).encode())
    files.sync_names(quarantine)
    if is_new:
        files.sync_names(quarantine.parent)

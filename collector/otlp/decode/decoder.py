"""The decoder's process: sealed segments into the lake, then the segment goes.

Takes    `journal/*.wal`, oldest first
Gives    Parquet files of the lake, by table, day and hour of the event
Holds    names follow from the segment, files appear whole (written aside, synced, renamed), and
         the segment is deleted last: a crash at any point repeats the segment and doubles nothing
Never    stops at a record that it cannot decode: one that the columns cannot take is walked slowly,
         and what that cannot take goes to quarantine with its reason
"""

import ctypes
import fcntl
import json
import os
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from collector.otlp.admission.keys import write_keys
from collector.otlp.decode import slow
from collector.otlp.decode.decode import Decoder
from collector.otlp.decode.landing import Landing
from collector.otlp.decode.presence import SAMPLE_RATIO, Frames
from collector.otlp.decode.status import read_decoder_counters, write_json
from collector.otlp.journal.journal import KINDS, Record, scan, sealed
from meterbook.base.disk import sync
from meterbook.base.errors import UndecodableError
from meterbook.base.home import Home

BATCH_BYTES: Final = 4 * 1024 * 1024
"""Small, as hostile bytes grow thirtyfold in columns; a record beyond it is decoded alone."""
MAX_CRASHES: Final = 3
"""Of a segment, whatever record was in hand."""
MAX_ALONE: Final = 2
"""Of a record by itself, after one of its segment: a decoder that is killed proves little."""
WHOLE: Final = 0
"""Stands for many records where one is named; no record has this number."""
POLL_SECONDS: Final = 0.1
STANDARD_INPUT: Final = 0
COLUMN_ERRORS: Final = (UndecodableError, pl.exceptions.PolarsError, pa.ArrowException)


class Lander:
    """Decodes the segments of one home."""

    def __init__(self, home: Home, *, sample_ratio: float = SAMPLE_RATIO) -> None:
        """Take up the counters of the last run."""
        self._sample_ratio = sample_ratio
        self._home = home
        home.decoding.unlink(missing_ok=True)  # of a run that was killed as a whole
        self._decoder = Decoder(sample_ratio=sample_ratio)
        self._counts = Counter(read_decoder_counters(home))

    def land(self, path: Path) -> None:
        """Decode one segment.

        After a crash its records are taken one by one, each noted before: the one that crashes the
        decoder twice more is put aside alone. A segment that crashes it all the same goes as a
        whole.
        """
        crashes = _crashes(path)
        blamed = _blamed(crashes)
        if blamed.count(WHOLE) >= MAX_CRASHES:
            reason = f"{len(blamed)} crashes while decoding it"
            self._quarantine(path.name, path.read_bytes(), reason)
        else:
            self._note(path, WHOLE)
            self._decode(path, blamed)
            self._home.decoding.unlink()
        path.unlink()
        sync(path.parent)
        crashes.unlink(missing_ok=True)
        self._report()

    def _note(self, path: Path, seq: int) -> None:
        self._home.decoding.write_text(f"{path.name} {seq}")

    def _decode(self, path: Path, blamed: Sequence[int]) -> None:
        segment = int(path.stem)
        data = path.read_bytes()
        found = scan(data)
        for start, end, reason in found.damaged:
            self._quarantine(f"{path.stem}-{start}.bin", data[start:end], reason)
        del data
        keys = [replace(record, payload=b"") for record in found.records]
        landing = Landing(self._home.lake, segment)
        for record in [r for r in found.records if blamed.count(r.seq) >= MAX_ALONE]:
            found.records.remove(record)
            name = f"{segment:016d}-{record.seq}.bin"
            self._quarantine(name, record.payload, "the decoder crashed on it")
        for kind, batch in _batches(found.records, 0 if blamed else BATCH_BYTES):
            if blamed:
                self._note(path, batch[0].seq)
            frames = self._frames(kind, batch, segment)
            for name, frame in frames.items():
                self._counts["decoded_rows", name] += frame.height
            self._counts["decoded_requests", kind] += len(batch)
            landing.add(frames)
        self._note(path, WHOLE)
        landing.close()
        if self._decoder.exemplars:
            self._counts["dropped_exemplars", "metrics"] += self._decoder.exemplars
            self._decoder.exemplars = 0
        write_keys(self._home.keys, segment, keys)

    def _frames(self, kind: str, batch: Sequence[Record], segment: int) -> Frames:
        """Decode a batch; if one record spoils it, each by itself."""
        try:
            return self._decoder.decode(kind, batch, segment)
        except COLUMN_ERRORS:
            if len(batch) == 1:
                return self._slowly(kind, batch[0], segment)
        parts = [self._frames(kind, [record], segment) for record in batch]
        names = sorted({name for part in parts for name in part})
        return {name: pl.concat([part[name] for part in parts if name in part]) for name in names}

    def _slowly(self, kind: str, record: Record, segment: int) -> Frames:
        """Walk a record that the columns cannot take; what nothing can take is put aside."""
        try:
            frames = slow.decode(kind, record, segment, self._sample_ratio)
        except (UndecodableError, pl.exceptions.PolarsError, OverflowError) as exc:
            name = f"{segment:016d}-{record.seq}.bin"
            self._quarantine(name, record.payload, str(exc)[:200])
            return {}
        self._counts["slow_path_records", kind] += 1
        return frames

    def _quarantine(self, name: str, data: bytes, reason: str) -> None:
        folder = self._home.quarantine
        folder.mkdir(exist_ok=True)
        why = json.dumps({"reason": reason, "bytes": len(data)}).encode()
        for path, content in ((folder / name, data), (folder / f"{name}.json", why)):
            path.write_bytes(content)
            sync(path)  # it is the only copy once the segment goes
        sync(folder)
        self._counts["quarantined_records", ""] += 1

    def _report(self) -> None:
        counts = [[name, label, n] for (name, label), n in sorted(self._counts.items())]
        write_json(self._home.decoder_counters, counts)


def _crashes(segment: Path) -> Path:
    return segment.with_suffix(".crashes")


def _blamed(crashes: Path) -> list[int]:
    """Give the numbers of the records that were in hand at each crash; WHOLE where it was many."""
    return [int(line) for line in crashes.read_text().split()] if crashes.exists() else []


def blame(home: Home) -> None:
    """Note that the decoder crashed by itself on the segment it had in hand.

    The collector says so, as it outlived it: when both are killed nobody is to blame.
    """
    marker = home.decoding
    if not marker.exists():
        return
    name, _, seq = marker.read_text().partition(" ")
    if seq:  # else it crashed while it noted this
        crashes = _crashes(home.journal / name)
        crashes.write_text("\n".join(map(str, [*_blamed(crashes), int(seq)])))
    marker.unlink()


def _batches(records: list[Record], most: int) -> Iterator[tuple[str, list[Record]]]:
    """Give records of one signal together, at most so many bytes at a time but one, in order.

    The list is emptied: what is decoded need not stay in memory.
    """
    waiting = {kind: deque(r for r in records if r.signal == kind) for kind in KINDS}
    records.clear()
    for kind, queue in waiting.items():
        while queue:
            batch = [queue.popleft()]
            size = len(batch[0].payload)
            while queue and size + len(queue[0].payload) <= most:
                size += len(queue[0].payload)
                batch.append(queue.popleft())
            yield kind, batch


def _trim() -> Any:
    """Give glibc's way to hand free memory back to the system; elsewhere nothing."""
    return getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)


def main() -> None:
    """Decode until told to stop, or until the parent is gone; then finish what is sealed."""
    home = Home(Path(sys.argv[1]))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_await_end_of_input, args=(stop,), daemon=True).start()
    home.journal.mkdir(parents=True, exist_ok=True)
    lock = _sole(home.decoder_lock)
    lander = Lander(home, sample_ratio=float(sys.argv[2]))
    trim = _trim()
    while True:
        is_last = stop.is_set()
        for path in sealed(home.journal):
            lander.land(path)
            trim(0)
        if is_last:
            os.close(lock)
            return
        stop.wait(POLL_SECONDS)


def _await_end_of_input(stop: threading.Event) -> None:
    """Stop when the collector closes our input, or dies and the system closes it."""
    while os.read(STANDARD_INPUT, 1):
        pass
    stop.set()


def _sole(path: Path) -> int:
    """Wait until no other decoder works here: that of a killed collector may still finish."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


if __name__ == "__main__":
    main()

"""The decoder's process: sealed segments into the lake, then the segment goes.

Takes    `journal/*.wal`, oldest first
Gives    Parquet files of the lake, by table, day and hour of the event
Holds    names follow from the segment, files appear whole (written aside, synced, renamed), and
         the segment is deleted last: a crash at any point repeats the segment and doubles nothing
Never    stops at a record that it cannot decode: that goes to quarantine with its reason
"""

import fcntl
import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from collector.otlp.decode import Decoder, Frames
from collector.otlp.journal import KINDS, Record, scan, sealed
from collector.otlp.keys import write_keys
from collector.otlp.status import (
    collector_folder,
    journal_folder,
    read_decoder_counters,
    write_json,
)
from meterbook.errors import UndecodableError
from warehouse.disk import sync
from warehouse.tables import BY_NAME

BATCH_BYTES: Final = 12 * 1024 * 1024
MAX_CRASHES: Final = 3
DECODING: Final = "decoding"
POLL_SECONDS: Final = 0.1
STANDARD_INPUT: Final = 0
TIME_OF: Final = {
    "raw_series": "event_hour",
    "raw_activity": "event_hour",
    "raw_signal": "event_hour",
    "raw_point": "event_at",
    "raw_histogram": "event_at",
    "raw_event": "event_at",
}


class Lander:
    """Decodes the segments of one home."""

    def __init__(self, home: Path) -> None:
        """Take up the counters of the last run."""
        self._home = home
        self._folder = collector_folder(home)
        self._lake = home / "lake"
        self._decoding = self._folder / DECODING
        self._decoding.unlink(missing_ok=True)  # of a run that was killed as a whole
        self._decoder = Decoder()
        self._counts = Counter(read_decoder_counters(home))

    def land(self, path: Path) -> None:
        """Decode one segment; one that made the decoder crash three times is put aside."""
        crashes = _crashes(path)
        tried = int(crashes.read_text()) if crashes.exists() else 0
        if tried >= MAX_CRASHES:
            self._quarantine(path.name, path.read_bytes(), f"{tried} crashes while decoding it")
        else:
            self._decoding.write_text(path.name)
            self._decode(path)
            self._decoding.unlink()
        path.unlink()
        sync(path.parent)
        crashes.unlink(missing_ok=True)
        self._tell()

    def _decode(self, path: Path) -> None:
        segment = int(path.stem)
        data = path.read_bytes()
        found = scan(data)
        for start, end, reason in found.damaged:
            self._quarantine(f"{path.stem}-{start}.bin", data[start:end], reason)
        del data
        for number, (kind, batch) in enumerate(_batches(found.records)):
            for name, frame in self._frames(kind, batch, segment).items():
                self._write(name, frame, f"{segment:016d}-{number:04d}.parquet")
                self._counts["decoded_rows", name] += frame.height
            self._counts["decoded_requests", kind] += len(batch)
        write_keys(path.parent, segment, found.records)

    def _frames(self, kind: str, batch: Sequence[Record], segment: int) -> Frames:
        """Decode a batch; if one record spoils it, each by itself."""
        try:
            return self._decoder.decode(kind, batch, segment)
        except UndecodableError as exc:
            if len(batch) == 1:
                record = batch[0]
                self._quarantine(f"{segment:016d}-{record.seq}.bin", record.payload, exc.reason)
                return {}
        parts = [self._frames(kind, [record], segment) for record in batch]
        names = sorted({name for part in parts for name in part})
        return {
            name: pl.concat([part[name] for part in parts if name in part], how="diagonal")
            for name in names
        }

    def _write(self, name: str, frame: pl.DataFrame, file: str) -> None:
        """Write a table's rows to the folders of their hours."""
        table = BY_NAME[name]
        hour = pl.col(TIME_OF[name]).dt.truncate("1h").alias("_hour")
        folders: set[Path] = set()
        ordered = frame.select(*table.schema.names()).sort(
            [c for c in ("series_id", TIME_OF[name], "x_seq") if c in table.schema]
        )
        for (moment,), part in (
            ordered.with_columns(hour)
            .partition_by("_hour", as_dict=True, include_key=False, maintain_order=True)
            .items()
        ):
            folder = self._lake / name / f"date={moment:%Y-%m-%d}" / f"hour={moment:%H}"
            folder.mkdir(parents=True, exist_ok=True)
            making = folder / f"{file}.making"
            part.cast(table.schema).write_parquet(making, compression="zstd", compression_level=1)
            sync(making)
            making.replace(folder / file)
            folders.add(folder)
        for folder in folders:
            sync(folder)

    def _quarantine(self, name: str, data: bytes, reason: str) -> None:
        folder = self._folder / "quarantine"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
        (folder / f"{name}.json").write_text(json.dumps({"reason": reason, "bytes": len(data)}))
        self._counts["quarantined_records", ""] += 1

    def _tell(self) -> None:
        counts = [[name, label, n] for (name, label), n in sorted(self._counts.items())]
        write_json(self._folder / "decoder.json", counts)


def _crashes(segment: Path) -> Path:
    return segment.with_suffix(".crashes")


def blame(home: Path) -> None:
    """Note that the decoder crashed by itself on the segment it had in hand.

    The collector says so, as it outlived it: when both are killed nobody is to blame.
    """
    marker = collector_folder(home) / DECODING
    if not marker.exists():
        return
    crashes = _crashes(journal_folder(home) / marker.read_text())
    tried = int(crashes.read_text()) if crashes.exists() else 0
    crashes.write_text(str(tried + 1))
    marker.unlink()


def _batches(records: Sequence[Record]) -> Iterator[tuple[str, list[Record]]]:
    """Give records of one signal together, at most some megabytes at a time, in order."""
    for kind in KINDS:
        batch: list[Record] = []
        size = 0
        for record in records:
            if record.signal != kind:
                continue
            if batch and size + len(record.payload) > BATCH_BYTES:
                yield kind, batch
                batch, size = [], 0
            batch.append(record)
            size += len(record.payload)
        if batch:
            yield kind, batch


def main() -> None:
    """Decode until told to stop, or until the parent is gone; then finish what is sealed."""
    home = Path(sys.argv[1])
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_await_end_of_input, args=(stop,), daemon=True).start()
    journal_folder(home).mkdir(parents=True, exist_ok=True)
    lock = _sole(collector_folder(home) / "decoder.lock")
    lander = Lander(home)
    while True:
        is_last = stop.is_set()
        for path in sealed(journal_folder(home)):
            lander.land(path)
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

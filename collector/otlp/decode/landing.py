"""Frames of one segment into the files of the lake.

Takes    frames of batches, in order
Gives    `lake/<table>/date=/hour=/<segment>-<number>.parquet`, each whole: written aside, synced,
         renamed; folders are synced too before `close` returns
Holds    the same batches give the same files under the same names, so a repeat overwrites; a series
         is in the dictionary before any of its points are on disk; memory is bounded by rows and
         bytes, whatever the segment holds
"""

from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from collector.otlp.decode.decode import activity
from collector.otlp.decode.presence import Frames
from meterbook.base.disk import sync
from warehouse.tables import BY_NAME

MAX_ROWS: Final = 150_000
MAX_BYTES: Final = 16 * 1024 * 1024
TIME_OF: Final = {
    "raw_series": "event_hour",
    "raw_activity": "event_hour",
    "raw_signal": "event_hour",
    "raw_event": "event_at",
    "raw_span": "event_at",
    "raw_point": "event_at",
    "raw_histogram": "event_at",
}
"""The tables in the order they are written: names before what they name."""
POINTS: Final = ("raw_point", "raw_histogram")


class Landing:
    """Gathers the frames of a segment, and writes them when they are many."""

    def __init__(self, lake: Path, segment: int) -> None:
        """Begin with nothing."""
        self._lake = lake
        self._segment = segment
        self._number = 0
        self._waiting: dict[str, list[pl.DataFrame]] = {}
        self._rows = self._bytes = 0
        self._folders: set[Path] = set()

    def add(self, frames: Frames) -> None:
        """Take the frames of a batch."""
        for name, frame in frames.items():
            self._waiting.setdefault(name, []).append(frame)
            self._rows += frame.height
            self._bytes += int(frame.estimated_size())
        if self._rows > MAX_ROWS or self._bytes > MAX_BYTES:
            self._flush()

    def close(self) -> None:
        """Write the rest, and put the names of all files on disk."""
        self._flush()
        for folder in sorted(self._folders):
            sync(folder)

    def _flush(self) -> None:
        points = [frame for name in POINTS for frame in self._waiting.get(name, [])]
        if points:
            self._waiting["raw_activity"] = [activity(points)]
        for name in TIME_OF:
            if name in self._waiting:
                self._write(name, pl.concat(self._waiting.pop(name)))
        self._rows = self._bytes = 0
        self._number += 1

    def _write(self, name: str, frame: pl.DataFrame) -> None:
        """Write a table's rows to the folders of their hours, points of a series side by side."""
        table, time = BY_NAME[name], TIME_OF[name]
        ordered = frame.select(*table.schema.names())
        if "series_id" in table.schema:
            ordered = ordered.sort("series_id", maintain_order=True)
        for moment, part in _by_hour(ordered, time):
            self._file(name, moment, part.cast(table.schema))

    def _file(self, name: str, moment: datetime, part: pl.DataFrame) -> None:
        folder = self._folder(name, moment)
        file = folder / f"{self._segment:016d}-{self._number:04d}.parquet"
        making = file.with_suffix(".parquet.making")
        part.write_parquet(making, compression="zstd", compression_level=1)
        sync(making)
        making.replace(file)

    def _folder(self, name: str, moment: datetime) -> Path:
        """Give the folder of an hour; it, and those above it that are new, will be synced."""
        day = self._lake / name / f"date={moment:%Y-%m-%d}"
        folder = day / f"hour={moment:%H}"
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            self._folders |= {self._lake.parent, self._lake, self._lake / name, day}
        self._folders.add(folder)
        return folder


def _by_hour(rows: pl.DataFrame, time: str) -> list[tuple[datetime, pl.DataFrame]]:
    """Give rows by the hour of their event; mostly there is one."""
    hours = rows[time].dt.truncate("1h")
    first, last = hours.min(), hours.max()
    if isinstance(first, datetime) and first == last:
        return [(first, rows)]
    parts = rows.with_columns(hours.alias("_hour")).partition_by(
        "_hour", as_dict=True, include_key=False, maintain_order=True
    )
    return [(moment, part) for (moment,), part in parts.items()]

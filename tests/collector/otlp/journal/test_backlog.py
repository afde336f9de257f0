"""What waits for the decoder: segments in order, their bytes, and how old the first record is."""

import time

import pytest

from collector.otlp.journal.backlog import oldest_seconds, pending_bytes, sealed
from collector.otlp.journal.segment import MAGIC, SEGMENT, Record, pack

SALT = bytes(16)
HEADER = SEGMENT.pack(MAGIC, 1, SALT)
NOW_NS = 1_790_000_000 * 10**9


def segment(folder, name: str, received_ns: int | None = None, cut: int | None = None) -> int:
    """Write a segment with a record, or with none; give its size."""
    record = Record("logs", "t", b"abc", bytes(16), 1, received_ns or 0)
    data = HEADER + (b"" if received_ns is None else b"".join(pack(record, SALT)))
    (folder / name).write_bytes(data[:cut])
    return len(data[:cut])


def test_sealed_segments_wait_in_their_order(tmp_path):
    """Those that are still written do not; nor does what is no segment."""
    for name in (f"{2:016d}.wal", f"{1:016d}.wal", f"{3:016d}.open", "lock", "seq"):
        segment(tmp_path, name)

    assert [path.name for path in sealed(tmp_path)] == [f"{n:016d}.wal" for n in (1, 2)]


def test_all_segments_are_counted_and_nothing_else(tmp_path):
    """Open ones too; an empty folder has no bytes."""
    assert pending_bytes(tmp_path) == 0

    sizes = [segment(tmp_path, f"{1:016d}.wal", 5), segment(tmp_path, f"{2:016d}.open")]
    segment(tmp_path, f"{1:016d}.crashes")
    segment(tmp_path, "seq")

    assert pending_bytes(tmp_path) == sum(sizes) > 32


@pytest.mark.parametrize(("ago", "seconds"), [(90, 90.0), (0, 0.0), (-5, 0.0)])
def test_the_first_record_tells_the_age(tmp_path, monkeypatch, ago, seconds):
    """The time of its receipt; a clock that was set back makes no negative age."""
    monkeypatch.setattr(time, "time_ns", lambda: NOW_NS)
    segment(tmp_path, f"{1:016d}.wal")
    segment(tmp_path, f"{2:016d}.wal", NOW_NS - ago * 10**9)
    segment(tmp_path, f"{3:016d}.wal", NOW_NS - 500 * 10**9)

    assert oldest_seconds(tmp_path) == seconds


def test_a_header_that_is_not_whole_tells_no_age(tmp_path, monkeypatch):
    """31 of the 32 bytes up to the end of the time; with one more it does."""
    monkeypatch.setattr(time, "time_ns", lambda: NOW_NS)
    segment(tmp_path, f"{1:016d}.open", NOW_NS - 10**9, cut=32 + 24 + 7)
    assert oldest_seconds(tmp_path) == 0.0

    segment(tmp_path, f"{1:016d}.open", NOW_NS - 10**9, cut=32 + 24 + 8)
    assert oldest_seconds(tmp_path) == 1.0

"""The journal: what a scan gives back of segments that were cut, flipped or filled with zeros."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.otlp.journal import (
    MAGIC,
    RECORD,
    SEGMENT,
    Journal,
    JournalLockedError,
    Record,
    pack,
    scan,
)
from meterbook.errors import OverloadedError

SALT = bytes(range(16))
PAYLOADS = [b"one", RECORD.to_bytes(4, "little") * 9, b"", b"three" * 20]


def _segment() -> tuple[bytes, list[int]]:
    """Give a segment of four records and the offsets where they end."""
    data, ends = SEGMENT.pack(MAGIC, 1, SALT), []
    for number, payload in enumerate(PAYLOADS):
        data += b"".join(pack(Record("logs", "t", payload, bytes(16), number), SALT))
        ends.append(len(data))
    return data, ends


def _journal(folder: Path, queue_bytes: int = 10**6) -> Journal:
    return Journal(folder, segment_bytes=10**6, segment_seconds=60, queue_bytes=queue_bytes)


def test_a_segment_cut_at_any_byte_gives_every_whole_record():
    """A torn tail costs only the record it tore."""
    data, ends = _segment()

    for cut in range(SEGMENT.size, len(data) + 1):
        found = scan(data[:cut])
        whole = sum(end <= cut for end in ends)
        assert [r.payload for r in found.records] == PAYLOADS[:whole]
        assert bool(found.damaged) == (cut not in {SEGMENT.size, *ends})


@given(st.data())
def test_a_flipped_bit_costs_one_record_and_is_told(data):
    """The records before and behind a damaged one are kept."""
    segment, ends = _segment()
    bit = data.draw(st.integers(SEGMENT.size * 8, len(segment) * 8 - 1))
    spoilt = bytearray(segment)
    spoilt[bit // 8] ^= 1 << (bit % 8)
    hit = sum(end <= bit // 8 for end in ends)

    found = scan(bytes(spoilt))

    assert [r.payload for r in found.records] == PAYLOADS[:hit] + PAYLOADS[hit + 1 :]
    assert len(found.damaged) == 1


def test_zeros_behind_the_last_record_are_told_apart():
    """A file that grew before its bytes came is no corruption of records."""
    data, ends = _segment()

    found = scan(data + bytes(4096))

    assert len(found.records) == 4
    assert found.damaged == [(ends[-1], len(data) + 4096, "zero-tail")]


def test_the_image_of_a_record_inside_a_payload_is_no_record():
    """Another segment's salt keeps a payload from passing for records."""
    inner = b"".join(pack(Record("logs", "t", b"forged", bytes(16)), bytes(16)))
    data = SEGMENT.pack(MAGIC, 1, SALT)
    data += b"".join(pack(Record("logs", "t", inner, bytes(16)), SALT))[:-1]

    assert scan(data).records == []


def test_a_former_run_is_taken_up_and_its_torn_tail_set_aside(tmp_path):
    """Whole records are sealed for the decoder, the rest lies in quarantine."""
    data, ends = _segment()
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / f"{7:016d}.open").write_bytes(data[:-1])

    async def reopen() -> None:
        journal = _journal(folder)
        await journal.append(Record("logs", "t", b"next", bytes(16)))
        await asyncio.to_thread(journal.close)

    asyncio.run(reopen())

    assert (folder / f"{7:016d}.wal").read_bytes() == data[: ends[2]]
    assert scan((folder / f"{8:016d}.wal").read_bytes()).records[0].payload == b"next"
    tail = tmp_path / "quarantine" / f"{7:016d}-tail.bin"
    assert tail.read_bytes() == data[ends[2] : -1]


def test_a_segment_without_one_sound_record_is_not_thrown_away(tmp_path):
    """What cannot be read is kept in quarantine."""
    data, ends = _segment()
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / f"{1:016d}.open").write_bytes(data[: ends[0] - 1])

    async def reopen() -> None:
        await asyncio.to_thread(_journal(folder).close)

    asyncio.run(reopen())

    assert not list(folder.glob("*.wal"))
    assert (tmp_path / "quarantine" / f"{1:016d}-tail.bin").stat().st_size > 0


def test_a_full_queue_and_a_second_writer_are_refused(tmp_path):
    """The sender is told to come again; a second collector on one folder fails at once."""

    async def act() -> None:
        journal = _journal(tmp_path / "journal", queue_bytes=100)
        with pytest.raises(OverloadedError):
            journal.append(Record("logs", "t", bytes(100), bytes(16)))
        with pytest.raises(JournalLockedError):
            _journal(tmp_path / "journal")
        await asyncio.to_thread(journal.close)

    asyncio.run(act())

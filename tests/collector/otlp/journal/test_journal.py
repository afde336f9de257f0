"""The journal: what a scan gives back of segments that were cut, flipped or filled with zeros."""

import asyncio
import errno
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.otlp.journal.files import System
from collector.otlp.journal.journal import Journal, JournalLockedError, Record, pack, scan
from collector.otlp.journal.segment import MAGIC, MAX_PAYLOAD, RECORD, SEGMENT
from meterbook.base.errors import OverloadedError, TooLargeError

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
def test_a_flipped_bit_costs_one_record_and_is_reported(data):
    """The records before and behind a damaged one are kept."""
    segment, ends = _segment()
    bit = data.draw(st.integers(SEGMENT.size * 8, len(segment) * 8 - 1))
    spoilt = bytearray(segment)
    spoilt[bit // 8] ^= 1 << (bit % 8)
    hit = sum(end <= bit // 8 for end in ends)

    found = scan(bytes(spoilt))

    assert [r.payload for r in found.records] == PAYLOADS[:hit] + PAYLOADS[hit + 1 :]
    assert len(found.damaged) == 1


def test_zeros_behind_the_last_record_are_reported_apart():
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


def _wait_until(condition, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _run(act) -> None:
    asyncio.run(act())


def test_a_segment_without_more_writes_is_sealed_when_it_is_old(tmp_path):
    """A quiet sender's last record does not wait for the next one."""
    folder = tmp_path / "journal"

    async def act() -> None:
        journal = Journal(folder, segment_bytes=10**6, segment_seconds=0.1, queue_bytes=10**6)
        await journal.append(Record("logs", "t", b"last", bytes(16)))
        await asyncio.to_thread(_wait_until, lambda: list(folder.glob("*.wal")))
        assert not list(folder.glob("*.open"))
        await asyncio.to_thread(journal.close)

    _run(act)


def test_a_batch_stays_within_its_bounds(tmp_path):
    """At most 400 records and 8 MiB a sync, one answer a batch; everything is written in order."""
    sizes: list[list[int]] = []

    class Watching(System):
        def write(self, handle, buffers):
            sizes.append([len(b) for b in buffers])
            return super().write(handle, buffers)

    small = [f"{n}".encode() for n in range(1_000)]
    large = [bytes([n]) * 3_000_000 for n in range(5)]

    async def act() -> None:
        journal = Journal(
            tmp_path / "journal",
            segment_bytes=10**8,
            segment_seconds=60,
            queue_bytes=10**8,
            fake_fsync_seconds=0.02,
            files=Watching(),
        )
        waiting = [journal.append(Record("logs", "t", p, bytes(16))) for p in small + large]
        await asyncio.gather(*waiting)
        await asyncio.to_thread(journal.close)
        assert journal.syncs.count == len(sizes) - 2  # the segment's header, and the numbers
        assert journal.syncs.max_seconds >= 0.02
        assert journal.syncs.seconds >= 0.02 * journal.syncs.count
        assert journal.queued_bytes == 0

    _run(act)

    assert max(map(len, sizes)) <= 800
    assert max(map(sum, sizes)) <= 8 * 1024 * 1024
    (path,) = (tmp_path / "journal").glob("*.wal")
    assert [r.payload for r in scan(path.read_bytes()).records] == small + large


def test_numbers_rise_over_restarts_also_when_the_clock_jumps_back(tmp_path, monkeypatch):
    """Also when the decoder has taken every segment away meanwhile."""
    folder = tmp_path / "journal"
    numbers: list[int] = []

    async def act() -> None:
        journal = _journal(folder)
        await journal.append(Record("logs", "t", b"x", bytes(16)))
        await asyncio.to_thread(journal.close)
        (path,) = folder.glob("*.wal")
        numbers.extend(record.seq for record in scan(path.read_bytes()).records)
        path.unlink()

    now = time.time_ns()
    for hours in (0, -1, -48, 24, -1):
        monkeypatch.setattr(time, "time_ns", lambda hours=hours: now + hours * 3600 * 10**9)
        _run(act)

    assert numbers == sorted(set(numbers))
    assert len(numbers) == 5


def test_an_id_is_not_given_twice(tmp_path):
    """What was decoded, or lies in quarantine, keeps its number, so nothing is written over."""
    folder = tmp_path / "journal"
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / f"{4:016d}.keys").touch()
    (tmp_path / "quarantine").mkdir()
    (tmp_path / "quarantine" / f"{6:016d}.wal").touch()

    async def act() -> None:
        journal = _journal(folder)
        await journal.append(Record("logs", "t", b"x", bytes(16)))
        await asyncio.to_thread(journal.close)

    _run(act)

    assert [path.stem for path in folder.glob("*.wal")] == [f"{7:016d}"]


def test_a_tenant_that_floods_leaves_room_for_the_others(tmp_path):
    """Alone it may fill the queue; while others wait it has its share, and a first is let in."""

    async def act() -> None:
        journal = Journal(
            tmp_path / "journal",
            segment_bytes=10**6,
            segment_seconds=60,
            queue_bytes=10_000,
            tenant_share=0.4,
            fake_fsync_seconds=0.2,
        )
        waiting = [journal.append(Record("logs", "loud", bytes(3_000), bytes(16)))]
        waiting.append(journal.append(Record("logs", "quiet", bytes(3_000), bytes(16))))
        with pytest.raises(OverloadedError, match="share"):
            journal.append(Record("logs", "loud", bytes(3_000), bytes(16)))
        await asyncio.gather(*waiting)
        waiting = [
            journal.append(Record("logs", "loud", bytes(3_000), bytes(16))) for _ in range(3)
        ]
        with pytest.raises(OverloadedError, match="queue"):
            journal.append(Record("logs", "quiet", bytes(3_000), bytes(16)))
        await asyncio.gather(*waiting)
        await asyncio.to_thread(journal.close)

    _run(act)


def _record(size: int, tenant: str = "t") -> Record:
    """Give a record that takes so many bytes of a segment."""
    return Record("logs", tenant, bytes(size - 48 - len(tenant)), bytes(16))


def test_a_queue_may_be_full_to_the_byte(tmp_path):
    """1,000 bytes of 1,000 may wait; one more is refused."""

    async def act() -> None:
        journal = _journal(tmp_path / "journal", queue_bytes=1_000)
        waiting = [journal.append(_record(400)), journal.append(_record(600))]
        with pytest.raises(OverloadedError, match="queue is full"):
            journal.append(_record(49))
        await asyncio.gather(*waiting)
        with pytest.raises(OverloadedError, match="queue is full"):
            journal.append(_record(1_001))
        await journal.append(_record(1_000))
        await asyncio.to_thread(journal.close)

    _run(act)


def test_a_tenants_share_may_be_full_to_the_byte(tmp_path):
    """While another waits, 400 of 1,000 are a tenant's; one more is refused.

    Its first may be larger, and so may one while nobody else waits.
    """

    async def act() -> None:
        journal = _journal(tmp_path / "journal", queue_bytes=1_000)
        waiting = [journal.append(_record(100, "a")), journal.append(_record(60, "b"))]
        with pytest.raises(OverloadedError, match="share"):
            journal.append(_record(301, "a"))
        waiting += [journal.append(_record(300, "a")), journal.append(_record(500, "c"))]
        await asyncio.gather(*waiting)
        waiting = [journal.append(_record(400, "a")), journal.append(_record(300, "a"))]
        await asyncio.gather(*waiting)
        await asyncio.to_thread(journal.close)

    _run(act)


@pytest.mark.parametrize(("segment_bytes", "segments"), [(232, 2), (233, 1)])
def test_a_segment_of_just_its_size_is_sealed(tmp_path, segment_bytes, segments):
    """The header's 32 bytes and a record of 200 are 232: the next record begins another."""

    async def act() -> None:
        journal = Journal(
            tmp_path / "journal", segment_bytes=segment_bytes, segment_seconds=60, queue_bytes=10**6
        )
        await journal.append(_record(200))
        await journal.append(_record(200))
        await asyncio.to_thread(journal.close)

    _run(act)

    assert len(list((tmp_path / "journal").glob("*.wal"))) == segments


def test_a_tenants_name_may_have_65535_bytes(tmp_path):
    """As many as its length field holds; one more is no record."""

    async def act() -> None:
        journal = _journal(tmp_path / "journal")
        await journal.append(Record("logs", "t" * 65_535, b"", bytes(16)))
        with pytest.raises(ValueError, match="no record"):
            journal.append(Record("logs", "t" * 65_536, b"", bytes(16)))
        with pytest.raises(ValueError, match="no record"):
            journal.append(Record("events", "t", b"", bytes(16)))
        with pytest.raises(ValueError, match="no record"):
            journal.append(Record("logs", "t", b"", bytes(15)))
        await asyncio.to_thread(journal.close)

    _run(act)


def test_what_waits_for_the_decoder_is_reported_with_its_age(tmp_path):
    """Bytes and age of what is not decoded; nothing when nothing waits."""

    async def act() -> None:
        journal = _journal(tmp_path / "journal")
        assert journal.oldest_seconds() == 0
        assert journal.pending_bytes() == 0
        await journal.append(Record("logs", "t", b"x", bytes(16)))
        assert journal.pending_bytes() == 32 + 48 + 1 + 1
        assert 0 < journal.oldest_seconds() < 60
        await asyncio.to_thread(journal.close)
        assert journal.pending_bytes() == 32 + 48 + 1 + 1
        with pytest.raises(OverloadedError):
            journal.append(Record("logs", "t", b"late", bytes(16)))

    _run(act)


def test_a_record_that_no_segment_can_hold_is_never_acknowledged(tmp_path):
    """A scan would not believe it: it is refused before it is queued."""

    async def act() -> None:
        journal = _journal(tmp_path / "journal", queue_bytes=10**9)
        with pytest.raises(TooLargeError):
            journal.append(Record("logs", "t", bytes(MAX_PAYLOAD + 1), bytes(16)))
        with pytest.raises(ValueError, match="no record"):
            journal.append(Record("smoke", "t", b"", bytes(16)))
        await asyncio.to_thread(journal.close)

    _run(act)


@pytest.mark.parametrize(
    ("spoilt", "reason", "records"),
    [
        (lambda d: d[:-1], "torn-tail", 3),
        (lambda d: d + bytes(5_000), "zero-tail", 4),
        (lambda d: d[:-1] + b"!", "bad-crc", 3),
        (lambda d: d + b"garbage" * 20, "bad-record-header", 4),
        (lambda d: d[:31], "torn-header", 0),
        (lambda d: b"X" * 500 + d[:0], "bad-segment-magic", 0),
    ],
)
def test_a_start_sets_aside_what_it_cuts_and_says_why(tmp_path, spoilt, reason, records):
    """The bytes lie in quarantine with the reason; a second start finds nothing to do."""
    folder = tmp_path / "journal"
    folder.mkdir()
    data = spoilt(_segment()[0])
    (folder / f"{7:016d}.open").write_bytes(data)

    async def act() -> None:
        journal = _journal(folder)
        await asyncio.to_thread(journal.close)
        assert journal.recovery.reasons == {reason: 1}
        assert (journal.recovery.sealed, journal.recovery.removed) == (bool(records), not records)
        again = _journal(folder)
        await asyncio.to_thread(again.close)
        assert not again.recovery.reasons

    _run(act)

    kept = b"".join(path.read_bytes() for path in folder.glob("*.wal"))
    aside = (tmp_path / "quarantine" / f"{7:016d}-tail.bin").read_bytes()
    why = json.loads((tmp_path / "quarantine" / f"{7:016d}-tail.bin.json").read_text())
    assert kept + aside == data
    assert why == {"reason": reason, "bytes": len(aside), "segment": f"{7:016d}"}
    assert len(scan(kept).records if kept else []) == records


def test_damage_in_the_middle_stays_for_the_decoder_and_is_counted(tmp_path):
    """Of an open segment and of one sealed before, the sound records are kept."""
    folder = tmp_path / "journal"
    folder.mkdir()
    data, ends = _segment()
    spoilt = bytearray(data)
    spoilt[ends[1] - 1 - 48] ^= 1
    (folder / f"{7:016d}.open").write_bytes(spoilt)
    (folder / f"{6:016d}.wal").write_bytes(spoilt)

    async def act() -> None:
        journal = _journal(folder)
        await asyncio.to_thread(journal.close)
        assert (journal.recovery.damaged, journal.recovery.sealed) == (2, 1)

    _run(act)

    for path in folder.glob("*.wal"):
        assert len(scan(path.read_bytes()).records) == 3
    assert len(list(folder.glob("*.wal"))) == 2


def test_a_start_on_a_disk_without_room_cuts_nothing(tmp_path):
    """What cannot be set aside first is sealed as it is: the decoder passes over the tail."""
    folder = tmp_path / "journal"
    folder.mkdir()
    data = _segment()[0][:-1]
    (folder / f"{7:016d}.open").write_bytes(data)

    class Full(System):
        def write(self, *_):
            raise OSError(errno.ENOSPC, "no space")

    async def act() -> None:
        journal = Journal(
            folder, segment_bytes=10**6, segment_seconds=60, queue_bytes=10**6, files=Full()
        )
        with pytest.raises(OverloadedError):
            await journal.append(Record("logs", "t", b"x", bytes(16)))
        await asyncio.to_thread(journal.close)

    _run(act)

    assert (folder / f"{7:016d}.wal").read_bytes() == data

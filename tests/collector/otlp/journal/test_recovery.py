"""What a start makes of segments that a killed run left: sealed, cut at the end, counted."""

import json

import pytest

from collector.otlp.journal.files import System
from collector.otlp.journal.recovery import last_id, recover
from collector.otlp.journal.segment import MAGIC, SEGMENT, Record, pack, scan

SALT = bytes(range(16))


def segment(*payloads: bytes) -> tuple[bytearray, list[int]]:
    """Give a segment of records, numbered from 11, and where they end."""
    data, ends = bytearray(SEGMENT.pack(MAGIC, 1, SALT)), []
    for number, payload in enumerate(payloads, start=11):
        data += b"".join(pack(Record("logs", "t", payload, bytes(16), number), SALT))
        ends.append(len(data))
    return data, ends


@pytest.fixture
def folder(tmp_path):
    """Give the folder of a journal."""
    made = tmp_path / "journal"
    made.mkdir()
    return made


def test_of_two_damages_the_end_is_cut_and_the_middle_stays(folder):
    """The second record was spoilt, the fourth torn: its bytes lie in quarantine with the reason.

    The middle is left to the decoder, which sets it aside and keeps the third.
    """
    data, ends = segment(b"one", b"two", b"three", b"four")
    data[ends[1] - 1] ^= 1
    (folder / f"{5:016d}.open").write_bytes(data[:-2])

    found = recover(folder, System())

    assert (found.sealed, found.removed, found.damaged) == (1, 0, 1)
    assert found.reasons == {"bad-crc": 1, "torn-tail": 1}
    assert found.cut_bytes == len(data) - 2 - ends[2]
    assert found.last_seq == 13
    assert (folder / f"{5:016d}.wal").read_bytes() == data[: ends[2]]
    tail = folder.parent / "quarantine" / f"{5:016d}-tail.bin"
    assert tail.read_bytes() == data[ends[2] : -2]
    why = json.loads(tail.with_name(f"{tail.name}.json").read_text())
    assert why == {"reason": "torn-tail", "bytes": found.cut_bytes, "segment": f"{5:016d}"}


def test_damage_before_the_end_cuts_nothing(folder):
    """A sound record at the end means that nothing was torn off."""
    data, ends = segment(b"one", b"two")
    data[ends[0] - 1] ^= 1
    (folder / f"{5:016d}.open").write_bytes(data)

    found = recover(folder, System())

    assert (found.sealed, found.damaged, found.cut_bytes) == (1, 1, 0)
    assert (folder / f"{5:016d}.wal").read_bytes() == data
    assert not (folder.parent / "quarantine").exists()


def test_a_whole_segment_is_sealed_as_it_is(folder):
    """And one without a record goes: a header alone is no loss."""
    data, _ = segment(b"one")
    (folder / f"{1:016d}.open").write_bytes(data)
    (folder / f"{2:016d}.open").write_bytes(data[:32])

    found = recover(folder, System())

    assert (found.sealed, found.removed, found.damaged) == (1, 1, 0)
    assert [path.name for path in folder.iterdir()] == [f"{1:016d}.wal"]
    assert [record.payload for record in scan((folder / f"{1:016d}.wal").read_bytes()).records] == [
        b"one"
    ]


def test_what_was_sealed_before_is_looked_through(folder):
    """Its damage is counted, its bytes stay; the highest number of any segment is known."""
    data, ends = segment(b"one", b"two")
    data[ends[0] - 1] ^= 1
    (folder / f"{1:016d}.wal").write_bytes(data)
    (folder / f"{2:016d}.open").write_bytes(segment(b"x")[0])

    found = recover(folder, System())

    assert (found.sealed, found.damaged, found.last_seq) == (1, 1, 12)
    assert (folder / f"{1:016d}.wal").read_bytes() == data


def test_the_highest_id_is_that_of_any_file_that_bears_one(folder):
    """Of the journal, the keys and the quarantine; other names have none."""
    assert last_id(folder) == 0
    (folder.parent / "keys").mkdir()
    (folder / f"{3:016d}.wal").touch()
    (folder / "7-not-of-us").touch()
    (folder.parent / "keys" / f"{4:016d}.keys").touch()

    assert last_id(folder) == 4

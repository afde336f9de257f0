"""A segment's bytes: the layout, and what a scan gives back of segments that were spoilt."""

import os
import random
import struct

import google_crc32c
import pytest

from collector.otlp.journal.segment import MAGIC, SEGMENT, Record, pack, scan

CASES = int(os.environ.get("MB_TEST_CASES", "1"))
SALT = bytes(range(16))
RANDOM = random.Random(20261125)  # noqa: S311 - no secret


def _records(count: int) -> list[Record]:
    return [
        Record(
            ("metrics", "logs", "traces")[n % 3], f"team-{n}", RANDOM.randbytes(n * 3), bytes(16), n
        )
        for n in range(count)
    ]


def _segment(records: list[Record]) -> tuple[bytes, list[int]]:
    """Give a segment and the offsets where its records end."""
    data, ends = SEGMENT.pack(MAGIC, 1, SALT), []
    for record in records:
        data += b"".join(pack(record, SALT))
        ends.append(len(data))
    return data, ends


def test_a_segment_written_by_hand_from_the_layout_is_read():
    """The format does not drift: offsets and widths are spelt out here, from the reference."""
    salt = bytes.fromhex("00112233445566778899aabbccddeeff")
    data = bytearray(b"MBWAL\x00\x00\x01" + struct.pack("<Q", 42) + salt)
    header = bytearray(48)
    struct.pack_into("<I", header, 0, 0x4B4D4252)
    struct.pack_into("<I", header, 4, 5)  # payload length, the tenant not counted
    header[12] = 2  # logs
    header[13] = 0  # flags
    struct.pack_into("<H", header, 14, 4)
    struct.pack_into("<Q", header, 16, 2**60 + 1)
    struct.pack_into("<Q", header, 24, 1_767_225_600_000_000_000)
    header[32:48] = b"sixteen byte key"
    checksum = google_crc32c.value(salt + bytes(header) + b"acme" + b"hello")
    struct.pack_into("<I", header, 8, checksum)
    data += header + b"acme" + b"hello"

    found = scan(bytes(data))

    assert not found.damaged
    assert found.records == [
        Record("logs", "acme", b"hello", b"sixteen byte key", 2**60 + 1, 1_767_225_600_000_000_000)
    ]
    assert b"".join(pack(found.records[0], salt)) == bytes(data[32:])


def test_the_checksum_is_crc32c():
    """The check value of the Castagnoli polynomial."""
    assert google_crc32c.value(b"123456789") == 0xE3069283


def test_a_segment_cut_at_every_byte_gives_every_whole_record():
    """A torn tail costs only the record it tore."""
    records = _records(40)
    data, ends = _segment(records)

    for cut in range(SEGMENT.size, len(data) + 1):
        found = scan(data[:cut])
        assert found.records == records[: sum(end <= cut for end in ends)]
        assert bool(found.damaged) == (cut not in {SEGMENT.size, *ends})
    for cut in range(SEGMENT.size):
        assert scan(data[:cut]).damaged == [(0, cut, "torn-header")]


def test_a_bit_flipped_in_every_byte_costs_at_most_one_record():
    """Of 40 records exactly the one that was hit is missing, and the damage is told."""
    records = _records(40)
    data, ends = _segment(records)

    for at in range(SEGMENT.size, len(data)):
        spoilt = bytearray(data)
        spoilt[at] ^= 1 << RANDOM.randrange(8)
        hit = sum(end <= at for end in ends)
        found = scan(bytes(spoilt))
        assert found.records == records[:hit] + records[hit + 1 :]
        assert len(found.damaged) == 1


@pytest.mark.parametrize("at", range(SEGMENT.size))
def test_a_bit_flipped_in_the_segments_header_invents_nothing(at):
    """A spoilt magic costs nothing; without the salt no record can be believed, and that is told.

    The id counts by the file's name.
    """
    records = _records(40)
    spoilt = bytearray(_segment(records)[0])
    spoilt[at] ^= 1

    found = scan(bytes(spoilt))

    assert found.records == (records if at < 16 else [])
    assert bool(found.damaged) == (not 8 <= at < 16)


def test_zeros_and_garbage_at_random_invent_nothing():
    """Of 3,000 spoilt segments each gives only records that were written, in their order."""
    records = _records(20)
    data, _ = _segment(records)

    for case in range(3_000 * CASES):
        start = RANDOM.randrange(len(data))
        length = RANDOM.randrange(1, 2_000)
        spoilt = bytearray(data)
        spoilt[start : start + length] = (
            bytes(length) if case % 2 else RANDOM.randbytes(min(length, len(data) - start))
        )
        found = scan(bytes(spoilt)).records
        numbers = [record.seq for record in found]
        assert found == [records[n] for n in numbers]
        assert numbers == sorted(set(numbers))


def test_each_kind_of_damage_has_its_name():
    """Who reads the reason knows what happened."""
    records = _records(3)
    data, ends = _segment(records)
    wrong_magic, wrong_payload = bytearray(data), bytearray(data)
    wrong_magic[ends[0]] ^= 1
    wrong_payload[ends[2] - 1] ^= 1
    hole = data[: ends[0]] + bytes(ends[1] - ends[0]) + data[ends[1] :]

    def reasons(spoilt: bytes) -> list[str]:
        return [reason for _, _, reason in scan(spoilt).damaged]

    assert reasons(data) == []
    assert reasons(data[:20]) == ["torn-header"]
    assert reasons(b"x" + data[1:]) == ["bad-segment-magic"]
    assert reasons(data[:-1]) == ["torn-tail"]
    assert reasons(data + bytes(4096)) == ["zero-tail"]
    assert reasons(bytes(wrong_magic)) == ["bad-record-header"]
    assert reasons(bytes(wrong_payload)) == ["bad-crc"]
    assert reasons(hole) == ["bad-record-header"]


def test_damage_in_mid_segment_is_no_tail():
    """What sound records follow was not torn off, whatever its bytes look like.

    A payload that was spoilt is that in the middle as at the end; a length that points beyond the
    segment is a header that was spoilt, for the records behind it are there.
    """
    records = _records(4)
    data, ends = _segment(records)
    payload, length, zeros = bytearray(data), bytearray(data), bytearray(data)
    payload[ends[1] - 1] ^= 1
    length[ends[0] + 6] = 3  # 3 * 65,536 bytes: more than the segment has
    zeros[ends[0] : ends[1]] = bytes(ends[1] - ends[0])

    found = [scan(bytes(spoilt)) for spoilt in (payload, length, zeros)]

    assert [each.damaged for each in found] == [
        [(ends[0], ends[1], "bad-crc")],
        [(ends[0], ends[1], "bad-record-header")],
        [(ends[0], ends[1], "bad-record-header")],
    ]
    assert all(each.records == [records[0], *records[2:]] for each in found)


def test_the_same_damage_at_the_end_is_a_tail():
    """A write that was cut off left a length without its bytes, or room without a record."""
    records = _records(2)
    data, ends = _segment(records)
    length, zeros = bytearray(data), bytearray(data)
    length[ends[0] + 6] = 3
    zeros[ends[0] :] = bytes(len(data) - ends[0])

    found = [scan(bytes(spoilt)).damaged for spoilt in (length, zeros)]

    assert found == [[(ends[0], len(data), "torn-tail")], [(ends[0], len(data), "zero-tail")]]


@pytest.mark.parametrize(
    ("length", "reason"),
    [(64 * 1024 * 1024, "torn-tail"), (64 * 1024 * 1024 + 1, "bad-record-header")],
)
def test_a_payload_of_64_mib_is_the_longest(length: int, reason: str):
    """A longer one was never written: its header is none. One as long may be torn off."""
    header = bytearray(b"".join(pack(Record("logs", "t", b"", bytes(16)), SALT)))
    header[4:8] = struct.pack("<I", length)

    found = scan(SEGMENT.pack(MAGIC, 1, SALT) + bytes(header))

    assert [each[2] for each in found.damaged] == [reason]


@pytest.mark.parametrize(("kind", "is_read"), [(0, False), (1, True), (3, True), (4, False)])
def test_only_the_three_kinds_of_records_are_read(kind: int, is_read):
    """Kinds 1 to 3 are metrics, logs and traces; no other was ever written."""
    record = bytearray(b"".join(pack(Record("logs", "", b"x", bytes(16)), SALT)))
    record[12] = kind
    record[8:12] = bytes(4)
    struct.pack_into("<I", record, 8, google_crc32c.value(SALT + bytes(record)))

    found = scan(SEGMENT.pack(MAGIC, 1, SALT) + bytes(record))

    assert len(found.records) == is_read
    assert [each[2] for each in found.damaged] == ([] if is_read else ["bad-record-header"])


def test_a_record_with_flags_is_none():
    """No flag has a meaning yet: what bears one was written by another version."""
    record = bytearray(b"".join(pack(Record("logs", "", b"x", bytes(16)), SALT)))
    record[13] = 1
    record[8:12] = bytes(4)
    struct.pack_into("<I", record, 8, google_crc32c.value(SALT + bytes(record)))

    found = scan(SEGMENT.pack(MAGIC, 1, SALT) + bytes(record))

    assert [each[2] for each in found.damaged] == ["bad-record-header"]


def test_records_behind_a_spoilt_magic_are_kept_from_the_first_on():
    """The bytes before the first sound record are the damage: the 32 of the header and 5 more."""
    records = _records(2)
    data, _ = _segment(records)
    spoilt = b"x" + data[1:32] + b"junk!" + data[32:]

    found = scan(spoilt)

    assert (found.records, found.damaged) == (records, [(0, 37, "bad-segment-magic")])

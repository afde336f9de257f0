"""The bytes of a journal's segment: how a record is written, and how it is found again.

Takes    records; the bytes of a segment, whole or damaged
Gives    the bytes to write; every sound record, and each stretch that is none, with the reason
Holds    what a scan gives was written so: the checksum covers the segment's salt, the record's
         header, tenant and payload, and the salt keeps the bytes inside a payload, or those of
         another segment, from passing for a record
Refuses  nothing: damage costs the records it lies in, those behind it are kept

Layout, little-endian. A segment begins with 32 bytes: magic and version, segment id, a random salt.
A record is a header of 48 bytes (magic, payload length, CRC32C over salt, header with that field
zero, tenant and payload; kind; flags; tenant length; sequence number; time of receipt; key), the
tenant and the payload.
"""

import struct
from dataclasses import dataclass
from typing import Final

import google_crc32c

SEGMENT: Final = struct.Struct("<8sQ16s")
HEADER: Final = struct.Struct("<IIIBBHQQ16s")
MAGIC: Final = b"MBWAL\x00\x00\x01"
RECORD: Final = 0x4B4D4252
MAX_PAYLOAD: Final = 64 * 1024 * 1024
MAX_TENANT: Final = 0xFFFF
KEY_BYTES: Final = 16
KINDS: Final = ("metrics", "logs", "traces")

TORN_HEADER: Final = "torn-header"
BAD_MAGIC: Final = "bad-segment-magic"
TORN_TAIL: Final = "torn-tail"
ZERO_TAIL: Final = "zero-tail"
BAD_HEADER: Final = "bad-record-header"
BAD_CRC: Final = "bad-crc"


@dataclass(frozen=True)
class Record:
    """One accepted request."""

    signal: str
    tenant: str
    payload: bytes
    key: bytes
    seq: int = 0
    received_ns: int = 0


@dataclass(frozen=True)
class Scan:
    """What a segment holds: its records, and the bytes that are none, with the reason."""

    records: list[Record]
    damaged: list[tuple[int, int, str]]
    """Stretches (from, to, reason) that are not records."""


def pack(record: Record, salt: bytes) -> tuple[bytes, bytes, bytes]:
    """Give header, tenant and payload of a record as they are written."""
    tenant = record.tenant.encode()

    def header(crc: int) -> bytes:
        return HEADER.pack(
            RECORD,
            len(record.payload),
            crc,
            KINDS.index(record.signal) + 1,
            0,
            len(tenant),
            record.seq,
            record.received_ns,
            record.key,
        )

    crc = google_crc32c.extend(google_crc32c.value(salt + header(0) + tenant), record.payload)
    return header(crc), tenant, record.payload


def scan(data: bytes) -> Scan:
    """Read a segment; what is damaged is passed over and told, the records behind it are kept."""
    if len(data) < SEGMENT.size:
        return Scan([], [(0, len(data), TORN_HEADER)])
    salt = data[16:32]
    records: list[Record] = []
    damaged: list[tuple[int, int, str]] = []
    at = SEGMENT.size
    if not data.startswith(MAGIC):
        at = _next_record(data, at, salt)  # the salt may be sound: then its records are
        damaged.append((0, at, BAD_MAGIC))
    while at < len(data):
        found = _record_at(data, at, salt)
        if not isinstance(found, str):
            records.append(found[0])
            at = found[1]
            continue
        following = _next_record(data, at + 1, salt)
        damaged.append((at, following, _reported(found, is_tail=following == len(data))))
        at = following
    return Scan(records, damaged)


def _reported(reason: str, *, is_tail: bool) -> str:
    """Name damage by where it lies: nothing that sound records follow is a tail."""
    return reason if is_tail or reason == BAD_CRC else BAD_HEADER


def _record_at(data: bytes, at: int, salt: bytes) -> tuple[Record, int] | str:
    """Give the record at an offset and the offset behind it, or why there is none."""
    head = data[at : at + HEADER.size]
    if not any(head):
        return ZERO_TAIL
    if len(head) < HEADER.size:
        return TORN_TAIL
    magic, length, crc, kind, flags, tenant_length, seq, received, key = HEADER.unpack(head)
    if magic != RECORD or length > MAX_PAYLOAD or not 1 <= kind <= len(KINDS) or flags:
        return BAD_HEADER
    body = at + HEADER.size
    end = body + tenant_length + length
    if end > len(data):
        return TORN_TAIL
    bare = head[:8] + bytes(4) + head[12:]
    tenant, payload = data[body : body + tenant_length], data[body + tenant_length : end]
    if google_crc32c.extend(google_crc32c.value(salt + bare + tenant), payload) != crc:
        return BAD_CRC
    signal = KINDS[kind - 1]
    return Record(signal, tenant.decode(), payload, key, seq, received), end


def _next_record(data: bytes, start: int, salt: bytes) -> int:
    """Give the offset of the next sound record, or the end."""
    magic = RECORD.to_bytes(4, "little")
    at = data.find(magic, start)
    while at >= 0:
        if not isinstance(_record_at(data, at, salt), str):
            return at
        at = data.find(magic, at + 1)
    return len(data)

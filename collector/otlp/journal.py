"""The durable log: what is acknowledged is on disk.

Takes    records (signal, tenant, payload, key), from one event loop
Gives    a future per record that is done after `fdatasync`; segments `<id>.open`, then `<id>.wal`
Refuses  more than the queue holds, and everything after an error of the disk (OverloadedError)
Never    retries a failed sync on the same file: it is cut back and the next segment is begun

Layout, little-endian. A segment begins with 32 bytes: magic and version, segment id, a random salt.
A record is a header of 48 bytes (magic, payload length, CRC32C over salt, header with that field
zero, tenant and payload; kind; flags; tenant length; sequence number; time of receipt; key), the
tenant and the payload. The salt keeps bytes inside a payload from passing for a record.
"""

import asyncio
import fcntl
import os
import queue
import secrets
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import google_crc32c

from meterbook.errors import MeterbookError, OverloadedError
from warehouse.disk import sync

SEGMENT: Final = struct.Struct("<8sQ16s")
HEADER: Final = struct.Struct("<IIIBBHQQ16s")
MAGIC: Final = b"MBWAL\x00\x00\x01"
RECORD: Final = 0x4B4D4252
MAX_PAYLOAD: Final = 64 * 1024 * 1024
MAX_BATCH_RECORDS: Final = 300
MAX_BATCH_BYTES: Final = 8 * 1024 * 1024
KINDS: Final = ("metrics", "logs", "traces")


class JournalLockedError(MeterbookError):
    """Another process owns the journal."""


@dataclass(frozen=True)
class Record:
    """One accepted request."""

    signal: str
    tenant: str
    payload: bytes
    key: bytes
    seq: int = 0
    received_ns: int = 0


@dataclass
class _Waiting:
    record: Record
    done: asyncio.Future[None]


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
    if len(data) < SEGMENT.size or not data.startswith(MAGIC):
        return Scan([], [(0, len(data), "bad-segment-magic" if data else "torn-header")])
    salt = data[16:32]
    records: list[Record] = []
    damaged: list[tuple[int, int, str]] = []
    at = SEGMENT.size
    while at < len(data):
        found = _record_at(data, at, salt)
        if not isinstance(found, str):
            records.append(found[0])
            at = found[1]
            continue
        following = _next_record(data, at + 1, salt)
        damaged.append((at, following, found))
        at = following
    return Scan(records, damaged)


def _record_at(data: bytes, at: int, salt: bytes) -> tuple[Record, int] | str:
    """Give the record at an offset and the offset behind it, or why there is none."""
    head = data[at : at + HEADER.size]
    if len(head) < HEADER.size:
        return "torn-tail"
    magic, length, crc, kind, flags, tenant_length, seq, received, key = HEADER.unpack(head)
    if not any(head):
        return "zero-tail"
    if magic != RECORD or length > MAX_PAYLOAD or not 1 <= kind <= len(KINDS) or flags:
        return "bad-record-header"
    body = at + HEADER.size
    end = body + tenant_length + length
    if end > len(data):
        return "torn-tail"
    bare = head[:8] + bytes(4) + head[12:]
    tenant, payload = data[body : body + tenant_length], data[body + tenant_length : end]
    if google_crc32c.extend(google_crc32c.value(salt + bare + tenant), payload) != crc:
        return "bad-crc"
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


class Journal:
    """The writer. One per folder; a thread writes, the event loop waits."""

    def __init__(
        self, folder: Path, *, segment_bytes: int, segment_seconds: float, queue_bytes: int
    ) -> None:
        """Lock the folder, take up what a former run left, and start the writer.

        Errors: JournalLockedError.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.segment_bytes = segment_bytes
        self.segment_seconds = segment_seconds
        self.queue_bytes = queue_bytes
        self.fsync_seconds = 0.0
        self.is_broken = False
        self._lock = _locked(folder)
        self.recovered = _recover(folder)
        self._next_id = 1 + max([int(p.stem) for p in folder.glob("*.wal")] + [_last(folder)])
        self._seq = time.time_ns()  # rises over restarts too, without a file to keep it in
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._file: int | None = None
        self._size = 0
        self._opened_at = 0.0
        self._salt = b""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def append(self, record: Record) -> asyncio.Future[None]:
        """Queue a record; the future is done when it is on disk. Errors: OverloadedError."""
        size = len(record.payload) + HEADER.size
        if self.is_broken:
            raise OverloadedError("the journal cannot be written; see the collector's log")
        if self._waiting_bytes + size > self.queue_bytes:
            raise OverloadedError("the journal's queue is full")
        self._waiting_bytes += size
        done: asyncio.Future[None] = self._loop.create_future()
        self._queue.put(_Waiting(record, done))
        return done

    def close(self) -> None:
        """Write what is queued, seal the segment, and give up the folder."""
        self._queue.put(None)
        self._thread.join()
        os.close(self._lock)

    def pending_bytes(self) -> int:
        """Give the bytes of all segments that are not decoded yet."""
        return sum(p.stat().st_size for p in self.folder.glob("*.*") if p.suffix in _SEGMENTS)

    def _run(self) -> None:
        while True:
            batch, is_last = self._take()
            if batch:
                self._write(batch)
            if self._file is not None and (is_last or self._is_full()):
                self._seal()
            if is_last:
                return

    def _is_full(self) -> bool:
        age = time.monotonic() - self._opened_at
        return self._size >= self.segment_bytes or age >= self.segment_seconds

    def _take(self) -> tuple[list[_Waiting], bool]:
        """Take whatever waits, at most a batch; more gather during the sync itself."""
        try:
            timeout = max(0.05, self.segment_seconds / 4) if self._file is not None else None
            first = self._queue.get(timeout=timeout)
        except queue.Empty:
            return [], False
        batch: list[_Waiting] = []
        size = 0
        while first is not None:
            batch.append(first)
            size += len(first.record.payload)
            if len(batch) >= MAX_BATCH_RECORDS or size >= MAX_BATCH_BYTES or self._queue.empty():
                return batch, False
            first = self._queue.get()
        return batch, True

    def _write(self, batch: list[_Waiting]) -> None:
        error: OSError | None = None
        try:
            if self._file is None:
                self._open()
            self._write_synced(batch)
        except OSError as exc:
            error = exc
            self._give_up_segment()
        self._loop.call_soon_threadsafe(self._resolve, batch, error)

    def _write_synced(self, batch: list[_Waiting]) -> None:
        buffers: list[bytes] = []
        for waiting in batch:
            self._seq += 1
            record = waiting.record
            stamped = Record(
                record.signal, record.tenant, record.payload, record.key, self._seq, time.time_ns()
            )
            buffers += pack(stamped, self._salt)
        size = sum(map(len, buffers))
        assert self._file is not None  # noqa: S101 - opened by the caller
        if os.writev(self._file, buffers) != size:
            raise OSError("short write: the disk is full")
        began = time.monotonic()
        os.fdatasync(self._file)
        self.fsync_seconds = time.monotonic() - began
        self._size += size

    def _resolve(self, batch: list[_Waiting], error: OSError | None) -> None:
        for waiting in batch:
            self._waiting_bytes -= len(waiting.record.payload) + HEADER.size
            if waiting.done.done():
                continue
            if error is None:
                waiting.done.set_result(None)
            else:
                waiting.done.set_exception(OverloadedError(f"the journal: {error.strerror}"))

    def _open(self) -> None:
        path = self.folder / f"{self._next_id:016d}.open"
        self._salt = secrets.token_bytes(16)
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY, 0o600)
        os.write(self._file, SEGMENT.pack(MAGIC, self._next_id, self._salt))
        os.fsync(self._file)
        sync(self.folder)
        self._size = SEGMENT.size
        self._opened_at = time.monotonic()

    def _seal(self) -> None:
        """Close the segment and hand it to the decoder by its name."""
        assert self._file is not None  # noqa: S101 - open by the caller's word
        os.close(self._file)
        self._file = None
        path = self.folder / f"{self._next_id:016d}.open"
        path.replace(path.with_suffix(".wal"))
        sync(self.folder)
        self._next_id += 1

    def _give_up_segment(self) -> None:
        """Cut the segment back to what was synced and seal it; the next write begins another."""
        if self._file is None:
            return
        try:
            os.ftruncate(self._file, self._size)
            os.fsync(self._file)
            self._seal()
        except OSError:
            self.is_broken = True


_SEGMENTS: Final = frozenset({".open", ".wal"})


def sealed(folder: Path) -> Iterator[Path]:
    """Give the segments that wait for the decoder, oldest first."""
    yield from sorted(folder.glob("*.wal"))


def _last(folder: Path) -> int:
    """Give the id of the last segment that was decoded and deleted."""
    keys = folder.parent / "keys"
    return max((int(path.stem) for path in keys.glob("*.keys")), default=0)


def _locked(folder: Path) -> int:
    handle = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise JournalLockedError(
            f"{folder}: another collector writes here; stop it first"
        ) from None
    return handle


def _recover(folder: Path) -> int:
    """Seal and count the segments a killed run left open; what is torn goes to quarantine."""
    count = 0
    for path in sorted(folder.glob("*.open")):
        data = path.read_bytes()
        found = scan(data)
        tail = [part for part in found.damaged if part[1] == len(data)]
        if tail:
            start = tail[-1][0]
            quarantine = folder.parent / "quarantine"
            quarantine.mkdir(exist_ok=True)
            with (quarantine / f"{path.stem}-tail.bin").open("wb") as file:
                file.write(data[start:])
                file.flush()
                os.fsync(file.fileno())
            sync(quarantine)
            if not found.records:
                path.unlink()
                continue
            with path.open("r+b") as file:
                file.truncate(start)
                os.fsync(file.fileno())
        if not found.records and not found.damaged:
            path.unlink()
            continue
        path.replace(path.with_suffix(".wal"))
        count += 1
    sync(folder)
    return count

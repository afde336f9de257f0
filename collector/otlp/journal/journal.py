"""The durable log: what is acknowledged is on disk.

Takes    records (signal, tenant, payload, key), from one event loop
Gives    a future per record that is done after `fdatasync`; segments `<id>.open`, then `<id>.wal`
Refuses  more than the queue holds, more than a tenant's share of it while others wait, and
         everything while the disk's last error is not mended (OverloadedError)
Never    retries a failed sync on the same file: it is cut back to what was synced, and the next
         write begins another. If even the cut fails, everything is refused until a probe, some
         seconds later, has mended the segment by a new handle and begun another
"""

import asyncio
import fcntl
import os
import queue
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from collector.otlp.journal.backlog import oldest_seconds, pending_bytes, sealed
from collector.otlp.journal.files import Files, System, append, write_whole
from collector.otlp.journal.recovery import last_id, recover
from collector.otlp.journal.segment import (
    HEADER,
    KEY_BYTES,
    KINDS,
    MAGIC,
    MAX_PAYLOAD,
    MAX_TENANT,
    SEGMENT,
    Record,
    pack,
    scan,
)
from meterbook.base.errors import MeterbookError, OverloadedError, TooLargeError

__all__ = ["KINDS", "Journal", "JournalLockedError", "Record", "pack", "scan", "sealed"]

MAX_BATCH_RECORDS: Final = 400
"""Two buffers a record: below the 1024 that one writev takes."""
MAX_BATCH_BYTES: Final = 8 * 1024 * 1024
PROBE_SECONDS: Final = 5.0
TENANT_SHARE: Final = 0.4
SEQ_FILE: Final = "seq"
SEQ_AHEAD: Final = 2**40
"""Numbers set apart at a time: more than a run can write."""


class JournalLockedError(MeterbookError):
    """Another process owns the journal."""


@dataclass(frozen=True)
class SyncTimes:
    """How long the disk took, over all syncs of records."""

    count: int = 0
    seconds: float = 0.0
    max_seconds: float = 0.0

    def with_one(self, seconds: float) -> "SyncTimes":
        """Give the times with one sync more."""
        longest = max(self.max_seconds, seconds)
        return SyncTimes(self.count + 1, self.seconds + seconds, longest)


@dataclass
class _Waiting:
    record: Record
    size: int
    done: asyncio.Future[None]


class Journal:
    """The writer. One per folder; a thread writes, the event loop waits."""

    def __init__(  # noqa: PLR0913 - named, and most have defaults
        self,
        folder: Path,
        *,
        segment_bytes: int,
        segment_seconds: float,
        queue_bytes: int,
        tenant_share: float = TENANT_SHARE,
        probe_seconds: float = PROBE_SECONDS,
        fake_fsync_seconds: float = 0.0,
        files: Files | None = None,
    ) -> None:
        """Lock the folder, take up what a former run left, and start the writer.

        `fake_fsync_seconds` makes the disk seem slower, for measuring. Errors: JournalLockedError.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.segment_bytes = segment_bytes
        self.segment_seconds = segment_seconds
        self.queue_bytes = queue_bytes
        self.tenant_share = tenant_share
        self.is_broken = False
        self.syncs = SyncTimes()
        self.fsync_seconds = 0.0
        self._probe_seconds = probe_seconds
        self._fake_fsync_seconds = fake_fsync_seconds
        self._files = files or System()
        self._lock = _locked(folder)
        self.recovery = recover(folder, self._files)
        self._next_id = 1 + last_id(folder)
        self._seq = max(time.time_ns(), _set_apart(folder), self.recovery.last_seq)
        self._has_set_apart = False
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._held: _Waiting | None = None  # taken from the queue, too large for its batch
        self._batch: list[_Waiting] = []
        self._waiting_bytes: Counter[str] = Counter()
        self._file: int | None = None
        self._path = folder
        self._size = 0
        self._opened_at = 0.0
        self._salt = b""
        self._to_mend: Path | None = None
        self._probed_at = 0.0
        self._has_ended = False
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def append(self, record: Record) -> asyncio.Future[None]:
        """Queue a record; the future is done when it is on disk.

        Errors: OverloadedError; TooLargeError for a payload that no segment can hold.
        """
        tenant_bytes = len(record.tenant.encode())
        size = HEADER.size + tenant_bytes + len(record.payload)
        if len(record.payload) > MAX_PAYLOAD:
            raise TooLargeError(MAX_PAYLOAD)
        if record.signal not in KINDS or len(record.key) != KEY_BYTES or tenant_bytes > MAX_TENANT:
            raise ValueError(f"no record of the journal: {record.signal}, {len(record.key)}")
        if self.is_broken or self._has_ended:
            raise OverloadedError("the journal cannot be written; see the collector's log")
        self._check_room(record.tenant, size)
        self._waiting_bytes[record.tenant] += size
        done: asyncio.Future[None] = self._loop.create_future()
        self._queue.put(_Waiting(record, size, done))
        return done

    def close(self) -> None:
        """Write what is queued, seal the segment, and give up the folder."""
        self._queue.put(None)
        self._thread.join()
        os.close(self._lock)

    @property
    def queued_bytes(self) -> int:
        """Give the bytes that wait for the disk."""
        return self._waiting_bytes.total()

    def pending_bytes(self) -> int:
        """Give the bytes of all segments that are not decoded yet."""
        return pending_bytes(self.folder)

    def oldest_seconds(self) -> float:
        """Give the age of the oldest record that is not decoded yet; 0 when there is none."""
        return oldest_seconds(self.folder)

    def _check_room(self, tenant: str, size: int) -> None:
        total = self._waiting_bytes.total()
        if total + size > self.queue_bytes:
            raise OverloadedError("the journal's queue is full")
        own = self._waiting_bytes[tenant]
        if 0 < own < total and own + size > self.tenant_share * self.queue_bytes:
            raise OverloadedError("this tenant's share of the journal's queue is full")

    def _run(self) -> None:
        try:
            self._work()
        finally:  # at the end nothing is left; after a bug of ours nobody waits for ever
            self._has_ended = True
            left = self._batch
            while not self._queue.empty():
                waiting = self._queue.get()
                left += [waiting] if waiting else []
            if left:
                self._answer(left, OSError(0, "the writer has ended"))

    def _work(self) -> None:
        while True:
            self._batch, is_last = self._take()
            if self.is_broken and self._is_due_for_probe():
                self._probe()
            if self._batch:
                batch = self._batch
                error = self._written(batch)
                self._batch = []
                self._answer(batch, error)
            if self._file is not None and (is_last or self._is_full()):
                self._seal()
            if is_last:
                return

    def _is_full(self) -> bool:
        return self._size >= self.segment_bytes or self._seconds_left() <= 0

    def _seconds_left(self) -> float:
        return self._opened_at + self.segment_seconds - time.monotonic()

    def _is_due_for_probe(self) -> bool:
        return time.monotonic() - self._probed_at >= self._probe_seconds

    def _patience(self) -> float | None:
        """Give how long to wait for a record: a segment grows old, a broken disk may be mended."""
        if self.is_broken:
            return max(0.0, self._probed_at + self._probe_seconds - time.monotonic())
        return max(0.0, self._seconds_left()) if self._file is not None else None

    def _take(self) -> tuple[list[_Waiting], bool]:
        """Take whatever waits, at most a batch; more gather during the sync itself."""
        batch: list[_Waiting] = []
        size = 0
        waiting, self._held = self._held, None
        try:
            waiting = waiting or self._queue.get(timeout=self._patience())
        except queue.Empty:
            return [], False
        while waiting is not None:
            if batch and size + waiting.size > MAX_BATCH_BYTES:
                self._held = waiting
                return batch, False
            batch.append(waiting)
            size += waiting.size
            if len(batch) >= MAX_BATCH_RECORDS or self._queue.empty():
                return batch, False
            waiting = self._queue.get()
        return batch, True

    def _written(self, batch: list[_Waiting]) -> OSError | None:
        """Put a batch on disk; give the error that kept it from there."""
        if self.is_broken:
            return OSError(0, "the last error of the disk is not mended")
        try:
            if self._file is None:
                self._open()
            self._write_synced(batch)
        except OSError as exc:
            self._give_up_segment()
            return exc
        return None

    def _write_synced(self, batch: list[_Waiting]) -> None:
        buffers: list[bytes] = []
        for waiting in batch:
            self._seq += 1
            stamped = replace(waiting.record, seq=self._seq, received_ns=time.time_ns())
            header, tenant, payload = pack(stamped, self._salt)
            buffers += (header + tenant, payload)
        assert self._file is not None  # noqa: S101 - opened by the caller
        size = append(self._files, self._file, buffers)
        began = time.monotonic()
        self._files.sync_bytes(self._file)
        if self._fake_fsync_seconds:
            time.sleep(self._fake_fsync_seconds)
        self.fsync_seconds = time.monotonic() - began
        self.syncs = self.syncs.with_one(self.fsync_seconds)
        self._size += size

    def _answer(self, batch: list[_Waiting], error: OSError | None) -> None:
        self._loop.call_soon_threadsafe(self._resolve, batch, error)

    def _resolve(self, batch: list[_Waiting], error: OSError | None) -> None:
        for waiting in batch:
            tenant = waiting.record.tenant
            self._waiting_bytes[tenant] -= waiting.size
            if not self._waiting_bytes[tenant]:
                del self._waiting_bytes[tenant]
            if waiting.done.done():
                continue
            if error is None:
                waiting.done.set_result(None)
            else:
                waiting.done.set_exception(OverloadedError(f"the journal: {error.strerror}"))

    def _open(self) -> None:
        """Begin a segment: its header and its name are on disk before the first record."""
        self._set_numbers_apart()
        self._path = self.folder / f"{self._next_id:016d}.open"
        self._next_id += 1
        self._size = 0
        self._file = self._files.create(self._path)
        self._salt = secrets.token_bytes(16)
        header = SEGMENT.pack(MAGIC, int(self._path.stem), self._salt)
        append(self._files, self._file, [header])
        self._files.sync(self._file)
        self._files.sync_names(self.folder)
        self._size = len(header)
        self._opened_at = time.monotonic()

    def _set_numbers_apart(self) -> None:
        """Note how far this run's numbers may reach, so that the next begins above them."""
        if not self._has_set_apart:
            reach = str(self._seq + SEQ_AHEAD).encode()
            write_whole(self._files, self.folder / SEQ_FILE, reach)
            self._files.sync_names(self.folder.parent)
            self._has_set_apart = True

    def _seal(self) -> None:
        """Close the segment and hand it to the decoder by its name.

        The name needs no sync: a start takes up the segment by either.
        """
        assert self._file is not None  # noqa: S101 - open by the caller's word
        handle, self._file = self._file, None
        try:
            self._files.close(handle)
            self._put_by(self._path)
        except OSError:
            self._latch()

    def _put_by(self, path: Path) -> None:
        """Seal a closed segment; one without records goes."""
        if self._size > SEGMENT.size:
            self._files.rename(path, path.with_suffix(".wal"))
        elif path.exists():
            self._files.remove(path)

    def _give_up_segment(self) -> None:
        """Cut the segment back to what was synced and seal it; the next write begins another."""
        if self._file is None:
            return
        handle, self._file = self._file, None
        try:
            try:
                self._files.cut(handle, self._size)
                self._files.sync(handle)
            finally:
                self._files.close(handle)
            self._put_by(self._path)
        except OSError:
            self._latch()

    def _latch(self) -> None:
        self.is_broken = True
        self._to_mend = self._path
        self._probed_at = time.monotonic()

    def _probe(self) -> None:
        """Mend the segment that an error left as it was, by a new handle, and begin another."""
        self._probed_at = time.monotonic()
        try:
            if self._to_mend is not None:
                self._mend(self._to_mend)
                self._to_mend = None
            self._open()
        except OSError:
            self._give_up_segment()  # of the one that was begun
            return
        self.is_broken = False

    def _mend(self, path: Path) -> None:
        if self._size > SEGMENT.size:
            handle = self._files.reopen(path)
            try:
                self._files.cut(handle, self._size)
                self._files.sync(handle)
            finally:
                self._files.close(handle)
        self._put_by(path)


def _set_apart(folder: Path) -> int:
    """Give how far the numbers of former runs may reach."""
    try:
        return int((folder / SEQ_FILE).read_text())
    except FileNotFoundError:
        return 0


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

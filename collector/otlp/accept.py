"""The one way in, whichever door a request came by.

Takes    a signal, a tenant, a plain protobuf body
Gives    what it held, after its bytes are on disk
Refuses  what is no OTLP (UndecodableError), too much (TooLargeError), and everything while the
         journal cannot take more (OverloadedError)
Never    acknowledges from memory, or stores a body twice that a sender repeats
"""

import asyncio
import contextlib
import os
import time
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import xxhash

from collector.otlp.check import Content, content
from collector.otlp.counters import Counters
from collector.otlp.journal import Journal, Record, scan, sealed
from collector.otlp.wire import Wire
from meterbook.errors import (
    BadInputError,
    OverloadedError,
    TooLargeError,
    UndecodableError,
)
from meterbook.settings import CollectorSettings

KEY_BYTES: Final = 16
REMEMBERED: Final = 1_000_000
REMEMBERED_SECONDS: Final = 24 * 3600
SEED_FILE: Final = "seed"


class Acceptor:
    """Checks a request, puts its bytes on disk, and remembers it."""

    def __init__(
        self, settings: CollectorSettings, journal: Journal, counters: Counters, seed: int
    ) -> None:
        """Keep the parts; take up the keys of what was accepted in the last 24 hours."""
        self._settings = settings
        self._journal = journal
        self._counters = counters
        self._seed = seed
        self._wire = Wire()
        self._seen: OrderedDict[bytes, None] = OrderedDict(
            (key, None) for key in _remembered(journal.folder)
        )
        self._pending: dict[bytes, asyncio.Future[None]] = {}

    async def accept(self, signal: str, tenant: str, body: bytes, idempotency: str = "") -> Content:
        """Check one request, put its bytes on disk, say what it held. The only way in."""
        try:
            found = self._checked(signal, body)
            if found.items - found.rejected:
                await self._stored(
                    Record(signal, tenant, body, self._key(signal, tenant, body, idempotency))
                )
        except (BadInputError, OverloadedError) as exc:
            self._counters.refused(signal, exc)
            raise
        self._counters.accepted(signal, found)
        return found

    def _checked(self, signal: str, body: bytes) -> Content:
        if len(body) > self._settings.max_request_bytes:
            raise TooLargeError(self._settings.max_request_bytes)
        if not body:
            return Content(0)
        found = content(signal, self._wire.parse(signal, [body]))
        if found.items > self._settings.max_points_per_request:
            raise UndecodableError(
                f"{found.items} items in one request; at most "
                f"{self._settings.max_points_per_request}: send smaller batches"
            )
        return found

    def _key(self, signal: str, tenant: str, body: bytes, idempotency: str) -> bytes:
        """Name a request within its tenant: by the sender's key, else by its content."""
        text = idempotency.encode() or body
        digest = xxhash.xxh3_128(seed=self._seed)
        digest.update(f"{tenant}\0{signal}\0{bool(idempotency)}\0".encode())
        digest.update(text)
        return digest.digest()

    async def _stored(self, record: Record) -> None:
        """Store a record once. A repeat shares the fate of the first while that is under way."""
        if record.key in self._seen:
            self._counters.add("duplicate_requests", record.signal)
            return
        pending = self._pending.get(record.key)
        if pending is not None:
            self._counters.add("duplicate_requests", record.signal)
            await asyncio.shield(pending)
            return
        done = self._journal.append(record)
        self._pending[record.key] = done
        try:
            await asyncio.shield(done)
        finally:
            if done.done():
                self._settled(record.key, done)
            else:  # the sender hung up: the bytes may still reach the disk
                done.add_done_callback(lambda future: self._settled(record.key, future))

    def _settled(self, key: bytes, done: asyncio.Future[None]) -> None:
        self._pending.pop(key, None)
        if not done.cancelled() and done.exception() is None:
            self._seen[key] = None
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)


def keys_folder(journal: Path) -> Path:
    """Give where the keys of decoded segments are kept."""
    return journal.parent / "keys"


def write_keys(journal: Path, segment: int, records: list[Record]) -> None:
    """Keep the keys of a segment that is about to go; forget those older than 24 hours."""
    folder = keys_folder(journal)
    folder.mkdir(exist_ok=True)
    making = folder / f"{segment:016d}.making"
    with making.open("wb") as file:
        file.write(b"".join(record.key for record in records))
        file.flush()
        os.fsync(file.fileno())
    making.replace(folder / f"{segment:016d}.keys")
    oldest = time.time_ns() / 1e9 - REMEMBERED_SECONDS
    for path in sorted(folder.glob("*.keys"))[:-1]:
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)


def _remembered(journal: Path) -> Iterator[bytes]:
    """Give the keys of what was accepted before.

    Waiting segments come first: one that a former run's decoder finishes meanwhile has left its
    keys by the time they are read.
    """
    for path in sealed(journal):
        with contextlib.suppress(FileNotFoundError):
            yield from (record.key for record in scan(path.read_bytes()).records)
    for path in sorted(keys_folder(journal).glob("*.keys")):
        data = path.read_bytes()
        yield from (data[n : n + KEY_BYTES] for n in range(0, len(data), KEY_BYTES))

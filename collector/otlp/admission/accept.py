"""The one way in, whichever door a request came by.

Takes    a signal, a sender, a plain protobuf body
Gives    what it held, after its bytes are on disk
Refuses  what is no OTLP (UndecodableError), too much (TooLargeError), what is beyond a tenant's
         quota (QuotaError), and everything while the journal cannot take more (OverloadedError)
Never    acknowledges from memory, or stores a body twice that a sender repeats

A body of logs without any time of its own is stored each time it comes: two such bodies may be
equal and both be meant.
"""

import asyncio
import os
import time
from typing import Final

import xxhash

from collector.otlp.admission.active import ActiveSeries, hour_of, without
from collector.otlp.admission.check import Content, content
from collector.otlp.admission.counters import Counters
from collector.otlp.admission.gate import DEFAULT_TENANT, Sender
from collector.otlp.admission.keys import KEY_BYTES, remembered
from collector.otlp.admission.quota import Quotas
from collector.otlp.admission.small import SMALL_BYTES, SmallCheck
from collector.otlp.admission.turns import Turns
from collector.otlp.journal.journal import Journal, Record
from collector.otlp.wire.limits import count_items
from collector.otlp.wire.series import RequestSeries
from collector.otlp.wire.wire import Wire
from meterbook.base.errors import OverloadedError, QuotaError, TooLargeError, UndecodableError
from meterbook.base.settings import CollectorSettings
from meterbook.base.signals import ITEMS

HOLD_SECONDS: Final = 0.5
NO_ITEMS: Final = Content(0)


class Acceptor:
    """Checks a request, puts its bytes on disk, and remembers it."""

    def __init__(
        self, settings: CollectorSettings, journal: Journal, counters: Counters, seed: int
    ) -> None:
        """Keep the parts; take up the keys of what was accepted in the last 24 hours."""
        self.settings = settings
        self.counters = counters
        self.room = "ok"
        """`ok`, `shed` (only metrics are taken) or `full`; set by who watches the disk."""
        self._journal = journal
        self._seed = seed
        self._wire = Wire()
        self._small = SmallCheck()
        self._quotas = Quotas(settings.quotas, time.monotonic)
        self._turns = Turns()
        self._series = RequestSeries()
        self.active = ActiveSeries()
        self._seen = remembered(journal.folder)
        self._pending: dict[bytes, asyncio.Future[None]] = {}

    async def admit(self, signal: str, sender: Sender) -> None:
        """Say whether a request may come in at all, before it is unpacked; wait for its turn.

        Errors: QuotaError, OverloadedError.
        """
        if self.room == "full" or (self.room == "shed" and signal in ITEMS):
            raise OverloadedError("the disk is nearly full; the collector's status tells how full")
        try:
            self._quotas.admit(sender.tenant)
        except QuotaError:
            await asyncio.sleep(HOLD_SECONDS)  # who floods waits; an answer at once feeds the flood
            raise
        if sender.tenant != DEFAULT_TENANT:
            await self._turns.take(sender.tenant)

    async def accept(
        self, signal: str, sender: Sender, body: bytes, idempotency: str = ""
    ) -> Content:
        """Check an admitted request, put its bytes on disk, say what it held."""
        self._quotas.charge(sender.tenant, len(body))
        found = self._checked(signal, body)
        key = self._key(signal, sender.tenant, body, idempotency)
        limit = self._quotas.of(sender.tenant).series
        if limit and signal == "metrics" and found.items > found.rejected:
            found, body = self._within(limit, sender, body, found)
        if found.items - found.rejected:
            if signal == "logs" and not idempotency and not found.is_dated:
                key = os.urandom(KEY_BYTES)
            await self._stored(Record(signal, sender.tenant, body, key), sender)
        self.counters.accepted(signal, sender, found, len(body))
        return found

    def _checked(self, signal: str, body: bytes) -> Content:
        settings = self.settings
        if len(body) > settings.max_request_bytes:
            raise TooLargeError(settings.max_request_bytes)
        if not body:
            return NO_ITEMS
        found = self._small.content(signal, body) if len(body) <= SMALL_BYTES else None
        if found is None:
            count_items(signal, body, settings.max_points_per_request)
            batch = self._wire.parse(signal, [body])
            found = content(signal, batch)
        if found.items > settings.max_points_per_request:
            raise UndecodableError(
                f"{found.items} items in one request; at most "
                f"{settings.max_points_per_request}: send smaller batches"
            )
        return found

    def _within(
        self, limit: int, sender: Sender, body: bytes, found: Content
    ) -> tuple[Content, bytes]:
        """Leave out the points of new series that are beyond the tenant's quota."""
        batch = self._wire.parse("metrics", [body])
        by_kind = self._series.of(batch, sender.tenant)
        ids = [each for kind in by_kind.values() for each in kind.tolist()]
        refused = self.active.take(
            sender.tenant, dict.fromkeys(ids), limit, hour_of(time.time_ns() / 1e9)
        )
        if not refused:
            return found, body
        count = sum(each in refused for each in ids)
        self.counters.add("rejected_series_points", f"metrics:{sender.transport}", count)
        message = (
            f"{count} points are of {len(refused)} new series beyond the quota of {limit} "
            f"of tenant {sender.tenant}; series that are known go on"
        )
        reported = "; ".join(part for part in (message, found.message) if part)
        kept = without(body, sender.tenant, refused)
        return Content(found.items, found.rejected + count, reported), kept

    def _key(self, signal: str, tenant: str, body: bytes, idempotency: str) -> bytes:
        """Name a request within its tenant: by the sender's key, else by its content."""
        text = idempotency.encode() or body
        digest = xxhash.xxh3_128(seed=self._seed)
        digest.update(f"{tenant}\0{signal}\0{bool(idempotency)}\0".encode())
        digest.update(text)
        return digest.digest()

    async def _stored(self, record: Record, sender: Sender) -> None:
        """Store a record once. A repeat shares the fate of the first while that is under way."""
        pending = self._pending.get(record.key)
        if pending is None and not self._seen.has(record.tenant, record.key):
            await self._written(record)
            return
        self.counters.add("duplicate_requests", f"{record.signal}:{sender.transport}")
        if pending is not None:
            await asyncio.shield(pending)

    async def _written(self, record: Record) -> None:
        done = self._journal.append(record)
        self._pending[record.key] = done
        try:
            await asyncio.shield(done)
        finally:
            if done.done():
                self._settled(record, done)
            else:  # the sender hung up: the bytes may still reach the disk
                done.add_done_callback(lambda future: self._settled(record, future))

    def _settled(self, record: Record, done: asyncio.Future[None]) -> None:
        self._pending.pop(record.key, None)
        if not done.cancelled() and done.exception() is None:
            self._seen.add(record.tenant, record.key)

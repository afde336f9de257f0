"""Parsed logs and traces laid flat: their items, and who sent each.

Takes    a parsed batch (Arrow, one row per request), and the records it came from
Gives    its log records or spans, one row each: `sender`, `x_seq`, times and their fields
Holds    an item counts at its time, else at its observed time, else when it was received; one
         whose time is none is left out. A sender is a tenant, a resource and a scope; the same ones
         have one number

What names a sender is long and the same for many items, so each bears its number only.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from collector.otlp.journal.journal import Record
from collector.otlp.wire.flat import LATEST_NS, Mask, column, laid, mask, owners, texts
from warehouse.table import INSTANT

LISTS: Final = {
    "logs": ("resource_logs", "scope_logs", "log_records"),
    "traces": ("resource_spans", "scope_spans", "spans"),
}
TIMES: Final = {"logs": ("time", "observed_time"), "traces": ("start",)}
"""What tells when an item was; else it was when it was received."""

INSTANTS: Final[dict[str, pl.DataType]] = dict.fromkeys(
    ("received_at", "event_at", "event_hour"), INSTANT
)
ORIGIN: Final = {"sender": pl.UInt32(), "x_seq": pl.UInt64(), **INSTANTS}
RUNS: Final = {
    "sender": pl.UInt32(),
    "event_hour": INSTANT,
    "item_count": pl.Int64(),
    "first_event_at": INSTANT,
    "last_event_at": INSTANT,
    "received_at": INSTANT,
}
HOUR_US: Final = 3_600_000_000
_NS: Final = np.uint64(1000)
Times = npt.NDArray[np.int64]


class Senders:
    """Numbers of the senders of a batch."""

    def __init__(self) -> None:
        """Begin with none."""
        self._numbers: dict[tuple[str, bytes, bytes], int] = {}

    def number(self, tenant: str, resource: bytes, scope: bytes) -> int:
        """Give a sender's number."""
        return self._numbers.setdefault((tenant, resource, scope), len(self._numbers))

    def listed(self) -> tuple[Sequence[str], Sequence[bytes], Sequence[bytes]]:
        """Give tenants, resources and scopes in the order of their numbers."""
        columns = tuple(zip(*self._numbers, strict=True))
        return columns or ((), (), ())  # type: ignore[return-value]


class Items:
    """The log records or spans of a batch, and where each came from."""

    def __init__(
        self, signal: str, batch: pa.RecordBatch, records: Sequence[Record], senders: Senders
    ) -> None:
        """Lay out a batch; its senders get numbers."""
        self._signal = signal
        outer, middle, inner = LISTS[signal]
        resources, per_request = laid(batch.column(outer))
        scopes, per_resource = laid(resources.field(middle))
        self.found, per_scope = laid(scopes.field(inner))
        resource, scope = owners(per_resource), owners(per_scope)
        request = owners(per_request)[resource]
        numbers: list[int] = []
        if len(scopes):
            names, named = texts(resources.field("resource")), texts(scopes.field("scope"))
            places = zip(request.tolist(), resource.tolist(), strict=True)
            numbers = [
                senders.number(records[of].tenant, names(place), named(row))
                for row, (of, place) in enumerate(places)
            ]
        self._sender = np.array(numbers, np.uint32)[scope]
        self._request = request[scope]
        self._seqs = np.array([record.seq for record in records], np.uint64)
        received = [record.received_ns // 1000 for record in records]
        self._received = np.array(received, np.int64)

        self._moments = self._moment()

    def _moment(self) -> Times:
        """Give the time of each item in microseconds, or -1 where its time is none."""
        if not len(self.found):
            return np.zeros(0, np.int64)
        names = TIMES[self._signal]
        time = column(self.found.field(names[0]), np.uint64)
        for name in names[1:]:
            time = np.where(time == 0, column(self.found.field(name), np.uint64), time)
        reported = (time // _NS).astype(np.int64)
        at = np.where(time == 0, self._received[self._request], reported)
        return np.where(time > LATEST_NS, -1, at)

    def frame(self, chosen: Mask | None = None) -> pl.DataFrame:
        """Give items with their origin and time, all or those chosen."""
        found, sender, request, at = self.found, self._sender, self._request, self._moments
        kept = at >= 0 if chosen is None else chosen & (at >= 0)
        if not kept.all():
            found, sender, request, at = (
                found.filter(mask(kept)),
                sender[kept],
                request[kept],
                at[kept],
            )
        own = {
            "sender": pa.array(sender),
            "x_seq": pa.array(self._seqs[request]),
            "received_at": _instants(self._received[request]),
            "event_at": _instants(at),
            "event_hour": _instants(at - at % HOUR_US),
        }
        fields = {field.name: found.field(field.name) for field in found.type}
        return pl.DataFrame(pa.table(own | fields))

    def counts(self) -> pl.DataFrame:
        """Count items by runs: neighbours of one sender and hour."""
        kept = self._moments >= 0
        sender, at = self._sender[kept], self._moments[kept]
        received = self._received[self._request[kept]]
        hour = at // HOUR_US
        begins = np.flatnonzero(np.diff(hour, prepend=-1) | np.diff(sender, prepend=-1))
        ends = np.append(begins[1:], len(at))
        runs = {
            "sender": pa.array(sender[begins]),
            "event_hour": _instants(hour[begins] * HOUR_US),
            "item_count": pa.array(ends - begins),
            "first_event_at": _instants(_least(at, begins)),
            "last_event_at": _instants(-_least(-at, begins)),
            "received_at": _instants(-_least(-received, begins)),
        }
        return pl.DataFrame(pa.table(runs))


def _least(values: Times, begins: Times) -> Times:
    """Give the least of each run; numpy wants one at least."""
    return np.minimum.reduceat(values, begins) if len(begins) else values


def _instants(microseconds: Times) -> pa.Array:
    """See whole numbers as instants, without a copy."""
    data = pa.py_buffer(np.ascontiguousarray(microseconds))
    return pa.Array.from_buffers(pa.timestamp("us", "UTC"), len(microseconds), [None, data])

"""Which series a point belongs to: from the bytes that name it to a digest that is stored.

Takes    metrics laid flat, and the tenant of each request
Gives    a key per point for use in this process, and per new key all that names the series and its
         `series_id`
Holds    `series_id` is a digest of the canonical form: tenant, metric, kind, unit, temporality,
         resource, scope and typed attributes in order of their keys. Order of attributes and
         encoder make no new series; int 1 and "1" are two

A key is a hash of bytes with seeds that are drawn anew in each process, so that nobody can make two
series meet in one key. `RequestSeries` is for the accepting process:

    known = RequestSeries()
    known.of(batch, tenant) -> dict[str, NDArray[uint64]]

`batch` is what `Wire.parse("metrics", [body])` gave for one request; the result has, for each kind
that is present, the series_id of every point that can be taken, in the order of the request (the
points `check.content` rejects are left out). Kinds: `flat.KINDS`.
"""

import secrets
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
import pyarrow as pa

from collector.otlp.wire import attributes as attr
from collector.otlp.wire.flat import KINDS, Metrics, Points, column, laid, texts, truths
from warehouse.tables.values import TEMPORALITIES

DICTIONARY_LIMIT: Final = 300_000
DESCRIBED: Final = (
    "tenant",
    "metric_name",
    "metric_kind",
    "unit",
    "temporality",
    "is_monotonic",
    "resource_attributes",
    "scope_name",
    "scope_version",
    "scope_attributes",
    "point_attributes",
)
Ids = npt.NDArray[np.uint64]
Described = dict[str, Any]


class Keys:
    """Makes keys of points; the same bytes give the same key for as long as it lives."""

    def __init__(self) -> None:
        """Draw the seeds."""
        self._seeds = [secrets.randbits(63) for _ in range(5)]
        self._kinds = np.array([secrets.randbits(64) for _ in KINDS], np.uint64)
        # odd numbers, so that multiplying loses nothing
        self._form, self._monotonic = (np.uint64(secrets.randbits(64) | 1) for _ in range(2))

    def of_metrics(self, flat: Metrics, tenants: Sequence[str]) -> Ids:
        """Give a key per metric: tenant, resource, scope, name and unit."""
        tenant = pl.DataFrame({"tenant": tenants}).hash_rows(seed=self._seeds[0]).to_numpy()
        resource = self._hash(1, flat.resources.field("resource"))
        scope = self._hash(2, flat.scopes.field("scope"))
        name = self._hash(3, flat.metrics.field("name"), flat.metrics.field("unit"))
        keys: Ids = name + scope[flat.scope] + resource[flat.resource] + tenant[flat.request]
        return keys

    def of_points(self, found: Points, metrics: Ids) -> Ids:
        """Give a key per point: that of its metric, kind and form, and its attributes."""
        form = metrics + self._kinds[KINDS.index(found.kind)]
        if found.kind not in {"gauge", "summary"}:
            form = (
                form
                + column(found.data.field("temporality"), np.int32).astype(np.uint64) * self._form
            )
        if found.kind == "sum":
            monotonic = truths(found.data.field("is_monotonic"))
            form = form + monotonic.astype(np.uint64) * self._monotonic
        keys: Ids = form[found.metric] + self._of_attributes(found.points.field("attributes"))
        return keys

    def _of_attributes(self, lists: Any) -> Ids:
        """Hash the bytes of all attributes of a point at once, and where each of them ends."""
        items, counts = laid(lists)
        if not len(items):
            return np.zeros(len(counts), np.uint64)
        ends = np.frombuffer(items.buffers()[1], np.int32)
        ends = ends[items.offset : items.offset + len(items) + 1]
        bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        data = items.buffers()[2] or pa.py_buffer(b"")
        texts = _binary(ends[bounds], data)
        lengths = np.ascontiguousarray(np.diff(ends))
        cuts = _binary((bounds * 4).astype(np.int32), pa.py_buffer(lengths))
        return self._hash(4, texts, cuts)

    def _hash(self, place: int, *columns: Any) -> Ids:
        """Hash columns together; `hash_rows` is the quickest way in."""
        batch = pa.RecordBatch.from_arrays(list(columns), [str(n) for n in range(len(columns))])
        return pl.DataFrame(batch).hash_rows(seed=self._seeds[place]).to_numpy()


def _binary(ends: npt.NDArray[np.int32], data: pa.Buffer) -> pa.Array:
    """Give a binary column over bytes that are there already."""
    offsets = pa.py_buffer(np.ascontiguousarray(ends))
    return pa.Array.from_buffers(pa.binary(), len(ends) - 1, [None, offsets, data])


def described(
    flat: Metrics, found: Points, tenants: Sequence[str], rows: Sequence[int]
) -> list[Described]:
    """Decode what names the series of some points, given by their rows."""
    items, counts = laid(found.points.field("attributes"))
    bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    item = texts(items) if len(items) else _nothing
    name, unit = texts(flat.metrics.field("name")), texts(flat.metrics.field("unit"))
    resource, scope = texts(flat.resources.field("resource")), texts(flat.scopes.field("scope"))
    temporality = np.zeros(len(flat.metrics), np.int32)
    if found.kind not in {"gauge", "summary"}:
        temporality = column(found.data.field("temporality"), np.int32)
    monotonic = np.zeros(len(flat.metrics), np.bool_)
    if found.kind == "sum":
        monotonic = truths(found.data.field("is_monotonic"))
    return [
        describe(
            tenant=tenants[flat.request[metric]],
            kind=found.kind,
            name=name(metric),
            unit=unit(metric),
            temporality=int(temporality[metric]),
            is_monotonic=bool(monotonic[metric]),
            resource=resource(flat.resource[metric]),
            scope=scope(flat.scope[metric]),
            attributes=[item(n) for n in range(bounds[row], bounds[row + 1])],
        )
        for row, metric in zip(rows, found.metric[list(rows)].tolist(), strict=True)
    ]


def _nothing(_: int) -> bytes:
    return b""


def describe(  # noqa: PLR0913 - all that names a series
    *,
    tenant: str,
    kind: str,
    name: bytes,
    unit: bytes,
    temporality: int,
    is_monotonic: bool,
    resource: bytes,
    scope: bytes,
    attributes: list[bytes],
) -> Described:
    """Give the canonical form of what names a series."""
    scope_name, version, scope_attributes = attr.scope(scope)
    known = 0 <= temporality < len(TEMPORALITIES)
    return {
        "tenant": tenant,
        "metric_name": name.decode("utf-8", "replace"),
        "metric_kind": kind,
        "unit": unit.decode("utf-8", "replace"),
        "temporality": TEMPORALITIES[temporality] if known else str(temporality),
        "is_monotonic": is_monotonic,
        "resource_attributes": attr.resource(resource),
        "scope_name": scope_name,
        "scope_version": version,
        "scope_attributes": scope_attributes,
        "point_attributes": attr.attributes(attributes),
    }


def series_id(named: Described) -> int:
    """Give the digest of a canonical form."""
    canonical = orjson.dumps([named[name] for name in DESCRIBED])
    return int.from_bytes(blake2b(canonical, digest_size=8).digest(), "little")


class RequestSeries:
    """Names the series of one request after the other; it remembers those it has met."""

    def __init__(self, limit: int = DICTIONARY_LIMIT) -> None:
        """Begin with nothing; beyond the limit all is forgotten, which costs time only."""
        self._limit = limit
        self._keys = Keys()
        self._ids: dict[int, int] = {}

    def of(self, batch: pa.RecordBatch, tenant: str) -> dict[str, Ids]:
        """Give by kind the series_id of each point that can be taken, in order."""
        flat = Metrics(batch)
        found = [points for points in flat.kinds() if len(points.points)]
        metrics = self._keys.of_metrics(flat, [tenant]) if found else np.zeros(0, np.uint64)
        return {points.kind: self._of(flat, points, metrics, tenant) for points in found}

    def _of(self, flat: Metrics, points: Points, metrics: Ids, tenant: str) -> Ids:
        keys = self._keys.of_points(points, metrics).tolist()
        if len(self._ids) > self._limit:
            self._ids.clear()
        new = {key: row for row, key in enumerate(keys) if key not in self._ids}
        if new:
            names = described(flat, points, [tenant], list(new.values()))
            self._ids.update(zip(new, map(series_id, names), strict=True))
        return np.fromiter(map(self._ids.__getitem__, keys), np.uint64, len(keys))

"""The keys of what was accepted, by tenant: a resend within a day is stored once.

Takes    keys of 16 bytes with their tenant
Gives    whether a key is known
Holds    at most a million keys of a tenant, the oldest go first; a key is remembered after its
         bytes are on disk, and over restarts: from waiting segments, and from a file that the
         decoder leaves for each segment before it deletes it

File of a segment: 8 bytes of magic, then per tenant the length of its name (u16), the number of
its keys (u32), the name, the keys. A file without the magic is of the first format: keys alone, of
the tenant `default`.
"""

import contextlib
import os
import struct
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from collector.otlp.admission.gate import DEFAULT_TENANT
from collector.otlp.journal.journal import Record, scan, sealed
from meterbook.base.home import KEYS

KEY_BYTES: Final = 16
MAGIC: Final = b"MBKEYS\x00\x01"
_BLOCK: Final = struct.Struct("<HI")
PER_TENANT: Final = 1_000_000
IN_ALL: Final = 4_000_000
REMEMBERED_SECONDS: Final = 24 * 3600


class KnownKeys:
    """What one collector remembers."""

    def __init__(self, per_tenant: int = PER_TENANT, in_all: int = IN_ALL) -> None:
        """Begin with nothing."""
        self._of: dict[str, OrderedDict[bytes, None]] = {}
        self._per_tenant = per_tenant
        self._in_all = in_all
        self._count = 0

    def has(self, tenant: str, key: bytes) -> bool:
        """Tell whether a key was accepted before."""
        return key in self._of.get(tenant, ())

    def add(self, tenant: str, key: bytes) -> None:
        """Remember a key; the tenant's oldest goes when there are too many."""
        keys = self._of.setdefault(tenant, OrderedDict())
        before = len(keys)
        keys[key] = None
        if len(keys) > self._per_tenant:
            keys.popitem(last=False)
        self._count += len(keys) - before
        if self._count > self._in_all:
            max(self._of.values(), key=len).popitem(last=False)
            self._count -= 1


def write_keys(folder: Path, segment: int, records: Sequence[Record]) -> None:
    """Keep the keys of a segment that is about to go; forget those older than 24 hours."""
    folder.mkdir(exist_ok=True)
    making = folder / f"{segment:016d}.making"
    with making.open("wb") as file:
        file.write(_packed(records))
        file.flush()
        os.fsync(file.fileno())
    making.replace(folder / f"{segment:016d}.keys")
    oldest = time.time_ns() / 1e9 - REMEMBERED_SECONDS
    for path in sorted(folder.glob("*.keys"))[:-1]:
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)


def _packed(records: Sequence[Record]) -> bytes:
    by_tenant: dict[str, list[bytes]] = {}
    for record in records:
        by_tenant.setdefault(record.tenant, []).append(record.key)
    parts = [MAGIC]
    for tenant, keys in by_tenant.items():
        name = tenant.encode()
        parts += [_BLOCK.pack(len(name), len(keys)), name, *keys]
    return b"".join(parts)


def _unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    if not data.startswith(MAGIC):
        yield from ((DEFAULT_TENANT, key) for key in _keys(data))
        return
    at = len(MAGIC)
    while at + _BLOCK.size <= len(data):
        length, count = _BLOCK.unpack_from(data, at)
        at += _BLOCK.size
        tenant = data[at : at + length].decode()
        at += length
        yield from ((tenant, key) for key in _keys(data[at : at + count * KEY_BYTES]))
        at += count * KEY_BYTES


def _keys(data: bytes) -> Iterator[bytes]:
    return (data[n : n + KEY_BYTES] for n in range(0, len(data), KEY_BYTES))


def remembered(journal: Path) -> KnownKeys:
    """Take up the keys of what was accepted in the last 24 hours.

    Waiting segments are read first: one that a former run's decoder finishes meanwhile has left
    its keys by the time they are read. They are added last, being the youngest.
    """
    waiting: list[tuple[str, bytes]] = []
    for path in sealed(journal):
        with contextlib.suppress(FileNotFoundError):
            waiting += [(record.tenant, record.key) for record in scan(path.read_bytes()).records]
    known = KnownKeys()
    for path in sorted(journal.with_name(KEYS).glob("*.keys")):
        for tenant, key in _unpacked(path.read_bytes()):
            known.add(tenant, key)
    for tenant, key in waiting:
        known.add(tenant, key)
    return known

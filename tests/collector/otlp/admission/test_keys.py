"""Keys of what was accepted: how many are remembered, for how long, and from which files."""

import os
import time
from pathlib import Path

import pytest

from collector.otlp.admission.keys import KnownKeys, remembered, write_keys
from collector.otlp.journal.segment import MAGIC, SEGMENT, Record, pack

SALT = bytes(range(16))
NOW_NS = 1_790_000_000 * 10**9
DAY = 24 * 3600


def key(number: int) -> bytes:
    """Give a key of 16 bytes."""
    return number.to_bytes(16, "big")


def record(number: int, tenant: str = "shop") -> Record:
    """Give an accepted request."""
    return Record("logs", tenant, b"x", key(number), number)


def test_a_tenant_has_as_many_keys_as_allowed() -> None:
    """Three of three stay; a fourth takes the place of the oldest, a known one of none."""
    known = KnownKeys(per_tenant=3, in_all=99)

    for number in (1, 2, 3, 3):
        known.add("shop", key(number))
    assert all(known.has("shop", key(number)) for number in (1, 2, 3))
    known.add("shop", key(4))

    assert [known.has("shop", key(n)) for n in (1, 2, 3, 4)] == [False, True, True, True]
    assert not known.has("other", key(2))


def test_all_tenants_have_as_many_keys_as_allowed() -> None:
    """Of four in all the tenant with most gives up its oldest for a fifth; small ones keep theirs.

    A key that went makes room for just one.
    """
    known = KnownKeys(per_tenant=99, in_all=4)
    for number in (1, 2, 3):
        known.add("large", key(number))
    known.add("small", key(1))
    assert known.has("large", key(1))

    known.add("small", key(2))
    assert [known.has("large", key(n)) for n in (1, 2, 3)] == [False, True, True]

    known.add("small", key(3))
    assert [known.has("large", key(n)) for n in (2, 3)] == [True, True]
    assert [known.has("small", key(n)) for n in (1, 2, 3)] == [False, True, True]


def test_keys_of_a_segment_are_known_after_a_restart(tmp_path: Path) -> None:
    """By tenant, of segments that were decoded and of those that wait."""
    journal = tmp_path / "journal"
    journal.mkdir()
    write_keys(tmp_path / "keys", 7, [record(1), record(2), record(1, "other")])
    waiting = SEGMENT.pack(MAGIC, 8, SALT) + b"".join(pack(record(5), SALT))
    (journal / f"{8:016d}.wal").write_bytes(waiting)

    known = remembered(journal)

    found = {(t, n) for t in ("shop", "other", "default") for n in range(9) if known.has(t, key(n))}
    assert found == {("shop", 1), ("shop", 2), ("shop", 5), ("other", 1)}


def test_a_file_of_the_first_format_is_keys_alone(tmp_path: Path) -> None:
    """They are of the tenant `default`."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / f"{1:016d}.keys").write_bytes(key(1) + key(2))

    known = remembered(tmp_path / "journal")

    assert [known.has("default", key(n)) for n in (1, 2, 3)] == [True, True, False]


@pytest.mark.parametrize(("age", "is_kept"), [(DAY, True), (DAY + 1, False)])
def test_keys_are_kept_for_just_a_day(tmp_path: Path, monkeypatch, age: int, is_kept) -> None:
    """A file of 24 hours ago stays when another is written, one of a second more goes."""
    folder = tmp_path / "keys"
    monkeypatch.setattr(time, "time_ns", lambda: NOW_NS)
    write_keys(folder, 1, [record(1)])
    old = folder / f"{1:016d}.keys"
    os.utime(old, (0, NOW_NS // 10**9 - age))

    write_keys(folder, 2, [record(2)])

    assert old.exists() == is_kept
    assert (folder / f"{2:016d}.keys").exists()


def test_the_newest_file_is_kept_whatever_its_age(tmp_path: Path, monkeypatch) -> None:
    """A clock that jumped forward takes no keys of this segment away."""
    monkeypatch.setattr(time, "time_ns", lambda: 2 * 10**9 * 10**9)

    write_keys(tmp_path / "keys", 1, [record(1)])

    assert [path.name for path in (tmp_path / "keys").iterdir()] == [f"{1:016d}.keys"]

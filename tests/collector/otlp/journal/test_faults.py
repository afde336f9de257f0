"""Faults of the disk: what was acknowledged is found, nothing is invented, and writing goes on.

`MB_TEST_CASES=20` multiplies the cases of the lost pages.
"""

import asyncio
import errno
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from collector.otlp.admission.accept import Acceptor
from collector.otlp.admission.counters import Counters
from collector.otlp.admission.gate import Sender
from collector.otlp.journal.files import System
from collector.otlp.journal.journal import Journal, Record, scan
from meterbook.base.errors import OverloadedError
from meterbook.base.settings import CollectorSettings

CASES = int(os.environ.get("MB_TEST_CASES", "1"))
PAGE = 4096
KEY = bytes(16)
SENDER = Sender("t", "http")
CALLS = (
    "create",
    "write",
    "sync_bytes",
    "sync",
    "sync_names",
    "cut",
    "close",
    "rename",
    "remove",
    "reopen",
)


class Failing(System):
    """The system's calls, of which those named in `broken` fail."""

    def __init__(self) -> None:
        """Break nothing."""
        self.broken: dict[str, int] = {}
        self.failed: Counter[str] = Counter()
        self.is_short = False

    def __getattribute__(self, name: str) -> Any:
        """Give the call, or one that fails."""
        if name not in CALLS or name not in self.broken:
            return super().__getattribute__(name)
        self.failed[name] += 1
        number = self.broken[name]

        def fail(*_: object) -> None:
            raise OSError(number, os.strerror(number))

        return fail

    def write(self, handle: int, buffers) -> int:
        """Append all, or all but the last byte."""
        data = b"".join(buffers)
        return os.write(handle, data[:-1] if self.is_short else data)


def _journal(folder: Path, files: System | None = None, **more: Any) -> Journal:
    return Journal(
        folder,
        **{
            "segment_bytes": 20_000,
            "segment_seconds": 60,
            "queue_bytes": 10**7,
            "probe_seconds": 0.01,
            "files": files,
        }
        | more,
    )


def _found(folder: Path) -> list[bytes]:
    return [
        record.payload
        for path in sorted(folder.glob("*.wal"))
        for record in scan(path.read_bytes()).records
    ]


async def _send(journal: Journal, payloads: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Append at once; give what was acknowledged and what was refused."""
    waiting: list[asyncio.Future[None] | OverloadedError] = []
    for payload in payloads:
        try:
            waiting.append(journal.append(Record("logs", "t", payload, KEY)))
        except OverloadedError as exc:
            waiting.append(exc)
    acknowledged, refused = [], []
    for payload, done in zip(payloads, waiting, strict=True):
        try:
            if isinstance(done, OverloadedError):
                raise done
            await done
            acknowledged.append(payload)
        except OverloadedError:
            refused.append(payload)
    return acknowledged, refused


async def _send_until_taken(journal: Journal, payload: bytes) -> None:
    for _ in range(1_000):
        if (await _send(journal, [payload]))[0]:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the journal takes nothing any more")


def _payloads(name: str, count: int, size: int = 300) -> list[bytes]:
    return [f"{name}-{n}-".encode().ljust(size, b".") for n in range(count)]


async def _reopen(folder: Path) -> Journal:
    journal = _journal(folder)
    await asyncio.to_thread(journal.close)
    return journal


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("call", CALLS)
def test_any_call_may_fail_without_loss_and_writing_goes_on(tmp_path, call, number):
    """In every state: the segment's begin, its middle, its end. No restart is needed."""
    files = Failing()
    folder = tmp_path / "journal"
    taken: list[bytes] = []
    refused: list[bytes] = []

    async def act() -> None:
        journal = _journal(folder, files, segment_bytes=3_000)
        for round_ in range(6):
            name = f"round{round_}"
            files.broken = {}
            await _send_until_taken(journal, f"{name}-before".encode())
            taken.append(f"{name}-before".encode())
            files.broken = {call: number}
            if call in {"cut", "reopen", "remove"}:  # reached only after another error
                files.broken["sync_bytes"] = number
            for wave in range(4):
                sent = await _send(journal, _payloads(f"{name}-wave{wave}", 1 + 3 * (round_ % 3)))
                taken.extend(sent[0])
                refused.extend(sent[1])
            files.broken = {}
            await _send_until_taken(journal, f"{name}-after".encode())
            taken.append(f"{name}-after".encode())
        await asyncio.to_thread(journal.close)
        assert not journal.is_broken
        await _reopen(folder)

    asyncio.run(act())

    found = _found(folder)
    assert not set(taken) - set(found)
    assert not set(found) - set(taken)
    assert len(found) == len(set(found))
    assert len(set(taken) | set(refused)) == len(taken) + len(refused)
    assert files.failed[call] or call in {"remove", "reopen"}


def test_a_short_write_is_an_error_and_is_cut_back(tmp_path):
    """Half a record is no record, and the next goes into a segment of its own."""
    files = Failing()
    folder = tmp_path / "journal"

    async def act() -> None:
        journal = _journal(folder, files)
        await _send_until_taken(journal, b"one")
        files.is_short = True
        assert (await _send(journal, [b"two"]))[1] == [b"two"]
        files.is_short = False
        await _send_until_taken(journal, b"three")
        await asyncio.to_thread(journal.close)

    asyncio.run(act())

    assert [scan(p.read_bytes()).damaged for p in sorted(folder.glob("*.wal"))] == [[], []]
    assert _found(folder) == [b"one", b"three"]


def test_a_cut_that_fails_refuses_everything_until_a_probe_has_mended_it(tmp_path):
    """What was refused is cut off before anything else is taken, so a repeat is stored once."""
    files = Failing()
    folder = tmp_path / "journal"

    async def act() -> None:
        journal = _journal(folder, files)
        await _send_until_taken(journal, b"one")
        files.broken = {"sync_bytes": errno.EIO, "cut": errno.EIO}
        assert (await _send(journal, [b"two"]))[1] == [b"two"]
        assert journal.is_broken
        with pytest.raises(OverloadedError):
            journal.append(Record("logs", "t", b"two", KEY))
        files.broken = {}
        await _send_until_taken(journal, b"two")
        assert not journal.is_broken
        await asyncio.to_thread(journal.close)

    asyncio.run(act())

    assert _found(folder) == [b"one", b"two"]


def test_a_sync_is_never_tried_twice_on_one_handle(tmp_path):
    """After a failed sync the kernel calls the pages clean: a second one would lie."""

    class Watching(Failing):
        def __init__(self) -> None:
            super().__init__()
            self.handles: Counter[int] = Counter()

        def sync_bytes(self, handle: int) -> None:
            self.handles[handle] += 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        def close(self, handle: int) -> None:
            assert self.handles.pop(handle, 0) <= 1
            super().close(handle)

    files = Watching()

    async def act() -> None:
        journal = _journal(tmp_path / "journal", files)
        for _ in range(5):
            assert (await _send(journal, [b"x"]))[1]
        await asyncio.to_thread(journal.close)

    asyncio.run(act())

    assert not files.handles
    assert not list((tmp_path / "journal").glob("[0-9]*"))


def test_a_repeat_in_the_batch_of_a_failed_original_is_refused_with_it(tmp_path, gauge):
    """A duplicate takes the outcome of its original; a later repeat is stored."""
    files = Failing()

    async def act() -> list[Any]:
        journal = _journal(tmp_path / "collector" / "journal", files)
        acceptor = Acceptor(CollectorSettings(), journal, Counters({}), 1)
        files.broken = {"sync_bytes": errno.EIO}
        first = await asyncio.gather(
            *(acceptor.accept("metrics", SENDER, gauge(1.0)) for _ in range(3)),
            return_exceptions=True,
        )
        files.broken = {}
        later = await acceptor.accept("metrics", SENDER, gauge(1.0))
        await acceptor.accept("metrics", SENDER, gauge(1.0))
        await asyncio.to_thread(journal.close)
        return [*first, later]

    *first, later = asyncio.run(act())

    assert [type(outcome) for outcome in first] == [OverloadedError] * 3
    assert later.items == 1
    assert _found(tmp_path / "collector" / "journal") == [gauge(1.0)]


@dataclass
class _File:
    """A file as the disk has it, and as the programs see it."""

    durable: bytes = b""
    seen: bytes = b""
    lost: list[int] = field(default_factory=list)
    """Pages the kernel calls clean after a failed sync, though the disk never got them."""


class Recording(System):
    """Notes every call, so that a power cut can be played at any of them."""

    def __init__(self, fail_each: int) -> None:
        """Let each n-th sync of records fail."""
        self.log: list[tuple[Any, ...]] = []
        self.names: dict[int, int] = {}
        self.fail_each = fail_each
        self.files = 0
        self.syncs = 0

    def create(self, path: Path) -> int:
        """Make a file."""
        handle = super().create(path)
        self.files += 1
        self.names[handle] = self.files
        self.log.append(("create", self.files, path.name))
        return handle

    def write(self, handle: int, buffers) -> int:
        """Append."""
        self.log.append(("write", self.names[handle], b"".join(buffers)))
        return super().write(handle, buffers)

    def sync_bytes(self, handle: int) -> None:
        """Sync, or fail."""
        self.syncs += 1
        if self.syncs % self.fail_each == 0:
            self.log.append(("failed", self.names[handle]))
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.sync(handle)

    def sync(self, handle: int) -> None:
        """Sync."""
        super().sync(handle)
        self.log.append(("sync", self.names[handle]))

    def sync_names(self, folder: Path) -> None:
        """Sync the names."""
        super().sync_names(folder)
        if folder.name == "journal":
            self.log.append(("names",))

    def cut(self, handle: int, size: int) -> None:
        """Shorten."""
        self.log.append(("cut", self.names[handle], size))
        super().cut(handle, size)

    def rename(self, old: Path, new: Path) -> None:
        """Rename."""
        self.log.append(("rename", old.name, new.name))
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        """Remove."""
        self.log.append(("remove", path.name))
        super().remove(path)


class Disk:
    """Plays a log up to a power cut, and gives what the disk may hold after it."""

    def __init__(self) -> None:
        """Begin empty."""
        self.files: dict[int, _File] = {}
        self.seen: dict[str, int] = {}
        self.durable: dict[str, int] = {}
        self.unsynced: list[dict[str, int]] = []

    def play(self, event: tuple[Any, ...]) -> None:
        """Do one call."""
        match event:
            case ("create", number, name):
                self.files[number] = _File()
                self._named(self.seen | {name: number})
            case ("write", number, data):
                self.files[number].seen += data
            case ("cut", number, size):
                file = self.files[number]
                file.seen = file.seen[:size]
                file.lost = [page for page in file.lost if page * PAGE < size]
            case ("failed", number):
                file = self.files[number]
                file.lost = list(range(len(file.durable) // PAGE, len(file.seen) // PAGE + 1))
            case ("sync", number):
                file = self.files[number]
                file.durable = _with_pages(file.durable, file.seen, file.lost)
            case ("names",):
                self.durable, self.unsynced = dict(self.seen), []
            case ("rename", old, new):
                names = dict(self.seen)
                names[new] = names.pop(old)
                self._named(names)
            case ("remove", name):
                self._named({k: v for k, v in self.seen.items() if k != name})

    def _named(self, names: dict[str, int]) -> None:
        self.seen = names
        self.unsynced.append(names)

    def after_the_cut(self, chance: random.Random, folder: Path) -> None:
        """Write files as they may be found: pages not synced are there, torn, zero or old."""
        names = chance.choice([self.durable, *self.unsynced])
        for name, number in names.items():
            (folder / name).write_bytes(_torn(self.files[number], chance))


def _with_pages(old: bytes, new: bytes, lost: list[int]) -> bytes:
    """Give the new bytes, but in lost pages the old ones."""
    data = bytearray(new)
    for page in lost:
        part = slice(page * PAGE, min((page + 1) * PAGE, len(new)))
        length = len(data[part])
        data[part] = old[part].ljust(length, b"\0")[:length]
    return bytes(data)


def _torn(file: _File, chance: random.Random) -> bytes:
    size = chance.choice(
        [
            len(file.seen),
            len(file.durable),
            chance.randint(*sorted((len(file.durable), len(file.seen)))),
        ]
    )
    data = bytearray(file.durable[:size].ljust(size, b"\0"))
    for start in range(0, size, PAGE):
        reached = chance.choice([0, PAGE, 512 * chance.randint(0, PAGE // 512)])
        new = file.seen[start : min(start + reached, size)]
        data[start : start + len(new)] = new
    return bytes(data)


async def _recorded(folder: Path, files: Recording) -> list[bytes]:
    """Write in waves, some of which fail; the log tells when each was acknowledged."""
    journal = _journal(folder, files, segment_bytes=30_000)
    sent: list[bytes] = []
    for wave in range(40):
        payloads = _payloads(f"wave{wave}", 1 + wave % 4, 100 + wave * 150)
        sent += payloads
        taken, _ = await _send(journal, payloads)
        files.log.append(("acknowledged", taken))
    await asyncio.to_thread(journal.close)
    return sent


@pytest.mark.slow
def test_a_power_cut_at_any_call_loses_nothing_that_was_acknowledged(tmp_path):
    """Pages and names written after the last sync are dropped, torn or come out of order."""
    chance = random.Random(20261125)  # noqa: S311 - no secret
    files = Recording(fail_each=5)
    sent = asyncio.run(_recorded(tmp_path / "first" / "journal", files))
    spoilt = 0

    for case in range(500 * CASES):
        disk = Disk()
        acknowledged: set[bytes] = set()
        for event in files.log[: chance.randint(1, len(files.log))]:
            if event[0] == "acknowledged":
                acknowledged.update(event[1])
            disk.play(event)
        folder = tmp_path / f"{case}" / "journal"
        folder.mkdir(parents=True)
        disk.after_the_cut(chance, folder)
        journal = asyncio.run(_reopen(folder))
        spoilt += bool(journal.recovery.damaged)

        found = _found(folder)
        assert acknowledged <= set(found)
        assert set(found) <= set(sent)
        assert len(found) == len(set(found))
        assert not list(folder.glob("*.open"))
        shutil.rmtree(folder.parent)

    assert spoilt > 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 2 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip("a small tmpfs cannot be mounted here: run as root, with CAP_SYS_ADMIN")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_refuses_and_goes_on_when_there_is_room(small_disk):
    """The sender is told to come again; what was taken before stays; no restart is needed."""
    folder = small_disk / "collector" / "journal"
    taken: list[bytes] = []

    async def act() -> tuple[int, int]:
        journal = _journal(folder, segment_bytes=400_000)
        refused = 0
        while refused < 20:
            sent = await _send(journal, _payloads(f"{len(taken)}-{refused}", 1, 50_000))
            taken.extend(sent[0])
            refused += len(sent[1])
        freed = min(folder.glob("*.wal"))
        gone = {record.payload for record in scan(freed.read_bytes()).records}
        freed.unlink()
        taken[:] = [payload for payload in taken if payload not in gone]
        after = 0
        for n in range(5):
            await _send_until_taken(journal, f"after-{n}".encode())
            taken.append(f"after-{n}".encode())
            after += 1
        await asyncio.to_thread(journal.close)
        return refused, after

    refused, after = asyncio.run(act())

    assert refused >= 20
    assert after == 5
    assert _found(folder) == taken


PROGRAM = """
import asyncio, sys
from pathlib import Path
from collector.otlp.journal.journal import Journal, Record
from meterbook.base.errors import OverloadedError

async def act():
    journal = Journal(
        Path(sys.argv[1]), segment_bytes=5_000, segment_seconds=60, queue_bytes=10**7,
        probe_seconds=0.01,
    )
    for n in range(200):
        payload = f"{n}".encode().ljust(500, b".")
        try:
            await journal.append(Record("logs", "t", payload, bytes(16)))
            print("taken", n, flush=True)
        except OverloadedError:
            print("refused", n, flush=True)
            await asyncio.sleep(0.02)
    await asyncio.to_thread(journal.close)

asyncio.run(act())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "probability"),
    [
        ("posix/io/sync/fdatasync", 0.05),
        ("posix/io/rw/writev", 0.05),
        ("posix/io/sync/fsync", 0.2),  # a few times a segment
    ],
)
def test_the_systems_own_calls_may_fail(require_program, tmp_path, point, probability):
    """Under libfiu, which stands between Python and the C library."""
    fiu = require_program("fiu-run", "apt-get install fiu-utils")
    folder = tmp_path / "journal"
    failing = f"enable_random name={point},probability={probability},failinfo={errno.EIO}"

    ran = subprocess.run(
        [fiu, "-x", "-f", tmp_path / "fiu", "-c", failing, sys.executable, "-c", PROGRAM, folder],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[4],
    )
    asyncio.run(_reopen(folder))

    words = [line.split() for line in ran.stdout.splitlines()]
    taken = [int(n) for word, n in words if word == "taken"]
    assert ran.returncode == 0, ran.stderr
    assert len(words) == 200
    assert len(taken) < 200
    assert [int(payload.rstrip(b".")) for payload in _found(folder)] == taken

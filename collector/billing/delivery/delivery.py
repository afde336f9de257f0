"""Deliveries: which files belong together, and which set of files this is.

Takes    a source, the time, the settle time
Gives    deliveries: names of files, identity, where the word for it comes from
Refuses  a manifest that cannot be read, or names a file that is not there (DeliveryError)

With manifests only the files that they name are read. Without one the bills of a folder are a
delivery, once all of them have been quiet for the settle time. Two exports that are halves of one
bill are one delivery; while the manifest of one is broken, the other waits.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

from collector.billing.delivery.source import Source, SourceFile
from collector.billing.format.layout import is_bill
from collector.billing.format.pairs import Half, groups, half_of
from meterbook.base.errors import DeliveryError

MANIFEST: Final = "manifest.json"
BYTE_COUNTS: Final = ("byteCount", "size", "contentLength")
FILE_NAMES: Final = ("blobName", "key", "name", "path", "url")


@dataclass(frozen=True)
class Delivery:
    """A set of files that is taken or refused as a whole."""

    title: str
    """Manifest or folder it was found by."""
    files: tuple[SourceFile, ...]
    run_at: str = ""
    """When the export was run, by its manifest; empty where that does not say it."""
    row_count: int | None = None
    """Rows of data that the manifest promises."""
    halves: tuple[tuple[str, str], ...] = ()
    """Of files whose manifest says it: which half of a bill they are."""

    def identity(self, content_of: Callable[[SourceFile], str]) -> str:
        """Give the digest of names, sizes and contents, whatever the order."""
        digest = hashlib.sha256()
        for file in sorted(self.files, key=lambda file: file.name):
            content = file.tag or content_of(file)
            digest.update(f"{file.name}\0{file.size}\0{content}\n".encode())
        return digest.hexdigest()[:16]


def content_digest(path: Path) -> str:
    """Give the digest of a file's bytes."""
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


@dataclass(frozen=True)
class Found:
    """What a source holds: deliveries, those still being written, and manifests that are wrong."""

    deliveries: tuple[Delivery, ...]
    unsettled: tuple[str, ...]
    broken: tuple[tuple[str, DeliveryError], ...]
    ignored_count: int
    """Bills that no manifest names."""


def find(source: Source, *, now: datetime, settle_seconds: int) -> Found:
    """Find the deliveries of a source."""
    files = source.files()
    bills = [file for file in files if is_bill(file.name)]
    manifests = [file for file in files if file.name.lower().endswith(MANIFEST)]
    if manifests:
        return _by_manifest(source, manifests, bills)
    return _by_folder(bills, now, settle_seconds)


def _by_manifest(
    source: Source, manifests: Sequence[SourceFile], bills: Sequence[SourceFile]
) -> Found:
    read: list[tuple[Half | None, int, Delivery]] = []
    broken: list[tuple[str, DeliveryError]] = []
    waiting: set[tuple[str, str]] = set()
    for manifest in manifests:
        half = None
        try:
            document = _document(source, manifest)
            half = half_of(document)
            read.append((half, manifest.modified_ns, _read(document, manifest, bills, half)))
        except DeliveryError as exc:
            broken.append((manifest.name, exc))
            waiting |= {half.bill} if half else set()
    named = {file.name for _, _, delivery in read for file in delivery.files}
    ignored = sum(file.name not in named for file in bills)
    whole = [it for it in read if it[0] is None or it[0].bill not in waiting]
    return Found(tuple(_ordered(whole)), (), tuple(broken), ignored)


def _ordered(read: Sequence[tuple[Half | None, int, Delivery]]) -> list[Delivery]:
    """Give the deliveries in the order of their runs: the last one of a period stays in force."""
    together = groups([(half, delivery.run_at, at) for half, at, delivery in read])
    made = [
        (
            max((read[n][2].run_at, read[n][1]) for n in numbers),
            _joined([read[n][2] for n in numbers]),
        )
        for numbers in together
    ]
    return [delivery for _, delivery in sorted(made, key=lambda it: it[0])]


def _joined(parts: Sequence[Delivery]) -> Delivery:
    """Make one delivery of the halves of a bill."""
    counts = [part.row_count for part in parts if part.row_count is not None]
    return Delivery(
        title=" + ".join(part.title for part in parts),
        files=tuple(file for part in parts for file in part.files),
        run_at=max(part.run_at for part in parts),
        row_count=sum(counts) if len(counts) == len(parts) else None,
        halves=tuple(half for part in parts for half in part.halves),
    )


def _document(source: Source, manifest: SourceFile) -> Any:
    try:
        return json.loads(source.fetch(manifest.name).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as exc:
        raise DeliveryError(f"no manifest: {exc}", file=manifest.name) from exc


def _read(
    document: Any, manifest: SourceFile, bills: Sequence[SourceFile], half: Half | None
) -> Delivery:
    """Read a manifest: which files it names, and what it says about them."""
    names = tuple(dict.fromkeys(text for text in _texts(document) if is_bill(text)))
    if not names:
        raise DeliveryError("the manifest names no files", file=manifest.name)
    sizes = dict(_sizes(document))
    files = []
    for name in names:
        file = _file(name, bills, manifest.name)
        if name in sizes and sizes[name] != file.size:
            raise DeliveryError(
                f"the manifest says that {name} has {sizes[name]:,} bytes; it has {file.size:,}",
                file=manifest.name,
            )
        files.append(file)
    return Delivery(
        title=manifest.name,
        files=tuple(files),
        run_at=_run_at(document),
        row_count=_row_count(document),
        halves=tuple((file.name, half.word) for file in files) if half else (),
    )


def _sizes(value: Any) -> Iterator[tuple[str, int]]:
    """Give the bytes of each file that a manifest knows them of."""
    if isinstance(value, dict):
        names = [value[key] for key in FILE_NAMES if isinstance(value.get(key), str)]
        sizes = [value[key] for key in BYTE_COUNTS if isinstance(value.get(key), int)]
        if names and sizes and is_bill(names[0]):
            yield names[0], sizes[0]
    for inner in _inner(value):
        yield from _sizes(inner)


def _run_at(document: Any) -> str:
    """Give when an export was run, comparable as text; Azure's manifests say it."""
    info = document.get("runInfo") if isinstance(document, dict) else None
    text = info.get("submittedTime") if isinstance(info, dict) else None
    if not isinstance(text, str):
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).isoformat()


def _row_count(document: Any) -> int | None:
    count = document.get("dataRowCount") if isinstance(document, dict) else None
    return count if isinstance(count, int) else None


def _inner(value: Any) -> Sequence[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def _texts(value: Any) -> Iterator[str]:
    """Give every text in a manifest: the shapes of manifests differ."""
    if isinstance(value, str):
        yield value
    for inner in _inner(value):
        yield from _texts(inner)


def _file(name: str, bills: Sequence[SourceFile], manifest: str) -> SourceFile:
    """Find a named file: the bill whose path shares the longest end with the name.

    The folder must agree too where both have one: parts of two months bear the same file name.
    """
    wanted = PurePosixPath(name.split("://", 1)[-1]).parts
    best: tuple[int, SourceFile] | None = None
    for bill in bills:
        have = PurePosixPath(bill.name).parts
        shared = 0
        for one, other in zip(reversed(wanted), reversed(have), strict=False):
            if one != other:
                break
            shared += 1
        enough = min(2, len(wanted), len(have))
        if shared >= enough and (best is None or shared > best[0]):
            best = (shared, bill)
    if best is None:
        raise DeliveryError(f"the manifest names {name}, which is not there", file=manifest)
    return best[1]


def _by_folder(bills: Sequence[SourceFile], now: datetime, settle_seconds: int) -> Found:
    folders: dict[str, list[SourceFile]] = {}
    for bill in bills:
        folders.setdefault(str(PurePosixPath(bill.name).parent), []).append(bill)
    deliveries: list[Delivery] = []
    unsettled: list[str] = []
    for folder, files in sorted(folders.items()):
        # A file newer than "now" says that the clock is a chosen one; its age says nothing then.
        ages = [now.timestamp() - file.modified_ns / 1e9 for file in files]
        if any(0 <= age < settle_seconds for age in ages):
            unsettled.append(folder)
        else:
            deliveries.append(Delivery(folder, tuple(files)))
    return Found(tuple(deliveries), tuple(unsettled), (), 0)

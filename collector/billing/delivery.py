"""Deliveries: which files belong together, and which set of files this is.

Takes    a source, the time, the settle time
Gives    deliveries: names of files, identity, where the word for it comes from
Refuses  a manifest that cannot be read, or names a file that is not there (DeliveryError)

With manifests only the files that they name are read. Without one the bills of a folder are a
delivery, once all of them have been quiet for the settle time.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final

from collector.billing.layout import is_bill
from collector.billing.source import Source, SourceFile
from meterbook.errors import DeliveryError

MANIFEST: Final = "manifest.json"
CHUNK: Final = 1 << 20


@dataclass(frozen=True)
class Delivery:
    """A set of files that is taken or refused as a whole."""

    title: str
    """Manifest or folder it was found by."""
    files: tuple[SourceFile, ...]

    def identity(self, source: Source) -> str:
        """Give the digest of names, sizes and contents, whatever the order."""
        digest = hashlib.sha256()
        for file in sorted(self.files, key=lambda file: file.name):
            content = hashlib.sha256()
            with source.fetch(file.name).open("rb") as data:
                while chunk := data.read(CHUNK):
                    content.update(chunk)
            digest.update(f"{file.name}\0{file.size}\0{content.hexdigest()}\n".encode())
        return digest.hexdigest()[:16]


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
    deliveries: list[Delivery] = []
    broken: list[tuple[str, DeliveryError]] = []
    for manifest in manifests:
        try:
            names = tuple(_named(source, manifest))
            files = tuple(_file(name, bills, manifest.name) for name in names)
        except DeliveryError as exc:
            broken.append((manifest.name, exc))
            continue
        deliveries.append(Delivery(manifest.name, files))
    read = {file.name for delivery in deliveries for file in delivery.files}
    ignored = sum(file.name not in read for file in bills)
    return Found(tuple(deliveries), (), tuple(broken), ignored)


def _named(source: Source, manifest: SourceFile) -> Iterator[str]:
    """Give every text in a manifest that names a bill: the shapes of manifests differ."""
    try:
        document = json.loads(source.fetch(manifest.name).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as exc:
        raise DeliveryError(f"no manifest: {exc}", file=manifest.name) from exc
    names = [text for text in _texts(document) if is_bill(text)]
    if not names:
        raise DeliveryError("the manifest names no files", file=manifest.name)
    yield from dict.fromkeys(names)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
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

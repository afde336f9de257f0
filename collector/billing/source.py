"""Where bills lie: a folder or a single file, behind one Protocol.

Takes    a path from the configuration or the command line
Gives    the files there, by relative name, and each as a local path
Refuses  a path that is not there (DeliveryError)
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from meterbook.errors import DeliveryError


@dataclass(frozen=True)
class Place:
    """A folder or file of bills, with the name of its billing source."""

    name: str
    path: Path


@dataclass(frozen=True)
class SourceFile:
    """A file as its source lists it; `name` is relative to the place, with `/`."""

    name: str
    size: int
    modified_ns: int


class Source(Protocol):
    """What a delivery is found in; a bucket can stand behind it as well as a folder."""

    @property
    def place(self) -> Place:
        """Give the place it was opened for."""
        ...

    def files(self) -> list[SourceFile]:
        """List the files, in order of name."""
        ...

    def fetch(self, name: str) -> Path:
        """Give a local path of the file's bytes."""
        ...


@dataclass(frozen=True)
class LocalSource:
    """A folder with all that is below it, or one file."""

    place: Place

    def files(self) -> list[SourceFile]:
        """List the files, without those that are hidden or marked as temporary by `_`."""
        root = self.place.path
        paths = [root] if root.is_file() else [path for path in root.rglob("*") if path.is_file()]
        names = {path: self._name(path) for path in paths}
        found = []
        for path, name in names.items():
            if not any(part.startswith((".", "_")) for part in name.split("/")):
                stat = path.stat()
                found.append(SourceFile(name, stat.st_size, stat.st_mtime_ns))
        return sorted(found, key=lambda file: file.name)

    def fetch(self, name: str) -> Path:
        """Give the path itself: the bytes are here already."""
        return self.place.path if self.place.path.is_file() else self.place.path / name

    def _name(self, path: Path) -> str:
        root = self.place.path
        return path.name if root.is_file() else path.relative_to(root).as_posix()


def open_source(place: Place) -> Source:
    """Open a place. Errors: DeliveryError when nothing is there."""
    if not place.path.exists():
        raise DeliveryError(
            f"no such folder or file (source '{place.name}'); billing.sources or PLACE names it",
            file=str(place.path),
        )
    return LocalSource(place)


def places_of(names: Sequence[str]) -> list[Place]:
    """Name the places: a source bears its folder's name, a file that of the folder it lies in.

    Where two would bear the same name, both get the name of the folder above before it.
    Errors: DeliveryError for an address that cannot be read yet.
    """
    for name in names:
        if "://" in name:
            raise DeliveryError("only folders and files are read yet", file=name)
    folders = [(path, path.parent if path.is_file() else path) for path in map(_absolute, names)]
    count = Counter(folder.name for _, folder in dict.fromkeys(folders))
    return [
        Place(_name(folder, is_shared=count[folder.name] > 1), path) for path, folder in folders
    ]


def _absolute(name: str) -> Path:
    return Path(name).expanduser().resolve()


def _name(folder: Path, *, is_shared: bool) -> str:
    return f"{folder.parent.name}-{folder.name}" if is_shared else folder.name or "bills"

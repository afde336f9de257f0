"""Where bills lie: a folder, a single file or a bucket, behind one Protocol.

Takes    a path or an address from the configuration or the command line
Gives    the files there, by relative name, and each as a local path
Refuses  a path that is not there, an address that is not S3's (DeliveryError); a file that changed
         since it was listed (ChangedError)
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Final, Protocol

from meterbook.base.errors import DeliveryError

S3: Final = "s3://"


class ChangedError(DeliveryError):
    """A file is another one than was listed: it is being delivered right now."""

    def __init__(self, file: str) -> None:
        """Keep the file's name."""
        super().__init__("changed while it was read; the next load takes it", file=file)


@dataclass(frozen=True)
class Place:
    """A folder, file or bucket of bills, with the name of its billing source."""

    name: str
    path: Path
    address: str = ""
    """`s3://bucket/prefix`; empty for a path."""


@dataclass(frozen=True)
class SourceFile:
    """A file as its source lists it; `name` is relative to the place, with `/`."""

    name: str
    size: int
    modified_ns: int
    tag: str = ""
    """ETag: it says that a file changed, never what is in it."""


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

    def refuse_changed(self, file: SourceFile) -> None:
        """Errors: ChangedError when a listed file is another one by now."""
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
            if not is_hidden(name):
                stat = path.stat()
                found.append(SourceFile(name, stat.st_size, stat.st_mtime_ns))
        return sorted(found, key=lambda file: file.name)

    def fetch(self, name: str) -> Path:
        """Give the path itself: the bytes are here already."""
        return self.place.path if self.place.path.is_file() else self.place.path / name

    def refuse_changed(self, file: SourceFile) -> None:
        """Look at size and time again. Errors: ChangedError."""
        try:
            stat = self.fetch(file.name).stat()
        except FileNotFoundError:
            raise ChangedError(file.name) from None
        if (stat.st_size, stat.st_mtime_ns) != (file.size, file.modified_ns):
            raise ChangedError(file.name)

    def _name(self, path: Path) -> str:
        root = self.place.path
        return path.name if root.is_file() else path.relative_to(root).as_posix()


def is_hidden(name: str) -> bool:
    """Tell whether a name, or a folder in it, is marked as hidden or temporary."""
    return any(part.startswith((".", "_")) for part in name.split("/"))


def open_local(place: Place) -> Source:
    """Open a folder or a file. Errors: DeliveryError when nothing is there."""
    if not place.path.exists():
        raise DeliveryError(
            f"no such folder or file (source '{place.name}'); billing.sources or PLACE names it",
            file=str(place.path),
        )
    return LocalSource(place)


def places_of(names: Sequence[str]) -> list[Place]:
    """Name the places: a source bears its folder's name, a file that of the folder it lies in.

    Where two would bear the same name, both get the name of the folder above before it.
    Errors: DeliveryError for an address that is not S3's.
    """
    found = [_folder(name) for name in names]
    count = Counter(folder.name for folder, _, _ in dict.fromkeys(found))
    return [
        Place(_name(folder, is_shared=count[folder.name] > 1), path, address)
        for folder, path, address in found
    ]


def _folder(name: str) -> tuple[PurePath, Path, str]:
    """Give the folder that names a place, its path, and its address."""
    if name.startswith(S3):
        folder = PurePosixPath(name.removeprefix(S3))
        return (folder.parent if "." in folder.name and folder.parts[1:] else folder), Path(), name
    if "://" in name:
        raise DeliveryError("only folders, files and s3:// addresses are read", file=name)
    path = Path(name).expanduser().resolve()
    return (path.parent if path.is_file() else path), path, ""


def _name(folder: PurePath, *, is_shared: bool) -> str:
    return f"{folder.parent.name}-{folder.name}" if is_shared else folder.name or "bills"

"""What the journal asks of the file system, call by call.

Takes    paths and handles
Gives    `Files`, the calls by name, and `System`, which makes them
Holds    the journal and its recovery change files by these calls alone: a test that stands in for
         them fails any one of them, or forgets what was not synced
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from meterbook.base.disk import sync


class Files(Protocol):
    """The calls. Each raises OSError as the system does."""

    def create(self, path: Path) -> int:
        """Make a file that must not exist, open to append."""

    def reopen(self, path: Path) -> int:
        """Open a file that exists, to append or cut."""

    def write(self, handle: int, buffers: Sequence[bytes]) -> int:
        """Append; give how many bytes were taken."""

    def sync_bytes(self, handle: int) -> None:
        """Put the appended bytes on disk."""

    def sync(self, handle: int) -> None:
        """Put the file's bytes and size on disk."""

    def sync_names(self, folder: Path) -> None:
        """Put a folder's names on disk."""

    def cut(self, handle: int, size: int) -> None:
        """Shorten a file."""

    def close(self, handle: int) -> None:
        """Give up a handle."""

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, in the place of one that has it."""

    def remove(self, path: Path) -> None:
        """Remove a file."""


class System:
    """The system's own calls."""

    def create(self, path: Path) -> int:
        """Make a file that must not exist, open to append."""
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY, 0o600)

    def reopen(self, path: Path) -> int:
        """Open a file that exists, to append or cut."""
        return os.open(path, os.O_APPEND | os.O_WRONLY)

    def write(self, handle: int, buffers: Sequence[bytes]) -> int:
        """Append; give how many bytes were taken."""
        return os.writev(handle, buffers)

    def sync_bytes(self, handle: int) -> None:
        """Put the appended bytes on disk."""
        os.fdatasync(handle)

    def sync(self, handle: int) -> None:
        """Put the file's bytes and size on disk."""
        os.fsync(handle)

    def sync_names(self, folder: Path) -> None:
        """Put a folder's names on disk."""
        sync(folder)

    def cut(self, handle: int, size: int) -> None:
        """Shorten a file."""
        os.ftruncate(handle, size)

    def close(self, handle: int) -> None:
        """Give up a handle."""
        os.close(handle)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, in the place of one that has it."""
        old.replace(new)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()


def write_whole(files: Files, path: Path, data: bytes) -> None:
    """Put a small file on disk in the place of an older one; its folder is synced by the caller."""
    making = path.with_name(f"{path.name}.making")
    if making.exists():  # of a run that was killed here
        files.remove(making)
    handle = files.create(making)
    try:
        append(files, handle, [data])
        files.sync(handle)
    finally:
        files.close(handle)
    files.rename(making, path)


def append(files: Files, handle: int, buffers: Sequence[bytes]) -> int:
    """Append all of it, give its size. Errors: OSError, also when less was taken."""
    size = sum(map(len, buffers))
    if files.write(handle, buffers) != size:
        raise OSError(0, "short write: the disk is full")
    return size

"""Whether the disk has room for more.

Takes    figures of the disk and of the journal; the limits
Gives    "ok"; "shed" when what is worth least is refused first; "full" when everything is
Never    judges by anything but the figures it is given: `figures` alone reads the disk
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "shed", "full"]


@dataclass(frozen=True)
class Figures:
    """The disk, as one without root's reserve sees it, and the journal on it."""

    used_bytes: int
    free_bytes: int
    journal_bytes: int

    @property
    def used_ratio(self) -> float:
        """Give which part of the disk is used; a disk without size is full."""
        size = self.used_bytes + self.free_bytes
        return self.used_bytes / size if size else 1.0


@dataclass(frozen=True)
class Marks:
    """Where each state begins."""

    shed_ratio: float = 0.80
    full_ratio: float = 0.90
    least_free_bytes: int = 2 * 1024**3
    most_journal_bytes: int = 8 * 1024**3


DEFAULT = Marks()


def state(figures: Figures, marks: Marks = DEFAULT) -> State:
    """Judge the figures."""
    if (
        figures.used_ratio >= marks.full_ratio
        or figures.free_bytes < marks.least_free_bytes
        or figures.journal_bytes >= marks.most_journal_bytes
    ):
        return "full"
    return "shed" if figures.used_ratio >= marks.shed_ratio else "ok"


def figures(folder: Path, journal_bytes: int) -> Figures:
    """Read the disk that a folder lies on."""
    disk = os.statvfs(folder)
    used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    return Figures(used, disk.f_bavail * disk.f_frsize, journal_bytes)


def room(folder: Path, journal_bytes: int, marks: Marks = DEFAULT) -> State:
    """Say whether the disk that a folder lies on has room for more."""
    return state(figures(folder, journal_bytes), marks)

"""Room on the disk: where each state begins."""

from types import SimpleNamespace

import pytest

from collector.otlp.journal.room import Figures, Marks, figures, room, state

GIB = 1024**3
MARKS = Marks(least_free_bytes=2 * GIB, most_journal_bytes=10 * GIB)


@pytest.mark.parametrize(
    ("used", "free", "journal", "want"),
    [
        (0, 100, 0, "ok"),
        (79, 21, 9, "ok"),
        (80, 20, 0, "shed"),
        (89, 11, 0, "shed"),
        (90, 10, 0, "full"),
        (10, 90, 10, "full"),
        (1, 1, 0, "full"),
        (1, 2, 0, "ok"),
        (1, 2, 10, "full"),
        (0, 0, 0, "full"),
    ],
)
def test_each_state_begins_at_its_mark(used, free, journal, want):
    """80 % used sheds; 90 %, less than 2 GiB free, or a journal at its limit refuses.

    Just 2 GiB free are enough.
    """
    assert state(Figures(used * GIB, free * GIB, journal * GIB), MARKS) == want


def test_the_figures_are_those_of_the_disk(tmp_path):
    """A disk with room for nothing is told by its marks, not by its size."""
    read = figures(tmp_path, 5)

    assert read.journal_bytes == 5
    assert 0 < read.used_ratio < 1
    assert room(tmp_path, 4, Marks(2, 2, 0, 5)) == "ok"
    assert room(tmp_path, 4, Marks(0, 2, 0, 5)) == "shed"
    assert room(tmp_path, 5, Marks(2, 2, 0, 5)) == "full"


def test_what_is_used_and_what_is_free_are_counted_in_bytes(tmp_path, monkeypatch):
    """Of 1,000 blocks of 4 KiB 600 are used; root's reserve of 100 of the others is not free."""
    disk = SimpleNamespace(f_blocks=1000, f_bfree=400, f_bavail=300, f_frsize=4096)
    monkeypatch.setattr("os.statvfs", lambda _: disk)

    assert figures(tmp_path, 7) == Figures(600 * 4096, 300 * 4096, 7)

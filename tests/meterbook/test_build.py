"""Which days a build chooses, and how it keeps others out."""

from datetime import date
from pathlib import Path

import pytest

from meterbook.build import AnotherBuildError, Choice, sole_build

ONE, TWO, THREE = date(2026, 10, 1), date(2026, 10, 2), date(2026, 10, 3)


def test_only_what_changed_is_built() -> None:
    """An equal digest is left alone; a new, a changed and a vanished day are built."""
    have = {ONE: "a", TWO: "b", THREE: "c"}
    wanted = {ONE: "a", TWO: "x", date(2026, 10, 4): "d"}

    assert Choice().days(wanted, have) == [TWO, THREE, date(2026, 10, 4)]


def test_named_days_are_built_whatever_their_digest() -> None:
    """With a first or a last day the digests do not matter; `everything` takes all."""
    have = {ONE: "a", TWO: "b", THREE: "c"}

    assert Choice(first=TWO).days(have, have) == [TWO, THREE]
    assert Choice(last=TWO).days(have, have) == [ONE, TWO]
    assert Choice(everything=True).days(have, have) == [ONE, TWO, THREE]
    assert Choice().days(have, have) == []


def test_one_build_at_a_time(tmp_path: Path) -> None:
    """A second build of one home is refused with a word about the first."""
    with (
        sole_build(tmp_path),
        pytest.raises(AnotherBuildError, match="another build is running"),
        sole_build(tmp_path),
    ):
        pass

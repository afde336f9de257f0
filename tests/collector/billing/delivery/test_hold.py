"""Deliveries that are held, and what makes them be judged again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.billing.delivery import hold
from collector.billing.delivery.load import load, places_of
from meterbook.base.errors import ConfigError
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings


def steps(home: Home, place: Path, accept: str | None = None) -> list[str]:
    """Load a place; give the steps that were passed."""
    passed: list[str] = []
    load(
        places_of([str(place)]),
        home,
        BillingSettings(settle_seconds=0),
        now=datetime(2026, 11, 2, tzinfo=UTC),
        accept=accept,
        say=lambda _: None,
        step=passed.append,
    )
    return passed


@pytest.fixture
def bills(tmp_path: Path) -> Path:
    """Give a folder with a file of a format that is not read."""
    folder = tmp_path / "bills"
    folder.mkdir()
    (folder / "bill.csv").write_text("Account,Price\n42,1.50\n")
    return folder


@pytest.fixture
def mappings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder that stands for the mappings of all formats."""
    folder = tmp_path / "mappings"
    folder.mkdir()
    (folder / "cloud.toml").write_text('title = "Cloud"\n')
    monkeypatch.setattr(hold, "FOLDER", folder)
    return folder


def test_a_held_delivery_is_not_read_again(bills: Path, mappings: Path, tmp_path: Path) -> None:
    """As long as its files and its terms are the same, its word stands."""
    assert mappings.is_dir()
    first = steps(Home(tmp_path / "home"), bills)

    again = steps(Home(tmp_path / "home"), bills)

    assert "staging begun" in first
    assert "staging begun" not in again


def test_new_mappings_judge_a_held_delivery_again(
    bills: Path, mappings: Path, tmp_path: Path
) -> None:
    """A format that was not read yet is looked at anew once the mappings have changed."""
    steps(Home(tmp_path / "home"), bills)
    (mappings / "cloud.toml").write_text('title = "Cloud, and what it sends since"\n')

    again = steps(Home(tmp_path / "home"), bills)

    assert "staging begun" in again


def test_accepting_what_is_not_held_is_refused(bills: Path, tmp_path: Path) -> None:
    """The word says which id was met and which are held; nothing is read before."""
    steps(Home(tmp_path / "home"), bills)

    with pytest.raises(ConfigError, match=r"'nosuch' is no held delivery; held: [0-9a-f]{16}"):
        steps(Home(tmp_path / "home"), bills, accept="nosuch")

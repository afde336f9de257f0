"""Snapshots as the site opens them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.figures.cost import spend
from app.kit.choices import first_look
from app.kit.figure import figure
from app.kit.reader import Snapshots
from app.report import write_report
from meterbook.base.errors import NothingPublishedError
from meterbook.base.home import Home
from warehouse.store.snapshot import current

LATER = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Give an empty home."""
    return Home(tmp_path / "home")


def _rows(cost: int) -> dict[str, list[dict[str, Any]]]:
    day = {"charge_date": date(2026, 11, 22), "currency": "USD"}
    money = {"direct_cost": Decimal(cost), "effective_cost": Decimal(cost)}
    return {
        "mart_cost_daily_team": [{**day, "team": "a", **money, "billed_cost": Decimal(cost)}],
        "mart_reconciliation_daily": [{**day, "bill_cost": Decimal(cost)}],
    }


def test_a_home_without_snapshot_is_refused(bare_home: Home) -> None:
    """The error names what to do."""
    with pytest.raises(NothingPublishedError, match="meterbook build"):
        Snapshots(bare_home.serving).reader()


def test_a_new_snapshot_is_picked_up(home: Home, publish_rows: Any) -> None:
    """The next question is answered from the new one; figures of the former are gone."""
    publish_rows(home, _rows(5))
    snapshots = Snapshots(home.serving)
    first = snapshots.reader()
    before = figure(spend.headline, first, first_look(first)).cards[0].value

    publish_rows(home, _rows(7), LATER)
    second = snapshots.reader()

    assert before == "$5"
    assert snapshots.reader() is second
    assert figure(spend.headline, second, first_look(second)).cards[0].value == "$7"


def test_a_broken_snapshot_leaves_the_former_in_sight(home: Home, publish_rows: Any) -> None:
    """The site goes on with what it had, and says why; after the next publish all is well."""
    publish_rows(home, _rows(5))
    snapshots = Snapshots(home.serving)
    snapshots.reader()
    publish_rows(home, _rows(7), LATER)
    _break(current(home.serving).path)

    held = snapshots.reader()

    assert "cannot be opened" in held.problem
    assert figure(spend.headline, held, first_look(held)).cards[0].value == "$5"


def test_a_broken_snapshot_at_start_gives_the_one_before(home: Home, publish_rows: Any) -> None:
    """A site that starts after the damage finds the former file by its name."""
    publish_rows(home, _rows(5))
    former = current(home.serving)
    publish_rows(home, _rows(7), LATER)
    newest = current(home.serving)
    _break(newest.path)

    reader = Snapshots(home.serving).reader()

    assert newest.id in reader.problem
    assert reader.snapshot.id == former.id
    assert reader.snapshot.built_at == datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def test_a_column_is_never_taken_from_outside(reader: Any) -> None:
    """Only a plain name may stand for a column."""
    with pytest.raises(ValueError, match="is no column"):
        reader.ask("SELECT {cost}", {"cost": "1; DROP TABLE x"})


def test_the_same_snapshot_gives_the_same_report(
    home: Home, tmp_path: Path, publish_rows: Any
) -> None:
    """One file, byte for byte, with the snapshot's id and no address to fetch from."""
    publish_rows(home, _rows(5))
    snapshot = current(home.serving)

    write_report(snapshot, tmp_path / "one.html")
    write_report(snapshot, tmp_path / "two.html")

    text = (tmp_path / "one.html").read_text(encoding="utf-8")
    assert (tmp_path / "two.html").read_text(encoding="utf-8") == text
    assert snapshot.id in text
    assert "$5" in text
    assert "<script src" not in text
    assert "<link" not in text


def _break(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"not a database" * 1000)

"""Closing a month: its figures stay, and what changes later is an adjustment."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from html import escape
from pathlib import Path

import polars as pl
import pytest

from meterbook.answers import adjustments as adjusting
from meterbook.answers.rules import read_ownership
from meterbook.answers.statement import Statement, statements
from meterbook.answers.statement_files import write
from meterbook.answers.statement_page import page
from meterbook.base.errors import CheckFailedError, ConfigError
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings, OwnershipSettings, Settings
from meterbook.build.build import build, close, load_bills
from meterbook.build.plan import Choice
from tests.meterbook.bills import write_bill
from transforms.outlook import closing
from warehouse.store.snapshot import current
from warehouse.store.store import Store
from warehouse.tables.closing import ADJUSTMENT, CLOSED_PERIOD

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAYS = (date(2026, 10, 1), date(2026, 11, 2))
HEAD = "teams: [{id: a}, {id: b}]\nrules:\n  - {id: one, match: {service: Compute}, team: a"


@pytest.fixture
def world(tmp_path: Path) -> Settings:
    """Give a home whose ownership file gives everything to a."""
    (tmp_path / "meterbook.toml").write_text("")
    (tmp_path / "ownership.yaml").write_text(HEAD + "}\n")
    return Settings(
        home=Home(tmp_path / "home"),
        billing=BillingSettings(settle_seconds=0),
        ownership=OwnershipSettings(rules="ownership.yaml"),
        config_file=tmp_path / "meterbook.toml",
    )


def deliver(world: Settings, october: str) -> None:
    """Bring the bills of October (one line of so much) and November (1.00), and build."""
    for day, cost in zip(DAYS, (october, "1.00"), strict=True):
        folder = write_bill(world.home.root.parent / f"bills-{day:%m}", day, cost)
        load_bills(
            world.billing, world.home, [str(folder)], now=NOW, accept=None, say=lambda _: None
        )
    build(world, now=NOW, choice=Choice(), say=lambda _: None)


def test_a_closed_month_stays_and_changes_stand_in_the_open_one(world: Settings) -> None:
    """October closed at 10, restated to 12.50: 10 stays, November states 2.50 more.

    Then the rules of October change from a to b: a gets all of its 12.50 back, b bears it.
    """
    deliver(world, "10.00")
    close(world, "2026-10", now=NOW, say=lambda _: None)
    kept = (world.home.closed / "2026-10.parquet").read_bytes()

    deliver(world, "12.50")
    with Store(world.home.warehouse) as store:
        restated = store.read(ADJUSTMENT)
    rules = HEAD + ', from: 2026-11-01}\n  - {id: two, match: "*", team: b}\n'
    (world.base / "ownership.yaml").write_text(rules)
    report = build(world, now=NOW, choice=Choice(), say=lambda _: None)
    with Store(world.home.warehouse) as store:
        changed, closed = store.read(ADJUSTMENT), store.read(CLOSED_PERIOD)

    names = ("posted_period", "original_period", "team", "reason", "effective_cost")
    assert restated.select(names).rows() == [
        ("2026-11", "2026-10", "a", "restatement", Decimal("2.50"))
    ]
    assert changed.select(names).rows() == [
        ("2026-11", "2026-10", "a", "restatement and rules", Decimal(-10)),
        ("2026-11", "2026-10", "b", "restatement and rules", Decimal("12.50")),
    ]
    assert date(2026, 10, 1) in report.built
    assert closed.select("period", "team", "effective_cost").rows() == [
        ("2026-10", "a", Decimal(10))
    ]
    assert (world.home.closed / "2026-10.parquet").read_bytes() == kept


def stated(world: Settings, period: str) -> Sequence[Statement]:
    """Give the statements of a month under the rules as they are."""
    ownership = read_ownership(world.ownership, world.base)
    return statements(world.home, ownership, period, "effective")


def test_the_statement_of_a_closed_month_stays(world: Settings, tmp_path: Path) -> None:
    """October was stated at 10.00; restated to 12.50 it still is, and November states 2.50 more.

    The lines of October stay, too; November's paper names the service and the delivery.
    """
    deliver(world, "10.00")
    (before,) = stated(world, "2026-10")
    close(world, "2026-10", now=NOW, say=lambda _: None)
    (first,) = stated(world, "2026-10")

    deliver(world, "12.50")
    (later,) = stated(world, "2026-10")
    (november,) = stated(world, "2026-11")
    reported = adjusting.adjustments(world.home, "2026-11")

    for one in (first, later):
        facts = (one.team, one.cents, one.bill_cents, one.exact, one.is_estimated)
        assert facts == ("a", 1000, 1000, Decimal(10), False)
        assert one.lines == before.lines
    assert (november.cents, november.previous) == (100, Decimal(10))
    (row,) = reported.to_dicts()
    assert (row["effective_cost"], row["service_name"]) == (Decimal("2.50"), "Compute")
    assert row["why"].startswith("restatement (changed) by delivery ")
    assert " in place of " in row["why"]
    assert "Compute, Usage" in adjusting.as_text(reported, "2026-11")
    paper = page(november)
    assert escape(row["why"]) in paper
    names = [path.name for path in write([november], [november], tmp_path / "out")]
    assert names == [
        *("2026-11-a.csv", "2026-11-a.html", "2026-11-a-adjustments.csv", "2026-11-summary.csv")
    ]
    assert "2.500000000000" in (tmp_path / "out" / "2026-11-a-adjustments.csv").read_text()


def test_a_closed_month_that_does_not_add_up_is_refused(
    world: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """October closed at 10 and restated to 12.50: without 2.50 of adjustments nothing is built.

    What was published stays; the next build, with its adjustment, is taken.
    """
    deliver(world, "10.00")
    close(world, "2026-10", now=NOW, say=lambda _: None)
    before = current(world.home.serving).id

    with monkeypatch.context() as broken:
        broken.setattr(closing, "adjustments", lambda *_: ADJUSTMENT.empty().lazy())
        with pytest.raises(
            CheckFailedError, match="closed and adjustments are the ledger"
        ) as reported:
            deliver(world, "12.50")

    assert "'2026-10', 'a', 'USD', Decimal('2.500000000000')" in str(reported.value)
    assert current(world.home.serving).id == before
    build(world, now=NOW, choice=Choice(), say=lambda _: None)
    with Store(world.home.warehouse) as store:
        assert not [broken for broken in store.broken_checks() if broken[2]]


def test_a_closed_figure_that_was_touched_is_found(world: Settings) -> None:
    """Half a cent more of billed cost in what was closed, and the check tells team and month."""
    deliver(world, "10.00")
    close(world, "2026-10", now=NOW, say=lambda _: None)

    with Store(world.home.warehouse) as store:
        more = pl.col("billed_cost") + Decimal("0.005")
        with store.change() as change:
            change.replace(CLOSED_PERIOD, store.read(CLOSED_PERIOD).with_columns(more))
        broken = [
            (table.name, sample) for table, _, count, sample in store.broken_checks() if count
        ]

    ((name, sample),) = broken
    assert name == "mart_adjustment"
    assert "'original_period': '2026-10', 'team': 'a'" in sample
    assert "'billed_cost': Decimal('-0.005000000000')" in sample


def test_a_dated_change_builds_only_days_from_its_first(world: Settings) -> None:
    """A rule that begins in November leaves October alone; built again it keeps its rule."""
    deliver(world, "10.00")
    rules = HEAD + ", until: 2026-11-01}\n  - {id: two, match: {service: Compute}, team: b, "
    (world.base / "ownership.yaml").write_text(rules + "from: 2026-11-02}\n")

    report = build(world, now=NOW, choice=Choice(), say=lambda _: None)
    again = build(world, now=NOW, choice=Choice(last=DAYS[0]), say=lambda _: None)
    with Store(world.home.warehouse) as store:
        old = store.ask("SELECT team, rule_id FROM core_cost_ledger ORDER BY charge_date")

    assert report.built == [DAYS[1]]
    assert again.built == [DAYS[0]]
    assert old.rows() == [("a", "one"), ("b", "two")]


@pytest.mark.parametrize(
    ("period", "why"),
    [
        ("2026-11", "is not over"),
        ("2026-09", "has no cost"),
        ("soon", "is no month"),
    ],
)
def test_what_cannot_be_closed_is_said(world: Settings, period: str, why: str) -> None:
    """A month that goes on, is empty, or is none."""
    deliver(world, "10.00")

    with pytest.raises(ConfigError, match=why):
        close(world, period, now=NOW, say=lambda _: None)


def test_months_close_by_themselves_when_reported_to(world: Settings) -> None:
    """Ten days after October's end it is closed; a second closing is refused."""
    path = world.base / "ownership.yaml"
    path.write_text(path.read_text() + "close: {freeze_after_days: 10}\n")

    deliver(world, "10.00")

    assert (world.home.closed / "2026-10.parquet").is_file()
    with pytest.raises(ConfigError, match="is closed"):
        close(world, "2026-10", now=NOW, say=lambda _: None)

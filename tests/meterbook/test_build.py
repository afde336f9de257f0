"""Which days a build chooses, and how it keeps others out."""

from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest

from meterbook.build import AnotherBuildError, Choice, build, load_bills, sole_build
from meterbook.settings import BillingSettings, Settings
from warehouse.store import Store
from warehouse.tables.core import COST_LEDGER

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


@pytest.mark.slow
def test_only_restated_days_are_built_again(tmp_path: Path) -> None:
    """A delivery that changes one day of three has that day built, and no other.

    The ledger of the other days, written as Parquet, is the same to the byte.
    """
    now = datetime(2026, 11, 2, tzinfo=UTC)
    bills = tmp_path / "bills"
    bills.mkdir()
    settings = Settings(home=tmp_path / "home", billing=BillingSettings(settle_seconds=0))

    def deliver(costs: dict[date, str]) -> None:
        rows = [
            {
                "BilledCost": cost,
                "EffectiveCost": cost,
                "BillingAccountId": "000000000042",
                "BillingCurrency": "USD",
                "BillingPeriodStart": "2026-10-01T00:00:00Z",
                "BillingPeriodEnd": "2026-11-01T00:00:00Z",
                "ChargeCategory": "Usage",
                "ChargePeriodStart": f"{day}T00:00:00Z",
                "ChargePeriodEnd": f"{day}T12:00:00Z",
                "ServiceName": "Compute",
                "InvoiceIssuerName": "Cloud",
                "ProviderName": "Cloud",
            }
            for day, cost in costs.items()
        ]
        pl.DataFrame(rows).write_csv(bills / "focus.csv")
        load_bills(settings, [str(bills)], now=now, accept=None, say=lambda _: None)

    def ledger() -> dict[date, bytes]:
        with Store(settings.warehouse) as store:
            rows = store.read(COST_LEDGER).sort(COST_LEDGER.key)
        written = {day: BytesIO() for day in (ONE, TWO, THREE)}
        for day, file in written.items():
            rows.filter(pl.col("charge_date") == day).write_parquet(file)
        return {day: file.getvalue() for day, file in written.items()}

    deliver({ONE: "1", TWO: "2", THREE: "3"})
    first = build(settings, now=now, choice=Choice(), say=lambda _: None)
    before = ledger()
    deliver({ONE: "1", TWO: "2.5", THREE: "3"})
    second = build(settings, now=now, choice=Choice(), say=lambda _: None)
    after = ledger()

    assert first.built == [ONE, TWO, THREE]
    assert second.built == [TWO]
    assert second.unchanged_count == 2
    assert {day: after[day] == before[day] for day in before} == {
        ONE: True,
        TWO: False,
        THREE: True,
    }
    assert pl.read_parquet(after[TWO])["effective_cost"].sum() == Decimal("2.5")

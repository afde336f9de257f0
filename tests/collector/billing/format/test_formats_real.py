"""Real files, and small ones like them: they sum to what Python's csv and Decimal read."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from collector.billing.delivery.catalog import scan_cost_lines
from collector.billing.delivery.load import LoadReport, load, places_of
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings
from tests.conftest import SampleFile

COMMITTED = {"Reservation", "SavingsPlan"}


@pytest.fixture
def take(tmp_path: Path) -> Callable[[Path], tuple[LoadReport, pl.DataFrame]]:
    """Load a place into a home of its own."""

    def taken(place: Path) -> tuple[LoadReport, pl.DataFrame]:
        home = Home(tmp_path / "home")
        report = load(
            places_of([str(place)]),
            home,
            BillingSettings(settle_seconds=0),
            now=datetime(2026, 11, 2, tzinfo=UTC),
            accept=None,
            say=lambda _: None,
        )
        return report, scan_cost_lines(home).collect()

    return taken


def own(path: Path) -> list[dict[str, str]]:
    """Give a file's rows as Python's csv reads them."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def day_of(text: str) -> datetime:
    """Read a day as people in the US write it."""
    return datetime.strptime(text, "%m/%d/%Y").replace(tzinfo=UTC)


def cost(row: dict[str, str], *, is_billed: bool) -> Decimal:
    """Give a row's cost by finops-toolkit's rule."""
    is_use = row["ChargeType"] != "Purchase"
    is_hidden = row["PricingModel"] in COMMITTED and is_use == is_billed
    return Decimal(0) if is_hidden else Decimal(row["Cost"]).quantize(Decimal("1e-12"))


@pytest.mark.parametrize(
    "name",
    [
        "bills/azure_actual.csv",
        "bills/azure_amortized.csv",
        "shared/azure/EA_ActualCost_Small.csv",
        "shared/azure/EA_AmortizedCost_Small.csv",
    ],
)
def test_azure_files_add_up_to_their_own_sum(
    name: str, sample_file: SampleFile, take: Callable[[Path], tuple[LoadReport, pl.DataFrame]]
) -> None:
    """BOM, US dates and tags without braces are read; billed and amortised cost are the file's."""
    path = sample_file(name)
    rows = own(path)

    report, frame = take(path)

    assert not report.is_refused
    assert frame.height == len(rows)
    assert frame["billed_cost"].sum() == sum(cost(row, is_billed=True) for row in rows)
    assert frame["effective_cost"].sum() == sum(cost(row, is_billed=False) for row in rows)
    assert set(frame["charge_period_start"]) == {day_of(row["Date"]) for row in rows}
    ends = {day_of(row["BillingPeriodEndDate"]) + timedelta(days=1) for row in rows}
    assert set(frame["billing_period_end"]) == ends
    assert frame["tags"].list.len().max() == max(row["Tags"].count('": "') for row in rows)


@pytest.mark.parametrize(
    "name",
    [
        "bills/lookup_services.csv",
        "bills/lookup_regions.csv",
        "bills/lookup_units.csv",
        "shared/azure/Services.csv",
        "shared/azure/Regions.csv",
        "shared/azure/PricingUnits.csv",
    ],
)
def test_lookups_are_no_bills(
    name: str, sample_file: SampleFile, take: Callable[[Path], tuple[LoadReport, pl.DataFrame]]
) -> None:
    """A table of names is refused with its columns and what is read instead."""
    path = sample_file(name)
    rows = own(path)

    report, frame = take(path)

    assert report.is_refused
    assert f"no known format: {len(rows[0])} columns, first {next(iter(rows[0]))}" in report.text
    assert frame.is_empty()


@pytest.mark.parametrize(
    "name",
    [
        "bills/columns_1.0.json",
        "bills/columns_1.2-preview.json",
        "shared/azure/FocusCost_1.0.json",
        "shared/azure/FocusCost_1.2-preview.json",
    ],
)
def test_column_metadata_are_no_bills(
    name: str, sample_file: SampleFile, take: Callable[[Path], tuple[LoadReport, pl.DataFrame]]
) -> None:
    """A description of columns is JSON, but not lines of a bill."""
    report, frame = take(sample_file(name))

    assert report.is_refused
    assert "the header cannot be read" in report.text
    assert frame.is_empty()

"""The real files: they load, and sum to what Python's csv and Decimal read in them."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from collector.billing.delivery.catalog import scan_cost_lines
from collector.billing.delivery.load import LoadReport, load, places_of
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings

AZURE = Path(__file__).parents[5] / "shared" / "data" / "azure"
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


def own(name: str) -> tuple[Path, list[dict[str, str]]]:
    """Give a file's rows as Python's csv reads them."""
    path = AZURE / name
    if not path.exists():
        pytest.skip(f"reason: the Azure samples are not beside the repository ({name})")
    with path.open(encoding="utf-8-sig", newline="") as file:
        return path, list(csv.DictReader(file))


def cost(row: dict[str, str], *, is_billed: bool) -> Decimal:
    """Give a row's cost by finops-toolkit's rule."""
    is_use = row["ChargeType"] != "Purchase"
    is_hidden = row["PricingModel"] in COMMITTED and is_use == is_billed
    return Decimal(0) if is_hidden else Decimal(row["Cost"]).quantize(Decimal("1e-12"))


@pytest.mark.parametrize("name", ["EA_ActualCost_Small.csv", "EA_AmortizedCost_Small.csv"])
def test_azure_files_add_up_to_their_own_sum(
    name: str, take: Callable[[Path], tuple[LoadReport, pl.DataFrame]]
) -> None:
    """BOM, US dates and tags without braces are read; billed and amortised cost are the file's."""
    path, rows = own(name)

    report, frame = take(path)

    assert not report.is_refused
    assert frame.height == len(rows)
    assert frame["billed_cost"].sum() == sum(cost(row, is_billed=True) for row in rows)
    assert frame["effective_cost"].sum() == sum(cost(row, is_billed=False) for row in rows)
    starts = {datetime.strptime(row["Date"], "%m/%d/%Y").replace(tzinfo=UTC) for row in rows}
    assert set(frame["charge_period_start"]) == starts
    assert frame["billing_period_end"].unique().to_list() == [datetime(2023, 10, 1, tzinfo=UTC)]
    assert frame["tags"].list.len().max() == max(row["Tags"].count('": "') for row in rows)


@pytest.mark.parametrize("name", ["Services.csv", "Regions.csv", "PricingUnits.csv"])
def test_lookups_are_no_bills(
    name: str, take: Callable[[Path], tuple[LoadReport, pl.DataFrame]]
) -> None:
    """A table of names is refused with its columns and what is read instead."""
    path, rows = own(name)

    report, frame = take(path)

    assert report.is_refused
    assert f"no known format: {len(rows[0])} columns, first {next(iter(rows[0]))}" in report.text
    assert frame.is_empty()


@pytest.mark.parametrize("name", ["FocusCost_1.0.json", "FocusCost_1.2-preview.json"])
def test_column_metadata_are_no_bills(
    name: str, take: Callable[[Path], tuple[LoadReport, pl.DataFrame]]
) -> None:
    """A description of columns is JSON, but not lines of a bill."""
    path = AZURE / name
    if not path.exists():
        pytest.skip(f"reason: the Azure samples are not beside the repository ({name})")

    report, frame = take(path)

    assert report.is_refused
    assert "the header cannot be read" in report.text
    assert frame.is_empty()

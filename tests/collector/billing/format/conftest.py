"""A folder of bills, and what a load of it leaves in force."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from collector.billing.delivery.catalog import scan_cost_lines
from collector.billing.delivery.load import LoadReport, load, places_of
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings

Take = Callable[[], tuple[LoadReport, pl.DataFrame]]


@pytest.fixture
def bills(tmp_path: Path) -> Path:
    """Give an empty folder of bills."""
    folder = tmp_path / "bills"
    folder.mkdir()
    return folder


@pytest.fixture
def take(tmp_path: Path, bills: Path) -> Take:
    """Load the folder."""

    def taken() -> tuple[LoadReport, pl.DataFrame]:
        home = Home(tmp_path / "home")
        report = load(
            places_of([str(bills)]),
            home,
            BillingSettings(settle_seconds=0),
            now=datetime(2026, 11, 20, tzinfo=UTC),
            accept=None,
            say=lambda _: None,
        )
        return report, scan_cost_lines(home).collect()

    return taken

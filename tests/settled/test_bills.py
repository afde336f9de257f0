"""Settled: bills; see docs/reference/settled.md."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from collector.billing.delivery import catalog
from meterbook.base.home import Home
from tests.collector.billing.conftest import CUR
from tests.collector.billing.delivery.test_guards import billed, put, states, take

GOOD, BAD = {"BilledCost": "2", "ResourceId": "r-2"}, {"BilledCost": "1,50", "ResourceId": "r-3"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Give an empty home."""
    return Home(tmp_path / "home")


def test_settled_a_delivery_with_a_row_that_cannot_be_read_is_held_as_a_whole(
    home: Home, tmp_path: Path
) -> None:
    """Of two rows one is sound; neither is in force."""
    path = put(tmp_path / "bills" / "focus.csv", GOOD, BAD)

    report = take(home, path.parent)

    assert states(report) == ["held"]
    assert billed(home) == 0


def test_settled_accept_takes_the_rest_and_keeps_the_bad_rows_with_reasons(
    home: Home, tmp_path: Path
) -> None:
    """The row of 2 is in force; the row of `1,50` stands in raw_rejected with its reason."""
    path = put(tmp_path / "bills" / "focus.csv", GOOD, BAD)
    held = take(home, path.parent).outcomes[0].delivery_id

    report = take(home, path.parent, accept=held)

    assert states(report) == ["loaded"]
    assert billed(home) == 2
    row = catalog.rejected(home).row(0, named=True)
    assert (row["row_number"], row["column"], row["met"]) == (2, "BilledCost", "1,50")
    assert row["reason"].startswith("want a number")


def test_settled_a_held_delivery_changes_no_line_in_force(home: Home, tmp_path: Path) -> None:
    """What the ledger is made from is the same, row for row, before and after the hold."""
    path = put(tmp_path / "bills" / "focus.csv", GOOD)
    take(home, path.parent)
    before = catalog.scan_cost_lines(home).collect()
    put(path, {"BilledCost": "7"}, BAD)

    report = take(home, path.parent)

    assert states(report) == ["held"]
    assert catalog.scan_cost_lines(home).collect().equals(before)


def test_settled_what_a_savings_plan_covers_is_billed_0_and_its_negation_costs_0(
    home: Home, tmp_path: Path
) -> None:
    """Of 0.3 by list the plan pays 0.2: that is the effective cost of what it covers."""
    covered = {
        "line_item_line_item_type": "SavingsPlanCoveredUsage",
        "line_item_unblended_cost": "0.3",
        "savings_plan_savings_plan_effective_cost": "0.2",
    }
    negation = {
        "line_item_line_item_type": "SavingsPlanNegation",
        "line_item_unblended_cost": "-0.3",
        "savings_plan_savings_plan_effective_cost": "",
    }
    (tmp_path / "bills").mkdir()
    pl.DataFrame([CUR | covered, CUR | negation]).write_csv(tmp_path / "bills" / "cur.csv")

    take(home, tmp_path / "bills")

    lines = catalog.scan_cost_lines(home).sort("x_line_item_type").collect()
    assert lines.select("x_line_item_type", "billed_cost", "effective_cost").rows() == [
        ("SavingsPlanCoveredUsage", 0, Decimal("0.2")),
        ("SavingsPlanNegation", 0, 0),
    ]

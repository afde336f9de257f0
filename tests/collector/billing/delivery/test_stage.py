"""Batches of a delivery in parts: what is counted, summed and kept of them."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from collector.billing.delivery import stage
from collector.billing.delivery.guards import problem_of_whole
from collector.billing.delivery.stage import Staged, slug
from collector.billing.format.normalise import BAD_CELL, Batch
from warehouse.tables.raw import COST_LINE

LINES = {name: kind for name, kind in COST_LINE.schema.items() if name != "x_delivery_id"}


def line(cost: str, month: int = 10, name: int = 1, **facts: Any) -> dict[str, Any]:
    """Give a bill line."""
    usual = {
        "x_line_hash": f"{name:032x}",
        "billing_account_id": "1",
        "billing_currency": "USD",
        "billing_period_start": datetime(2026, month, 1, tzinfo=UTC),
        "effective_cost": Decimal(cost),
        "billed_cost": Decimal(cost),
    }
    return {**dict.fromkeys(LINES), **usual, **facts}


def batch(*lines: dict[str, Any], bad: int = 0, rejected: int = 0, rounded: int = 0) -> Batch:
    """Give lines, with so many bad cells in so many rows left out."""
    cells = [(n, "BilledCost", "x", "is no number") for n in range(1, bad + 1)]
    frame = pl.DataFrame(list(lines), schema=LINES)
    return Batch(
        lines=frame,
        bad=pl.DataFrame(cells, schema=BAD_CELL, orient="row"),
        rejected_count=rejected,
        rounded_count=rounded,
        native_total=frame["billed_cost"],
        unknown_types=frozenset({"Odd"}) if bad else frozenset(),
    )


def staged(folder: Path, *batches: Batch) -> Staged:
    """Stage batches of one file."""
    made = Staged(folder, lambda period: f"d-{period}")
    for one in batches:
        made.add(one, "a.csv")
    return made


def test_bad_cells_and_rows_are_counted_over_all_batches(tmp_path: Path) -> None:
    """Two and one cells are three, in two rows and one; the message names the first."""
    made = staged(tmp_path, batch(bad=2, rejected=2, rounded=4), batch(bad=1, rejected=1))

    assert (made.bad_count, made.rejected_count, made.rounded_count) == (3, 3, 4)
    assert made.unknown_types == {"Odd": 2}
    assert problem_of_whole(made, None) == (
        "a.csv row 1, BilledCost: 'x': is no number (3 such cells in 3 rows; all are in "
        "raw_rejected)"
    )


@pytest.mark.parametrize(("first", "second", "kept"), [(3, 2, 5), (5, 1, 5), (4, 3, 5), (1, 1, 2)])
def test_the_first_bad_cells_are_kept(
    tmp_path: Path, monkeypatch, first: int, second: int, kept: int
) -> None:
    """Five of them at most; all are counted."""
    monkeypatch.setattr(stage, "LISTED", 5)

    made = staged(tmp_path, batch(bad=first), batch(bad=second))

    assert made.bad_cells().height == kept
    assert made.bad_count == first + second
    assert set(made.bad_cells()["file"]) == {"a.csv"}


def test_nothing_bad_is_an_empty_list(tmp_path: Path) -> None:
    """With the columns of a list."""
    made = staged(tmp_path, batch(line("1")))

    assert made.bad_cells().columns == [*BAD_CELL, "file"]
    assert problem_of_whole(made, None) == ""


def test_lines_are_parted_and_summed_by_period(tmp_path: Path) -> None:
    """Two of October in two batches, one of November beside the second."""
    november = line("4", 11, 3, billing_account_id="2", billing_currency="EUR")

    made = staged(tmp_path, batch(line("1")), batch(line("2.5", name=2), november))

    october = made.periods["2026-10"]
    assert (october.row_count, october.billed_cost, october.accounts) == (2, Decimal("3.5"), {"1"})
    later = made.periods["2026-11"]
    assert (later.row_count, later.effective_cost, later.currencies) == (1, Decimal(4), {"EUR"})
    assert made.billed_total == made.native_total == Decimal("7.5")
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.parquet"))
    assert files == ["2026-10/part-0001.parquet", "2026-10/part-0002.parquet",
                     "2026-11/part-0001.parquet"]  # fmt: skip
    assert set(pl.read_parquet(tmp_path / files[2])["x_delivery_id"]) == {"d-2026-11"}


def test_equal_lines_have_names_of_their_own(tmp_path: Path) -> None:
    """The first bears its content's name, those after it others, the same in every load."""
    names = []
    for folder in ("a", "b"):
        made = staged(tmp_path / folder, batch(line("1"), line("1")), batch(line("1")))
        parts = sorted((tmp_path / folder).rglob("*.parquet"))
        names.append([name for part in parts for name in pl.read_parquet(part)["x_line_hash"]])
        assert made.periods["2026-10"].row_count == 3

    assert names[0] == names[1]
    assert names[0][0] == f"{1:032x}"
    assert len(set(names[0])) == 3


@pytest.mark.parametrize(
    ("text", "want"), [("a/b c", "a_b_c"), ("_a.", "a"), ("s3://x", "s3_x"), ("//", "none")]
)
def test_a_text_becomes_the_name_of_a_folder(text: str, want: str) -> None:
    """Of letters, digits, dots and dashes; what is left of nothing is `none`."""
    assert slug(text) == want

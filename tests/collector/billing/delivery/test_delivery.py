"""Which files are a delivery, and what two deliveries of one period do to each other."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from collector.billing.delivery import catalog
from collector.billing.delivery.load import LoadReport, load, places_of
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings

Put = Callable[..., Path]
NOW = datetime(2026, 11, 2, tzinfo=UTC)


def take(home: Home, place: Path, settle_seconds: int = 0) -> LoadReport:
    """Load a place."""
    terms = BillingSettings(settle_seconds=settle_seconds)
    places = places_of([str(place)])
    return load(places, home, terms, now=NOW, accept=None, say=lambda _: None)


def states(report: LoadReport) -> list[str]:
    """Give what became of each."""
    return [outcome.state for outcome in report.outcomes]


def costs(home: Home) -> list[str]:
    """Give the billed costs in force."""
    frame = catalog.scan_cost_lines(home).select(pl.col("billed_cost").cast(pl.String)).collect()
    return sorted(frame["billed_cost"].str.strip_chars_end("0"))


def test_a_missing_column_is_reported_beside_tag_columns(put: Put, tmp_path: Path) -> None:
    """Tags in columns of their own do not hide that the currency is missing."""
    path = put(tmp_path / "aws" / "cur.csv")
    pl.read_csv(path, infer_schema=False).drop("line_item_currency_code").write_csv(path)

    report = take(Home(tmp_path / "home"), path.parent)

    assert states(report) == ["held"]
    assert "required columns are missing: line_item_currency_code" in report.text


@pytest.mark.parametrize("prefix", ["s3://bucket/exports/", ""])
def test_a_file_of_another_month_is_no_substitute(put: Put, tmp_path: Path, prefix: str) -> None:
    """October's manifest names a part that is not there; September's of the same name stays out."""
    export = tmp_path / "aws" / "cur"
    put(export / "data" / "BILLING_PERIOD=2026-09" / "part-0.csv")
    manifest = export / "metadata" / "BILLING_PERIOD=2026-10" / "cur-Manifest.json"
    manifest.parent.mkdir(parents=True)
    named = f"{prefix}cur/data/BILLING_PERIOD=2026-10/part-0.csv"
    manifest.write_text(json.dumps({"dataFiles": [named]}))

    report = take(Home(tmp_path / "home"), tmp_path / "aws")

    assert states(report) == ["held"]
    assert "which is not there" in report.text
    assert costs(Home(tmp_path / "home")) == []


def test_the_later_of_two_folders_stays_in_force(put: Put, tmp_path: Path) -> None:
    """Two runs of an export lie side by side: the later wins, and the next load changes nothing."""
    home, place = Home(tmp_path / "home"), tmp_path / "aws"
    put(place / "run-1" / "cur.csv")
    put(place / "run-2" / "cur.csv", line_item_unblended_cost="2.5")

    first, again = take(home, place), take(home, place)

    assert states(first) == ["loaded", "replaced"]
    assert states(again) == ["unchanged", "unchanged"]
    assert costs(home) == ["2.5"]


def test_the_former_content_can_come_back(put: Put, tmp_path: Path) -> None:
    """A folder that is put back to what it held before is in force with that again."""
    home, place = Home(tmp_path / "home"), tmp_path / "aws"
    for cost in ("1.25", "2.5", "1.25"):
        put(place / "cur.csv", line_item_unblended_cost=cost)
        take(home, place)

    assert costs(home) == ["1.25"]


def test_two_sources_of_one_account_do_not_count_twice(put: Put, tmp_path: Path) -> None:
    """The same account and month from another source is held, and the first stays in force."""
    home = Home(tmp_path / "home")
    take(home, put(tmp_path / "cur" / "a.csv"))

    report = take(home, put(tmp_path / "other" / "b.csv"))

    assert states(report) == ["held"]
    assert "count twice" in report.text
    assert costs(home) == ["1.25"]


@pytest.mark.parametrize(
    ("age_seconds", "state"),
    [(0, "waiting"), (59, "waiting"), (60, "loaded"), (61, "loaded"), (-1, "loaded")],
)
def test_settling_needs_a_clock_that_knows_the_file(
    put: Put, tmp_path: Path, age_seconds: int, state: str
) -> None:
    """A file waits for just a minute; one from after a chosen `now` has no age to wait for."""
    path = put(tmp_path / "aws" / "cur.csv")
    written = (NOW - timedelta(seconds=age_seconds)).timestamp()
    os.utime(path, (written, written))

    assert states(take(Home(tmp_path / "home"), path.parent, settle_seconds=60)) == [state]

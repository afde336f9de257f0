"""A crash at any step of a delivery leaves the former state or the new one, never a mixture."""

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from collector.billing.delivery import catalog
from collector.billing.delivery.load import (
    STEPS,
    AnotherLoadError,
    LoadReport,
    load,
    places_of,
    sole_load,
)
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings
from warehouse.tables.values import IN_FORCE, PREVIOUS

NOW = datetime(2026, 11, 2, tzinfo=UTC)
FOCUS = {
    "EffectiveCost": "1",
    "BillingAccountId": "000000000042",
    "BillingCurrency": "USD",
    "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    "BillingPeriodStart": "2026-10-01T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargePeriodStart": "2026-10-03T00:00:00Z",
    "ChargePeriodEnd": "2026-10-04T00:00:00Z",
    "ServiceName": "Compute",
    "InvoiceIssuerName": "Cloud",
    "ProviderName": "Cloud",
}
CHILD = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from collector.billing.delivery.load import load, places_of
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings

home, bills, point = sys.argv[1:]

def step(name):
    if name == point:
        os.kill(os.getpid(), signal.SIGKILL)

load(places_of([bills]), Home(Path(home)), BillingSettings(settle_seconds=0),
     now=datetime(2026, 11, 3, tzinfo=UTC), accept=None, say=lambda _: None, step=step)
"""
FORMER = {"2026-10": ["1", "2"], "2026-11": ["3"]}
NEW = {"2026-10": ["10", "20", "30"], "2026-11": ["40"]}


def deliver(folder: Path, costs: dict[str, list[str]]) -> None:
    """Write a bill of two months."""
    months = {
        "2026-10": {},
        "2026-11": {
            "BillingPeriodStart": "2026-11-01T00:00:00Z",
            "BillingPeriodEnd": "2026-12-01T00:00:00Z",
            "ChargePeriodStart": "2026-11-01T00:00:00Z",
            "ChargePeriodEnd": "2026-11-02T00:00:00Z",
        },
    }
    rows = [
        FOCUS | months[month] | {"BilledCost": cost}
        for month, some in costs.items()
        for cost in some
    ]
    folder.mkdir(exist_ok=True)
    pl.DataFrame(rows).write_csv(folder / "focus.csv")


def take(home: Home, bills: Path) -> LoadReport:
    """Load without a crash."""
    terms = BillingSettings(settle_seconds=0)
    places = places_of([str(bills)])
    return load(places, home, terms, now=NOW, accept=None, say=lambda _: None)


def in_force(home: Home) -> dict[str, list[str]]:
    """Give the billed costs in force, by month."""
    frame = (
        catalog.scan_cost_lines(home)
        .select(
            pl.col("billing_period_start").dt.strftime("%Y-%m").alias("month"),
            pl.col("billed_cost").cast(pl.Int64),
        )
        .sort("month", "billed_cost")
        .collect()
    )
    found: dict[str, list[str]] = {}
    for month, cost in frame.rows():
        found.setdefault(month, []).append(str(cost))
    return found


class CrashError(BaseException):
    """What stands for a crash in this process."""


def facts(home: Home) -> tuple[int, int]:
    """Give how many restatements and rules are told of deliveries in force."""
    names = {entry.delivery_id for entry in _entries(home, IN_FORCE)}
    restated = catalog.restatements(home).filter(pl.col("delivery_id").is_in(names))
    rules = catalog.conformance(home).filter(pl.col("delivery_id").is_in(names))
    return restated.height, rules["delivery_id"].n_unique()


def _entries(home: Home, state: str) -> list[catalog.Entry]:
    book = catalog.Catalog(home)
    found = book.entries("state = ?", state)
    book.close()
    return found


def check_whole(home: Home, bills: Path, point: str) -> None:
    """Hold the state against the two; another load completes it, and leaves nothing behind."""
    is_new = STEPS.index(point) >= STEPS.index("committed")
    assert in_force(home) == (NEW if is_new else FORMER)
    assert facts(home) == ((2, 2) if is_new else (0, 2))

    again = take(home, bills)

    assert {outcome.state for outcome in again.outcomes} == {"unchanged" if is_new else "replaced"}
    assert in_force(home) == NEW
    assert facts(home) == (2, 2)
    folders = {path.parent.name for path in (home.lake).rglob("*.parquet")}
    known = {entry.folder.rsplit("/", 1)[-1] for entry in _entries(home, IN_FORCE)}
    former = {entry.folder.rsplit("/", 1)[-1] for entry in _entries(home, PREVIOUS)}
    assert folders == known | former
    assert not (home.staging).exists() or not list((home.staging).iterdir())


def test_there_are_twenty_points_and_all_are_passed(tmp_path: Path) -> None:
    """Every named step is met by a load that replaces, in its order."""
    home, bills = Home(tmp_path / "home"), tmp_path / "bills"
    deliver(bills, FORMER)
    take(home, bills)
    deliver(bills, NEW)
    passed: list[str] = []
    terms = BillingSettings(settle_seconds=0)
    load(
        places_of([str(bills)]),
        home,
        terms,
        now=NOW,
        accept=None,
        say=lambda _: None,
        step=passed.append,
    )

    assert len(STEPS) >= 20
    assert tuple(dict.fromkeys(passed)) == STEPS


@pytest.mark.parametrize("point", STEPS)
def test_an_error_at_a_step(tmp_path: Path, point: str) -> None:
    """Whatever ends the load in this process, what is in force is whole."""
    home, bills = Home(tmp_path / "home"), tmp_path / "bills"
    deliver(bills, FORMER)
    take(home, bills)
    deliver(bills, NEW)

    def step(name: str) -> None:
        if name == point:
            raise CrashError

    terms = BillingSettings(settle_seconds=0)
    with pytest.raises(CrashError):
        load(
            places_of([str(bills)]),
            home,
            terms,
            now=datetime(2026, 11, 3, tzinfo=UTC),
            accept=None,
            say=lambda _: None,
            step=step,
        )
    check_whole(home, bills, point)


@pytest.mark.slow
@pytest.mark.parametrize("point", STEPS)
def test_a_kill_at_a_step(tmp_path: Path, point: str) -> None:
    """The same when the process is killed and nothing of it cleans up."""
    home, bills = Home(tmp_path / "home"), tmp_path / "bills"
    deliver(bills, FORMER)
    take(home, bills)
    deliver(bills, NEW)

    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(home), str(bills), point], check=False, timeout=60
    )

    assert done.returncode == -signal.SIGKILL
    check_whole(home, bills, point)


def test_two_loaders_at_once(tmp_path: Path) -> None:
    """The second leaves with a clear word, and changes nothing."""
    home, bills = Home(tmp_path / "home"), tmp_path / "bills"
    deliver(bills, FORMER)
    take(home, bills)
    deliver(bills, NEW)

    with sole_load(home), pytest.raises(AnotherLoadError, match="another load is running"):
        take(home, bills)

    assert in_force(home) == FORMER

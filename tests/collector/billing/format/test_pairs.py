"""Azure's two exports with a manifest each are one delivery of their period."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from collector.billing.delivery import catalog
from collector.billing.delivery.load import LoadReport, load, places_of
from collector.billing.format import pairs
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings
from sample_data.azure import write_azure_exports
from sample_data.ledger import Entry, make_ledger

LEDGER = make_ledger(7, [(2026, 6)])


def take(home: Home, place: Path) -> LoadReport:
    """Load a place."""
    settings = BillingSettings(settle_seconds=0)
    now = datetime(2026, 8, 1, tzinfo=UTC)
    return load(places_of([str(place)]), home, settings, now=now, accept=None, say=lambda _: None)


def states(report: LoadReport) -> list[str]:
    """Give what became of each."""
    return [outcome.state for outcome in report.outcomes]


def costs(home: Home) -> tuple[Decimal, Decimal]:
    """Give the billed and the effective cost in force."""
    lines = catalog.scan_cost_lines(home).select("billed_cost", "effective_cost").collect()
    return Decimal(lines["billed_cost"].sum()), Decimal(lines["effective_cost"].sum())


def truth(entries: list[Entry]) -> tuple[Decimal, Decimal]:
    """Give what the ledger says."""
    return (
        sum((entry.billed for entry in entries), Decimal(0)),
        sum((entry.effective for entry in entries), Decimal(0)),
    )


def manifests(place: Path) -> dict[str, Path]:
    """Give the manifest of each export by its type."""
    paths = place.rglob("manifest.json")
    return {json.loads(path.read_text())["exportConfig"]["type"]: path for path in paths}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a folder with both exports of a month, whose names do not say which is which."""
    write_azure_exports(LEDGER, tmp_path / "az")
    return tmp_path / "az"


def test_azure_exports_with_a_manifest_each_are_one_delivery(place: Path, tmp_path: Path) -> None:
    """Their parts make one bill, whose two sums are the ledger's to the last digit."""
    files = list(place.rglob("part_*.csv"))

    report = take(Home(tmp_path / "home"), place)

    assert len(files) == 6
    assert states(report) == ["loaded"]
    assert costs(Home(tmp_path / "home")) == truth(LEDGER)
    assert states(take(Home(tmp_path / "home"), place)) == ["unchanged"]


def test_a_partition_that_is_missing_holds_both_exports(place: Path, tmp_path: Path) -> None:
    """Half a bill does not take the place of a whole one: the other export waits."""
    take(Home(tmp_path / "home"), place)
    before = costs(Home(tmp_path / "home"))
    (manifests(place)["AmortizedCost"].parent / "part_2_0001.csv").unlink()

    report = take(Home(tmp_path / "home"), place)

    assert states(report) == ["held"]
    assert "part_2_0001.csv, which is not there" in report.text
    assert costs(Home(tmp_path / "home")) == before


def test_a_new_run_of_one_export_replaces_its_former_one(place: Path, tmp_path: Path) -> None:
    """The last run of each export counts; an earlier one is in no delivery."""
    take(Home(tmp_path / "home"), place)
    path = manifests(place)["ActualCost"]
    document = json.loads(path.read_text())
    document["runInfo"]["submittedTime"] = "2026-07-02T08:00:00Z"
    again = path.parent.with_name("run-2")
    again.mkdir()
    for blob in document["blobs"]:
        old = path.parent / Path(blob["blobName"]).name
        text = old.read_text(encoding="utf-8-sig").replace("Shop", "Toko")
        (again / old.name).write_text(text, newline="")
        blob["blobName"] = f"{again.relative_to(place)}/{old.name}"
        blob["byteCount"] = (again / old.name).stat().st_size
    (again / "manifest.json").write_text(json.dumps(document))

    report = take(Home(tmp_path / "home"), place)

    assert states(report) == ["replaced"]
    assert costs(Home(tmp_path / "home")) == truth(LEDGER)
    lines = (
        catalog.scan_cost_lines(Home(tmp_path / "home")).select("billing_account_name").collect()
    )
    assert set(lines["billing_account_name"]) == {"Shop", "Toko"}


def test_exports_of_two_scopes_stay_apart() -> None:
    """Only halves of one scope and one period are one bill, whatever the run's order."""
    halves = [
        pairs.Half("a", "2026-06", "actual"),
        pairs.Half("b", "2026-06", "amortized"),
        pairs.Half("a", "2026-06", "amortized"),
        pairs.Half("a", "2026-07", "actual"),
        None,
    ]

    found = pairs.groups([(half, "", number) for number, half in enumerate(halves)])

    assert found == [(0, 2), (1,), (3,), (4,)]


@pytest.mark.parametrize(
    "document",
    [[], {}, {"exportConfig": {"type": "FocusCost"}, "runInfo": {"startDate": "2026-06-01"}},
     {"exportConfig": {"type": "ActualCost"}, "runInfo": 3}],
)  # fmt: skip
def test_other_manifests_are_no_halves(document: object) -> None:
    """A manifest that does not say its type and period stands for itself."""
    assert pairs.half_of(document) is None

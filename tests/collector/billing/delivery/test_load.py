"""Deliveries: taken, repeated, replaced, held; exact to the last digit."""

import csv
import gzip
import io
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.billing.delivery import catalog
from collector.billing.delivery import load as loading
from collector.billing.delivery.load import LoadReport, load, places_of
from meterbook.base.errors import DeliveryError
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings
from tests.conftest import SampleFile
from warehouse.tables.core import DELIVERY
from warehouse.tables.raw import COST_LINE, REJECTED

NOW = datetime(2026, 11, 2, tzinfo=UTC)
AT_ONCE = BillingSettings(settle_seconds=0)
FOCUS = {
    "BilledCost": "1.5",
    "EffectiveCost": "1.25",
    "ListCost": "2",
    "ContractedCost": "1.5",
    "BillingAccountId": "000000000042",
    "BillingAccountName": "Payer",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-10-01T00:00:00Z",
    "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargeClass": "",
    "ChargePeriodStart": "2026-10-03 00:00:00",
    "ChargePeriodEnd": "2026-10-04 00:00:00",
    "InvoiceIssuerName": "Cloud",
    "ProviderName": "Cloud",
    "PublisherName": "Cloud",
    "ServiceCategory": "Compute",
    "ServiceName": "Compute",
    "ResourceId": "r-1",
    "Tags": '{"team": "payments"}',
}


def row(**facts: str) -> dict[str, str]:
    """Give a FOCUS row."""
    return FOCUS | facts


def write_csv(path: Path, rows: Sequence[dict[str, str]], names: Sequence[str] = ()) -> Path:
    """Write rows as CSV, gzipped where the name says so."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(names) or list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    data = text.getvalue().encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def take(home: Home, place: Path, accept: str | None = None) -> LoadReport:
    """Load a place without waiting for it to settle."""
    places = places_of([str(place)])
    return load(places, home, AT_ONCE, now=NOW, accept=accept, say=lambda _: None)


def lines(home: Home) -> pl.DataFrame:
    """Give the lines in force, checked against their table."""
    return COST_LINE.check(catalog.scan_cost_lines(home).collect())


def states(report: LoadReport) -> list[str]:
    """Give what became of each."""
    return [outcome.state for outcome in report.outcomes]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Give an empty home."""
    return Home(tmp_path / "home")


@pytest.fixture
def bills(tmp_path: Path) -> Path:
    """Give an empty folder of bills."""
    return tmp_path / "bills"


@pytest.mark.parametrize("sample", ["bills/focus_1.0.csv", "shared/focus/focus_sample_1.0.csv"])
def test_a_sample_adds_up_to_its_own_sum(home: Home, sample_file: SampleFile, sample: str) -> None:
    """Seven rows, and a thousand real ones, with literal NULLs sum to what Python's csv reads."""
    path = sample_file(sample)
    with path.open(encoding="utf-8-sig", newline="") as file:
        own = list(csv.DictReader(file))

    report = take(home, path)

    frame = lines(home)
    assert states(report) == ["loaded", "loaded"]
    assert frame.height == len(own)
    for column, name in (("billed_cost", "BilledCost"), ("effective_cost", "EffectiveCost")):
        assert frame[column].sum() == sum(Decimal(line[name]) for line in own)
    assert frame["x_source_version"].unique().to_list() == ["1.0"]


def test_values_keep_their_digits_and_their_zeros(home: Home, bills: Path) -> None:
    """E notation is read, ids stay text, tags are sorted, other columns go to x_extra."""
    write_csv(
        bills / "focus.csv",
        [
            row(
                EffectiveCost="35.2E-7",
                BilledCost="-0.000000000001",
                Tags='"b": "2", "a": "1"',
                x_Region="north",
                Id="007",
            )
        ],
    )

    take(home, bills)

    line = lines(home).row(0, named=True)
    assert line["effective_cost"] == Decimal("0.00000352")
    assert line["billed_cost"] == Decimal("-0.000000000001")
    assert line["billing_account_id"] == "000000000042"
    assert line["tags"] == [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    assert line["x_extra"] == [
        {"key": "Id", "value": "007"},
        {"key": "x_Region", "value": "north"},
    ]
    assert line["charge_period_start"] == datetime(2026, 10, 3, tzinfo=UTC)
    assert line["resource_name"] is None


def test_the_same_again_changes_nothing(home: Home, bills: Path) -> None:
    """A repeated delivery is a no-op, and is told as one."""
    write_csv(bills / "focus.csv.gz", [row()])

    first, again = take(home, bills), take(home, bills)

    assert states(first) == ["loaded"]
    assert states(again) == ["unchanged"]
    assert lines(home).height == 1
    assert catalog.deliveries(home).height == 1


def test_a_changed_delivery_replaces_its_period(home: Home, bills: Path) -> None:
    """Never append: the former one is kept as previous, the lines are those of the new one."""
    path = write_csv(bills / "focus.csv", [row(), row(ResourceId="r-2")])
    take(home, bills)
    write_csv(path, [row(EffectiveCost="9"), row(ResourceId="r-2")])

    report = take(home, bills)

    assert states(report) == ["replaced"]
    assert lines(home)["effective_cost"].sum() == Decimal("10.25")
    known = DELIVERY.check(catalog.deliveries(home))
    assert sorted(known["state"]) == ["in_force", "previous"]


def test_a_line_keeps_its_name_when_it_comes_again(home: Home, bills: Path) -> None:
    """Of a restated month only the line that changed has another hash."""
    path = write_csv(bills / "focus.csv", [row(ResourceId=f"r-{n}") for n in range(5)])
    take(home, bills)
    before = set(lines(home)["x_line_hash"])
    write_csv(path, [row(ResourceId=f"r-{n}", EffectiveCost=str(1 + (n == 3))) for n in range(5)])
    write_csv(
        path, [row(ResourceId=f"r-{n}") | ({"ListCost": "3"} if n == 3 else {}) for n in range(5)]
    )

    take(home, bills)

    assert len(before & set(lines(home)["x_line_hash"])) == 4


def test_a_value_that_is_no_number_holds_the_delivery(home: Home, bills: Path) -> None:
    """File, row and column are told; the former one stays in force; accepting takes the rest."""
    path = write_csv(bills / "focus.csv", [row(), row(ResourceId="r-2")])
    take(home, bills)
    write_csv(path, [row(), row(ResourceId="r-2", EffectiveCost="1,50"), row(ResourceId="r-3")])

    report = take(home, bills)

    assert report.is_refused
    assert "focus.csv row 2, EffectiveCost: '1,50'" in report.text
    assert lines(home)["resource_id"].to_list() == ["r-1", "r-2"]
    cell = REJECTED.check(catalog.rejected(home)).row(0, named=True)
    assert (cell["file"], cell["row_number"], cell["column"], cell["met"]) == (
        "focus.csv",
        2,
        "EffectiveCost",
        "1,50",
    )
    assert states(take(home, bills)) == ["held"]

    accepted = take(home, bills, accept=report.outcomes[0].delivery_id)

    assert states(accepted) == ["replaced"]
    assert lines(home)["resource_id"].to_list() == ["r-1", "r-3"]
    assert catalog.rejected(home).height == 1


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([{key: value for key, value in FOCUS.items() if key != "BilledCost"}], "BilledCost"),
        ([row(BilledCost="0.10")], "billed cost falls"),
        ([row(BillingCurrency="EUR")], "currencies"),
        ([row(BilledCost="")], "no value"),
    ],
)
def test_a_guard_holds_what_looks_wrong(
    home: Home, bills: Path, rows: list[dict[str, str]], reason: str
) -> None:
    """Missing columns, a sudden drop, another currency and empty costs keep the former one."""
    path = write_csv(bills / "focus.csv", [row()])
    take(home, bills)
    write_csv(path, rows)

    report = take(home, bills)

    assert report.is_refused
    assert reason in report.text
    assert lines(home)["billed_cost"].to_list() == [Decimal("1.5")]


def test_a_row_with_too_many_cells_is_told(home: Home, bills: Path) -> None:
    """A comma too much does not shift costs into other columns."""
    path = write_csv(bills / "focus.csv", [row()])
    path.write_text(path.read_text() + "1,2,3\n")

    report = take(home, bills)

    assert "cells where the header has" in report.text


@pytest.mark.parametrize("data", [b"", b"\x1f\x8b\x08\x00broken", b"one,two\n1,2\n"])
def test_a_file_that_is_no_bill_is_held(home: Home, bills: Path, data: bytes) -> None:
    """Empty, broken and unknown files have a reason each, and nothing crashes."""
    bills.mkdir()
    (bills / "x.csv.gz").write_bytes(data)

    assert take(home, bills).is_refused


def test_only_what_the_manifest_names_is_read(home: Home, bills: Path) -> None:
    """A leftover part is no part of the delivery; a named file that is missing holds it."""
    data = bills / "export/data/BILLING_PERIOD=2026-10"
    write_csv(data / "part-1.csv", [row()])
    write_csv(data / "part-2.csv", [row(ResourceId="leftover")])
    manifest = bills / "export/metadata/BILLING_PERIOD=2026-10/export-Manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(
        json.dumps({"dataFiles": ["s3://bucket/export/data/BILLING_PERIOD=2026-10/part-1.csv"]})
    )

    assert states(take(home, bills)) == ["loaded"]
    assert lines(home)["resource_id"].to_list() == ["r-1"]

    manifest.write_text(json.dumps({"dataFiles": ["part-1.csv", "part-9.csv"]}))
    report = take(home, bills)

    assert "part-9.csv, which is not there" in report.text
    assert lines(home).height == 1


def test_a_file_still_being_written_waits(home: Home, bills: Path) -> None:
    """A folder without a manifest is taken once it has been quiet for the settle time."""
    path = write_csv(bills / "focus.csv", [row()])
    now = datetime.fromtimestamp(path.stat().st_mtime + 30, UTC)

    report = load(
        places_of([str(bills)]),
        home,
        BillingSettings(settle_seconds=60),
        now=now,
        accept=None,
        say=lambda _: None,
    )

    assert states(report) == ["waiting"]


def test_months_of_one_file_are_deliveries_of_their_own(home: Home, bills: Path) -> None:
    """A file of two billing periods makes two, each replaceable by itself."""
    november = {
        "BillingPeriodStart": "2026-11-01T00:00:00Z",
        "BillingPeriodEnd": "2026-12-01T00:00:00Z",
    }
    write_csv(bills / "focus.csv", [row(), row(**november)])

    take(home, bills)

    assert sorted(catalog.deliveries(home)["period"]) == ["2026-10", "2026-11"]


def test_a_crash_before_the_switch_leaves_the_former_state(
    home: Home, bills: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was moved is not in force, and the next load cleans up and completes."""
    path = write_csv(bills / "focus.csv", [row()])
    take(home, bills)
    write_csv(path, [row(EffectiveCost="7")])

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(catalog.Catalog, "put", crash)
        with pytest.raises(KeyboardInterrupt):
            take(home, bills)

    assert lines(home)["effective_cost"].to_list() == [Decimal("1.25")]
    assert states(take(home, bills)) == ["replaced"]
    assert lines(home)["effective_cost"].to_list() == [Decimal(7)]
    assert len(list((home.lake).rglob("*.parquet"))) == 2  # in force, and the previous one


def test_two_loads_at_once_do_not_meet(home: Home, bills: Path) -> None:
    """The second is told about the first."""
    write_csv(bills / "focus.csv", [row()])

    with loading.sole_load(home), pytest.raises(loading.AnotherLoadError, match="another load"):
        take(home, bills)


def test_a_place_that_is_not_there_is_an_error(home: Home, tmp_path: Path) -> None:
    """A path that leads nowhere, or an address that is not read yet, has words."""
    with pytest.raises(DeliveryError, match="no such folder"):
        take(home, tmp_path / "nowhere")
    with pytest.raises(DeliveryError, match="only folders, files and s3://"):
        places_of(["gs://bucket/prefix"])


def cur(**facts: Any) -> dict[str, Any]:
    """Give a CUR 2.0 row."""
    start = datetime(2026, 10, 1, tzinfo=UTC)
    return {
        "bill_payer_account_id": "000000000001",
        "bill_billing_period_start_date": start,
        "bill_billing_period_end_date": datetime(2026, 11, 1, tzinfo=UTC),
        "bill_billing_entity": "AWS",
        "line_item_usage_account_id": "000000000002",
        "line_item_line_item_type": "Usage",
        "line_item_usage_start_date": start,
        "line_item_usage_end_date": datetime(2026, 10, 1, 1, tzinfo=UTC),
        "line_item_product_code": "AmazonEC2",
        "line_item_currency_code": "USD",
        "line_item_unblended_cost": 0.1,
        "line_item_usage_amount": 1.0,
        "line_item_resource_id": "i-1",
        "savings_plan_savings_plan_effective_cost": None,
        "savings_plan_total_commitment_to_date": None,
        "savings_plan_used_commitment": None,
        "reservation_effective_cost": None,
        "resource_tags": None,
    } | facts


def test_cur_amortises_commitments(home: Home, bills: Path) -> None:
    """Covered use costs what the plan pays, a plan's fee keeps what nobody used; sums match."""
    covered, fee = "SavingsPlanCoveredUsage", "SavingsPlanRecurringFee"
    rows = [
        cur(),
        cur(
            line_item_line_item_type=covered,
            line_item_unblended_cost=0.3,
            savings_plan_savings_plan_effective_cost=0.2,
        ),
        cur(line_item_line_item_type="SavingsPlanNegation", line_item_unblended_cost=-0.3),
        cur(
            line_item_line_item_type=fee,
            line_item_unblended_cost=0.25,
            savings_plan_total_commitment_to_date=0.25,
            savings_plan_used_commitment=0.2,
        ),
        cur(line_item_line_item_type="DiscountedUsage", reservation_effective_cost=0.07),
        cur(line_item_line_item_type="Tax", line_item_unblended_cost=0.02),
        cur(line_item_line_item_type="Credit", line_item_unblended_cost=-0.5),
    ]
    bills.mkdir()
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(bills / "cur.parquet")

    take(home, bills)

    frame = lines(home)
    effective = dict(zip(frame["x_line_item_type"], frame["effective_cost"], strict=True))
    assert effective == {
        "Usage": Decimal("0.1"),
        covered: Decimal("0.2"),
        "SavingsPlanNegation": Decimal(0),
        fee: Decimal("0.05"),
        "DiscountedUsage": Decimal("0.07"),
        "Tax": Decimal("0.02"),
        "Credit": Decimal("-0.5"),
    }
    billed = Decimal("0.1") + Decimal("0.25") + Decimal("0.1") + Decimal("0.02") - Decimal("0.5")
    assert frame["billed_cost"].sum() == billed
    assert frame["charge_category"].to_list()[-2:] == ["Tax", "Credit"]
    assert frame["sub_account_id"].unique().to_list() == ["000000000002"]


costs = st.decimals(-1000, 100000, places=12)


@settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(amounts=st.lists(costs, min_size=1, max_size=20), parts=st.integers(1, 4), seed=st.randoms())
def test_order_and_files_change_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    amounts: list[Decimal],
    parts: int,
    seed: random.Random,
) -> None:
    """However rows are ordered and cut into files, names and sums of the lines are the same."""
    rows = [row(BilledCost=str(cost), EffectiveCost=str(cost)) for cost in amounts]
    shuffled = rows[:]
    seed.shuffle(shuffled)
    names = list(FOCUS)
    seed.shuffle(names)
    found = []
    for order, count in ((rows, 1), (shuffled, parts)):
        root = tmp_path_factory.mktemp("w")
        for number in range(count):
            write_csv(root / "bills" / f"p{number}.csv", order[number::count] or order[:0], names)
        take(Home(root / "home"), root / "bills")
        found.append(lines(Home(root / "home")))

    assert set(found[0]["x_line_hash"]) == set(found[1]["x_line_hash"])
    assert found[0]["x_line_hash"].n_unique() == len(rows)
    for frame in found:
        assert frame["billed_cost"].sum() == sum(amounts)

"""Edge cases of deliveries, each named after the reference's: held, replaced, restated, ordered."""

import dataclasses
import gzip
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from collector.billing.delivery import catalog, delivery, guards
from collector.billing.delivery.catalog import Entry
from collector.billing.delivery.load import LoadReport, load, places_of
from collector.billing.delivery.stage import Period, Staged
from meterbook.base.errors import ConfigError
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings

NOW = datetime(2026, 11, 2, tzinfo=UTC)
FOCUS = {
    "BilledCost": "1",
    "EffectiveCost": "1",
    "BillingAccountId": "000000000042",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-10-01T00:00:00Z",
    "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargePeriodStart": "2026-10-03T00:00:00Z",
    "ChargePeriodEnd": "2026-10-04T00:00:00Z",
    "ServiceName": "Compute",
    "InvoiceIssuerName": "Cloud",
    "ProviderName": "Cloud",
    "ResourceId": "r-1",
    "InvoiceId": "",
}


def day(number: int) -> dict[str, str]:
    """Give the charge period of a day of October."""
    return {
        "ChargePeriodStart": f"2026-10-{number:02d}T00:00:00Z",
        "ChargePeriodEnd": f"2026-10-{number + 1:02d}T00:00:00Z",
    }


def put(path: Path, *rows: dict[str, str], head_only: bool = False) -> Path:
    """Write a FOCUS file of these differences from the usual row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame([FOCUS | row for row in rows or ({},)])
    (frame.clear() if head_only else frame).write_csv(path)
    return path


def take(home: Home, place: Path, accept: str | None = None, **terms: Any) -> LoadReport:
    """Load a place."""
    settings = BillingSettings(settle_seconds=0, **terms)
    return load(places_of([str(place)]), home, settings, now=NOW, accept=accept, say=lambda _: None)


def states(report: LoadReport) -> list[str]:
    """Give what became of each."""
    return [outcome.state for outcome in report.outcomes]


def billed(home: Home) -> Decimal:
    """Give the billed cost in force."""
    return Decimal(catalog.scan_cost_lines(home).select("billed_cost").collect().sum().item() or 0)


def azure(folder: Path, run: str, cost: str, at: str = "", **wrong: int) -> None:
    """Write a run of an Azure export, with its manifest."""
    path = put(folder / run / "part_0_0001.csv", {"BilledCost": cost})
    blob = {
        "blobName": f"exports/{run}/part_0_0001.csv",
        "byteCount": path.stat().st_size,
        "dataRowCount": 1,
    } | {key: value for key, value in wrong.items() if key == "byteCount"}
    document: dict[str, Any] = {
        "manifestVersion": "2024-04-01",
        "dataRowCount": wrong.get("dataRowCount", 1),
        "blobs": [blob],
        "runInfo": {"submittedTime": at or "2026-11-01T08:00:00.1234567Z"},
    }
    (folder / run / "manifest.json").write_text(json.dumps(document))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Give an empty home."""
    return Home(tmp_path / "home")


def test_duplicate_delivery(home: Home, tmp_path: Path, monkeypatch) -> None:
    """The same again is a no-op, and its bytes are not read again."""
    put(tmp_path / "bills" / "focus.csv")
    take(home, tmp_path / "bills")

    def never(_: Path) -> str:
        pytest.fail("an untouched file was read")

    monkeypatch.setattr("collector.billing.delivery.load.content_digest", never)

    assert states(take(home, tmp_path / "bills")) == ["unchanged"]
    assert billed(home) == 1


def test_manifest_with_other_byte_count(home: Home, tmp_path: Path) -> None:
    """A file that is not as long as its manifest says is held with both numbers."""
    azure(tmp_path / "az", "run-1", "1", byteCount=7)

    report = take(home, tmp_path / "az")

    assert states(report) == ["held"]
    assert "has 7 bytes; it has" in report.text


def test_manifest_with_other_row_count(home: Home, tmp_path: Path) -> None:
    """So is one with other rows; once the manifest is right it is taken and the hold is gone."""
    azure(tmp_path / "az", "run-1", "1", dataRowCount=2)

    report = take(home, tmp_path / "az")

    assert states(report) == ["held"]
    assert "the manifest says 2 rows; the files have 1" in report.text


def test_manifest_mended(home: Home, tmp_path: Path) -> None:
    """Once the manifest is right the delivery is taken, and the hold is gone."""
    azure(tmp_path / "az", "run-1", "1", byteCount=7)
    take(home, tmp_path / "az")
    azure(tmp_path / "az", "run-1", "1")

    assert states(take(home, tmp_path / "az")) == ["loaded"]
    assert catalog.deliveries(home)["state"].to_list() == ["in_force"]


@pytest.mark.parametrize("first", ["run-a", "run-b"])
def test_overlapping_azure_one_time_and_recurring_exports(
    home: Home, tmp_path: Path, first: str
) -> None:
    """The run that was submitted last stays in force, whatever the folders are called."""
    last = "run-b" if first == "run-a" else "run-a"
    azure(tmp_path / "az", first, "1", "2026-11-01T08:00:00Z")
    azure(tmp_path / "az", last, "2", "2026-11-01T09:00:00Z")

    assert states(take(home, tmp_path / "az")) == ["loaded", "replaced"]
    assert billed(home) == 2


def test_an_older_run_that_comes_later(home: Home, tmp_path: Path) -> None:
    """A run that was submitted before the one in force does not replace it."""
    azure(tmp_path / "az", "run-2", "2", "2026-11-01T09:00:00Z")
    take(home, tmp_path / "az")
    azure(tmp_path / "az", "run-1", "1.5", "2026-11-01T10:00:00+02:00")

    report = take(home, tmp_path / "az")

    assert sorted(states(report)) == ["older", "unchanged"]
    assert billed(home) == 2


def test_shrinking_month(home: Home, tmp_path: Path) -> None:
    """A delivery without days that the former has is held and names them, until accepted."""
    path = put(tmp_path / "bills" / "focus.csv", *(day(n) for n in range(1, 10)))
    take(home, path.parent)
    put(path, *(day(n) | {"BilledCost": "2"} for n in range(1, 6)))

    report = take(home, path.parent)

    assert "4 day(s) of the former delivery are missing: 2026-10-06" in report.text
    assert billed(home) == 9
    held = report.outcomes[0].delivery_id
    assert states(take(home, path.parent, held[:6])) == ["replaced"]
    assert billed(home) == 10


def test_drop_of_the_total(home: Home, tmp_path: Path) -> None:
    """A fall beyond the limit is held with both totals."""
    path = put(tmp_path / "bills" / "focus.csv", {"BilledCost": "10"})
    take(home, path.parent)
    put(path, {"BilledCost": "4.9"})

    report = take(home, path.parent)

    assert "billed cost falls from 10.000000000000 to 4.900000000000" in report.text
    assert billed(home) == 10


def parts(folder: Path, days: int) -> list[Path]:
    """Write a part with a charge on each of the first days of October."""
    begins = [datetime(2026, 10, day, tzinfo=UTC) for day in range(1, days + 1)]
    folder.mkdir()
    pl.DataFrame({"charge_period_start": begins}).write_parquet(folder / "part.parquet")
    return [folder / "part.parquet"]


def entry(billed: str, account: str = "1", currency: str = "USD", source: str = "s") -> Entry:
    """Give a delivery that is in force."""
    texts = dict.fromkeys((field.name for field in dataclasses.fields(Entry)), "")
    facts = {"billed_cost": billed, "account": account, "currency": currency, "source": source}
    return Entry(**{**texts, **facts})  # type: ignore[arg-type] # counts play no part


def problem_of(former: list[Entry], billed: str = "1", **facts: Any) -> str:
    """Say why a delivery of account 1 in USD is held, or nothing."""
    period = Period({"1"}, {"USD"}, billed_cost=Decimal(billed))
    given = {"source": "s", "parts": [], "former_parts": [], "others": []} | facts
    candidate = guards.Candidate(name="2026-10", period=period, former=former, **given)
    return guards.problem(candidate, BillingSettings(max_drop_ratio="0.5"))


@pytest.mark.parametrize(
    ("was", "billed", "is_held"),
    [
        ("10", "5", False),
        ("10", "4.999999999999", True),
        ("1", "0.4", True),
        ("0.000000000002", "0.000000000001", False),
        ("0.000000000002", "0", True),
        ("0", "-1", False),
        ("-1", "-9", False),
    ],
)
def test_half_of_the_total_may_be_lost(was: str, billed: str, is_held) -> None:
    """Just the ratio is allowed, an atom less is not; of nothing or less nothing can be lost."""
    assert bool(problem_of([entry(was)], billed)) == is_held


def test_several_former_deliveries_are_summed() -> None:
    """6 and 4 in force are 10: 5 may come in their place, 4 may not."""
    former = [entry("6"), entry("4")]

    assert problem_of(former, "5") == ""
    assert "falls from 10 to 4" in problem_of(former, "4")


@pytest.mark.parametrize(("days", "more"), [(5, ""), (6, ", …")])
def test_the_first_five_lost_days_are_named(tmp_path: Path, days: int, more: str) -> None:
    """Five in full; of six the sixth is `…`."""
    former = parts(tmp_path / "former", days)

    found = problem_of([entry("1")], former_parts=former)

    named = ", ".join(f"2026-10-0{day}" for day in range(1, 6))
    assert found == (f"2026-10: {days} day(s) of the former delivery are missing: {named}{more}")


def test_as_many_days_accounts_and_currencies_are_held_by_nothing(tmp_path: Path) -> None:
    """The same days, the account and the currency of before; more days too."""
    former, now = parts(tmp_path / "former", 3), parts(tmp_path / "now", 4)

    assert problem_of([entry("1")], former_parts=former, parts=former) == ""
    assert problem_of([entry("1")], former_parts=former, parts=now) == ""
    assert problem_of([]) == ""


def test_another_source_that_would_lose_an_account_is_held() -> None:
    """A named source takes accounts from another's delivery only as a whole."""
    other = entry("1", account="1+2", source="old")
    terms = BillingSettings(authoritative=("1=s",))
    period = Period({"1"}, {"USD"}, billed_cost=Decimal(1))
    candidate = guards.Candidate("s", "2026-10", period, [], [], [], [other])

    assert guards.problem(candidate, terms) == (
        "2026-10: account 1 would replace the delivery of 'old', which has 2 too"
    )


@pytest.mark.parametrize(
    ("promised", "read", "is_held"),
    [(None, 3, False), (3, 3, False), (0, 0, False), (0, 1, True), (2, 3, True), (4, 3, True)],
)
def test_as_many_rows_as_promised(promised: int | None, read: int, is_held) -> None:
    """A manifest that promises no row means it; one that promises nothing is not asked."""
    staged = Staged(Path(), str, read_count=read)

    assert bool(guards.problem_of_whole(staged, promised)) == is_held


def test_lines_sum_to_what_the_files_own_rows_do() -> None:
    """An atom of difference between the two sums holds the delivery."""
    period = Period(billed_cost=Decimal("1.5"))
    atom = Decimal("0.000000000001")
    whole, less = (
        Staged(Path(), str, periods={"2026-10": period}, native_total=total)
        for total in (Decimal("1.50"), Decimal("1.5") - atom)
    )

    assert guards.problem_of_whole(whole, None) == ""
    assert "the lines sum to 1.5, the file's own rows to 1.499999999999" in (
        guards.problem_of_whole(less, None)
    )


def test_changed_currency(home: Home, tmp_path: Path) -> None:
    """Another currency than the former's is held."""
    path = put(tmp_path / "bills" / "focus.csv")
    take(home, path.parent)
    put(path, {"BillingCurrency": "EUR"})

    assert "currencies ['EUR'], the former delivery has ['USD']" in take(home, path.parent).text


def test_account_missing(home: Home, tmp_path: Path) -> None:
    """A delivery that lost an account does not take that account's bill away."""
    path = put(tmp_path / "bills" / "focus.csv", {}, {"BillingAccountId": "000000000043"})
    take(home, path.parent)
    put(path, {"BilledCost": "2"})

    report = take(home, path.parent)

    assert "accounts of the former delivery are missing: 000000000043" in report.text
    assert billed(home) == 2


def test_empty_month(home: Home, tmp_path: Path) -> None:
    """A file of a header only is taken, and replaces nothing."""
    path = put(tmp_path / "bills" / "focus.csv")
    take(home, path.parent)
    put(path, head_only=True)

    assert "0 lines" in take(home, path.parent).text
    assert billed(home) == 1


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        # A gzip header bears the second it was written in: as an id it differs between workers.
        pytest.param(gzip.compress(b"BilledCost,Eff" * 100, mtime=0)[:-9], id="truncated"),
    ],
)
def test_zero_byte_and_truncated_gz(home: Home, tmp_path: Path, content: bytes) -> None:
    """Both are held, and the former delivery stays in force."""
    path = put(tmp_path / "bills" / "focus.csv")
    take(home, path.parent)
    path.unlink()
    (path.parent / "focus.csv.gz").write_bytes(content)

    assert states(take(home, path.parent)) == ["held"]
    assert billed(home) == 1


def test_a_mended_delivery_takes_its_hold_away(home: Home, tmp_path: Path) -> None:
    """What comes in the place of a held one leaves no held one behind."""
    path = put(tmp_path / "bills" / "focus.csv", {"BilledCost": "1,50"})
    assert states(take(home, path.parent)) == ["held"]
    put(path, {"BilledCost": "1.50"})

    assert states(take(home, path.parent)) == ["loaded"]
    assert catalog.deliveries(home)["state"].to_list() == ["in_force"]


def test_accept_of_an_unknown_id(home: Home, tmp_path: Path) -> None:
    """An id that nothing held bears is wrong use, and nothing is read."""
    put(tmp_path / "bills" / "focus.csv")

    with pytest.raises(ConfigError, match="'beef' is no held delivery; held: none"):
        take(home, tmp_path / "bills", "beef")
    assert billed(home) == 0


def test_two_exports_covering_the_same_account(home: Home, tmp_path: Path) -> None:
    """The second is held until a source is named; then that one, and only that one, is in force."""
    one, two = (
        put(tmp_path / "cur" / "a.csv"),
        put(tmp_path / "focus" / "b.csv", {"BilledCost": "2"}),
    )
    named = ("000000000042=focus",)
    take(home, one.parent)

    report = take(home, two.parent)

    assert "two exports of one account count twice" in report.text
    assert 'billing.authoritative = ["000000000042=focus"]' in report.text
    assert states(take(home, two.parent)) == ["held"]
    assert states(take(home, two.parent, authoritative=named)) == ["replaced"]
    assert billed(home) == 2
    put(one, {"BilledCost": "3"})
    assert "names the source 'focus'" in take(home, one.parent, authoritative=named).text
    assert billed(home) == 2


def test_payer_and_member_account_of_the_same_usage(home: Home, tmp_path: Path) -> None:
    """A member's own export names the payer's account too, so it is held like any second one."""
    take(home, put(tmp_path / "payer" / "a.csv").parent)

    report = take(home, put(tmp_path / "member" / "b.csv", {"ResourceId": "r-9"}).parent)

    assert states(report) == ["held"]
    assert billed(home) == 1


def test_late_month_after_close(home: Home, tmp_path: Path) -> None:
    """A final period that is delivered again is restated, and is estimated again till quiet."""
    path = put(tmp_path / "bills" / "focus.csv")
    take(home, path.parent)
    late = datetime(2026, 12, 20, tzinfo=UTC)

    def status(now: datetime) -> list[str]:
        return catalog.billing_periods(home, now=now, quiet_days=10)["status"].to_list()

    assert status(datetime(2026, 10, 20, tzinfo=UTC)) == ["open"]
    assert status(NOW) == ["estimated"]
    assert status(late) == ["final"]
    put(path, {}, {"ChargeCategory": "Credit", "BilledCost": "-0.25", "EffectiveCost": "-0.25"})
    settings = BillingSettings(settle_seconds=0)
    load(places_of([str(path.parent)]), home, settings, now=late, accept=None, say=lambda _: None)

    assert status(late) == ["estimated"]
    assert catalog.restatements(home)["reason"].to_list() == ["credit"]


def test_a_period_with_invoices_is_final(home: Home, tmp_path: Path) -> None:
    """Once every line bears an invoice, and the period is over, nothing is waited for."""
    take(home, put(tmp_path / "bills" / "focus.csv", {"InvoiceId": "I-1"}).parent)

    found = catalog.billing_periods(home, now=NOW, quiet_days=10)

    assert found["status"].to_list() == ["final"]


def test_a_restatement_says_what_changed(home: Home, tmp_path: Path) -> None:
    """By account, service, days and reason; the deltas sum to the difference of the totals."""
    path = put(
        tmp_path / "bills" / "focus.csv",
        day(1) | {"ResourceId": "same"},
        day(2) | {"ResourceId": "changed", "BilledCost": "5"},
        day(2) | {"ServiceName": "Storage", "ResourceId": "gone"},
        day(2) | {"ServiceName": "Storage", "ResourceId": "stays", "BilledCost": "0.5"},
    )
    take(home, path.parent)
    before = billed(home)
    put(
        path,
        day(1) | {"ResourceId": "same"},
        day(2) | {"ResourceId": "changed", "BilledCost": "4"},
        day(2) | {"ServiceName": "Storage", "ResourceId": "stays", "BilledCost": "0.5"},
        day(4) | {"ResourceId": "late", "BilledCost": "7"},
        day(4) | {"ChargeCategory": "Tax", "BilledCost": "0.3"},
    )
    take(home, path.parent)

    found = catalog.restatements(home)

    reported = found.select("service_name", "first_day", "reason", "billed_cost_delta").rows()
    assert sorted(reported) == [
        ("Compute", date(2026, 10, 2), "changed", Decimal(-1)),
        ("Compute", date(2026, 10, 4), "late_usage", Decimal(7)),
        ("Compute", date(2026, 10, 4), "tax", Decimal("0.3")),
        ("Storage", date(2026, 10, 2), "withdrawn", Decimal(-1)),
    ]
    assert found["billed_cost_delta"].sum() == billed(home) - before
    assert found["account"].unique().to_list() == ["000000000042"]


def test_a_restated_refund(home: Home, tmp_path: Path) -> None:
    """A correction is a refund, not late use."""
    path = tmp_path / "bills" / "focus.csv"
    put(path, {"BilledCost": "9"} | {"ChargeClass": ""})
    take(home, path.parent)
    put(
        path,
        {"BilledCost": "9", "ChargeClass": ""},
        {"BilledCost": "-2", "ChargeClass": "Correction"},
    )
    take(home, path.parent)

    assert catalog.restatements(home)["reason"].to_list() == ["refund"]


def test_conformance_is_reported_per_delivery(home: Home, tmp_path: Path) -> None:
    """A broken rule has its count and a line; commitments are held against their purchase."""
    bought = {
        "CommitmentDiscountId": "sp-1",
        "ChargeCategory": "Purchase",
        "BilledCost": "10",
        "EffectiveCost": "0",
    }
    used = {"CommitmentDiscountId": "sp-1", "BilledCost": "0", "EffectiveCost": "6"}
    frame = [
        FOCUS | {"CommitmentDiscountId": ""} | part
        for part in (bought, used, used | {"EffectiveCost": "3"}, {"ChargeCategory": "Gift"})
    ]
    path = tmp_path / "bills" / "focus.csv"
    path.parent.mkdir()
    pl.DataFrame(frame).write_csv(path)
    take(home, path.parent)

    found = {row[1]: row[3:] for row in catalog.conformance(home).rows()}

    rule = "used and unused of a commitment sum to its purchase"
    assert found[rule] == (1, 1, "sp-1: 10.000000000000 bought, 9.000000000000 used")
    assert found["charge_category is an allowed value"][:2] == (4, 1)
    assert found["a charge ends after it begins"][:2] == (4, 0)
    assert len(found) >= 40
    assert delivery.content_digest(path)

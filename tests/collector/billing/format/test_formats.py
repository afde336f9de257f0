"""Every format of one ledger gives the ledger's totals, to the last digit."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.billing.delivery.catalog import scan_cost_lines
from collector.billing.delivery.load import load, places_of
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings
from sample_data.formats import FORMATS
from sample_data.ledger import CASES, Totals, make_ledger, totals

LEDGER = make_ledger(7, [(2026, 2), (2026, 12), (2027, 1)])


def loaded(place: Path, home: Home) -> Totals:
    """Load a folder and sum its lines as the ledger is summed."""
    report = load(
        places_of([str(place)]),
        home,
        BillingSettings(settle_seconds=0),
        now=datetime(2027, 3, 1, tzinfo=UTC),
        accept=None,
        say=lambda _: None,
    )
    assert not report.is_refused, report.text
    found: Totals = {}
    for line in scan_cost_lines(home).collect().to_dicts():
        key = (
            f"{line['billing_period_start']:%Y-%m}",
            line["sub_account_id"],
            line["service_name"],
            line["x_namespace"] or "",
        )
        billed, effective = found.get(key, (0, 0))
        found[key] = (billed + line["billed_cost"], effective + line["effective_cost"])
    return dict(sorted(found.items()))


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_of_a_world_gives_the_truth(name: str, tmp_path: Path) -> None:
    """By month, account, service and namespace the difference is exactly 0."""
    FORMATS[name](LEDGER, tmp_path / "bills")
    want = totals(LEDGER)
    if name.startswith("gcp_standard"):  # it names no namespaces
        want = _without_namespaces(want)

    have = loaded(tmp_path / "bills", Home(tmp_path / "home"))

    assert have == want


def _without_namespaces(found: Totals) -> Totals:
    joined: Totals = {}
    for (month, account, service, _), (billed, effective) in found.items():
        before = joined.get((month, account, service, ""), (0, 0))
        joined[month, account, service, ""] = (before[0] + billed, before[1] + effective)
    return dict(sorted(joined.items()))


@pytest.mark.slow
@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("name", ["aws_cur2", "gcp_detailed_json", "azure", "focus_1_2"])
def test_each_case_alone_gives_the_truth(name: str, case: str, tmp_path: Path) -> None:
    """A case switched on by its name is in the ledger, and comes out as it went in."""
    plain, ledger = make_ledger(3, [(2026, 6)], []), make_ledger(3, [(2026, 6)], [case])
    FORMATS[name](ledger, tmp_path / "bills")

    have = loaded(tmp_path / "bills", Home(tmp_path / "home"))

    assert len(ledger) > len(plain)
    assert have == totals(ledger)

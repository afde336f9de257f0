"""One report currency through dated rates; currencies are never added."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from collector.billing.delivery.load import LoadReport, load, places_of
from collector.billing.format import fx
from meterbook.base.errors import ConfigError
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings, Settings
from meterbook.build import build as building
from meterbook.build.plan import Choice
from warehouse.store.snapshot import current, open_snapshot

NOW = datetime(2026, 11, 2, tzinfo=UTC)
MONEY = pl.Decimal(38, 12)


def put(folder: Path, *facts: tuple[str, int, str]) -> Path:
    """Write a bill: currency, day of October and cost of each line."""
    folder.mkdir()
    rows = [
        {
            "BilledCost": cost,
            "EffectiveCost": cost,
            "BillingAccountId": "000000000042",
            "BillingCurrency": currency,
            "BillingPeriodStart": "2026-10-01T00:00:00Z",
            "BillingPeriodEnd": "2026-11-01T00:00:00Z",
            "ChargeCategory": "Usage",
            "ChargePeriodStart": f"2026-10-{day:02d}T00:00:00Z",
            "ChargePeriodEnd": f"2026-10-{day:02d}T12:00:00Z",
            "ServiceName": "Compute",
            "InvoiceIssuerName": "Cloud",
            "ProviderName": "Cloud",
        }
        for currency, day, cost in facts
    ]
    pl.DataFrame(rows).write_csv(folder / "focus.csv")
    return folder


def terms(tmp_path: Path, *rates: str) -> BillingSettings:
    """Give settings with these rates to EUR."""
    path = tmp_path / "rates.csv"
    path.write_text("\n".join(("date,currency,rate", *rates)) + "\n")
    return BillingSettings(settle_seconds=0, report_currency="EUR", fx_rates=str(path))


def take(home: Home, folder: Path, settings: BillingSettings) -> LoadReport:
    """Load a folder."""
    places = places_of([str(folder)])
    return load(places, home, settings, now=NOW, accept=None, say=lambda _: None)


def test_fx_missing_for_a_day(tmp_path: Path) -> None:
    """The delivery is held with the day and the currency; once the rate is there it is taken."""
    bills = put(tmp_path / "bills", ("USD", 1, "1"), ("USD", 2, "1"), ("EUR", 3, "1"))

    report = take(Home(tmp_path / "home"), bills, terms(tmp_path, "2026-10-01,USD,0.9"))

    assert "no rate to EUR for 1 day(s): 2026-10-02 USD" in report.text
    both = terms(tmp_path, "2026-10-01,USD,0.9", "2026-10-02,USD,0.8")
    assert not take(Home(tmp_path / "home"), bills, both).is_refused


@pytest.mark.slow
def test_mixed_currencies_in_one_file(tmp_path: Path) -> None:
    """Each currency is converted by itself with its day's rate; both amounts are kept."""
    bills = put(tmp_path / "bills", ("USD", 1, "10"), ("EUR", 1, "5"), ("USD", 2, "0.1"))
    rates = terms(tmp_path, "2026-10-01,USD,0.9", "2026-10-02,USD,0.333333333333")
    home = Home(tmp_path / "home")
    settings = Settings(home=home, billing=rates)

    building.load_bills(rates, home, [str(bills)], now=NOW, accept=None, say=lambda _: None)
    building.build(settings, now=NOW, choice=Choice(), say=lambda _: None)

    con = open_snapshot(current(home.serving))
    found = con.sql(
        "SELECT currency, billed_cost, x_report_billed_cost, report_currency "
        "FROM core_cost_report_currency ORDER BY charge_date, currency"
    ).fetchall()
    lines = con.sql(
        "SELECT billing_currency, billed_cost, x_fx_rate, x_report_billed_cost, x_report_currency "
        "FROM report_currency_line ORDER BY charge_date, billing_currency"
    ).fetchall()
    con.close()
    assert lines == [
        ("EUR", Decimal(5), Decimal(1), Decimal(5), "EUR"),
        ("USD", Decimal(10), Decimal("0.9"), Decimal(9), "EUR"),
        ("USD", Decimal("0.1"), Decimal("0.333333333333"), Decimal("0.033333333333"), "EUR"),
    ]
    assert found == [
        ("EUR", Decimal(5), Decimal(5), "EUR"),
        ("USD", Decimal(10), Decimal(9), "EUR"),
        ("USD", Decimal("0.1"), Decimal("0.033333333333"), "EUR"),
    ]


def test_a_product_keeps_twelve_decimals() -> None:
    """Converting is exact to the last digit that is kept, also for large amounts."""
    day = date(2026, 10, 1)
    money = pl.Series(["123456789012.123456789012"]).cast(MONEY)
    costs = pl.DataFrame(
        {
            "charge_date": [day],
            "billing_account_id": ["1"],
            "service_name": ["s"],
            "currency": ["JPY"],
            "effective_cost": money,
            "billed_cost": money,
        }
    )
    rate = pl.Series("x_fx_rate", ["0.006123456789"]).cast(MONEY)
    rates = pl.DataFrame({"charge_date": [day], "currency": ["JPY"]}).with_columns(rate)

    found = fx.converted(costs, BillingSettings(report_currency="EUR"), rates)

    want = Decimal("123456789012.123456789012") * Decimal("0.006123456789")
    assert abs(found["x_report_billed_cost"][0] - want) <= Decimal("1e-12")


@pytest.mark.parametrize("rate", ["0", "0.000000000000", "-0.000000000001", "-1"])
def test_a_rate_of_zero_or_less_is_none(tmp_path: Path, rate: str) -> None:
    """It would make a bill of nothing, or turn its sign."""
    with pytest.raises(ConfigError, match=r"rates\.csv row 1: no day and positive rate"):
        fx.read_rates(terms(tmp_path, f"2026-10-01,USD,{rate}"))


@pytest.mark.parametrize("rate", ["0.000000000001", "0.5", "1", "150"])
def test_any_rate_above_zero_is_one(tmp_path: Path, rate: str) -> None:
    """The least that twelve decimals hold, and rates below and above 1."""
    found = fx.read_rates(terms(tmp_path, f"2026-10-01, USD , {rate} "))

    assert found.rows() == [(date(2026, 10, 1), "USD", Decimal(rate))]


def test_a_currency_may_have_a_rate_for_each_day_and_a_day_for_each_currency(
    tmp_path: Path,
) -> None:
    """Only both together may stand once."""
    rows = ("2026-10-01,USD,1", "2026-10-02,USD,1", "2026-10-01,JPY,1")

    assert fx.read_rates(terms(tmp_path, *rows)).height == 3


@pytest.mark.parametrize(("days", "shown"), [(3, 3), (4, 3)])
def test_the_first_three_days_without_a_rate_are_named(
    tmp_path: Path, days: int, shown: int
) -> None:
    """Three are named in full; of four the fourth is `…`."""
    bills = put(tmp_path / "bills", *(("USD", day, "1") for day in range(1, days + 1)))

    report = take(Home(tmp_path / "home"), bills, terms(tmp_path, "2026-10-01,JPY,1"))

    named = ", ".join(f"2026-10-{day:02d} USD" for day in range(1, shown + 1))
    more = ", …" if days > shown else ""
    assert f"no rate to EUR for {days} day(s): {named}{more};" in report.text


def test_without_a_report_currency_no_rate_is_asked_for(tmp_path: Path) -> None:
    """Bills of any currency are taken as they are."""
    bills = put(tmp_path / "bills", ("USD", 1, "1"), ("EUR", 3, "1"))

    report = take(Home(tmp_path / "home"), bills, BillingSettings(settle_seconds=0))

    assert not report.is_refused


def test_wrong_rates_are_all_reported(tmp_path: Path) -> None:
    """A rate that is none, a day that is none, and one that stands twice are each named."""
    rows = ("2026-10-01,USD,x", "2026-13-01,USD,1", "2026-10-02,USD,1", "2026-10-02,USD,2")

    with pytest.raises(ConfigError) as caught:
        fx.read_rates(terms(tmp_path, *rows))

    reported = [finding.message for finding in caught.value.findings]
    assert [text.split(": ")[0] for text in reported] == [
        "rates.csv row 1",
        "rates.csv row 2",
        "rates.csv row 4",
    ]

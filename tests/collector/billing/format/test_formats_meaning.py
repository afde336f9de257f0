"""The edge cases of the reference's list that concern what a row means, each by its name."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from tests.collector.billing.format.conftest import Take
from tests.collector.billing.format.rows import AZURE, CUR1, FOCUS, gcp, text


@pytest.mark.parametrize(
    ("namespace", "want"),
    [
        ("kube:unallocated", "__idle__"),
        ("kube:system-overhead", "__overhead__"),
        ("goog-k8s-unknown", "__idle__"),
        ("pay", "pay"),
    ],
)
def test_namespace_kube_unallocated(bills: Path, take: Take, namespace: str, want: str) -> None:
    """Google's special namespaces are idle or overhead, never a team's."""
    gcp(bills / "gcp.json", {"labels": [{"key": "k8s-namespace", "value": namespace}]})

    assert take()[1]["x_namespace"].to_list() == [want]


def test_split_cost_pod_rows_against_node_row(bills: Path, take: Take) -> None:
    """Pods' rows stand in another file before their node; what they take the node gives."""
    pod = CUR1 | {
        "lineItem/UnblendedCost": "0",
        "lineItem/UsageType": "EKS-EC2-GB-Hours",
        "lineItem/ResourceId": "pod-1",
        "resourceTags/aws:eks:namespace": "pay",
        "splitLineItem/ParentResourceId": "i-1",
        "splitLineItem/SplitCost": "0.4",
        "splitLineItem/UnusedCost": "0.1",
    }
    node = CUR1 | {name: "" for name in pod if name not in CUR1}
    transfer = node | {"lineItem/UsageType": "EUC1-DataTransfer", "lineItem/UnblendedCost": "0.7"}
    (bills / "part-1.csv").write_text(text([pod]))
    (bills / "part-2.csv").write_text(text([transfer, node]))

    _, frame = take()

    costs = {
        (line["x_namespace"], line["sku_meter"]): (line["billed_cost"], line["effective_cost"])
        for line in frame.to_dicts()
    }
    half, rest, apart = Decimal("0.5"), Decimal(1), Decimal("0.7")
    assert costs == {
        ("pay", "EKS-EC2-GB-Hours"): (half, half),
        (None, "BoxUsage:m6i.large"): (rest, rest),
        (None, "EUC1-DataTransfer"): (apart, apart),
    }


def test_split_row_without_its_node_adds_nothing(bills: Path, take: Take) -> None:
    """A pod whose node is not in the delivery costs nothing: its node's cost is elsewhere."""
    pod = CUR1 | {
        "lineItem/UnblendedCost": "0",
        "splitLineItem/ParentResourceId": "i-9",
        "splitLineItem/SplitCost": "0.4",
        "splitLineItem/UnusedCost": "0.1",
    }
    (bills / "cur.csv").write_text(text([pod]))

    assert take()[1]["effective_cost"].to_list() == [0]


def test_unknown_line_item_type(bills: Path, take: Take) -> None:
    """It is an Adjustment with its cost, and its name is kept."""
    (bills / "cur.csv").write_text(text([CUR1 | {"lineItem/LineItemType": "Mystery"}]))

    line = take()[1].row(0, named=True)

    assert (line["charge_category"], line["x_line_item_type"]) == ("Adjustment", "Mystery")
    assert line["effective_cost"] == Decimal("1.5")


def test_unknown_service(bills: Path, take: Take) -> None:
    """The product code is the name; the category is Other."""
    (bills / "cur.csv").write_text(text([CUR1 | {"lineItem/ProductCode": "Teapot"}]))

    line = take()[1].row(0, named=True)

    assert (line["service_name"], line["service_category"]) == ("Teapot", "Other")


def test_marketplace_has_another_issuer(bills: Path, take: Take) -> None:
    """The seller issues the invoice and publishes."""
    (bills / "cur.csv").write_text(text([CUR1 | {"lineItem/LegalEntity": "Vendor Ltd"}]))

    line = take()[1].row(0, named=True)

    assert (line["invoice_issuer_name"], line["publisher_name"]) == ("Vendor Ltd", "Vendor Ltd")


@pytest.mark.parametrize(
    ("facts", "issuer"),
    [
        ({}, "AWS"),
        ({"lineItem/LegalEntity": "Amazon Web Services EMEA SARL"}, "AWS"),
        ({"bill/InvoicingEntity": "Amazon Web Services, Inc."}, "Amazon Web Services, Inc."),
    ],
)
def test_the_provider_s_own_company_is_no_third_party(
    bills: Path, take: Take, facts: dict[str, str], issuer: str
) -> None:
    """Who invoices is whom the bill names; a seller of record that is AWS itself is AWS."""
    (bills / "cur.csv").write_text(text([CUR1 | facts]))

    line = take()[1].row(0, named=True)

    assert line["invoice_issuer_name"] == issuer


def test_edp_discount_rows_are_negative_usage(bills: Path, take: Take) -> None:
    """A discount folds to usage and keeps its type."""
    row = {"lineItem/LineItemType": "EdpDiscount", "lineItem/UnblendedCost": "-0.3"}
    (bills / "cur.csv").write_text(text([CUR1 | row]))

    line = take()[1].row(0, named=True)

    assert (line["charge_category"], line["x_line_item_type"]) == ("Usage", "EdpDiscount")
    assert line["billed_cost"] == line["effective_cost"] == Decimal("-0.3")


def test_refund_of_a_closed_period_is_a_correction(bills: Path, take: Take) -> None:
    """A refund is negative usage of class Correction; a refunded tax stays Tax."""
    refund = {"lineItem/LineItemType": "Refund", "bill/BillType": "Refund"}
    rows = [CUR1 | refund | {"lineItem/TaxType": ""}, CUR1 | refund | {"lineItem/TaxType": "VAT"}]
    (bills / "cur.csv").write_text(text(rows))

    _, frame = take()

    assert sorted(frame["charge_category"]) == ["Tax", "Usage"]
    assert frame["charge_class"].to_list() == ["Correction", "Correction"]


def test_rounding_error_rows(bills: Path, take: Take) -> None:
    """Google's rounding rows are adjustments that keep their atoms."""
    gcp(bills / "gcp.json", {"cost": -3e-7, "cost_type": "rounding_error"})

    line = take()[1].row(0, named=True)

    assert (line["charge_category"], line["billed_cost"]) == ("Adjustment", Decimal("-3e-7"))


def test_azure_halves_are_one_bill(bills: Path, take: Take) -> None:
    """Actual and amortized together: bought once, used once, each row of use once."""
    plan = {"PricingModel": "SavingsPlan"}
    bought = AZURE | plan | {"ChargeType": "Purchase", "Cost": "10"}
    used = AZURE | plan | {"Cost": "7"}
    unused = AZURE | plan | {"ChargeType": "UnusedSavingsPlan", "Cost": "3"}
    (bills / "actual.csv").write_text(text([AZURE, bought, used | {"Cost": "0"}]))
    (bills / "amortized.csv").write_text(text([AZURE, used, unused]))

    _, frame = take()

    assert frame.height == 4
    assert frame["billed_cost"].sum() == Decimal("11.5")
    assert frame["effective_cost"].sum() == Decimal("11.5")


def test_azure_names_by_alias_and_any_case(bills: Path, take: Take) -> None:
    """MCA and old exports name columns otherwise."""
    row = {
        "billingaccountid": "861",
        "UsageDateTime": "2026-10-03",
        "meterId": "m",
        "MeterCategory": "x",
        "CostInBillingCurrency": "2.5",
        "BillingCurrencyCode": "USD",
        "chargeType": "Usage",
    }
    (bills / "azure.csv").write_text(text([row]))

    line = take()[1].row(0, named=True)

    assert line["effective_cost"] == Decimal("2.5")
    assert line["x_source_version"] == "MCA"


# Time


def test_period_end_inclusive_against_exclusive(bills: Path, take: Take) -> None:
    """Azure's last day is counted in; the normal form's end is the day after."""
    (bills / "azure.csv").write_text(text([AZURE]))

    line = take()[1].row(0, named=True)

    assert line["charge_period_end"] == datetime(2026, 10, 4, tzinfo=UTC)
    assert line["billing_period_end"] == datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("month", "end"),
    [
        ("202602", datetime(2026, 3, 1, tzinfo=UTC)),
        ("202802", datetime(2028, 3, 1, tzinfo=UTC)),
        ("202604", datetime(2026, 5, 1, tzinfo=UTC)),
        ("202612", datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_months_of_28_29_30_31_days_and_year_change(
    bills: Path, take: Take, month: str, end: datetime
) -> None:
    """A period ends where the next begins."""
    gcp(bills / "gcp.json", {"invoice": {"month": month}})

    assert take()[1]["billing_period_end"].to_list() == [end]


def test_invoice_month_is_not_usage_month(bills: Path, take: Take) -> None:
    """Use of the last Pacific evening of September, invoiced in October, is October's."""
    times = {
        "usage_start_time": "2026-09-30T23:00:00-07:00",
        "usage_end_time": "2026-10-01T00:00:00-07:00",
    }
    gcp(bills / "gcp.json", times)

    line = take()[1].row(0, named=True)

    assert line["billing_period_start"] == datetime(2026, 10, 1, tzinfo=UTC)
    assert line["charge_period_start"] == datetime(2026, 10, 1, 6, tzinfo=UTC)


def test_usage_before_the_billing_period(bills: Path, take: Take) -> None:
    """Late usage keeps its day and its invoice's month."""
    gcp(bills / "gcp.json", {"usage_start_time": "2026-08-03 00:00:00 UTC"})

    line = take()[1].row(0, named=True)

    assert line["charge_period_start"] == datetime(2026, 8, 3, tzinfo=UTC)
    assert f"{line['billing_period_start']:%Y-%m}" == "2026-10"


def test_an_hour_across_a_clock_change(bills: Path, take: Take) -> None:
    """Hours are UTC: the hour that Europe has twice is two."""
    hours = ("2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z")
    rows = [
        CUR1 | {"lineItem/UsageStartDate": a, "lineItem/UsageEndDate": b}
        for a, b in pairwise(hours)
    ]
    (bills / "cur.csv").write_text(text(rows))

    _, frame = take()

    assert frame["charge_period_start"].dt.hour().to_list() == [0, 1]


def test_hour_24_is_no_time(bills: Path, take: Take) -> None:
    """It is told with its cell; nothing is guessed."""
    (bills / "cur.csv").write_text(text([CUR1 | {"lineItem/UsageEndDate": "2026-10-03T24:00:00Z"}]))

    report, frame = take()

    assert "lineItem/UsageEndDate: '2026-10-03T24:00:00Z'" in report.text
    assert frame.is_empty()


# FOCUS


@pytest.mark.parametrize(
    ("columns", "want"),
    [
        ({}, "1.0"),
        ({"SkuMeter": "x"}, "1.1"),
        ({"InvoiceId": "x"}, "1.2"),
        ({"HostProviderName": "x"}, "1.3"),
        ({"InvoiceDetailId": "x"}, "1.4"),
        ({"BillingAccountType": "x", "x_SkuMeterId": "y"}, "1.0"),
    ],
)
def test_focus_version_by_header(
    bills: Path, take: Take, columns: dict[str, str], want: str
) -> None:
    """The newest column tells; Azure's 1.0 with two columns of 1.2 stays 1.0."""
    (bills / "focus.csv").write_text(text([FOCUS | columns]))

    line = take()[1].row(0, named=True)

    assert line["x_source_version"] == want


def test_focus_1_4_has_no_provider_name(bills: Path, take: Take) -> None:
    """The provider and the publisher are filled from their successors."""
    gone = {"ProviderName", "PublisherName"}
    row = {name: value for name, value in FOCUS.items() if name not in gone}
    news = {"ServiceProviderName": "Cloud", "HostProviderName": "Host"}
    (bills / "focus.csv").write_text(text([row | news]))

    line = take()[1].row(0, named=True)

    assert (line["provider_name"], line["publisher_name"]) == ("Cloud", "Host")
    assert line["x_source_version"] == "1.4"

"""The edge cases of the reference's list that concern formats and meaning, each by its name."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from collector.billing.delivery.catalog import scan_cost_lines
from collector.billing.delivery.load import LoadReport, load, places_of
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings

Take = Callable[[], tuple[LoadReport, pl.DataFrame]]

CUR1 = {
    "bill/PayerAccountId": "000000000001",
    "bill/BillType": "Anniversary",
    "bill/BillingPeriodStartDate": "2026-10-01T00:00:00Z",
    "bill/BillingPeriodEndDate": "2026-11-01T00:00:00Z",
    "lineItem/UsageAccountId": "000000000002",
    "lineItem/LineItemType": "Usage",
    "lineItem/UsageStartDate": "2026-10-03T00:00:00Z",
    "lineItem/UsageEndDate": "2026-10-03T01:00:00Z",
    "lineItem/ProductCode": "AmazonEC2",
    "lineItem/UsageType": "BoxUsage:m6i.large",
    "lineItem/CurrencyCode": "USD",
    "lineItem/UnblendedCost": "1.5",
    "lineItem/UsageAmount": "1",
    "lineItem/ResourceId": "i-1",
    "lineItem/LineItemDescription": "a machine",
}
GCP: dict[str, Any] = {
    "billing_account_id": "00A1-B2",
    "service": {"id": "6F81", "description": "Compute Engine"},
    "sku": {"id": "0A-1", "description": "N2 core"},
    "usage_start_time": "2026-10-03 00:00:00 UTC",
    "usage_end_time": "2026-10-03 01:00:00 UTC",
    "project": {"id": "shop-data"},
    "cost": 1.5,
    "currency": "USD",
    "credits": [],
    "invoice": {"month": "202610"},
    "cost_type": "regular",
}
AZURE = {
    "BillingAccountId": "861",
    "BillingPeriodStartDate": "10/01/2026",
    "BillingPeriodEndDate": "10/31/2026",
    "SubscriptionId": "ABC-1",
    "Date": "10/03/2026",
    "MeterCategory": "Virtual Machines",
    "MeterId": "m-1",
    "Quantity": "1",
    "Cost": "1.5",
    "BillingCurrency": "USD",
    "ChargeType": "Usage",
    "PricingModel": "OnDemand",
    "Tags": "",
}
FOCUS = {
    "BilledCost": "1.5",
    "EffectiveCost": "1.5",
    "ListCost": "2",
    "ContractedCost": "1.5",
    "BillingAccountId": "000000000042",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-10-01T00:00:00Z",
    "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargePeriodStart": "2026-10-03T00:00:00Z",
    "ChargePeriodEnd": "2026-10-04T00:00:00Z",
    "InvoiceIssuerName": "Cloud",
    "ProviderName": "Cloud",
    "PublisherName": "Cloud",
    "ServiceCategory": "Compute",
    "ServiceName": "Compute",
    "Tags": "{}",
}


@pytest.fixture
def bills(tmp_path: Path) -> Path:
    """Give an empty folder of bills."""
    folder = tmp_path / "bills"
    folder.mkdir()
    return folder


@pytest.fixture
def take(tmp_path: Path, bills: Path) -> Take:
    """Load the folder."""

    def taken() -> tuple[LoadReport, pl.DataFrame]:
        home = Home(tmp_path / "home")
        report = load(
            places_of([str(bills)]),
            home,
            BillingSettings(settle_seconds=0),
            now=datetime(2026, 11, 20, tzinfo=UTC),
            accept=None,
            say=lambda _: None,
        )
        return report, scan_cost_lines(home).collect()

    return taken


def text(rows: Sequence[dict[str, str]], ending: str = "\n") -> str:
    """Give rows as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator=ending)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def gcp(path: Path, *rows: dict[str, Any]) -> None:
    """Write lines of JSON."""
    path.write_text("".join(json.dumps(GCP | row) + "\n" for row in rows))


# Files


def test_empty_month_header_only(bills: Path, take: Take) -> None:
    """A month without a row is taken, and has no lines."""
    (bills / "cur.csv").write_text(text([CUR1]).splitlines()[0] + "\n")

    report, frame = take()

    assert not report.is_refused
    assert frame.is_empty()


def test_zero_byte_file(bills: Path, take: Take) -> None:
    """A file of no bytes is refused with words."""
    (bills / "cur.csv").write_bytes(b"")

    report, _ = take()

    assert "the file is empty: it has no header" in report.text


@pytest.mark.parametrize("rows", [CUR1, FOCUS])
def test_truncated_gz(bills: Path, take: Take, rows: dict[str, str]) -> None:
    """A gzip that breaks off is refused as a whole."""
    many = [dict(rows) for _ in range(20_000)]
    (bills / "bill.csv.gz").write_bytes(gzip.compress(text(many).encode())[:-3_000])

    report, frame = take()

    assert "breaks off" in report.text
    assert frame.is_empty()


def test_truncated_json_gz(bills: Path, take: Take) -> None:
    """The same of lines of JSON."""
    lines = "".join(json.dumps(GCP | {"cost": n}) + "\n" for n in range(20_000))
    (bills / "gcp.json.gz").write_bytes(gzip.compress(lines.encode())[:-3_000])

    report, frame = take()

    assert "breaks off" in report.text
    assert frame.is_empty()


def test_zip_cur(bills: Path, take: Take) -> None:
    """A zip with one report is read; one with two is refused."""
    path = bills / "report-1.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("report-1.csv", text([CUR1]))

    _, frame = take()

    assert frame["billed_cost"].to_list() == [Decimal("1.5")]
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("report-2.csv", text([CUR1]))
    assert "2 files in the zip" in take()[0].text


def test_bom_crlf_embedded_newline_and_quotes(bills: Path, take: Take) -> None:
    """None of these shifts a cell."""
    odd = 'says "5, 6"\nand more'
    whole = "\ufeff" + text([CUR1 | {"lineItem/LineItemDescription": odd}], "\r\n")
    (bills / "cur.csv").write_bytes(whole.encode())

    _, frame = take()

    assert frame.select("charge_description", "effective_cost").rows() == [(odd, Decimal("1.5"))]


@pytest.mark.parametrize("word", ["NULL", "null", "None", ""])
def test_null_words(bills: Path, take: Take, word: str) -> None:
    """Every word for nothing is null, never a value."""
    (bills / "cur.csv").write_text(text([CUR1 | {"lineItem/ResourceId": word}]))

    assert take()[1]["resource_id"].to_list() == [None]


def test_e_notation(bills: Path, take: Take) -> None:
    """35.2E-7 is a number."""
    (bills / "cur.csv").write_text(text([CUR1 | {"lineItem/UnblendedCost": "35.2E-7"}]))

    assert take()[1]["billed_cost"].to_list() == [Decimal("0.00000352")]


@pytest.mark.parametrize(
    ("row", "name"),
    [(CUR1, "lineItem/UnblendedCost"), (AZURE, "Cost"), (FOCUS, "BilledCost")],
)
def test_comma_decimals(bills: Path, take: Take, row: dict[str, str], name: str) -> None:
    """1,50 is no number in any format; the delivery is held, with the column's own name."""
    (bills / "bill.csv").write_text(text([row | {name: "1,50"}]))

    report, frame = take()

    assert f"{name}: '1,50'" in report.text
    assert frame.is_empty()


def test_more_than_twelve_decimals(bills: Path, take: Take) -> None:
    """The half goes to the even neighbour."""
    costs = ("0.0000000000005", "0.0000000000015", "0.0000000000016")
    (bills / "cur.csv").write_text(text([CUR1 | {"lineItem/UnblendedCost": c} for c in costs]))

    atoms = [cost * 10**12 for cost in take()[1]["billed_cost"]]

    assert atoms == [0, 2, 2]


def test_ids_with_leading_zeros(bills: Path, take: Take) -> None:
    """Ids are text."""
    (bills / "cur.csv").write_text(text([CUR1]))

    assert take()[1]["sub_account_id"].to_list() == ["000000000002"]


def test_column_added_between_parts_and_other_order(bills: Path, take: Take) -> None:
    """A column that comes in mid month, and another order, change no value."""
    turned = dict(reversed([*CUR1.items(), ("lineItem/NetUnblendedCost", "1.25")]))
    (bills / "part-1.csv").write_text(text([CUR1]))
    (bills / "part-2.csv").write_text(text([turned]))

    assert sorted(take()[1]["billed_cost"]) == [Decimal("1.25"), Decimal("1.5")]


def test_unknown_columns_are_kept(bills: Path, take: Take) -> None:
    """What no line of the mapping reads stands in x_extra under its own name."""
    (bills / "cur.csv").write_text(
        text([CUR1 | {"product/vcpu": "4", "costCategory/My Area": "x"}])
    )

    extra = {entry["key"]: entry["value"] for entry in take()[1]["x_extra"][0]}

    assert extra["product/vcpu"] == "4"
    assert extra["costCategory/My Area"] == "x"


# Tags


def test_tag_key_case_variants(bills: Path, take: Take) -> None:
    """Keys that differ in case only are both kept, as delivered."""
    tags = {"resourceTags/user:Team": "a", "resourceTags/user:team": "b"}
    (bills / "cur.csv").write_text(text([CUR1 | tags]))

    assert take()[1]["tags"][0].to_list() == [
        {"key": "user:Team", "value": "a"},
        {"key": "user:team", "value": "b"},
    ]


def test_five_hundred_tag_columns(bills: Path, take: Take) -> None:
    """A column per key, most of them empty, gives a short list."""
    tags = {f"resourceTags/user:k{n:03d}": "v" if n == 321 else "" for n in range(520)}
    (bills / "cur.csv").write_text(text([CUR1 | tags]))

    assert take()[1]["tags"][0].to_list() == [{"key": "user:k321", "value": "v"}]


def parquet_row(**more: object) -> pl.DataFrame:
    """Give the row of CUR1 by the names that Parquet has."""
    names = {name: name.replace("/", "_") for name in CUR1}
    return pl.DataFrame([{names[name]: value for name, value in CUR1.items()} | more])


@pytest.mark.parametrize("shape", ["csv", "parquet", "map"])
def test_tags_by_column_or_map(bills: Path, take: Take, shape: str) -> None:
    """A column of a legacy CSV, of a legacy Parquet and an entry of a map all arrive."""
    if shape == "csv":
        (bills / "a.csv").write_text(text([CUR1 | {"resourceTags/user:Team": "a"}]))
    elif shape == "parquet":
        parquet_row(resource_tags_user_team="a").write_parquet(bills / "a.parquet")
    else:
        entries = [{"key": "user_team", "value": "a"}]
        parquet_row(resource_tags=entries).write_parquet(bills / "a.parquet")

    (entry,) = take()[1]["tags"][0].to_list()

    assert entry["value"] == "a"
    assert entry["key"] == ("user:Team" if shape == "csv" else "user_team")


@pytest.mark.parametrize("tags", ['{"a": "1", "b": "2"}', '"b": "2","a": "1"'])
def test_azure_tags_without_braces(bills: Path, take: Take, tags: str) -> None:
    """With or without braces the tags are the same."""
    (bills / "azure.csv").write_text(text([AZURE | {"Tags": tags}]))

    assert take()[1]["tags"][0].to_list() == [
        {"key": "a", "value": "1"},
        {"key": "b", "value": "2"},
    ]


def test_gcp_labels_are_an_array_of_structs(bills: Path, take: Take) -> None:
    """Labels become tags; Kubernetes' own name cluster and namespace."""
    labels = {"team": "core", "k8s-namespace": "pay", "goog-k8s-cluster-name": "eu"}
    pairs = [{"key": key, "value": value} for key, value in labels.items()]
    gcp(bills / "gcp.json", {"labels": pairs})

    line = take()[1].row(0, named=True)

    assert (line["x_cluster"], line["x_namespace"]) == ("eu", "pay")
    assert {"key": "team", "value": "core"} in line["tags"]


def test_gcp_credits_null_empty_or_many(bills: Path, take: Take) -> None:
    """No array, an empty one, and several credits, exact."""
    both = [{"name": "a", "amount": -0.1}, {"name": "b", "amount": -0.2, "type": "PROMOTION"}]
    gcp(bills / "gcp.json", {"credits": None}, {"credits": []}, {"credits": both})

    _, frame = take()

    assert frame["billed_cost"].to_list() == [Decimal("1.5"), Decimal("1.5"), Decimal("1.2")]
    assert "PROMOTION" in str(frame["x_extra"][2].to_list())


# Charges


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

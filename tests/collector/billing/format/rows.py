"""One row of each format, and files that hold such rows."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

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


def parquet_row(**more: object) -> pl.DataFrame:
    """Give the row of CUR1 by the names that Parquet has."""
    names = {name: name.replace("/", "_") for name in CUR1}
    return pl.DataFrame([{names[name]: value for name, value in CUR1.items()} | more])

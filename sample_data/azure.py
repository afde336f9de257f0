"""A ledger as Azure's exports: actual and amortized cost, beside each other or each by itself.

Takes    entries of a ledger, a folder
Gives    CSV with BOM and CRLF; exports in parts, with a manifest each
Holds    the two exports together are the ledger, either alone is not
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sample_data.bill_files import Row, csv_file, json_file, months, period_of, text_of
from sample_data.ledger import CLUSTER, PAYER, SERVICES, ZERO, Entry

EXPORTS: Final = {"ActualCost": "daily-a", "AmortizedCost": "daily-b"}
"""Type of an export and the name that its owner gave it, which need not say the type."""
PARTS: Final = 3
_RUN: Final = "3b1d7a52-0000-4000-8000-00000000000"


def azure_rows(entries: Sequence[Entry], *, is_amortized: bool) -> Iterator[Row]:
    """Give EA rows of one of the two exports."""
    kinds = {"credit": "Credit", "refund": "Refund", "tax": "Tax", "rounding": "RoundingAdjustment"}
    models = {"plan": "SavingsPlan", "reservation": "Reservation", "": "OnDemand"}
    for entry in entries:
        row = _azure_base(entry) | {"PricingModel": models[entry.commitment]}
        if not entry.commitment:
            kind = kinds.get(entry.kind, "Mystery" if entry.kind == "unknown" else "Usage")
            yield row | {"ChargeType": kind, "Cost": text_of(entry.billed)}
        elif entry.kind == "usage":
            cost = entry.effective if is_amortized else ZERO
            yield row | {"ChargeType": "Usage", "Cost": text_of(cost)}
        elif not is_amortized:
            yield row | {"ChargeType": "Purchase", "Cost": text_of(entry.billed)}
        elif entry.effective:
            kind = f"Unused{models[entry.commitment]}"
            yield row | {"ChargeType": kind, "Cost": text_of(entry.effective)}


def _azure_base(entry: Entry) -> Row:
    first, last = period_of(entry)
    tags = {"team": "core"}
    if entry.namespace:
        tags = {"k8s-namespace": entry.namespace, "aks-cluster-name": CLUSTER}
    return {
        "BillingAccountId": PAYER,
        "BillingAccountName": "Shop",
        "BillingPeriodStartDate": f"{first:%m/%d/%Y}",
        "BillingPeriodEndDate": f"{last - timedelta(days=1):%m/%d/%Y}",
        "SubscriptionId": entry.account,
        "Date": f"{entry.start:%m/%d/%Y}",
        "Product": f"{entry.service}, {entry.kind}",
        "MeterId": "m-1",
        "ServiceFamily": "Compute" if entry.service == SERVICES[0] else "Storage",
        "MeterCategory": entry.service,
        "Quantity": text_of(entry.quantity),
        "UnitPrice": "0",
        "BillingCurrency": "USD",
        "ResourceLocation": "West Europe",
        "ResourceId": entry.resource,
        "Tags": json.dumps(tags)[1:-1],
        "UnitOfMeasure": "1 Hour",
        "PublisherName": entry.seller,
        "Frequency": "UsageBased",
        "PayGPrice": "0",
        "benefitId": f"/Orders/{entry.commitment}" if entry.commitment else "",
    }


def write_azure(entries: Sequence[Entry], out: Path) -> None:
    """Write the actual and the amortized export of each month side by side, with BOM and CRLF."""
    for period, part in months(entries).items():
        for name in ("actual", "amortized"):
            rows = list(azure_rows(part, is_amortized=name == "amortized"))
            csv_file(rows, out / period / f"{name}_0001.csv", bom="\ufeff", ending="\r\n")


def write_azure_exports(entries: Sequence[Entry], out: Path) -> None:
    """Write two exports of each month, each partitioned and with a manifest of its own."""
    for part in months(entries).values():
        for kind, name in EXPORTS.items():
            rows = list(azure_rows(part, is_amortized=kind == "AmortizedCost"))
            _write_export(rows, out, kind, name, period_of(part[0]))


def _write_export(
    rows: Sequence[Row], out: Path, kind: str, name: str, period: tuple[datetime, datetime]
) -> None:
    first, last = period[0], period[1] - timedelta(days=1)
    run_id = _RUN + name[-1]
    run = f"exports/{name}/{first:%Y%m%d}-{last:%Y%m%d}/{run_id}"
    blobs = list(_blobs(rows, out, run))
    document = {
        "manifestVersion": "2024-04-01",
        "byteCount": sum(blob["byteCount"] for blob in blobs),
        "blobCount": len(blobs),
        "dataRowCount": len(rows),
        "exportConfig": _export_config(kind, name),
        "deliveryConfig": {"partitionData": True, "fileFormat": "Csv"},
        "runInfo": {
            "executionType": "Scheduled",
            "submittedTime": f"{period[1]:%Y-%m-%d}T08:00:00.1234567Z",
            "runId": run_id,
            "startDate": f"{first:%Y-%m-%dT%H:%M:%S}",
            "endDate": f"{last:%Y-%m-%dT%H:%M:%S}",
        },
        "blobs": blobs,
    }
    json_file(document, out / run / "manifest.json")


def _blobs(rows: Sequence[Row], out: Path, run: str) -> Iterator[Row]:
    """Write the parts of an export that have rows, and give what the manifest says of each."""
    for number in range(PARTS):
        own = rows[number::PARTS]
        if not own:
            continue
        blob = f"{run}/part_{number}_0001.csv"
        csv_file(own, out / blob, bom="\ufeff", ending="\r\n")
        size = (out / blob).stat().st_size
        yield {"blobName": blob, "byteCount": size, "dataRowCount": len(own)}


def _export_config(kind: str, name: str) -> Row:
    scope = f"/providers/Microsoft.Billing/billingAccounts/{PAYER}"
    return {
        "exportName": name,
        "resourceId": f"{scope}/providers/Microsoft.CostManagement/exports/{name}",
        "dataVersion": "2021-10-01",
        "type": kind,
        "timeFrame": "Custom",
        "granularity": "Daily",
    }

"""A ledger written as every bill format that clouds deliver.

Takes    entries of a ledger, a folder
Gives    per format a folder of files as the cloud would leave them, manifests included
Holds    the same entries give the same bytes
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from sample_data.aws import write_cur1, write_cur2
from sample_data.azure import write_azure, write_azure_exports
from sample_data.bill_files import Row, csv_file, months, period_of, text_of
from sample_data.gcp import write_gcp
from sample_data.ledger import PAYER, Entry

_COLUMNS: Final = {
    "1.0": (),
    "1.1": ("ServiceSubcategory", "SkuMeter"),
    "1.2": ("ServiceSubcategory", "SkuMeter", "InvoiceId", "BillingAccountType"),
    "1.3": (
        *("ServiceSubcategory", "InvoiceId", "BillingAccountType", "AllocatedResourceId"),
        *("ServiceProviderName", "HostProviderName"),
    ),
    "1.4": (
        *("ServiceSubcategory", "InvoiceId", "InvoiceDetailId", "BillingAccountType"),
        *("ServiceProviderName", "HostProviderName"),
    ),
}


_CATEGORIES: Final = {
    "fee": "Purchase",
    "upfront": "Purchase",
    "support": "Purchase",
    "credit": "Credit",
    "tax": "Tax",
    "rounding": "Adjustment",
    "unknown": "Adjustment",
}


def focus_rows(entries: Sequence[Entry], version: str, provider: str) -> Iterator[Row]:
    """Give FOCUS rows of a version."""
    for entry in entries:
        row = _focus_base(entry, provider)
        if version != "1.4":
            row |= {"ProviderName": provider, "PublisherName": entry.seller or provider}
        news = {name: "Other (Other)" for name in _COLUMNS[version] if name[:7] == "Service"}
        news |= {name: provider for name in _COLUMNS[version] if name.endswith("ProviderName")}
        yield row | {name: news.get(name, "x") for name in _COLUMNS[version]}


def _focus_base(entry: Entry, provider: str) -> Row:
    first, last = period_of(entry)
    tags = {"k8s-namespace": entry.namespace} if entry.namespace else {}
    return {
        "BilledCost": text_of(entry.billed),
        "EffectiveCost": text_of(entry.effective),
        "ListCost": text_of(entry.listed),
        "ContractedCost": text_of(entry.listed),
        "BillingAccountId": PAYER,
        "BillingAccountName": "Shop",
        "BillingCurrency": "USD",
        "BillingPeriodStart": f"{first:%Y-%m-%dT%H:%M:%SZ}",
        "BillingPeriodEnd": f"{last:%Y-%m-%dT%H:%M:%SZ}",
        "ChargePeriodStart": f"{entry.start:%Y-%m-%dT%H:%M:%SZ}",
        "ChargePeriodEnd": f"{entry.end:%Y-%m-%dT%H:%M:%SZ}",
        "ChargeCategory": _CATEGORIES.get(entry.kind, "Usage"),
        "ChargeClass": "Correction" if entry.kind == "refund" else "",
        "InvoiceIssuerName": entry.seller or provider,
        "ServiceCategory": "Other",
        "ServiceName": entry.service,
        "SubAccountId": entry.account,
        "ResourceId": entry.resource,
        "Tags": json.dumps(tags),
    }


def write_focus(
    entries: Sequence[Entry], out: Path, version: str, *, extra: Mapping[str, str] | None = None
) -> None:
    """Write FOCUS as CSV.gz; `extra` are columns that only some provider sends."""
    provider = "Oracle" if any(name.startswith("oci_") for name in extra or ()) else "Cloud"
    for period, part in months(entries).items():
        rows = [row | dict(extra or {}) for row in focus_rows(part, version, provider)]
        csv_file(rows, out / period / "focus.csv.gz")


FORMATS: Final[Mapping[str, Callable[[Sequence[Entry], Path], None]]] = {
    "aws_cur1_gzip": lambda entries, out: write_cur1(entries, out, "GZIP"),
    "aws_cur1_zip": lambda entries, out: write_cur1(entries, out, "ZIP"),
    "aws_cur1_parquet": lambda entries, out: write_cur1(entries, out, "Parquet"),
    "aws_cur2": write_cur2,
    "gcp_standard_json": lambda e, out: write_gcp(e, out, is_detailed=False, is_parquet=False),
    "gcp_standard_parquet": lambda e, out: write_gcp(e, out, is_detailed=False, is_parquet=True),
    "gcp_detailed_json": lambda e, out: write_gcp(e, out, is_detailed=True, is_parquet=False),
    "gcp_detailed_parquet": lambda e, out: write_gcp(e, out, is_detailed=True, is_parquet=True),
    "azure": write_azure,
    "azure_exports": write_azure_exports,
    "focus_1_0": lambda entries, out: write_focus(entries, out, "1.0"),
    "focus_1_1": lambda entries, out: write_focus(entries, out, "1.1"),
    "focus_1_2": lambda entries, out: write_focus(entries, out, "1.2"),
    "focus_1_3": lambda entries, out: write_focus(entries, out, "1.3"),
    "focus_1_4": lambda entries, out: write_focus(entries, out, "1.4"),
    "azure_focus": lambda entries, out: write_focus(
        entries, out, "1.0", extra={"BillingAccountType": "EA", "x_SkuMeterId": "m-1"}
    ),
    "oci_focus": lambda entries, out: write_focus(
        entries, out, "1.0", extra={"oci_CompartmentId": "ocid1.compartment.1"}
    ),
}


def write_formats(entries: Sequence[Entry], out: Path) -> None:
    """Write the ledger in every format, a folder each."""
    for name, write in FORMATS.items():
        write(entries, out / name)

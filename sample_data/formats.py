"""A ledger written as every bill format that clouds deliver.

Takes    entries of a ledger, a folder
Gives    per format a folder of files as the cloud would leave them, manifests included
Holds    the same entries give the same bytes
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from sample_data.azure import write_azure, write_azure_exports
from sample_data.bill_files import (
    Row,
    csv_file,
    gzip_file,
    json_file,
    months,
    parquet_file,
    period_of,
    text_of,
)
from sample_data.ledger import CLUSTER, PAYER, ZERO, Entry

ASSEMBLY: Final = "20261102T000000Z-4f1c"
_PLAN: Final = "arn:aws:savingsplans::000123456789:savingsplan/sp-1"
_RESERVATION: Final = "arn:aws:ec2:eu-central-1:000123456789:reserved-instances/ri-1"
_SELLERS: Final = {"aws": "Amazon Web Services, Inc."}
_AWS_TYPES: Final = {
    "credit": "Credit",
    "refund": "Refund",
    "tax": "Tax",
    "support": "Fee",
    "marketplace": "Usage",
    "discount": "EdpDiscount",
    "rounding": "Usage",
    "unknown": "Mystery",
    "upfront": "Fee",
}


# AWS ----------------------------------------------------------------------------------------------


def aws_rows(entries: Sequence[Entry]) -> Iterator[Row]:
    """Give CUR rows by their Parquet names: covered use with its negation, pods without cost."""
    pods: dict[tuple[str, datetime], list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.parent:
            pods[entry.parent, entry.start].append(entry)
    for number, entry in enumerate(entries):
        base = _aws_base(entry, number)
        if entry.parent:
            yield base | {
                "line_item_operation": "EKSPod-EC2",
                "line_item_usage_type": "EKS-EC2-GB-Hours",
                "line_item_unblended_cost": ZERO,
                "split_line_item_parent_resource_id": entry.parent,
                "split_line_item_split_cost": entry.effective - Decimal("1e-10"),
                "split_line_item_unused_cost": Decimal("1e-10"),
                "resource_tags": {
                    "aws_eks_namespace": entry.namespace,
                    "aws_eks_cluster_name": CLUSTER,
                },
            }
            continue
        given = pods.get((entry.resource, entry.start), [])
        yield from _aws_whole(base, entry, given)


def _aws_base(entry: Entry, number: int) -> Row:
    first, last = period_of(entry)
    return {
        "identity_line_item_id": f"line-{number:08d}",
        "bill_billing_entity": "AWS Marketplace" if entry.seller else "AWS",
        "bill_bill_type": "Refund" if entry.kind == "refund" else "Anniversary",
        "bill_payer_account_id": PAYER,
        "bill_billing_period_start_date": first,
        "bill_billing_period_end_date": last,
        "line_item_usage_account_id": entry.account,
        "line_item_line_item_type": _AWS_TYPES.get(entry.kind, "Usage"),
        "line_item_usage_start_date": entry.start,
        "line_item_usage_end_date": entry.end,
        "line_item_product_code": entry.service.replace(" ", ""),
        "line_item_usage_type": "EUC1-BoxUsage:m6i.xlarge",
        "line_item_operation": "RunInstances",
        "line_item_resource_id": entry.resource or None,
        "line_item_usage_amount": entry.quantity,
        "line_item_currency_code": "USD",
        "line_item_unblended_cost": entry.billed,
        "line_item_legal_entity": entry.seller or _SELLERS["aws"],
        "line_item_line_item_description": f"{entry.service}, {entry.kind}",
        "pricing_public_on_demand_cost": entry.listed,
        "product_servicename": entry.service,
        "resource_tags": {"user_team": "core"} if entry.kind == "usage" else {},
        **dict.fromkeys(
            (
                *("reservation_reservation_a_r_n", "savings_plan_savings_plan_a_r_n"),
                *("reservation_effective_cost", "reservation_unused_recurring_fee"),
                "reservation_unused_amortized_upfront_fee_for_billing_period",
                "savings_plan_savings_plan_effective_cost",
                *("savings_plan_total_commitment_to_date", "savings_plan_used_commitment"),
                *("split_line_item_parent_resource_id", "split_line_item_split_cost"),
                "split_line_item_unused_cost",
            )
        ),
    }


def _aws_whole(base: Row, entry: Entry, pods: Sequence[Entry]) -> Iterator[Row]:
    """Give a row that is no pod's; a node's bears the cost of its pods too."""
    effective = sum((pod.effective for pod in pods), entry.effective)
    listed = sum((pod.listed for pod in pods), entry.listed)
    base |= {"pricing_public_on_demand_cost": listed}
    if entry.commitment == "plan":
        plan = base | {"savings_plan_savings_plan_a_r_n": _PLAN}
        if entry.kind == "fee":
            yield plan | {
                "line_item_line_item_type": "SavingsPlanRecurringFee",
                "savings_plan_total_commitment_to_date": entry.billed,
                "savings_plan_used_commitment": entry.billed - entry.effective,
            }
            return
        yield plan | {
            "line_item_line_item_type": "SavingsPlanCoveredUsage",
            "line_item_unblended_cost": listed,
            "savings_plan_savings_plan_effective_cost": effective,
        }
        yield plan | {
            "line_item_line_item_type": "SavingsPlanNegation",
            "line_item_unblended_cost": -listed,
        }
    elif entry.commitment == "reservation":
        reserved = base | {"reservation_reservation_a_r_n": _RESERVATION}
        if entry.kind == "fee":
            half = (entry.effective / 2).quantize(Decimal("1e-10"))
            yield reserved | {
                "line_item_line_item_type": "RIFee",
                "reservation_unused_recurring_fee": half,
                "reservation_unused_amortized_upfront_fee_for_billing_period": entry.effective
                - half,
            }
        elif entry.kind == "upfront":
            yield reserved
        else:
            yield reserved | {
                "line_item_line_item_type": "DiscountedUsage",
                "reservation_effective_cost": effective,
            }
    else:
        billed = sum((pod.billed for pod in pods), entry.billed)
        yield base | {"line_item_unblended_cost": billed}


_CATEGORIES: Final = (
    *("identity", "bill", "line_item", "pricing", "product", "reservation", "savings_plan"),
    "split_line_item",
)


def legacy_name(name: str) -> str:
    """Give the name a column has in a legacy CSV: `lineItem/UnblendedCost`."""
    if name == "product_servicename":
        return "product/servicename"
    category = next(part for part in _CATEGORIES if name.startswith(f"{part}_"))
    first, *others = category.split("_")
    words = name.removeprefix(f"{category}_").replace("a_r_n", "ARN").split("_")
    prefix = first + "".join(word.title() for word in others)
    return f"{prefix}/{''.join(word if word == 'ARN' else word.title() for word in words)}"


def _flat_tags(rows: Sequence[Row], name: Callable[[str], str]) -> list[Row]:
    keys = sorted({key for row in rows for key in row["resource_tags"]})
    return [
        {key: value for key, value in row.items() if key != "resource_tags"}
        | {name(key): row["resource_tags"].get(key) for key in keys}
        for row in rows
    ]


def _tag_column(key: str) -> str:
    owner, _, rest = key.partition("_")
    return f"resourceTags/{owner}:{rest.replace('_', '-', 1).replace('eks-', 'eks:')}"


def write_cur1(entries: Sequence[Entry], out: Path, compression: str) -> None:
    """Write legacy reports: `GZIP`, `ZIP` or `Parquet`, each month with its manifest."""
    for part in months(entries).values():
        first, last = period_of(part[0])
        name = f"{first:%Y%m%d}-{last:%Y%m%d}"
        ending = {"GZIP": "csv.gz", "ZIP": "csv.zip", "Parquet": "snappy.parquet"}[compression]
        key = f"{name}/{ASSEMBLY}/report-1.{ending}"
        rows = list(aws_rows(part))
        if compression == "Parquet":
            flat = _flat_tags(rows, lambda tag: f"resource_tags_{tag}")
            parquet_file([{k: _double(v) for k, v in row.items()} for row in flat], out / key)
        else:
            named = _flat_tags(rows, _tag_column)
            csv_file([{_csv_name(k): v for k, v in row.items()} for row in named], out / key)
        manifest = {
            "assemblyId": ASSEMBLY,
            "compression": compression,
            "billingPeriod": {
                "start": f"{first:%Y%m%dT%H%M%S}.000Z",
                "end": f"{last:%Y%m%dT%H%M%S}.000Z",
            },
            "reportKeys": [f"exports/report/{key}"],
        }
        json_file(manifest, out / name / "report-Manifest.json")


def _csv_name(name: str) -> str:
    return name if name.startswith("resourceTags/") else legacy_name(name)


def _double(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def write_cur2(entries: Sequence[Entry], out: Path) -> None:
    """Write CUR 2.0 as Parquet with doubles and a map of tags."""
    for period, part in months(entries).items():
        rows = [
            {key: _double(value) for key, value in row.items() if key != "product_servicename"}
            | {
                "product": [("servicename", row["product_servicename"])],
                "resource_tags": list(row["resource_tags"].items()),
            }
            for row in aws_rows(part)
        ]
        key = f"data/BILLING_PERIOD={period}/cur2-00001.snappy.parquet"
        maps = dict.fromkeys(("product", "resource_tags"), pa.map_(pa.string(), pa.string()))
        parquet_file(rows, out / key, maps)
        manifest = {"billingPeriod": period, "dataFiles": [f"s3://bucket/{key}"]}
        json_file(manifest, out / f"metadata/BILLING_PERIOD={period}/cur2-Manifest.json")


# Google -------------------------------------------------------------------------------------------


def gcp_rows(entries: Sequence[Entry], *, is_detailed: bool) -> Iterator[Row]:
    """Give rows of the BigQuery export, nested."""
    for entry in entries:
        is_fee = entry.commitment and entry.kind in {"fee", "upfront"}
        is_credit = entry.kind == "credit"
        cost = entry.billed if is_fee else ZERO if is_credit else entry.effective
        row: Row = {
            "billing_account_id": PAYER,
            "service": {"id": f"svc-{entry.service}", "description": entry.service},
            "sku": {
                "id": "0A-1",
                "description": "Commitment fee" if is_fee else f"{entry.kind} in Frankfurt",
            },
            "usage_start_time": entry.start,
            "usage_end_time": entry.end,
            "project": {"id": entry.account, "name": f"shop-{entry.account[-2:]}"},
            "labels": _labels(entry) if is_detailed else [],
            "location": {"location": "europe-west3", "region": "europe-west3"},
            "cost": cost,
            "currency": "USD",
            "usage": {"amount": entry.quantity, "unit": "hour"},
            "credits": _gcp_credits(entry, is_fee=bool(is_fee)),
            "invoice": {"month": entry.month.replace("-", "")},
            "cost_type": {
                "tax": "tax",
                "rounding": "rounding_error",
                "refund": "adjustment",
                "unknown": "mystery",
            }.get(entry.kind, "regular"),
            "seller_name": entry.seller or None,
            "cost_at_list": entry.listed,
            "consumption_model": {"id": entry.commitment or None, "description": None},
        }
        if is_detailed:
            row["resource"] = {"name": entry.resource or None, "global_name": None}
        yield row


def _labels(entry: Entry) -> list[dict[str, str]]:
    if not entry.namespace:
        return []
    labels = {"k8s-namespace": entry.namespace, "goog-k8s-cluster-name": CLUSTER}
    return [{"key": key, "value": value} for key, value in labels.items()]


def _gcp_credits(entry: Entry, *, is_fee: bool) -> list[Row]:
    if entry.kind == "credit":
        return [{"name": "promotion", "amount": entry.billed, "type": "PROMOTION"}]
    if is_fee and entry.billed != entry.effective:
        amount = entry.effective - entry.billed
        return [{"name": "used", "amount": amount, "type": "FEE_UTILIZATION_OFFSET"}]
    return []


def write_gcp(entries: Sequence[Entry], out: Path, *, is_detailed: bool, is_parquet: bool) -> None:
    """Write what `EXPORT DATA` of BigQuery leaves: Parquet, or gzipped lines of JSON."""
    for period, part in months(entries).items():
        rows = list(gcp_rows(part, is_detailed=is_detailed))
        if is_parquet:
            parquet_file(
                [_doubles(row) for row in rows], out / period / "export-000000000000.parquet"
            )
            continue
        lines = [json.dumps(_without_nulls(row), default=_bigquery) for row in rows]
        gzip_file("\n".join(lines) + "\n", out / period / "export-000000000000.json.gz")


def _bigquery(value: object) -> object:
    return f"{value:%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, datetime) else _double(value)


def _doubles(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _doubles(inner) for key, inner in value.items()}
    return [_doubles(inner) for inner in value] if isinstance(value, list) else _double(value)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


# FOCUS --------------------------------------------------------------------------------------------

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


def focus_rows(entries: Sequence[Entry], version: str, provider: str) -> Iterator[Row]:
    """Give FOCUS rows of a version."""
    categories = {
        "fee": "Purchase",
        "upfront": "Purchase",
        "support": "Purchase",
        "credit": "Credit",
        "tax": "Tax",
        "rounding": "Adjustment",
        "unknown": "Adjustment",
    }
    for entry in entries:
        first, last = period_of(entry)
        tags = {"k8s-namespace": entry.namespace} if entry.namespace else {}
        row: Row = {
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
            "ChargeCategory": categories.get(entry.kind, "Usage"),
            "ChargeClass": "Correction" if entry.kind == "refund" else "",
            "InvoiceIssuerName": entry.seller or provider,
            "ServiceCategory": "Other",
            "ServiceName": entry.service,
            "SubAccountId": entry.account,
            "ResourceId": entry.resource,
            "Tags": json.dumps(tags),
        }
        if version != "1.4":
            row |= {"ProviderName": provider, "PublisherName": entry.seller or provider}
        news = {name: "Other (Other)" for name in _COLUMNS[version] if name[:7] == "Service"}
        news |= {name: provider for name in _COLUMNS[version] if name.endswith("ProviderName")}
        yield row | {name: news.get(name, "x") for name in _COLUMNS[version]}


def write_focus(
    entries: Sequence[Entry], out: Path, version: str, *, extra: Mapping[str, str] | None = None
) -> None:
    """Write FOCUS as CSV.gz; `extra` are columns that only some provider sends."""
    provider = "Oracle" if any(name.startswith("oci_") for name in extra or ()) else "Cloud"
    for period, part in months(entries).items():
        rows = [row | dict(extra or {}) for row in focus_rows(part, version, provider)]
        csv_file(rows, out / period / "focus.csv.gz")


# All --------------------------------------------------------------------------------------------

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

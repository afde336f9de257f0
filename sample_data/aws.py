"""A ledger as AWS delivers it: legacy reports and CUR 2.0.

Takes    entries of a ledger, a folder
Gives    files by month with their manifests, as AWS leaves them
Holds    the same entries give the same bytes
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import pyarrow as pa

from sample_data.bill_files import Row, csv_file, double, json_file, months, parquet_file, period_of
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


def aws_rows(entries: Sequence[Entry]) -> Iterator[Row]:
    """Give CUR rows by their Parquet names: covered use with its negation, pods without cost."""
    pods: dict[tuple[str, datetime], list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.parent:
            pods[entry.parent, entry.start].append(entry)
    for number, entry in enumerate(entries):
        base = _aws_base(entry, number)
        if entry.parent:
            yield base | _pod(entry)
            continue
        given = pods.get((entry.resource, entry.start), [])
        yield from _aws_whole(base, entry, given)


def _pod(entry: Entry) -> Row:
    """Give what the row of a pod says otherwise: its part of the node, and no cost of its own."""
    return {
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


_COMMITTED: Final = (
    "reservation_reservation_a_r_n",
    "savings_plan_savings_plan_a_r_n",
    "reservation_effective_cost",
    "reservation_unused_recurring_fee",
    "reservation_unused_amortized_upfront_fee_for_billing_period",
    "savings_plan_savings_plan_effective_cost",
    "savings_plan_total_commitment_to_date",
    "savings_plan_used_commitment",
    "split_line_item_parent_resource_id",
    "split_line_item_split_cost",
    "split_line_item_unused_cost",
)
"""Columns of commitments and of pods, empty on all other rows."""


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
        **dict.fromkeys(_COMMITTED),
    }


def _aws_whole(base: Row, entry: Entry, pods: Sequence[Entry]) -> Iterator[Row]:
    """Give a row that is no pod's; a node's bears the cost of its pods too."""
    effective = sum((pod.effective for pod in pods), entry.effective)
    base |= {"pricing_public_on_demand_cost": sum((pod.listed for pod in pods), entry.listed)}
    if entry.commitment == "plan":
        yield from _in_plan(base | {"savings_plan_savings_plan_a_r_n": _PLAN}, entry, effective)
    elif entry.commitment == "reservation":
        yield _reserved(base | {"reservation_reservation_a_r_n": _RESERVATION}, entry, effective)
    else:
        billed = sum((pod.billed for pod in pods), entry.billed)
        yield base | {"line_item_unblended_cost": billed}


def _in_plan(plan: Row, entry: Entry, effective: Decimal) -> Iterator[Row]:
    """Give the fee of a savings plan, or use that it covers with the negation of its price."""
    if entry.kind == "fee":
        yield plan | {
            "line_item_line_item_type": "SavingsPlanRecurringFee",
            "savings_plan_total_commitment_to_date": entry.billed,
            "savings_plan_used_commitment": entry.billed - entry.effective,
        }
        return
    listed = plan["pricing_public_on_demand_cost"]
    yield plan | {
        "line_item_line_item_type": "SavingsPlanCoveredUsage",
        "line_item_unblended_cost": listed,
        "savings_plan_savings_plan_effective_cost": effective,
    }
    yield plan | {
        "line_item_line_item_type": "SavingsPlanNegation",
        "line_item_unblended_cost": -listed,
    }


def _reserved(reserved: Row, entry: Entry, effective: Decimal) -> Row:
    """Give the fee of a reservation, its payment in advance, or use that it covers."""
    if entry.kind == "upfront":
        return reserved
    if entry.kind == "fee":
        half = (entry.effective / 2).quantize(Decimal("1e-10"))
        rest = entry.effective - half
        return reserved | {
            "line_item_line_item_type": "RIFee",
            "reservation_unused_recurring_fee": half,
            "reservation_unused_amortized_upfront_fee_for_billing_period": rest,
        }
    return reserved | {
        "line_item_line_item_type": "DiscountedUsage",
        "reservation_effective_cost": effective,
    }


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
            parquet_file([{k: double(v) for k, v in row.items()} for row in flat], out / key)
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


def write_cur2(entries: Sequence[Entry], out: Path) -> None:
    """Write CUR 2.0 as Parquet with doubles and a map of tags."""
    for period, part in months(entries).items():
        rows = [
            {key: double(value) for key, value in row.items() if key != "product_servicename"}
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

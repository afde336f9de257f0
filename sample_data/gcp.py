"""A ledger as Google delivers it: the standard and the detailed export of BigQuery.

Takes    entries of a ledger, a folder
Gives    files by month, as `EXPORT DATA` leaves them
Holds    the same entries give the same bytes
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sample_data.bill_files import Row, double, gzip_file, months, parquet_file
from sample_data.ledger import CLUSTER, PAYER, ZERO, Entry


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
    return f"{value:%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, datetime) else double(value)


def _doubles(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _doubles(inner) for key, inner in value.items()}
    return [_doubles(inner) for inner in value] if isinstance(value, list) else double(value)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value

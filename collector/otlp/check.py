"""What a request holds, and which of its points cannot be taken; told before the answer.

Takes    a parsed request (Arrow, one row)
Gives    how many items, how many of them are rejected, and why
Holds    the decoder keeps exactly the points that are not rejected here (both ask `flat`)
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from collector.otlp.flat import Metrics, column, laid


@dataclass(frozen=True)
class Content:
    """What was found in a request."""

    items: int
    rejected: int = 0
    message: str = ""


def content(signal: str, batch: pa.RecordBatch) -> Content:
    """Count the items of a request and those that cannot be taken."""
    if signal == "metrics":
        return _metrics(batch)
    if signal == "logs":
        return Content(_count(batch, "resource_logs", "scope_logs", "log_records"))
    return Content(_count(batch, "resource_spans", "scope_spans", "spans"))


def _count(batch: pa.RecordBatch, resources: str, scopes: str, items: str) -> int:
    outer: Any = batch.column(resources)
    inner = laid(laid(outer)[0].field(scopes))[0]
    return len(laid(inner.field(items))[0])


def _metrics(batch: pa.RecordBatch) -> Content:
    items = kept = 0
    for found in Metrics(batch).kinds():
        items += found.items
        kept += len(found.points)
    rejected = items - kept
    message = f"{rejected} of {items} points have no value, no name or no temporality"
    return Content(items, rejected, message if rejected else "")


def is_dated(logs: pa.RecordBatch) -> bool:
    """Tell whether any record of a request of logs bears a time of its own."""
    resources: Any = logs.column("resource_logs")
    records = laid(laid(laid(resources)[0].field("scope_logs"))[0].field("log_records"))[0]
    return bool(column(records.field("time"), np.uint64).any())

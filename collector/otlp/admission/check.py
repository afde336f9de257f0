"""What a request holds, and which of its points cannot be taken; told before the answer.

Takes    a parsed request (Arrow, one row)
Gives    how many items, how many of them are rejected, and why
Holds    the decoder keeps exactly the points that are not rejected here (both ask `flat`)
"""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from collector.otlp.wire.flat import Metrics, laid
from collector.otlp.wire.nesting import check_columns


@dataclass(frozen=True)
class Content:
    """What was found in a request."""

    items: int
    rejected: int = 0
    message: str = ""
    is_dated: bool = True
    """Whether an item bears a time of its own; asked of logs alone."""


def content(signal: str, batch: pa.RecordBatch) -> Content:
    """Count the items of a request and those that cannot be taken.

    Errors: UndecodableError for a value that is nested too deep.
    """
    if signal == "metrics":
        return _metrics(batch)
    if signal == "logs":
        records = _items(batch, "resource_logs", "scope_logs", "log_records")
        check_columns(records.field("body"), laid(records.field("attributes"))[0])
        return Content(len(records), is_dated=bool(records.field("time").to_numpy().any()))
    return Content(len(_items(batch, "resource_spans", "scope_spans", "spans")))


def _items(batch: pa.RecordBatch, resources: str, scopes: str, items: str) -> Any:
    column: Any = batch.column(resources)
    outer = laid(column)[0]
    inner = laid(outer.field(scopes))[0]
    check_columns(outer.field("resource"), inner.field("scope"))
    return laid(inner.field(items))[0]


def _metrics(batch: pa.RecordBatch) -> Content:
    items = kept = 0
    flat = Metrics(batch)
    check_columns(flat.resources.field("resource"), flat.scopes.field("scope"))
    for found in flat.kinds():
        check_columns(laid(found.points.field("attributes"))[0])
        items += found.items
        kept += len(found.points)
    return rejection(items, items - kept)


def rejection(items: int, rejected: int) -> Content:
    """Say how many points cannot be taken."""
    message = f"{rejected} of {items} points have no value, no name or no temporality"
    return Content(items, rejected, message if rejected else "")

"""What a request holds, and which of its points cannot be taken; told before the answer.

Takes    a parsed request (Arrow, one row)
Gives    how many items, how many of them are rejected, and why
Holds    the decoder keeps exactly the points that are not rejected here (`decode.usable`)
"""

from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

NUMBERS: Final = ("gauge", "sum")
KINDS: Final = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
WITH_TEMPORALITY: Final = ("sum", "histogram", "exponential_histogram")
NO_RECORDED_VALUE: Final = 1
LATEST_NS: Final = 2**63 - 1
# Scalars of Arrow, made here: the first one costs pyarrow an import of pandas, a second that would
# otherwise fall into the first request
_ZERO: Final = pa.scalar(0, pa.int32())
_FALSE: Final = pa.scalar(False, pa.bool_())  # noqa: FBT003 - a value
_LATEST: Final = pa.scalar(LATEST_NS, pa.uint64())
_UNRECORDED: Final = pa.scalar(NO_RECORDED_VALUE, pa.uint32())


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


def _inner(array: Any, name: str) -> Any:
    """Give the items of a repeated field of structs, all in one array."""
    return pc.struct_field(array, name).flatten()


def _count(batch: pa.RecordBatch, resources: str, scopes: str, items: str) -> int:
    inner = _inner(batch[resources].flatten(), scopes)
    return len(_inner(inner, items))


def _metrics(batch: pa.RecordBatch) -> Content:
    metrics = _inner(_inner(batch["resource_metrics"].flatten(), "scope_metrics"), "metrics")
    if not len(metrics):
        return Content(0)
    nameless = pc.equal(pc.binary_length(pc.struct_field(metrics, "name")), _ZERO)
    items = rejected = 0
    for kind in KINDS:
        data = pc.struct_field(metrics, kind)
        if data.null_count == len(data):
            continue
        points = pc.struct_field(data, "data_points")
        counts = pc.fill_null(pc.list_value_length(points), _ZERO)
        items += pc.sum(counts).as_py()
        refused = nameless
        if kind in WITH_TEMPORALITY:
            unspecified = pc.fill_null(
                pc.equal(pc.struct_field(data, "temporality"), _ZERO), _FALSE
            )
            refused = pc.or_(nameless, unspecified)
        if refused.true_count:
            rejected += pc.sum(pc.filter(counts, refused)).as_py() or 0
            points = pc.filter(points, pc.invert(refused))
        rejected += _valueless(points.flatten(), kind)
    message = f"{rejected} of {items} points have no value, no name or no temporality"
    return Content(items, rejected, message if rejected else "")


def _valueless(points: Any, kind: str) -> int:
    """Count points without exactly one value, or with a time that is none."""
    if not len(points):
        return 0
    bad = pc.greater(pc.struct_field(points, "time"), _LATEST)
    if kind in NUMBERS:
        no_double = pc.is_null(pc.struct_field(points, "as_double"))
        no_int = pc.is_null(pc.struct_field(points, "as_int"))
        odd = pc.equal(no_double, no_int)
        if odd.true_count:
            flags = pc.struct_field(points, "flags")
            recorded = pc.equal(pc.bit_wise_and(flags, _UNRECORDED), _ZERO)
            bad = pc.or_(bad, pc.and_(odd, recorded))
    return int(bad.true_count)


def is_dated(logs: pa.RecordBatch) -> bool:
    """Tell whether any record of a request of logs bears a time of its own."""
    scopes = _inner(logs["resource_logs"].flatten(), "scope_logs")
    records = _inner(scopes, "log_records")
    return bool(len(records)) and bool(
        pc.any(pc.greater(pc.struct_field(records, "time"), 0)).as_py()
    )

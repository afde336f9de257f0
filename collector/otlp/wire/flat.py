"""A parsed request of metrics laid flat: columns of metrics and of their points.

Takes    a parsed batch (Arrow, one row per request)
Gives    its metrics, and per kind the points that can be taken, each with the place of its metric
Holds    `check.content` and the decoder ask here, so they agree on what is taken

Arrow's own buffers seen as numpy arrays: for a request of 30 points the calls cost more than the
work, and `pyarrow.compute` costs ten times as much a call.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from warehouse.tables.values import METRIC_KINDS

NUMBERS: Final = ("gauge", "sum")
KINDS: Final = METRIC_KINDS
WITH_TEMPORALITY: Final = ("sum", "histogram", "exponential_histogram")
NO_RECORDED_VALUE: Final = 1
LATEST_NS: Final = 2**63 - 1

Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def column(array: Any, dtype: type[np.generic]) -> npt.NDArray[Any]:
    """See the values of a column as numpy does; nulls hold anything.

    Not by `to_numpy`, which imports pandas: a second and 30 MiB that fall into the first request.
    """
    if not len(array):
        return np.zeros(0, dtype)
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]


def texts(array: Any) -> Callable[[int], bytes]:
    """Give the way to one value of a binary column; `as_py` would import pandas too."""
    ends = np.frombuffer(array.buffers()[1], np.int32)[array.offset :].tolist()
    data = memoryview(array.buffers()[2] or b"")
    return lambda row: bytes(data[ends[row] : ends[row + 1]])


def bits(buffer: Any, start: int, length: int) -> Mask:
    """See a bitmap as numpy does; without a buffer all are set."""
    if buffer is None:
        return np.ones(length, np.bool_)
    packed = np.frombuffer(buffer, np.uint8)
    return np.unpackbits(packed, count=start + length, bitorder="little")[start:].astype(np.bool_)


def present(array: Any) -> Mask:
    """Tell which values of a column are not null."""
    return bits(array.buffers()[0], array.offset, len(array))


def truths(array: Any) -> Mask:
    """See a column of booleans as numpy does."""
    return bits(array.buffers()[1], array.offset, len(array))


def mask(chosen: Mask) -> pa.BooleanArray:
    """Give a mask to Arrow."""
    packed = pa.py_buffer(np.packbits(chosen, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(chosen), [None, packed])


def laid(lists: Any) -> tuple[Any, Places]:
    """Give the items of a list column in one array, and how many each row has."""
    if not len(lists):
        return lists.values.slice(0, 0), np.zeros(0, np.int64)
    ends = np.frombuffer(lists.buffers()[1], np.int32)
    ends = ends[lists.offset : lists.offset + len(lists) + 1]
    values = lists.values
    if len(values) != ends[-1] - ends[0]:
        values = values.slice(int(ends[0]), int(ends[-1] - ends[0]))
    return values, (ends[1:] - ends[:-1]).astype(np.int64)


def owners(counts: Places) -> Places:
    """Give for each item the row it belongs to."""
    return np.repeat(np.arange(len(counts)), counts)


def sizes(texts: Any) -> Places:
    """Give the length of each value of a binary column."""
    if not len(texts):
        return np.zeros(0, np.int64)
    ends = np.frombuffer(texts.buffers()[1], np.int32)
    ends = ends[texts.offset : texts.offset + len(texts) + 1]
    return (ends[1:] - ends[:-1]).astype(np.int64)


@dataclass(frozen=True)
class Points:
    """The points of one kind that can be taken."""

    kind: str
    data: Any
    """The kind's struct, one row per metric: temporality, is_monotonic."""
    points: Any
    """One row per point, in the order of the request."""
    metric: Places
    """For each point the row of its metric."""
    items: int
    """How many points there were, those that cannot be taken too."""

    def exemplars(self) -> int:
        """Count the exemplars of the points: they are not kept."""
        if self.kind == "summary":
            return 0
        return len(laid(self.points.field("exemplars"))[0])


class Metrics:
    """The metrics of a batch."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        """Lay out resources, scopes and metrics."""
        self.resources, per_request = laid(batch.column("resource_metrics"))
        self.scopes, self._per_resource = laid(self.resources.field("scope_metrics"))
        self.metrics, self._per_scope = laid(self.scopes.field("metrics"))
        self._per_request = per_request

    @cached_property
    def scope(self) -> Places:
        """Give for each metric the row of its scope."""
        return owners(self._per_scope)

    @cached_property
    def resource(self) -> Places:
        """Give for each metric the row of its resource."""
        return owners(self._per_resource)[self.scope]

    @cached_property
    def request(self) -> Places:
        """Give for each metric the row of its request."""
        return owners(self._per_request)[self.resource]

    def kinds(self) -> Iterator[Points]:
        """Give the points of each kind there is; those that cannot be taken are left out."""
        if not len(self.metrics):
            return
        found = {
            kind: data
            for kind in KINDS
            if (data := self.metrics.field(kind)).null_count < len(data)
        }
        refused = self._refused(found)
        for kind, data in found.items():
            points, counts = laid(data.field("data_points"))
            if not len(points):
                continue
            metric, items = owners(counts), len(points)
            spoiled = refused
            if kind in WITH_TEMPORALITY:
                spoiled = refused | (column(data.field("temporality"), np.int32) == 0)
            kept = usable(points, kind)
            if spoiled.any():
                kept &= ~spoiled[metric]
            if not kept.all():
                points, metric = points.filter(mask(kept)), metric[kept]
            yield Points(kind, data, points, metric, items)

    def _refused(self, found: dict[str, Any]) -> Mask:
        """Tell which metrics have no name, or several kinds of data: which came last is lost."""
        refused: Mask = sizes(self.metrics.field("name")) == 0
        if len(found) > 1:
            kinds = np.zeros(len(refused), np.int8)
            for data in found.values():
                kinds += present(data)
            refused |= kinds > 1
        return refused


def usable(points: Any, kind: str) -> Mask:
    """Tell which points have a time that is one, and exactly one value or say that they have none.

    Of a point with a double and an integer it is not known which came last.
    """
    kept: Mask = column(points.field("time"), np.uint64) <= LATEST_NS
    if kind in NUMBERS:
        doubles, integers = points.field("as_double"), points.field("as_int")
        nulls = (doubles.null_count, integers.null_count)
        if nulls not in {(0, len(points)), (len(points), 0)}:
            odd = present(doubles) == present(integers)
            unrecorded = column(points.field("flags"), np.uint32) & NO_RECORDED_VALUE
            kept &= ~odd | (unrecorded != 0)
    return kept

"""The sample: which traces and records are looked at closely, and what is kept of them.

Takes    spans or log records, one row each with the number of its sender
Gives    whether a row is in the sample; raw_span; the keys of attributes by sender
Holds    a trace is in the sample as a whole, whoever sends its spans and whenever: its id alone
         decides. What a larger ratio keeps holds all that a smaller one keeps. A log record is
         chosen by its time, the attributes of spans by the number of their request. Same rows,
         same sample
"""

from typing import Any, Final

import numpy as np
import polars as pl

from collector.otlp.wire import attributes as attr
from collector.otlp.wire.flat import Mask, mask, sizes

_SCALE: Final = 2**32
_ALL: Final = 2**64 - 1
# odd, so that multiplying loses nothing; the upper half of a product depends on all bits below.
# Ids that count up differ in the last byte, which is the uppermost here: what is up there is
# brought down and multiplied again, or ids with the same last byte would be chosen alike
_LOW: Final = 0x9E3779B97F4A7C15
_HIGH: Final = 0xC2B2AE3D27D4EB4F
_LAST: Final = 0xBF58476D1CE4E5B9
_HALF: Final = 32
_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8
_KEY_FIELD: Final = b"\n"
_SHORT: Final = 128


def of_trace(traces: Any, spans: Any, ratio: float) -> Mask:
    """Tell whose trace is in the sample, by columns of ids; ids of a wrong length never are."""
    is_whole: Mask = (sizes(traces) == _TRACE_BYTES) & (sizes(spans) == _SPAN_BYTES)
    if not is_whole.all():
        traces = traces.filter(mask(is_whole))
    if not len(traces):
        return is_whole
    begin = np.frombuffer(traces.buffers()[1], np.int32)[traces.offset]
    halves = np.frombuffer(traces.buffers()[2], "<u8", 2 * len(traces), begin).reshape(-1, 2)
    mixed: Any = halves[:, 0] * np.uint64(_LOW) + halves[:, 1] * np.uint64(_HIGH)
    mixed ^= mixed >> np.uint64(_HALF)
    mixed *= np.uint64(_LAST)
    is_whole[is_whole] = mixed >> np.uint64(_HALF) < round(ratio * _SCALE)
    return is_whole


def of_one_trace(trace: bytes, span: bytes, ratio: float) -> bool:
    """Tell it of one span."""
    if len(trace) != _TRACE_BYTES or len(span) != _SPAN_BYTES:
        return False
    low, high = (int.from_bytes(half, "little") for half in (trace[:8], trace[8:]))
    mixed = low * _LOW + high * _HIGH & _ALL
    return (mixed ^ mixed >> _HALF) * _LAST % 2**64 >> _HALF < round(ratio * _SCALE)


def of_request(seq: int, ratio: float) -> bool:
    """Tell whether the attributes of a request's spans are looked at."""
    return (seq * _LOW & _ALL) // _SCALE < round(ratio * _SCALE)


def of_log(ratio: float) -> pl.Expr:
    """Tell whether a record's attributes are looked at; one without any time always is."""
    time = pl.when(pl.col("time") == 0).then("observed_time").otherwise("time")
    return time * pl.lit(_LOW, pl.UInt64) // _SCALE < round(ratio * _SCALE)


def _number(column: str) -> pl.Expr:
    """Read an id of eight bytes as a number; 0 for one of another length."""
    part = pl.col(column).bin.slice(0, _SPAN_BYTES)
    whole = part.bin.reinterpret(dtype=pl.UInt64, endianness="big")
    return whole.fill_null(0).alias(column)


_LASTED: Final = pl.when(pl.col("end") > pl.col("start")).then(pl.col("end") - pl.col("start"))
_SPAN: Final = (
    pl.col("event_at"),
    pl.col("trace_id").bin.encode("hex"),
    _number("span_id"),
    _number("parent_span_id"),
    pl.col("kind"),
    _LASTED.otherwise(0).clip(upper_bound=2**63 - 1).cast(pl.Int64).alias("duration_ns"),
    pl.col("received_at"),
    pl.col("x_seq"),
)


def spans(sampled: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Give raw_span of the spans in the sample, without its segment."""
    return sampled.select(_SPAN).hstack(known.select("tenant", "service_name")[sampled["sender"]])


SENDER: Final = ("sender", "event_hour")
_PAIR: Final = pl.col("attributes")
_LENGTH: Final = _PAIR.bin.slice(1, 1).bin.reinterpret(dtype=pl.UInt8)
_IS_PLAIN: Final = _PAIR.bin.starts_with(_KEY_FIELD) & (_LENGTH < _SHORT)
_KEY: Final = pl.when(_IS_PLAIN).then(_PAIR.bin.slice(0, _LENGTH + 2)).otherwise(_PAIR)
_KEYS: Final = pl.col("key").unique().sort().alias("attribute_keys")


def attribute_keys(close: pl.LazyFrame) -> pl.LazyFrame:
    """Give the keys of attributes in order by sender and hour; without any there is no row."""
    pairs = close.select(*SENDER, "attributes").explode("attributes", empty_as_null=False)
    distinct = pairs.select(*SENDER, _KEY).unique().collect()
    keys = [attr.key_value(data)[0] for data in distinct["attributes"]]
    named = distinct.lazy().with_columns(pl.Series("key", keys, dtype=pl.String))
    return named.group_by(SENDER).agg(_KEYS)

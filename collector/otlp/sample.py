"""The sample: which traces and records are looked at closely, and what is kept of them.

Takes    spans or log records, one row each
Gives    whether a row is in the sample; raw_span; the keys of attributes by sender
Holds    a trace is in the sample as a whole, whoever sends its spans and whenever: its id alone
         decides. What a larger ratio keeps holds all that a smaller one keeps. A log record is
         chosen by its time. Same rows, same sample
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from collector.otlp import attributes as attr

_SCALE: Final = 2**32
# odd, so that multiplying loses nothing; the upper half of a product depends on all bits
_LOW: Final = 0x9E3779B97F4A7C15
_HIGH: Final = 0xC2B2AE3D27D4EB4F
_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8
_KEY_FIELD: Final = 0x0A
_SHORT: Final = 128


def _number(column: str, start: int = 0, endianness: str = "little") -> pl.Expr:
    """Read eight bytes as a number; 0 where there are fewer."""
    part = pl.col(column).bin.slice(start, _SPAN_BYTES)
    whole = pl.when(part.bin.size() == _SPAN_BYTES).then(part)
    return whole.bin.reinterpret(dtype=pl.UInt64, endianness=endianness).fill_null(0)  # type: ignore[arg-type]


def _chosen(mixed: pl.Expr, ratio: float) -> pl.Expr:
    return mixed // _SCALE < round(ratio * _SCALE)


def of_trace(ratio: float) -> pl.Expr:
    """Tell whether a span's trace is in the sample; ids of a wrong length never are."""
    low, high = _number("trace_id"), _number("trace_id", _SPAN_BYTES)
    is_valid = (pl.col("trace_id").bin.size() == _TRACE_BYTES) & (
        pl.col("span_id").bin.size() == _SPAN_BYTES
    )
    mixed = low * pl.lit(_LOW, pl.UInt64) + high * pl.lit(_HIGH, pl.UInt64)
    return is_valid & _chosen(mixed, ratio)


def of_log(ratio: float) -> pl.Expr:
    """Tell whether a record's attributes are looked at; one without any time always is."""
    return _chosen(pl.col("time") * pl.lit(_LOW, pl.UInt64), ratio)


def spans(sampled: pl.DataFrame) -> pl.DataFrame:
    """Give raw_span of the spans in the sample, without its segment."""
    resources = sampled["resource"].unique()
    names = [
        next((a["value"] for a in attr.resource(data) if a["key"] == "service.name"), "")
        for data in resources
    ]
    services = pl.DataFrame({"resource": resources, "service_name": names})
    start, end = pl.col("start"), pl.col("end")
    lasted = pl.when(end > start).then(end - start).otherwise(0)
    return sampled.join(services, on="resource", how="left", validate="m:1").select(
        "event_at",
        "tenant",
        "service_name",
        pl.col("trace_id").bin.encode("hex").alias("trace_id"),
        _number("span_id", endianness="big").alias("span_id"),
        _number("parent_span_id", endianness="big").alias("parent_span_id"),
        "kind",
        lasted.clip(upper_bound=2**63 - 1).cast(pl.Int64).alias("duration_ns"),
        "received_at",
        "x_seq",
    )


def attribute_keys(sampled: pl.DataFrame, sender: Sequence[str]) -> pl.DataFrame:
    """Give the keys of attributes in order by sender; a sender without any has no row."""
    pairs = sampled.select(*sender, pair="attributes").explode("pair").drop_nulls("pair")
    if pairs.is_empty():
        return pairs.select(*sender, pl.lit([], pl.List(pl.String)).alias("attribute_keys"))
    first = pl.col("pair").bin.slice(0, 1).bin.reinterpret(dtype=pl.UInt8)
    length = pl.col("pair").bin.slice(1, 1).bin.reinterpret(dtype=pl.UInt8)
    is_plain = (first == _KEY_FIELD) & (length < _SHORT)
    plain = pl.when(is_plain.fill_null(value=False)).then(pl.col("pair").bin.slice(0, length + 2))
    encoded = plain.fill_null(pl.col("pair"))
    distinct = pairs.select(*sender, pair=encoded).unique()
    keys = [attr.key_value(pair)[0] for pair in distinct["pair"]]
    return (
        distinct.with_columns(pl.Series("key", keys, dtype=pl.String))
        .group_by(sender)
        .agg(pl.col("key").unique().sort().alias("attribute_keys"))
    )

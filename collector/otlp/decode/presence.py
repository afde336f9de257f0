"""Logs and traces: that they arrived and from whom; events, and the spans in the sample.

Takes    log records or spans, one row each, and their senders (`places`)
Gives    frames of raw_signal, raw_event and raw_span, without `x_segment`
Holds    what `places` counts is what is told, by hour, resource and scope

Expressions stand outside of functions: a batch is small, and building them costs as much as the
work.
"""

from collections.abc import Sequence
from itertools import accumulate, chain
from typing import Final

import polars as pl
import pyarrow as pa

from collector.otlp.decode.places import Senders
from collector.otlp.decode.sample import SENDER, attribute_keys, of_log, spans
from collector.otlp.wire import attributes as attr
from warehouse.table import INSTANT
from warehouse.tables import raw

Frames = dict[str, pl.DataFrame]


def instant(name: str) -> pl.Expr:
    """Give nanoseconds as an instant."""
    return (pl.col(name) // 1000).cast(pl.Int64).cast(INSTANT)


def event_at() -> pl.Expr:
    """Give the time of an event: when it was received if it names none."""
    return pl.when(pl.col("time") == 0).then("received_at").otherwise(instant("time"))


SAMPLE_RATIO: Final = 0.1
"""Of traces, and of log records whose attribute keys are looked at, where nothing is set."""


def of_logs(senders: Senders, records: pl.DataFrame, sample_ratio: float) -> Frames:
    """Give raw_signal, and raw_event for records that bear a name."""
    keys = attribute_keys(records.lazy().filter(of_log(sample_ratio)))
    known = _known("logs", senders)
    frames = {"raw_signal": _signals(_with_severities(records), keys, known)}
    events = _events(records, known)
    return frames if events is None else frames | {"raw_event": events}


def of_traces(
    senders: Senders, counts: pl.DataFrame, sampled: pl.DataFrame, keyed: pl.DataFrame
) -> Frames:
    """Give raw_signal of counts of all spans, and raw_span of those in the sample.

    `keyed` are those whose attributes are looked at.
    """
    known = _known("traces", senders)
    counted = counts.lazy().group_by(SENDER).agg(*_SUMS, _NO_SEVERITIES)
    frames = {"raw_signal": _signals(counted, attribute_keys(keyed.lazy()), known)}
    return frames | {"raw_span": spans(sampled, known)} if sampled.height else frames


_SUMS: Final = (
    pl.col("item_count").sum(),
    pl.col("first_event_at").min(),
    pl.col("last_event_at").max(),
    pl.col("received_at").max(),
)
_NO_SEVERITIES: Final = pl.lit([], raw.SEVERITIES).alias("severities")


def _known(signal: str, senders: Senders) -> pl.DataFrame:
    """Give what is known of each sender, in the order of their numbers."""
    tenants, resources, scopes = senders.listed()
    decoded = list(map(attr.resource, resources))
    names = [
        next((a["value"] for a in found if a["key"] == "service.name"), "") for found in decoded
    ]
    text = pl.String()
    return pl.DataFrame(
        [
            pl.Series("tenant", tenants, dtype=text),
            attribute_lists("resource_attributes", decoded),
            pl.Series("service_name", names, dtype=text),
            pl.Series("scope_name", [attr.scope(scope)[0] for scope in scopes], dtype=text),
        ]
    ).with_columns(pl.lit(signal).alias("signal"))


_OWN: Final = [name for name in raw.SIGNAL.schema if name != "x_segment"]
_ALL_KEYS: Final = pl.col("attribute_keys").fill_null([])


def _signals(counted: pl.LazyFrame, keys: pl.LazyFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Give raw_signal, without its segment."""
    found = (
        counted.join(keys, on=SENDER, how="left", validate="1:1").with_columns(_ALL_KEYS).collect()
    )
    return found.hstack(known[found["sender"]]).select(_OWN)


_LEVEL: Final = ("severity_number", "severity_text")
_COUNTS: Final = (
    pl.len().cast(pl.Int64).alias("item_count"),
    pl.col("event_at").min().alias("first_event_at"),
    pl.col("event_at").max().alias("last_event_at"),
    pl.col("received_at").max(),
)
_ENTRY: Final = pl.struct(*_LEVEL, "item_count", "first_event_at", "last_event_at")


def _with_severities(records: pl.DataFrame) -> pl.LazyFrame:
    """Count records by sender and severity, then put the severities of a sender in one row."""
    found = records.group_by(*SENDER, *_LEVEL).agg(_COUNTS)
    texts = [text.decode("utf-8", "replace") for text in found["severity_text"]]
    return (
        found.lazy()
        .with_columns(pl.Series("severity_text", texts, dtype=pl.String))
        .sort(*_LEVEL, "item_count")
        .group_by(SENDER)
        .agg(*_SUMS, _ENTRY.alias("severities"))
    )


def attribute_lists(name: str, rows: Sequence[list[attr.Attribute]]) -> pl.Series:
    """Give lists of attributes as a column; laid flat first, as row by row polars is slow."""
    flat = list(chain.from_iterable(rows))
    fields = [field.name for field in raw.ATTRIBUTE.fields]
    columns = [pa.array([a[field] for a in flat], pa.large_string()) for field in fields]
    ends = pa.array(accumulate(map(len, rows), initial=0), pa.int64())
    lists = pa.LargeListArray.from_arrays(ends, pa.StructArray.from_arrays(columns, fields))
    return pl.Series(name, pl.from_arrow(lists), dtype=raw.ATTRIBUTES)


EVENT_NAME: Final = b"event.name"
_NAMED: Final = pl.col("attributes").list.eval(pl.element().bin.contains(EVENT_NAME)).list.any()
_MAY_BE_NAMED: Final = (pl.col("event_name").bin.size() > 0) | _NAMED.fill_null(value=False)


def _events(records: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame | None:
    """Give raw_event, without its segment; nothing when no record bears a name."""
    chosen = records.filter(_MAY_BE_NAMED)
    if chosen.is_empty():
        return None
    lists = [attr.attributes(data) for data in chosen["attributes"].to_list()]
    by_attribute = [
        next((a["value"] for a in found if a["key"] == "event.name"), "") for found in lists
    ]
    names = [
        own.decode("utf-8", "replace") or other
        for own, other in zip(chosen["event_name"], by_attribute, strict=True)
    ]
    texts = [text.decode("utf-8", "replace") for text in chosen["severity_text"]]
    return (
        chosen.select("event_at", "severity_number", "received_at", "x_seq")
        .hstack(known.select("tenant", "resource_attributes")[chosen["sender"]])
        .with_columns(
            pl.Series("event_name", names, dtype=pl.String),
            pl.Series("severity_text", texts, dtype=pl.String),
            pl.Series("body", [attr.body_text(b) for b in chosen["body"]], dtype=pl.String),
            attribute_lists("attributes", lists),
        )
        .filter(pl.col("event_name") != "")
    )

"""Logs and traces: that they arrived and from whom; events, and the spans in the sample.

Takes    parsed requests (polars, one row each), or their records one by one
Gives    frames of raw_signal, raw_event and raw_span, without `x_segment`
Holds    a record counts at its time, else at its observed time, else when it was received
"""

from typing import Final

import polars as pl

from collector.otlp import attributes as attr
from collector.otlp.flat import LATEST_NS
from collector.otlp.sample import attribute_keys, of_log, of_trace, spans
from warehouse.table import INSTANT
from warehouse.tables import raw

Frames = dict[str, pl.DataFrame]


def instant(name: str) -> pl.Expr:
    """Give nanoseconds as an instant."""
    return (pl.col(name) // 1000).cast(pl.Int64).cast(INSTANT)


def event_at() -> pl.Expr:
    """Give the time of an event: when it was received if it names none."""
    return pl.when(pl.col("time") == 0).then("received_at").otherwise(instant("time"))


def _inner(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Give one row per item of a list of structs, its fields as columns."""
    return rows.filter(pl.col(name).list.len() > 0).explode(name).unnest(name)


LISTS: Final = {
    "logs": ("resource_logs", "scope_logs", "log_records"),
    "traces": ("resource_spans", "scope_spans", "spans"),
}


SAMPLE_RATIO: Final = 0.1
"""Of traces, and of log records whose attribute keys are looked at, where nothing is set."""


def presence(signal: str, rows: pl.DataFrame, sample_ratio: float = SAMPLE_RATIO) -> Frames:
    """Give the frames of parsed requests, one row each."""
    items = rows
    for name in LISTS[signal]:
        items = _inner(items, name)
    return of_items(signal, items, sample_ratio)


def of_items(signal: str, items: pl.DataFrame, sample_ratio: float = SAMPLE_RATIO) -> Frames:
    """Give raw_signal; raw_event for logs that bear a name; raw_span for sampled traces.

    One row per record or span.
    """
    if signal == "logs":
        observed = pl.when(pl.col("time") == 0).then("observed_time").otherwise("time")
        items = items.with_columns(observed.alias("time"))
    else:
        items = items.with_columns(
            pl.col("start").alias("time"),
            pl.lit(0, pl.Int32).alias("severity_number"),
            pl.lit(b"", pl.Binary).alias("severity_text"),
        )
    items = items.filter(pl.col("time") <= LATEST_NS).with_columns(event_at().alias("event_at"))
    items = items.with_columns(pl.col("event_at").dt.truncate("1h").alias("event_hour"))
    sampled = items.filter((of_log if signal == "logs" else of_trace)(sample_ratio))
    frames = {"raw_signal": _signals(signal, items, sampled)}
    if signal == "logs":
        events = _events(items)
        if events.height:
            frames["raw_event"] = events
    elif sampled.height:
        frames["raw_span"] = spans(sampled)
    return frames


_SENDER: Final = ("tenant", "resource", "scope", "event_hour")


def _signals(signal: str, items: pl.DataFrame, sampled: pl.DataFrame) -> pl.DataFrame:
    """Count items by sender and severity, then put the severities of a sender in one row."""
    level = ("severity_number", "severity_text")
    counted = items.group_by(*_SENDER, *level).agg(
        pl.len().cast(pl.Int64).alias("item_count"),
        pl.col("event_at").min().alias("first_event_at"),
        pl.col("event_at").max().alias("last_event_at"),
        pl.col("received_at").max(),
    )
    texts = [text.decode("utf-8", "replace") for text in counted["severity_text"]]
    entry = pl.struct(*level, "item_count", "first_event_at", "last_event_at")
    grouped = (
        counted.with_columns(pl.Series("severity_text", texts, dtype=pl.String))
        .sort(*level, "item_count")
        .group_by(_SENDER)
        .agg(
            pl.col("item_count").sum(),
            pl.col("first_event_at").min(),
            pl.col("last_event_at").max(),
            pl.col("received_at").max(),
            (entry if signal == "logs" else entry.head(0)).alias("severities"),
        )
        .join(attribute_keys(sampled, _SENDER), on=_SENDER, how="left", validate="1:1")
    )
    return grouped.with_columns(
        pl.lit(signal).alias("signal"),
        pl.col("attribute_keys").fill_null([]),
        _resources(grouped["resource"]),
        pl.Series("scope_name", [attr.scope(s)[0] for s in grouped["scope"]], dtype=pl.String),
    ).drop("resource", "scope")


def _resources(column: pl.Series) -> pl.Series:
    decoded = [attr.resource(data) for data in column]
    return pl.Series("resource_attributes", decoded, dtype=raw.ATTRIBUTES)


EVENT_NAME: Final = b"event.name"


def _events(items: pl.DataFrame) -> pl.DataFrame:
    named = pl.col("attributes").list.eval(pl.element().bin.contains(EVENT_NAME)).list.any()
    chosen = items.filter((pl.col("event_name").bin.size() > 0) | named.fill_null(value=False))
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
        chosen.select("event_at", "tenant", "severity_number", "received_at", "x_seq")
        .with_columns(
            pl.Series("event_name", names, dtype=pl.String),
            pl.Series("severity_text", texts, dtype=pl.String),
            pl.Series("body", [attr.body_text(b) for b in chosen["body"]], dtype=pl.String),
            _resources(chosen["resource"]),
            pl.Series("attributes", lists, dtype=raw.ATTRIBUTES),
        )
        .filter(pl.col("event_name") != "")
    )

"""Logs and traces: that they arrived and from whom; and the records that are events.

Takes    parsed requests (polars, one row each), or their records one by one
Gives    frames of raw_signal and raw_event, without `x_segment`
Holds    a record counts at its time, else at its observed time, else when it was received
"""

from typing import Final

import polars as pl

from collector.otlp import attributes as attr
from collector.otlp.flat import LATEST_NS
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


def presence(signal: str, rows: pl.DataFrame) -> Frames:
    """Give the frames of parsed requests, one row each."""
    items = rows
    for name in LISTS[signal]:
        items = _inner(items, name)
    return of_items(signal, items)


def of_items(signal: str, items: pl.DataFrame) -> Frames:
    """Give raw_signal, and raw_event for logs that bear a name; one row per record or span."""
    if signal == "logs":
        observed = pl.when(pl.col("time") == 0).then("observed_time").otherwise("time")
        items = items.with_columns(observed.alias("time"))
    else:
        items = items.with_columns(pl.col("start").alias("time"))
    items = items.filter(pl.col("time") <= LATEST_NS).with_columns(event_at().alias("event_at"))
    frames = {"raw_signal": _signals(signal, items)}
    if signal == "logs":
        events = _events(items)
        if events.height:
            frames["raw_event"] = events
    return frames


def _signals(signal: str, items: pl.DataFrame) -> pl.DataFrame:
    grouped = items.group_by(
        "tenant", "resource", "scope", event_hour=pl.col("event_at").dt.truncate("1h")
    ).agg(
        pl.len().cast(pl.Int64).alias("item_count"),
        pl.col("event_at").min().alias("first_event_at"),
        pl.col("event_at").max().alias("last_event_at"),
        pl.col("received_at").max(),
    )
    return grouped.with_columns(
        pl.lit(signal).alias("signal"),
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

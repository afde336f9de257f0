"""From journal records to the frames of the lake, batch by batch.

Takes    records of one signal, at most some megabytes of them
Gives    frames of raw_series, raw_activity, raw_point, raw_histogram; of raw_signal and raw_event
Units    instants in microseconds UTC; a time of 0 becomes the time of receipt
Holds    the same points, series and values as a full parse by google.protobuf (a test holds the two
         against each other); exactly the points that `check` did not reject

Columns, not objects: Arrow from the wire, polars from there. A series is found by a hash of its
bytes that lives in this process only; what is stored is `series_id`, a digest of the canonical form
(BLAKE2b, 8 bytes), so that order of attributes and encoder do not matter. All that names a series
is given once an hour, when this decoder first meets it there; how often it comes, every time.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

import orjson
import polars as pl

from collector.otlp import attributes as attr
from collector.otlp.flat import KINDS, LATEST_NS, NO_RECORDED_VALUE, NUMBERS, WITH_TEMPORALITY
from collector.otlp.journal import Record
from collector.otlp.wire import Wire
from warehouse.table import INSTANT
from warehouse.tables import raw

TEMPORALITY: Final = ("unspecified", "delta", "cumulative")
ORIGIN: Final = ("row", "x_seq", "received_at")
DICTIONARY_LIMIT: Final = 300_000
NAMED_LIMIT: Final = 2_000_000
"""Series and hours that are known to stand in raw_series; beyond it they are named anew."""
HOUR_OF_SERIES: Final = ["event_hour", "series_id"]
DESCRIBED: Final = (
    "tenant",
    "metric_name",
    "metric_kind",
    "unit",
    "temporality",
    "is_monotonic",
    "resource_attributes",
    "scope_name",
    "scope_version",
    "scope_attributes",
    "point_attributes",
)
Frames = dict[str, pl.DataFrame]


class Decoder:
    """Decodes batches; it remembers the series it has met, up to a limit."""

    def __init__(self) -> None:
        """Begin with an empty dictionary."""
        self._wire = Wire()
        self._keys = _no_keys()
        self._series = _no_series()
        self._named = _nothing_named()

    def decode(self, signal: str, records: Sequence[Record], segment: int) -> Frames:
        """Give the frames of a batch. Errors: UndecodableError for a body that is no protobuf."""
        batch = self._wire.parse(signal, [record.payload for record in records])
        origin = pl.DataFrame(
            {
                "tenant": [record.tenant for record in records],
                "x_seq": pl.Series([record.seq for record in records], dtype=pl.UInt64),
                "received_at": pl.Series(
                    [record.received_ns // 1000 for record in records], dtype=pl.Int64
                ).cast(INSTANT),
            }
        )
        parsed = pl.DataFrame(pl.from_arrow(batch))
        rows = pl.concat([origin, parsed], how="horizontal")
        if signal == "metrics":
            return self._metrics(rows, segment)
        return _presence(signal, rows, segment)

    def _metrics(self, rows: pl.DataFrame, segment: int) -> Frames:
        metrics = _inner(_inner(_inner(rows, "resource_metrics"), "scope_metrics"), "metrics")
        metrics = metrics.filter(pl.col("name").bin.size() > 0).with_row_index("row")
        identity = _hash_of("tenant", "resource", "scope", "name", "unit")
        metrics = metrics.with_columns(identity.alias("metric_key"))
        numbers: list[pl.DataFrame] = []
        shapes: list[pl.DataFrame] = []
        for number, kind in enumerate(KINDS):
            points = _points(metrics, kind, number)
            if points.height:
                points = self._with_series(points, metrics, kind)
                (numbers if kind in NUMBERS else shapes).append(_shaped(points, kind))
        frames: Frames = {}
        if numbers:
            frames["raw_point"] = pl.concat(numbers)
        if shapes:
            frames["raw_histogram"] = pl.concat(shapes)
        if frames:
            frames["raw_activity"] = _activity(list(frames.values()))
            frames["raw_series"] = self._newly_named(frames["raw_activity"])
        stamp = pl.lit(segment, pl.UInt64).alias("x_segment")
        return {name: frame.with_columns(stamp) for name, frame in frames.items()}

    def _with_series(self, points: pl.DataFrame, metrics: pl.DataFrame, kind: str) -> pl.DataFrame:
        """Add `series_id`; series that were never met are decoded and remembered."""
        if self._series.height > DICTIONARY_LIMIT:
            self._keys, self._series = _no_keys(), _no_series()
        new = points.join(self._keys, on="key", how="anti").unique("key", keep="first")
        if new.height:
            self._remember(new, metrics, kind)
        return points.join(self._keys, on="key", how="left", validate="m:1")

    def _remember(self, new: pl.DataFrame, metrics: pl.DataFrame, kind: str) -> None:
        named = new.select("key", "row", "attributes", "temporality", "is_monotonic").join(
            metrics.select("row", "tenant", "resource", "scope", "name", "unit"),
            on="row",
            how="left",
            validate="m:1",
        )
        described = [_described(kind, row) for row in named.drop("row").to_dicts()]
        ids = pl.Series("series_id", [_series_id(row) for row in described], dtype=pl.UInt64)
        schema = {name: raw.SERIES.schema[name] for name in DESCRIBED}
        series = pl.DataFrame(described, schema=schema).with_columns(ids)
        keys = pl.DataFrame({"key": named["key"], "series_id": ids})
        self._keys = pl.concat([self._keys, keys])
        fresh = series.unique("series_id", keep="first").join(
            self._series.select("series_id"), on="series_id", how="anti"
        )
        self._series = pl.concat([self._series, fresh.select(self._series.columns)])

    def _newly_named(self, activity: pl.DataFrame) -> pl.DataFrame:
        """Give raw_series: the series and hours that were not given before."""
        if self._named.height > NAMED_LIMIT:
            self._named = _nothing_named()
        new = activity.select(HOUR_OF_SERIES).join(self._named, on=HOUR_OF_SERIES, how="anti")
        self._named = pl.concat([self._named, new])
        return new.join(self._series, on="series_id", how="left", validate="m:1")


def _activity(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Give raw_activity: how often each series comes in each hour."""
    points = pl.concat([f.select("series_id", "event_at", "received_at") for f in frames])
    return points.group_by(
        event_hour=pl.col("event_at").dt.truncate("1h"), series_id="series_id"
    ).agg(pl.len().cast(pl.Int64).alias("point_count"), pl.col("received_at").max())


def _nothing_named() -> pl.DataFrame:
    return pl.DataFrame(schema={name: raw.SERIES.schema[name] for name in HOUR_OF_SERIES})


def _no_keys() -> pl.DataFrame:
    return pl.DataFrame(schema={"key": pl.UInt64(), "series_id": pl.UInt64()})


def _no_series() -> pl.DataFrame:
    schema = {name: raw.SERIES.schema[name] for name in DESCRIBED}
    return pl.DataFrame(schema={"series_id": pl.UInt64(), **schema})


def _inner(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Give one row per item of a list of structs, its fields as columns."""
    return rows.filter(pl.col(name).list.len() > 0).explode(name).unnest(name)


def _hash_of(*columns: str) -> pl.Expr:
    """Add up the hashes of columns, each with a seed of its own; UInt64 wraps."""
    parts = [pl.col(name).hash(seed) for seed, name in enumerate(columns, start=1)]
    return pl.sum_horizontal(parts)


def _points(metrics: pl.DataFrame, kind: str, number: int) -> pl.DataFrame:
    """Give the usable points of a kind, one row each, with the key of their series."""
    chosen = metrics.filter(pl.col(kind).is_not_null()).select(*ORIGIN, "metric_key", kind)
    chosen = chosen.unnest(kind)
    if kind in WITH_TEMPORALITY:
        chosen = chosen.filter(pl.col("temporality") != 0)
    else:
        chosen = chosen.with_columns(pl.lit(0, pl.Int32).alias("temporality"))
    if kind != "sum":
        chosen = chosen.with_columns(pl.lit(value=False).alias("is_monotonic"))
    points = usable(_inner(chosen, "data_points"), kind)
    labels = pl.col("attributes").list.eval(pl.element().hash(99)).list.sum()
    form = pl.struct("temporality", "is_monotonic").hash(number + 50)
    return points.with_columns((pl.col("metric_key") + form + labels.fill_null(0)).alias("key"))


def usable(points: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Keep the points that `check` does not reject."""
    keep = pl.col("time") <= LATEST_NS
    if kind in NUMBERS:
        has_one = pl.col("as_double").is_null() != pl.col("as_int").is_null()
        keep &= has_one | ((pl.col("flags") & NO_RECORDED_VALUE) != 0)
    return points.filter(keep)


def _instant(name: str) -> pl.Expr:
    return (pl.col(name) // 1000).cast(pl.Int64).cast(INSTANT)


def _event_at() -> pl.Expr:
    return pl.when(pl.col("time") == 0).then("received_at").otherwise(_instant("time"))


def _shaped(points: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Give points the columns of their table; `received_at` stays for raw_series."""
    start = pl.when(pl.col("start").is_between(1, LATEST_NS)).then(_instant("start"))
    common = [
        "series_id",
        _event_at().alias("event_at"),
        start.alias("start_at"),
        *_values(kind),
        "flags",
        "x_seq",
        "received_at",
    ]
    return points.select(common)


def _values(kind: str) -> list[pl.Expr]:
    if kind in NUMBERS:
        value = pl.coalesce(pl.col("as_double"), pl.col("as_int").cast(pl.Float64))
        return [
            pl.when((pl.col("flags") & NO_RECORDED_VALUE) == 0).then(value).alias("value"),
        ]
    schema = raw.HISTOGRAM.schema
    own = {name: pl.lit(None, schema[name]) for name in schema}
    own |= {
        name: pl.lit([], dtype=schema[name])
        for name in ("bounds", "bucket_counts", "negative_counts", "quantiles")
    }
    own |= {"count": pl.col("count"), "sum": pl.col("sum")}
    if kind != "summary":
        own |= {"min": pl.col("min"), "max": pl.col("max")}
    if kind == "histogram":
        own |= {"bounds": pl.col("bounds"), "bucket_counts": pl.col("bucket_counts")}
    elif kind == "summary":
        own["quantiles"] = pl.col("quantiles")
    else:
        positive, negative = pl.col("positive").struct, pl.col("negative").struct
        own |= {
            "scale": pl.col("scale"),
            "zero_count": pl.col("zero_count"),
            "positive_offset": positive.field("offset"),
            "negative_offset": negative.field("offset"),
            "bucket_counts": positive.field("bucket_counts").fill_null([]),
            "negative_counts": negative.field("bucket_counts").fill_null([]),
        }
    names = [n for n in schema if n not in {"series_id", "event_at", "start_at", "flags"}]
    return [own[n].cast(schema[n]).alias(n) for n in names if not n.startswith("x_")]


def _described(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """Decode what names a series."""
    name, version, scope_attributes = attr.scope(row["scope"])
    temporality = row["temporality"]
    known = 0 <= temporality < len(TEMPORALITY)
    return {
        "tenant": row["tenant"],
        "metric_name": row["name"].decode("utf-8", "replace"),
        "metric_kind": kind,
        "unit": row["unit"].decode("utf-8", "replace"),
        "temporality": TEMPORALITY[temporality] if known else str(temporality),
        "is_monotonic": row["is_monotonic"],
        "resource_attributes": attr.resource(row["resource"]),
        "scope_name": name,
        "scope_version": version,
        "scope_attributes": scope_attributes,
        "point_attributes": attr.attributes(row["attributes"]),
    }


def _series_id(described: dict[str, Any]) -> int:
    canonical = orjson.dumps([described[name] for name in DESCRIBED])
    return int.from_bytes(blake2b(canonical, digest_size=8).digest(), "little")


_LISTS: Final = {
    "logs": ("resource_logs", "scope_logs", "log_records"),
    "traces": ("resource_spans", "scope_spans", "spans"),
}


def _presence(signal: str, rows: pl.DataFrame, segment: int) -> Frames:
    """Give raw_signal, and raw_event for logs that bear a name."""
    items = rows
    for name in _LISTS[signal]:
        items = _inner(items, name)
    if signal == "logs":
        observed = pl.when(pl.col("time") == 0).then("observed_time").otherwise("time")
        items = items.with_columns(observed.alias("time"))
    else:
        items = items.with_columns(pl.col("start").alias("time"))
    items = items.filter(pl.col("time") <= LATEST_NS).with_columns(_event_at().alias("event_at"))
    stamp = pl.lit(segment, pl.UInt64).alias("x_segment")
    frames = {"raw_signal": _signals(signal, items).with_columns(stamp)}
    if signal == "logs":
        events = _events(items)
        if events.height:
            frames["raw_event"] = events.with_columns(stamp)
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
    return chosen.select(
        "event_at", "tenant", "severity_number", "received_at", "x_seq"
    ).with_columns(
        pl.Series("event_name", names, dtype=pl.String),
        pl.Series("severity_text", texts, dtype=pl.String),
        pl.Series("body", [attr.body_text(b) for b in chosen["body"]], dtype=pl.String),
        _resources(chosen["resource"]),
        pl.Series("attributes", lists, dtype=raw.ATTRIBUTES),
    )

"""From journal records to the frames of the lake, batch by batch.

Takes    records of one signal, at most some megabytes of them
Gives    frames of raw_series, raw_point, raw_histogram; of raw_signal, raw_event, raw_span; from
         those of many batches, raw_activity
Units    instants in microseconds UTC; a time of 0 becomes the time of receipt
Holds    the same points, series and values as a full parse by google.protobuf (a test holds the two
         against each other); exactly the points that `check` did not reject

Columns, not objects: Arrow from the wire, numpy and polars from there. All that names a series is
decoded and given once an hour for as long as this process remembers it; readers take the dictionary
unique. It is remembered when its batch is whole, so that a batch that failed is written in full.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from collector.otlp.decode.places import HOUR_US, Items, Senders
from collector.otlp.decode.presence import (
    SAMPLE_RATIO,
    Frames,
    event_at,
    instant,
    of_logs,
    of_traces,
)
from collector.otlp.decode.sample import of_request, of_trace
from collector.otlp.journal.journal import Record
from collector.otlp.wire.flat import LATEST_NS, NO_RECORDED_VALUE, NUMBERS, Metrics, Points, column
from collector.otlp.wire.series import DICTIONARY_LIMIT, Ids, Keys, described, series_id
from collector.otlp.wire.wire import KEPT_TRACES, SPAN_KEYS, Wire
from warehouse.table import INSTANT
from warehouse.tables import raw

# odd, so that no two hours share a product
_HOUR: Final = np.uint64(0x9E3779B97F4A7C15)
HISTOGRAM_FIELDS: Final = ("count", "sum", "min", "max", "bounds", "bucket_counts")
FIELDS: Final = {
    "gauge": ("as_double", "as_int"),
    "sum": ("as_double", "as_int"),
    "histogram": HISTOGRAM_FIELDS,
    "exponential_histogram": (
        *("count", "sum", "min", "max", "scale", "zero_count", "positive", "negative"),
    ),
    "summary": ("count", "sum", "quantiles"),
}


class Decoder:
    """Decodes batches; it remembers the series it has met, up to a limit."""

    def __init__(
        self, limit: int = DICTIONARY_LIMIT, *, sample_ratio: float = SAMPLE_RATIO
    ) -> None:
        """Begin with an empty dictionary; of so many traces the spans are kept."""
        self._wire = Wire()
        self._sample_ratio = sample_ratio
        self._limit = limit
        self._keys = Keys()
        self._ids: dict[int, int] = {}
        self._written: set[tuple[int, int]] = set()
        self.exemplars = 0

    def decode(self, signal: str, records: Sequence[Record], segment: int) -> Frames:
        """Give the frames of a batch. Errors: UndecodableError for a body that is no protobuf."""
        if signal == "metrics":
            batch = self._wire.parse(signal, [record.payload for record in records])
            frames = self._metrics(batch, records)
        elif signal == "logs":
            senders = Senders()
            found = self._items(signal, records, senders)
            frames = of_logs(senders, found.frame(), self._sample_ratio)
        else:
            frames = self._traces(records)
        return stamped(frames, segment)

    def _traces(self, records: Sequence[Record]) -> Frames:
        """Give the frames of traces; attributes are parsed of the requests in the sample only."""
        senders, ratio = Senders(), self._sample_ratio
        every = self._items(KEPT_TRACES, records, senders)
        ids = every.found.field("trace_id"), every.found.field("span_id")
        sampled = every.frame(of_trace(*ids, ratio))
        chosen = [record for record in records if of_request(record.seq, ratio)]
        keyed = self._items(SPAN_KEYS, chosen, senders)
        return of_traces(senders, every.counts(), sampled, keyed.frame())

    def _items(self, wanted: str, records: Sequence[Record], senders: Senders) -> Items:
        batch = self._wire.parse(wanted, [record.payload for record in records])
        return Items("logs" if wanted == "logs" else "traces", batch, records, senders)

    def _metrics(self, batch: pa.RecordBatch, records: Sequence[Record]) -> Frames:
        if len(self._ids) > self._limit:
            self._ids, self._written = {}, set()
        flat = Metrics(batch)
        tenants = [record.tenant for record in records]
        received = np.array([record.received_ns // 1000 for record in records], np.int64)
        seqs = np.array([record.seq for record in records], np.uint64)
        keys = self._keys.of_metrics(flat, tenants)
        numbers: list[pl.DataFrame] = []
        shapes: list[pl.DataFrame] = []
        news = _News(self._ids, self._written)
        exemplars = 0
        for found in flat.kinds():
            if not len(found.points):
                continue
            request = flat.request[found.metric]
            time = column(found.points.field("time"), np.uint64)
            moments = np.where(time == 0, received[request], (time // 1000).astype(np.int64))
            hours = moments // HOUR_US
            dated = self._keys.of_points(found, keys) + hours.astype(np.uint64) * _HOUR
            ids = news.named(flat, found, tenants, dated, hours)
            points = _shaped(found, ids, seqs[request], received[request])
            (numbers if found.kind in NUMBERS else shapes).append(points)
            exemplars += found.exemplars()
        frames: Frames = {}
        if news.rows:
            frames["raw_series"] = named_series(news.rows)
        if numbers:
            frames["raw_point"] = pl.concat(numbers)
        if shapes:
            frames["raw_histogram"] = pl.concat(shapes)
        self._ids.update(news.ids)
        self._written.update(news.written)
        self.exemplars += exemplars
        return frames


class _News:
    """What a batch adds to what is remembered."""

    def __init__(self, known: dict[int, int], written: set[tuple[int, int]]) -> None:
        self._known, self._known_written = known, written
        self.ids: dict[int, int] = {}
        self.written: set[tuple[int, int]] = set()
        self.rows: list[dict[str, Any]] = []

    def named(
        self, flat: Metrics, found: Points, tenants: Sequence[str], keys: Ids, hours: Any
    ) -> Ids:
        """Give the series_id of each point; what is new is described."""
        known, listed = self._known, keys.tolist()
        numbers = list(map(known.get, listed))
        if None not in numbers:
            return np.array(numbers, np.uint64)
        new = {key: row for row, key in enumerate(listed) if numbers[row] is None}
        rows = list(new.values())
        named = described(flat, found, tenants, rows)
        for key, hour, row in zip(new, hours[rows].tolist(), named, strict=True):
            number = self.ids[key] = series_id(row)
            if (number, hour) not in self._known_written and (number, hour) not in self.written:
                self.written.add((number, hour))
                self.rows.append({"event_hour": hour * HOUR_US, "series_id": number, **row})
        ids = [known[key] if key in known else self.ids[key] for key in listed]
        return np.array(ids, np.uint64)


def stamped(frames: Frames, segment: int) -> Frames:
    """Give frames the number of the segment they came by."""
    stamp = pl.lit(segment, pl.UInt64).alias("x_segment")
    return {name: frame.with_columns(stamp) for name, frame in frames.items()}


def named_series(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Give raw_series, without its segment; `event_hour` of the rows is in microseconds."""
    schema = {**raw.SERIES.schema, "event_hour": pl.Int64()}
    del schema["x_segment"]
    return pl.DataFrame(rows, schema=schema).with_columns(pl.col("event_hour").cast(INSTANT))


def activity(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Give raw_activity of points: how many of each series in each hour, and the last receipt."""
    columns = ["series_id", "event_at", "received_at", "x_segment"]
    points = pl.concat([frame.select(columns) for frame in frames])
    return points.group_by("series_id", event_hour=pl.col("event_at").dt.truncate("1h")).agg(
        pl.len().cast(pl.Int64).alias("point_count"),
        pl.col("received_at").max(),
        pl.col("x_segment").first(),
    )


def _shaped(found: Points, ids: Ids, seqs: Ids, received: Any) -> pl.DataFrame:
    """Give points the columns of their table; `received_at` stays for raw_activity."""
    names = ["start", "time", "flags", *FIELDS[found.kind]]
    columns = [found.points.field(name) for name in names]
    points = pl.DataFrame(pa.RecordBatch.from_arrays(columns, names)).with_columns(
        pl.Series("series_id", ids),
        pl.Series("x_seq", seqs),
        pl.Series("received_at", received).cast(INSTANT),
    )
    return shaped(points, found.kind)


def shaped(points: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Give rows of points the columns of their table."""
    start = pl.when(pl.col("start").is_between(1, LATEST_NS)).then(instant("start"))
    return points.select(
        "series_id",
        event_at().alias("event_at"),
        start.alias("start_at"),
        *_values(kind),
        "flags",
        "x_seq",
        "received_at",
    )


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

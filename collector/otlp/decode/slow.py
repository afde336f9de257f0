"""The way around the columns: one request walked object by object.

Takes    a record that the columns could not take
Gives    the frames that the columns would have given
Refuses  what is no protobuf (UndecodableError)

Ten times slower, so it is counted. It shares with the columns what a field means, and neither
ptars, Arrow nor numpy.
"""

from collections.abc import Iterator
from typing import Any, Final

import polars as pl
from google.protobuf.message import DecodeError

from collector.otlp.decode.decode import named_series, shaped, stamped
from collector.otlp.decode.places import HOUR_US, INSTANTS, LISTS, ORIGIN, RUNS, TIMES, Senders
from collector.otlp.decode.presence import SAMPLE_RATIO, Frames, of_logs, of_traces
from collector.otlp.decode.sample import of_one_trace, of_request
from collector.otlp.journal.journal import Record
from collector.otlp.wire.flat import KINDS, LATEST_NS, NO_RECORDED_VALUE, NUMBERS, WITH_TEMPORALITY
from collector.otlp.wire.series import describe, series_id
from collector.otlp.wire.wire import KEPT_TRACES, SPAN_KEYS, request_class
from meterbook.base.errors import UndecodableError
from warehouse.table import INSTANT
from warehouse.tables import raw

_BUCKETS: Final = pl.Struct({"offset": pl.Int32(), "bucket_counts": pl.List(pl.UInt64())})
_COMMON: Final = {
    "series_id": pl.UInt64(),
    "x_seq": pl.UInt64(),
    "received_at": pl.Int64(),
    "start": pl.UInt64(),
    "time": pl.UInt64(),
    "flags": pl.UInt32(),
}
_SHAPE: Final = {
    "count": pl.UInt64(),
    "sum": pl.Float64(),
    "min": pl.Float64(),
    "max": pl.Float64(),
}
_NUMBER: Final = {"as_double": pl.Float64(), "as_int": pl.Int64()}
_OWN: Final[dict[str, dict[str, Any]]] = {
    "gauge": _NUMBER,
    "sum": _NUMBER,
    "histogram": _SHAPE | {"bounds": pl.List(pl.Float64()), "bucket_counts": pl.List(pl.UInt64())},
    "exponential_histogram": _SHAPE
    | {
        "scale": pl.Int32(),
        "zero_count": pl.UInt64(),
        "positive": _BUCKETS,
        "negative": _BUCKETS,
    },
    "summary": {"count": pl.UInt64(), "sum": pl.Float64(), "quantiles": raw.QUANTILES},
}
_ITEM: Final[dict[str, dict[str, Any]]] = {
    "logs": {
        "time": pl.UInt64(),
        "observed_time": pl.UInt64(),
        "severity_number": pl.Int32(),
        "severity_text": pl.Binary(),
        "body": pl.Binary(),
        "attributes": pl.List(pl.Binary()),
        "event_name": pl.Binary(),
    },
    KEPT_TRACES: {
        "trace_id": pl.Binary(),
        "span_id": pl.Binary(),
        "parent_span_id": pl.Binary(),
        "kind": pl.Int32(),
        "start": pl.UInt64(),
        "end": pl.UInt64(),
    },
    SPAN_KEYS: {"start": pl.UInt64(), "attributes": pl.List(pl.Binary())},
}


def decode(signal: str, record: Record, segment: int, sample_ratio: float = SAMPLE_RATIO) -> Frames:
    """Give the frames of one request."""
    if signal == "metrics":
        return stamped(_metrics(_request(signal, record), record), segment)
    senders = Senders()
    if signal == "logs":
        found = _items(signal, _request(signal, record), record, senders)
        return stamped(of_logs(senders, found, sample_ratio), segment)
    every = _items(KEPT_TRACES, _request(KEPT_TRACES, record), record, senders)
    ids = zip(every["trace_id"], every["span_id"], strict=True)
    is_in = [of_one_trace(*pair, sample_ratio) for pair in ids]
    sampled = every.filter(pl.Series(is_in, dtype=pl.Boolean))
    keyed = _items(SPAN_KEYS, _request(SPAN_KEYS, record), record, senders)
    if not of_request(record.seq, sample_ratio):
        keyed = keyed.clear()
    return stamped(of_traces(senders, _one_by_one(every), sampled, keyed), segment)


def _one_by_one(every: pl.DataFrame) -> pl.DataFrame:
    """Give the counts of items: one each."""
    at = pl.col("event_at")
    one = pl.lit(1, pl.Int64).alias("item_count")
    counts = every.with_columns(one, at.alias("first_event_at"), at.alias("last_event_at"))
    return counts.select(list(RUNS))


def _request(wanted: str, record: Record) -> Any:
    request = request_class(wanted)()
    try:
        request.ParseFromString(record.payload)
    except DecodeError as exc:
        raise UndecodableError(str(exc)[:200]) from None
    return request


def _items(wanted: str, request: Any, record: Record, senders: Senders) -> pl.DataFrame:
    """Give the records or spans of a request; those whose time is none are left out."""
    signal = "logs" if wanted == "logs" else "traces"
    resources, scopes, items = LISTS[signal]
    received = record.received_ns // 1000
    rows = []
    for resource in getattr(request, resources):
        for scope in getattr(resource, scopes):
            sender = senders.number(record.tenant, resource.resource, scope.scope)
            for item in getattr(scope, items):
                times = (getattr(item, name) for name in TIMES[signal])
                time = next((time for time in times if time), 0)
                if time <= LATEST_NS:
                    at = time // 1000 if time else received
                    origin = (sender, record.seq, received, at, at - at % HOUR_US)
                    rows.append((*origin, *(_plain(getattr(item, n)) for n in _ITEM[wanted])))
    schema = {**ORIGIN, **dict.fromkeys(INSTANTS, pl.Int64()), **_ITEM[wanted]}
    return pl.DataFrame(rows, schema=schema, orient="row").cast(pl.Schema(INSTANTS))


def _plain(value: Any) -> Any:
    return value if isinstance(value, bytes | int) else list(value)


def _metrics(request: Any, record: Record) -> Frames:
    rows: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    names: dict[tuple[int, int], dict[str, Any]] = {}
    received = record.received_ns // 1000
    for kind, named, point in _points(request, record.tenant):
        number = series_id(named)
        hour = (point.time // 1000 if point.time else received) // HOUR_US
        names[number, hour] = {"event_hour": hour * HOUR_US, "series_id": number, **named}
        row = {"series_id": number, "x_seq": record.seq, "received_at": received}
        row |= {name: getattr(point, name) for name in ("start", "time", "flags")}
        rows[kind].append(row | _own(kind, point))
    frames: Frames = {}
    if names:
        frames["raw_series"] = named_series(list(names.values()))
    for table, kinds in (("raw_point", NUMBERS), ("raw_histogram", KINDS[len(NUMBERS) :])):
        parts = [_frame(kind, rows[kind]) for kind in kinds if rows[kind]]
        if parts:
            frames[table] = pl.concat(parts)
    return frames


def _points(request: Any, tenant: str) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Give kind, series and point of all points that can be taken."""
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kinds = [kind for kind in KINDS if metric.HasField(kind)]
                if not metric.name or len(kinds) != 1:
                    continue
                kind, data = kinds[0], getattr(metric, kinds[0])
                temporality = data.temporality if kind in WITH_TEMPORALITY else 0
                if kind in WITH_TEMPORALITY and not temporality:
                    continue
                for point in data.data_points:
                    if _is_usable(kind, point):
                        named = describe(
                            tenant=tenant,
                            kind=kind,
                            name=metric.name,
                            unit=metric.unit,
                            temporality=temporality,
                            is_monotonic=kind == "sum" and data.is_monotonic,
                            resource=resource.resource,
                            scope=scope.scope,
                            attributes=list(point.attributes),
                        )
                        yield kind, named, point


def _is_usable(kind: str, point: Any) -> bool:
    if point.time > LATEST_NS:
        return False
    is_unrecorded = point.flags & NO_RECORDED_VALUE
    has_one = kind not in NUMBERS or point.HasField("as_double") != point.HasField("as_int")
    return bool(has_one or is_unrecorded)


def _own(kind: str, point: Any) -> dict[str, Any]:
    """Give the fields that a kind has of its own."""
    own: dict[str, Any] = {}
    for name in _OWN[kind]:
        field = point.DESCRIPTOR.fields_by_name[name]
        value = getattr(point, name)
        if name in {"positive", "negative"}:
            counts = {"offset": value.offset, "bucket_counts": list(value.bucket_counts)}
            own[name] = counts if point.HasField(name) else None
        elif name == "quantiles":
            own[name] = [{"quantile": q.quantile, "value": q.value} for q in value]
        elif field.is_repeated:
            own[name] = list(value)
        else:
            own[name] = value if not field.has_presence or point.HasField(name) else None
    return own


def _frame(kind: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    points = pl.DataFrame(rows, schema=_COMMON | _OWN[kind])
    return shaped(points.with_columns(pl.col("received_at").cast(INSTANT)), kind)

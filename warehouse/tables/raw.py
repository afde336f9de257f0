"""What arrived, as it was sent: the Parquet files of the lake.

Telemetry lies under `lake/<table>/date=YYYY-MM-DD/hour=HH/<segment>-<batch>.parquet` by the hour of
its event time, bills under `lake/raw_cost_line/source=/account=/period=/delivery=/`.
"""

from typing import Final

import polars as pl

from meterbook.base.lists import one_of
from meterbook.base.signals import ITEMS
from warehouse.table import INSTANT, Column, Table, choice
from warehouse.tables import values
from warehouse.tables.focus import COST_LINE_COLUMNS

ATTRIBUTE: Final = pl.Struct({"key": pl.String(), "type": pl.String(), "value": pl.String()})
ATTRIBUTES: Final = pl.List(ATTRIBUTE)
"""Typed attributes, sorted by key. `type` is string, int, double, bool, bytes, array, kvlist or
empty; `value` is the text of it (arrays and maps: canonical JSON; bytes: base64)."""

ORIGIN: Final = (
    Column("x_segment", pl.UInt64(), "journal segment the row came by"),
    Column("x_seq", pl.UInt64(), "number of the request in the journal"),
)

SERIES: Final = Table(
    name="raw_series",
    text="The dictionary of series: which ones were seen, with all that names them.",
    grain="series and hour; a series may stand in several files of one hour, with equal rows",
    key=(),
    is_published=False,
    columns=(
        Column("event_hour", INSTANT, "start of the hour of the points' event time"),
        Column("series_id", pl.UInt64(), "digest of tenant, metric, kind, resource, scope, labels"),
        Column("tenant", pl.String(), "who sent it; `default` without authentication"),
        Column("metric_name", pl.String(), "name of the metric"),
        choice("metric_kind", values.METRIC_KINDS),
        Column("unit", pl.String(), "UCUM unit as sent; empty when none was"),
        Column(
            "temporality",
            pl.String(),
            f"{one_of(values.TEMPORALITIES)}; of another its number",
        ),
        Column("is_monotonic", pl.Boolean(), "true for a monotonic sum"),
        Column("resource_attributes", ATTRIBUTES, "attributes of the resource"),
        Column("scope_name", pl.String(), "instrumentation scope; empty when none was sent"),
        Column("scope_version", pl.String(), "its version; empty when none was sent"),
        Column("scope_attributes", ATTRIBUTES, "attributes of the scope"),
        Column("point_attributes", ATTRIBUTES, "attributes of the points: the labels"),
        Column("x_segment", pl.UInt64(), "journal segment that first brought it in this hour"),
    ),
)

ACTIVITY: Final = Table(
    name="raw_activity",
    text="How often each series was sent: lean, as it comes anew with every segment.",
    grain="series, hour and segment",
    key=(),
    is_published=False,
    columns=(
        Column("event_hour", INSTANT, "start of the hour of the points' event time"),
        Column("series_id", pl.UInt64(), "see raw_series"),
        Column("point_count", pl.Int64(), "points of the series in this hour and segment"),
        Column("received_at", INSTANT, "when the last of them was accepted"),
        ORIGIN[0],
    ),
)

SEEN_SERIES_SCHEMA: Final = {
    **SERIES.schema,
    "point_count": ACTIVITY.schema["point_count"],
    "received_at": ACTIVITY.schema["received_at"],
}
"""raw_series with what raw_activity knows of each: what transforms read (`Lake.seen_series`)."""

ONCE_SCHEMA: Final = {
    name: kind for name, kind in SERIES.schema.items() if name not in {"event_hour", "x_segment"}
}
"""What names a series, whatever the hour: what `Lake.series_once` gives."""

DAY_SERIES_SCHEMA: Final = {
    **ONCE_SCHEMA,
    "first_hour_at": INSTANT,
    "last_hour_at": INSTANT,
    "hours": pl.Int32(),
    "point_count": ACTIVITY.schema["point_count"],
    "received_at": ACTIVITY.schema["received_at"],
}
"""A series of a day with when it was sent: bit n of `hours` is hour n (`Lake.series_of_day`)."""

POINT: Final = Table(
    name="raw_point",
    text="Points of gauges and sums.",
    grain="series and event time, as sent",
    key=(),
    is_published=False,
    columns=(
        Column("series_id", pl.UInt64(), "see raw_series"),
        Column("event_at", INSTANT, "time_unix_nano, to the microsecond"),
        Column("start_at", INSTANT, "start_time_unix_nano; null when 0", is_nullable=True),
        Column(
            "value", pl.Float64(), "value; null for a `no recorded value` flag", is_nullable=True
        ),
        Column("flags", pl.UInt32(), "data point flags"),
        *ORIGIN,
    ),
)

QUANTILES: Final = pl.List(pl.Struct({"quantile": pl.Float64(), "value": pl.Float64()}))

HISTOGRAM: Final = Table(
    name="raw_histogram",
    text="Points of histograms, exponential histograms and summaries.",
    grain="series and event time, as sent",
    key=(),
    is_published=False,
    columns=(
        Column("series_id", pl.UInt64(), "see raw_series"),
        Column("event_at", INSTANT, "time_unix_nano, to the microsecond"),
        Column("start_at", INSTANT, "start_time_unix_nano; null when 0", is_nullable=True),
        Column("count", pl.UInt64(), "how many values"),
        Column("sum", pl.Float64(), "their sum", is_nullable=True),
        Column("min", pl.Float64(), "the least", is_nullable=True),
        Column("max", pl.Float64(), "the greatest", is_nullable=True),
        Column("bounds", pl.List(pl.Float64()), "explicit bounds; empty for other kinds"),
        Column("bucket_counts", pl.List(pl.UInt64()), "explicit or positive exponential buckets"),
        Column("scale", pl.Int32(), "of an exponential histogram", is_nullable=True),
        Column("zero_count", pl.UInt64(), "of an exponential histogram", is_nullable=True),
        Column("positive_offset", pl.Int32(), "of an exponential histogram", is_nullable=True),
        Column("negative_offset", pl.Int32(), "of an exponential histogram", is_nullable=True),
        Column("negative_counts", pl.List(pl.UInt64()), "of an exponential histogram"),
        Column("quantiles", QUANTILES, "of a summary"),
        Column("flags", pl.UInt32(), "data point flags"),
        *ORIGIN,
    ),
)

SEVERITIES: Final = pl.List(
    pl.Struct(
        {
            "severity_number": pl.Int32(),
            "severity_text": pl.String(),
            "item_count": pl.Int64(),
            "first_event_at": INSTANT,
            "last_event_at": INSTANT,
        }
    )
)

SIGNAL: Final = Table(
    name="raw_signal",
    text="That logs and traces arrived, and from whom; metrics tell it by raw_series.",
    grain="hour, signal, resource and scope, once per file",
    key=(),
    is_published=False,
    columns=(
        Column("event_hour", INSTANT, "start of the hour of the items' event time"),
        choice("signal", ITEMS),
        Column("tenant", pl.String(), "who sent it"),
        Column("resource_attributes", ATTRIBUTES, "attributes of the resource"),
        Column("scope_name", pl.String(), "instrumentation scope"),
        Column("item_count", pl.Int64(), "log records or spans"),
        Column("first_event_at", INSTANT, "earliest event time"),
        Column("last_event_at", INSTANT, "latest event time"),
        Column("received_at", INSTANT, "when the last of them was accepted"),
        Column(
            "severities",
            SEVERITIES,
            "of log records: count and times by severity number and text; empty for traces",
            is_nullable=True,
        ),
        Column(
            "attribute_keys",
            pl.List(pl.String()),
            "keys of the attributes of log records in the sample, or of spans whose request is",
            is_nullable=True,
        ),
        ORIGIN[0],
    ),
)

EVENT: Final = Table(
    name="raw_event",
    text="Log records that are events: those with an event name.",
    grain="event, as sent",
    key=(),
    is_published=False,
    columns=(
        Column("event_at", INSTANT, "time, or observed time when there is none"),
        Column("tenant", pl.String(), "who sent it"),
        Column("event_name", pl.String(), "event_name, or the attribute `event.name`"),
        Column("severity_number", pl.Int32(), "0 when not set"),
        Column("severity_text", pl.String(), "empty when not set"),
        Column("body", pl.String(), "the body as text; JSON for structures"),
        Column("resource_attributes", ATTRIBUTES, "attributes of the resource"),
        Column("attributes", ATTRIBUTES, "attributes of the record"),
        Column("received_at", INSTANT, "when it was accepted"),
        *ORIGIN,
    ),
)

SPAN: Final = Table(
    name="raw_span",
    text="Spans of some traces: which ones is a hash of the trace's id, the same everywhere.",
    grain="span, as sent",
    key=(),
    is_published=False,
    columns=(
        Column("event_at", INSTANT, "start of the span, to the microsecond"),
        Column("tenant", pl.String(), "who sent it"),
        Column("service_name", pl.String(), "service.name of the resource; empty without"),
        Column("trace_id", pl.String(), "trace it belongs to, 32 hexadecimal digits"),
        Column("span_id", pl.UInt64(), "its id, as a number"),
        Column("parent_span_id", pl.UInt64(), "its parent's; 0 for a root"),
        Column("kind", pl.Int32(), "1 internal, 2 server, 3 client, 4 producer, 5 consumer"),
        Column("duration_ns", pl.Int64(), "end less start; 0 when it ends before", unit="ns"),
        Column("received_at", INSTANT, "when it was accepted"),
        *ORIGIN,
    ),
)

COST_LINE: Final = Table(
    name="raw_cost_line",
    text="Bill lines in the normal form: FOCUS columns in snake case.",
    grain="bill line of a delivery",
    key=(),
    is_published=False,
    columns=COST_LINE_COLUMNS,
)

REJECTED: Final = Table(
    name="raw_rejected",
    text="Rows of bills that could not be read, each with its exact reason.",
    grain="row and column of a delivery",
    key=(),
    columns=(
        Column("delivery_id", pl.String(), "delivery that was held or taken without the row"),
        Column("source", pl.String(), "name of the billing source"),
        Column("file", pl.String(), "file the row stands in"),
        Column(
            "row_number", pl.Int64(), "1-based data row; null for a whole file", is_nullable=True
        ),
        Column("column", pl.String(), "column as the file names it; empty for a whole row"),
        Column("met", pl.String(), "what was met, cut to 200 characters"),
        Column("reason", pl.String(), "what was wanted"),
        Column("rejected_at", INSTANT, "when it was loaded"),
    ),
)

ALL: Final = (SERIES, ACTIVITY, POINT, HISTOGRAM, SIGNAL, EVENT, SPAN, COST_LINE, REJECTED)

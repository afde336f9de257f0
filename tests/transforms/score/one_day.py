"""A day of resources, series, logs and spans of the service `pay`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import polars as pl

from tests.transforms.conftest import typed
from transforms.score.findings import ScoreTerms
from warehouse.tables import raw

DAY: Final = date(2026, 11, 20)
START: Final = datetime(2026, 11, 20, tzinfo=UTC)
TERMS: Final = ScoreTerms(("production", "prod"), ("*kubeletstatsreceiver*",))


def series_of(*rows: Mapping[str, Any]) -> pl.LazyFrame:
    """Give raw_series_day: `resource`, `labels`, `hour` and columns by name."""
    full = [
        {
            **dict.fromkeys(raw.DAY_SERIES_SCHEMA),
            "series_id": number,
            "metric_name": "m",
            "unit": "1",
            "scope_name": "",
            "resource_attributes": typed(row.get("resource", {"service.name": "pay"})),
            "point_attributes": typed(row.get("labels", {})),
            "first_hour_at": START + timedelta(hours=row.get("hour", 0)),
            "last_hour_at": START + timedelta(hours=row.get("hour", 0)),
            "hours": 1 << row.get("hour", 0),
            **{k: v for k, v in row.items() if k not in {"resource", "labels", "hour"}},
        }
        for number, row in enumerate(rows)
    ]
    return pl.LazyFrame(full, schema=raw.DAY_SERIES_SCHEMA)


def logs_of(
    resource: Mapping[str, object],
    *severities: tuple[int, str, int],
    keys: Sequence[str] = (),
    signal: str = "logs",
) -> pl.LazyFrame:
    """Give raw_signal of one resource, with number, text and count of its records."""
    row = {
        **dict.fromkeys(raw.SIGNAL.schema),
        "event_hour": START,
        "signal": signal,
        "scope_name": "",
        "resource_attributes": typed(resource),
        "attribute_keys": list(keys),
        "severities": [
            {
                "severity_number": number,
                "severity_text": text,
                "item_count": count,
                "first_event_at": START,
                "last_event_at": START + timedelta(hours=1),
            }
            for number, text, count in severities
        ],
    }
    return pl.LazyFrame([row], schema=raw.SIGNAL.schema)


def spans_of(*rows: Mapping[str, Any]) -> pl.LazyFrame:
    """Give raw_span: roots of kind SERVER of trace `t`, a second long, unless said."""
    full = [
        {
            **dict.fromkeys(raw.SPAN.schema),
            "event_at": START,
            "tenant": "default",
            "service_name": "pay",
            "trace_id": "t",
            "span_id": number,
            "parent_span_id": 0,
            "kind": 2,
            "duration_ns": 10**9,
            "received_at": START,
            **row,
        }
        for number, row in enumerate(rows, start=1)
    ]
    return pl.LazyFrame(full, schema=raw.SPAN.schema)

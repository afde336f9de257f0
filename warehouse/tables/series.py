"""Who sends how many series, in which windows, and what they cost."""

from typing import Final

import polars as pl

from meterbook.base.settings import PRICE_UNITS
from warehouse.table import INSTANT, USD, Column, Table, choice, count
from warehouse.tables import values

DAY: Final = Column("day", pl.Date(), "UTC day of the event time")
METRIC: Final = Column("metric", pl.String(), "name of the metric")
TEAM: Final = Column("team", pl.String(), "owning team; `__unallocated__` when nothing says")
PRICE_UNIT: Final = choice("price_unit", tuple(PRICE_UNITS), meanings=PRICE_UNITS)
ID: Final = Column("series_id", pl.UInt64(), "see raw_series")

SERIES_DAILY: Final = Table(
    name="core_series_daily",
    text="Presence of series, one row a day, for as many days as the longest window has.",
    grain="day and series",
    key=("day", "series_id"),
    partition="day",
    is_published=False,
    columns=(
        DAY,
        ID,
        METRIC,
        Column("first_hour_at", INSTANT, "start of the first hour of the day that has a point"),
        Column("last_hour_at", INSTANT, "start of the last hour of the day that has a point"),
    ),
)

SERIES: Final = Table(
    name="core_series",
    text="The registry of series of the last 30 days that have telemetry. Beyond "
    "cardinality.exact_rows it has those of the last day only.",
    grain="series",
    key=("series_id",),
    columns=(
        ID,
        METRIC,
        Column("first_seen_at", INSTANT, "start of the first hour with a point, in these days"),
        Column("last_seen_at", INSTANT, "start of the last hour with a point"),
        count("day_count", "days with a point"),
    ),
)

SERIES_ACTIVE: Final = Table(
    name="mart_series_active",
    text="Active series in windows that end with the last day: unions, never sums of days.",
    grain="metric",
    key=("metric",),
    columns=(
        METRIC,
        Column("day", pl.Date(), "last UTC day that has telemetry: the windows end with it"),
        count("hour_series_count", "distinct series of the last hour that has telemetry"),
        count("day_series_count", "distinct series of the day"),
        count("week_series_count", "distinct series of the 7 days"),
        count("month_series_count", "distinct series of the 30 days"),
        Column(
            "is_estimate",
            pl.Boolean(),
            "week and month are estimates, standard error 1.6 %: beyond cardinality.exact_rows",
        ),
    ),
)

SERIES_HOURLY: Final = Table(
    name="mart_series_hourly",
    text="Active series by hour.",
    grain="hour and metric",
    key=("event_hour", "metric"),
    partition="day",
    columns=(
        DAY,
        Column("event_hour", INSTANT, "start of the hour"),
        METRIC,
        count("series_count", "distinct series of the hour"),
    ),
)

SERIES_COST: Final = Table(
    name="mart_series_cost",
    text="What the series of each team and metric cost in each backend.",
    grain="day, backend, metric and team",
    key=("day", "backend", "metric", "team"),
    partition="day",
    columns=(
        DAY,
        Column("backend", pl.String(), "`default`, or one of the setting cardinality.backends"),
        METRIC,
        TEAM,
        PRICE_UNIT,
        count("series_count", "distinct series of the day"),
        count("stored_series_count", "series as a Prometheus-like backend stores them"),
        count("stored_sample_count", "samples of the day as such a backend stores them"),
        Column("monthly_cost", USD, "a month of 30 days like this one", unit="USD"),
    ),
)

SERIES_QUOTA: Final = Table(
    name="mart_series_quota",
    text="Series of each team beside its quota.",
    grain="day and team",
    key=("day", "team"),
    partition="day",
    columns=(
        DAY,
        TEAM,
        count("series_count", "distinct series of the day"),
        Column("quota_count", pl.Int64(), "series it may have", is_nullable=True),
        Column("is_over", pl.Boolean(), "it has more than it may"),
    ),
)

LABEL_COST: Final = Table(
    name="mart_label_cost",
    text="What dropping each label would save in each backend; labels that save anything.",
    grain="backend, metric, level and label, of the last day that is over",
    key=("backend", "metric", "level", "label"),
    columns=(
        Column("backend", pl.String(), "`default`, or one of the setting cardinality.backends"),
        METRIC,
        choice("level", values.LEVELS, "where the label stands"),
        Column("label", pl.String(), "attribute key"),
        Column("day", pl.Date(), "last UTC day that is over and has telemetry"),
        PRICE_UNIT,
        Column("monthly_cost", USD, "of the metric, a month of 30 days like this one", unit="USD"),
        Column("saved_cost", USD, "of it, without the label", unit="USD"),
    ),
)

ALL: Final = (
    SERIES_DAILY,
    SERIES,
    SERIES_ACTIVE,
    SERIES_HOURLY,
    SERIES_COST,
    SERIES_QUOTA,
    LABEL_COST,
)

"""How good the telemetry is: the Instrumentation Score with the evidence of each rule."""

from typing import Final

import polars as pl

from meterbook.base.lists import one_of
from warehouse.table import INSTANT, Check, Column, Table, choice, count
from warehouse.tables import values

DAY: Final = Column("day", pl.Date(), "UTC day of the event time")
SERVICE: Final = Column("service_name", pl.String(), "service.name; empty for what bears none")
WINDOW: Final = Column("window_days", pl.Int32(), "30 for the score, 7 for how it is now", unit="d")
SAMPLES: Final = pl.List(pl.String())
BANDS: Final = tuple(name for _, name in values.BANDS)

FINDING_DAILY: Final = Table(
    name="core_score_finding_daily",
    text="What each rule found in a day's resources, logs and traces: a partial of the score.",
    grain="day, service and rule",
    key=("day", "service_name", "rule"),
    partition="day",
    is_published=False,
    columns=(
        DAY,
        SERVICE,
        Column("rule", pl.String(), "id of the rule, or the name of an advisory"),
        count("checked_count", "resources, records, spans or traces that it looked at"),
        count("violating_count", "those that break it"),
        Column("first_seen_at", INSTANT, "first of those; null without any", is_nullable=True),
        Column("last_seen_at", INSTANT, "last of those; null without any", is_nullable=True),
        Column("samples", SAMPLES, "up to 5 of them, in order"),
    ),
)

METRIC_DAILY: Final = Table(
    name="core_score_metric_daily",
    text="How each metric of a service was sent: a partial of the score.",
    grain="day, service, metric, unit and bucket layout",
    key=("day", "service_name", "metric_name", "unit", "layout"),
    partition="day",
    is_published=False,
    columns=(
        DAY,
        SERVICE,
        Column("metric_name", pl.String(), "name of the metric"),
        Column("unit", pl.String(), "unit as sent; empty when none was"),
        Column("layout", pl.String(), "bounds of an explicit histogram; empty for other kinds"),
        count(
            "widest_key_count",
            "most values of one attribute key in an hour; 0 below 10,000 series in the hour",
        ),
        Column("is_overflow", pl.Boolean(), "an SDK folded series: `otel.metric.overflow`"),
        Column("first_seen_at", INSTANT, "first hour it was sent in"),
        Column("last_seen_at", INSTANT, "last hour it was sent in"),
    ),
)

KEY_DAILY: Final = Table(
    name="core_score_key_daily",
    text="Keys with a level of their own, and deprecated ones, where they were met: a partial.",
    grain="day, service, level and key",
    key=("day", "service_name", "level", "key"),
    partition="day",
    is_published=False,
    columns=(
        DAY,
        SERVICE,
        choice("level", values.KEY_LEVELS),
        Column("key", pl.String(), "key of the attribute"),
        Column("first_seen_at", INSTANT, "first hour it was met in"),
        Column("last_seen_at", INSTANT, "last hour it was met in"),
    ),
)

SCORE_SERVICE: Final = Table(
    name="mart_score_service",
    text="The Instrumentation Score of each service. Advisories and coverage are no part of it.",
    grain="service and window",
    key=("service_name", "window_days"),
    columns=(
        SERVICE,
        WINDOW,
        count("points", "weights of the rules passed; a rule whose target was not seen passes"),
        count("max_points", "weights of the rules that were evaluated"),
        Column(
            "score", pl.Float64(), "100 · points / max_points; null without rules", is_nullable=True
        ),
        choice("band", BANDS, "by the unrounded score", is_nullable=True),
        count("applicable_points", "weights of the rules passed whose target was seen"),
        count("applicable_max_points", "weights of the rules evaluated whose target was seen"),
        Column(
            "score_applicable",
            pl.Float64(),
            "100 · applicable_points / applicable_max_points: where the service stands",
            is_nullable=True,
        ),
        choice("band_applicable", BANDS, "its band", is_nullable=True),
        Column("is_complete", pl.Boolean(), "every rule of the specification was evaluated"),
        Column("not_evaluated", pl.String(), "the rules that were not, joined by `+`"),
    ),
    checks=(
        Check(
            "a score is 0 to 100",
            "fail",
            "SELECT service_name FROM mart_score_service "
            "WHERE NOT (points BETWEEN 0 AND max_points "
            "AND applicable_points BETWEEN 0 AND applicable_max_points)",
        ),
    ),
)

SCORE_RULE: Final = Table(
    name="mart_score_rule",
    text="The evidence of each rule of the Instrumentation Score, per service.",
    grain="service, window and rule",
    key=("service_name", "window_days", "rule"),
    columns=(
        SERVICE,
        WINDOW,
        Column("rule", pl.String(), "id of the specification"),
        choice("impact", tuple(values.WEIGHTS)),
        Column("weight", pl.Int64(), one_of([*map(str, values.WEIGHTS.values())]), unit="1"),
        choice("target", values.TARGETS),
        Column("text", pl.String(), "what passes"),
        Column("owners", pl.String(), "teams with a service of this name, joined by `, `"),
        choice("state", values.RATED_STATES, meanings={"not seen": "passes"}),
        count("checked_count", "metrics, keys; or resources, records, spans, traces of each day"),
        count("violating_count", "those that break it"),
        Column("violating_ratio", pl.Float64(), "violating / checked", unit="1", is_nullable=True),
        Column("first_seen_at", INSTANT, "first violation in the window", is_nullable=True),
        Column("last_seen_at", INSTANT, "last violation in the window", is_nullable=True),
        Column("samples", SAMPLES, "up to 5 of what breaks it"),
        Column(
            "points_if_fixed",
            pl.Float64(),
            "what the score gains when the rule passes; null unless it failed",
            is_nullable=True,
        ),
    ),
)

ADVISORY: Final = Table(
    name="mart_advisory",
    text="What else is odd about a service's telemetry over 30 days; never part of the score.",
    grain="service and advisory",
    key=("service_name", "advisory"),
    columns=(
        SERVICE,
        Column("advisory", pl.String(), "short name"),
        Column("text", pl.String(), "what it means"),
        count("violating_count", "how much of it was found"),
        Column("first_seen_at", INSTANT, "first time in the window", is_nullable=True),
        Column("last_seen_at", INSTANT, "last time in the window", is_nullable=True),
        Column("samples", SAMPLES, "up to 5 of what was found"),
    ),
)

ALL: Final = (FINDING_DAILY, METRIC_DAILY, KEY_DAILY, SCORE_SERVICE, SCORE_RULE, ADVISORY)

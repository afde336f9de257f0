"""Series per metric, label and value; growth and churn."""

from typing import Final

import polars as pl

from warehouse.table import USD, Column, Table, choice, count
from warehouse.tables import values

DAY: Final = Column("day", pl.Date(), "UTC day of the event time")
METRIC: Final = Column("metric", pl.String(), "name of the metric")
LEVEL: Final = choice("level", values.LEVELS, "where the label stands")
LABEL: Final = Column("label", pl.String(), "attribute key")

CARDINALITY_METRIC: Final = Table(
    name="mart_cardinality_metric",
    text="Active series per metric, with growth.",
    grain="day and metric",
    key=("day", "metric"),
    partition="day",
    columns=(
        DAY,
        METRIC,
        choice("metric_kind", values.METRIC_KINDS),
        Column("unit", pl.String(), "unit as sent"),
        count("series_count", "distinct series of the day"),
        count("stored_series_count", "series as a Prometheus-like backend stores them"),
        count("label_count", "distinct label keys, point and resource"),
        Column(
            "bounds",
            pl.String(),
            "explicit bounds that most of its histograms have, separated by spaces; else empty",
        ),
        Column("previous_series_count", pl.Int64(), "the day before", is_nullable=True),
        Column("top_team", pl.String(), "team with most of the series"),
        Column("monthly_cost", USD, "at the configured price", unit="USD", is_nullable=True),
        Column("is_lower_bound", pl.Boolean(), "an SDK overflow point was seen"),
    ),
)

CARDINALITY_LABEL: Final = Table(
    name="mart_cardinality_label",
    text="What dropping each label of each metric would save: all answers at once, exact.",
    grain="day, metric, level and label",
    key=("day", "metric", "level", "label"),
    partition="day",
    columns=(
        DAY,
        METRIC,
        LEVEL,
        LABEL,
        count("distinct_count", "distinct values"),
        count("series_without_count", "series left without the label"),
        count("saved_count", "series saved"),
        Column("is_safe", pl.Boolean(), "nothing merges without it"),
        Column("multiplier", pl.Float64(), "series / series left", unit="1"),
        Column("saved_cost", USD, "a month at the configured price", unit="USD", is_nullable=True),
        Column(
            "explained_growth",
            pl.Float64(),
            "part of the metric's growth since the day before that goes away without the label",
            unit="1",
            is_nullable=True,
        ),
        Column("is_root_cause", pl.Boolean(), "the label that explains the metric's growth best"),
        choice("value_class", values.VALUE_CLASSES, "what its values look like"),
        choice("personal_data", (*values.PERSONAL_DATA, ""), meanings={"": "none found"}),
    ),
)

CARDINALITY_VALUE: Final = Table(
    name="mart_cardinality_value",
    text="The most frequent values of each label.",
    grain="day, metric, level, label and value; the ten with most series",
    key=("day", "metric", "level", "label", "value"),
    partition="day",
    columns=(
        DAY,
        METRIC,
        LEVEL,
        LABEL,
        Column("value", pl.String(), "value as text; e-mail and IP addresses are redacted"),
        count("series_count", "series that bear it"),
        Column("value_rank", pl.Int32(), "1 has most series"),
    ),
)

CHURN_METRIC: Final = Table(
    name="mart_churn_metric",
    text="Series that came and went since the day before, and the label that did it.",
    grain="day and metric",
    key=("day", "metric"),
    partition="day",
    columns=(
        DAY,
        METRIC,
        count("new_count", "series of the day that the day before did not have"),
        count("gone_count", "series of the day before that the day does not have"),
        Column(
            "root_cause_label", pl.String(), "label that explains the growth; empty if none does"
        ),
        choice("root_cause_level", (*values.LEVELS, ""), meanings={"": "none does"}),
        count(
            "new_value_count",
            "new series with a value of `new_value_labels` that the day before did not have",
        ),
        Column(
            "new_value_labels",
            pl.String(),
            "labels that explain the churn, `level:label`, joined by ` + ` where equally many new "
            "series have a new value of each; empty if none does, or the metric is new",
        ),
    ),
)

CARDINALITY_SET: Final = Table(
    name="mart_cardinality_set",
    text="Labels that say the same, those of the instance, and sets that reach the budget.",
    grain="day, metric, kind of set and labels; for the metrics with most series",
    key=("day", "metric", "set_kind", "labels"),
    partition="day",
    columns=(
        DAY,
        METRIC,
        choice("set_kind", values.SETS, meanings={"budget": "at most three steps"}),
        Column("labels", pl.String(), "`level:label` joined by ` + `; dropped together"),
        count("series_without_count", "series left without all of them"),
        count("saved_count", "series saved"),
        Column("saved_cost", USD, "a month at the configured price", unit="USD", is_nullable=True),
        Column("is_within_budget", pl.Boolean(), "what is left is within the metric's budget"),
    ),
)

CARDINALITY_REWRITE: Final = Table(
    name="mart_cardinality_rewrite",
    text="What fewer values of a label, or fewer bounds of a histogram, would leave.",
    grain="day, metric, level, label and rewrite; for the metrics with most series",
    key=("day", "metric", "level", "label", "rewrite"),
    partition="day",
    columns=(
        DAY,
        METRIC,
        choice("level", (*values.LEVELS, ""), meanings={"": "histograms"}),
        Column("label", pl.String(), "attribute key; empty for histograms"),
        choice("rewrite", values.REWRITES),
        count("distinct_after_count", "distinct values after it; 0 for histograms"),
        count("series_after_count", "series after it"),
        count("stored_after_count", "series as a Prometheus-like backend stores them, after it"),
        count("saved_count", "series saved"),
        Column("saved_cost", USD, "a month at the configured price", unit="USD", is_nullable=True),
    ),
)

METRIC_USE: Final = Table(
    name="mart_metric_use",
    text="Which metrics and labels the given dashboards and rules use.",
    grain="metric, level and label; level and label are empty for the metric itself",
    key=("metric", "level", "label"),
    columns=(
        METRIC,
        choice("level", (*values.LEVELS, ""), meanings={"": "the metric itself"}),
        Column("label", pl.String(), "attribute key; empty for the metric itself"),
        choice(
            "use_state", values.USE_STATES, meanings={"unknown": "no dashboard or rule is given"}
        ),
        count("place_count", "dashboard panels and rules that name it"),
        Column("places", pl.String(), "the first five of them"),
    ),
)

CARDINALITY_ADVICE: Final = Table(
    name="mart_cardinality_advice",
    text="What to do first: one change per metric of the last whole day, so that savings add up.",
    grain="metric",
    key=("metric",),
    columns=(
        Column("advice_rank", pl.Int64(), "1 saves most"),
        METRIC,
        Column("day", pl.Date(), "last UTC day that is over and has telemetry"),
        choice("metric_kind", values.METRIC_KINDS),
        Column("top_team", pl.String(), "team with most of the series"),
        choice("action", values.ACTIONS, "from the gentlest on"),
        Column("labels", pl.String(), "labels of points it is about, joined by ` + `; else empty"),
        count("series_count", "distinct series of the day"),
        count("series_after_count", "series after it"),
        count("stored_series_count", "series as a Prometheus-like backend stores them"),
        count("stored_after_count", "stored series after it"),
        Column("monthly_cost", USD, "at the configured price", unit="USD", is_nullable=True),
        Column("saved_cost", USD, "a month at the configured price", unit="USD", is_nullable=True),
        choice(
            "verdict",
            values.VERDICTS,
            meanings={
                "unused": "nothing that is given uses it",
                "loses_detail": "values or bounds are folded",
                "look_first": "nobody said who uses it",
            },
        ),
        choice("use_state", values.USE_STATES, "of the labels, else of the metric"),
        Column("places", pl.String(), "the first five dashboards and rules that use it"),
        Column(
            "root_cause_label",
            pl.String(),
            "last label that explained growth within 14 days; empty for none",
        ),
        Column("growth_count", pl.Int64(), "series more than 14 days before, or when first seen"),
    ),
)

ALL: Final = (
    CARDINALITY_ADVICE,
    METRIC_USE,
    CARDINALITY_METRIC,
    CARDINALITY_LABEL,
    CARDINALITY_VALUE,
    CARDINALITY_SET,
    CARDINALITY_REWRITE,
    CHURN_METRIC,
)

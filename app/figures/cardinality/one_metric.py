"""One metric: how its series grew, what dropping a label saves, which values bear most series.

Reads    mart_cardinality_metric, mart_cardinality_label, mart_cardinality_value, mart_churn_metric
Units    series of the last day; money a month at the configured price
"""

from typing import Final

import polars as pl

from app.figures.cardinality.cardinality import CURRENCY
from app.figures.platform.whole_day import last_whole
from app.kit import chart, colours, words
from app.kit.figure import Figure, Shown, build, build_listed, chart_rows
from app.kit.filters import Filters
from app.kit.reader import Reader

_GROWTH: Final = """
    SELECT day, series_count, new_count, gone_count, root_cause_label, new_value_labels,
           new_value_count
    FROM mart_cardinality_metric LEFT JOIN mart_churn_metric USING (day, metric)
    WHERE metric = $metric AND day <= $end ORDER BY day
"""


def growth(reader: Reader, filters: Filters, metric: str) -> Figure:
    """Give series of one metric a day, with what came and went."""
    answer = reader.ask(_GROWTH, metric=metric, end=last_whole(reader, filters))
    return build(
        reader,
        filters,
        answer,
        name="metric-growth",
        title=f"Series of {metric}, day by day",
        finding=" ".join([_growth_finding(answer.frame, metric), *_churn_finding(answer.frame)]),
        chart=_growth_chart(answer.frame),
        alt=f"Lines: series of {metric} a day, those that came and those that were gone",
        empty="No metric is chosen.",
    )


def _growth_chart(frame: pl.DataFrame) -> chart.Spec | None:
    if frame.is_empty():
        return None
    names = {"series_count": "series", "new_count": "new", "gone_count": "gone"}
    rows = frame.unpivot(list(names), index="day", variable_name="name", value_name="value")
    return chart.line_days(
        chart_rows(rows.with_columns(pl.col("name").replace(names))),
        tuple(names.values()),
        {"series": colours.SERIES[0], "new": colours.UP, "gone": colours.OTHER},
    )


def _growth_finding(frame: pl.DataFrame, metric: str) -> str:
    caused = frame.filter(pl.col("root_cause_label").fill_null("") != "")
    if caused.is_empty():
        return f"{metric} did not grow beyond its guard on any day."
    last = caused.row(-1, named=True)
    return (
        f"{last['root_cause_label']} explains the growth of {words.day(last['day'])}: "
        f"{words.count(last['new_count'])} new series."
    )


def _churn_finding(frame: pl.DataFrame) -> list[str]:
    """Say which labels had new values on the last day that had any."""
    churned = frame.filter(pl.col("new_value_labels").fill_null("") != "")
    if churned.is_empty():
        return []
    last = churned.row(-1, named=True)
    labels = [name.partition(":")[2] for name in last["new_value_labels"].split(" + ")]
    new, day = words.count(last["new_count"]), words.day(last["day"])
    bear = f"{words.count(last['new_value_count'])} have a new value of {words.listed(labels)}."
    return [f"Of {new} new series of {day}, {bear}"]


_WHAT_IF: Final = """
    SELECT label, level, distinct_count, series_without_count, saved_count,
           saved_count / nullif(saved_count + series_without_count, 0) AS saved_ratio,
           multiplier, saved_cost, explained_growth, is_root_cause, value_class, personal_data,
           if(is_safe, 'safe', 'loses detail') AS verdict
    FROM mart_cardinality_label
    WHERE metric = $metric
      AND day = (SELECT max(day) FROM mart_cardinality_label WHERE day <= $end)
    ORDER BY is_root_cause DESC, saved_count DESC, label, level
"""


_LABEL_COLUMNS: Final = (
    Shown("label", "Label", "code"),
    Shown("level", "Level"),
    Shown("distinct_count", "Values", "count"),
    Shown("series_without_count", "Series left", "count"),
    Shown("saved_ratio", "Saved", "ratio"),
    Shown("saved_cost", "Saved a month", "money"),
    Shown("explained_growth", "Explains growth", "ratio", missing="-"),
    Shown("value_class", "Looks like", "label"),
    Shown("personal_data", "Personal data"),
    Shown("verdict", "Verdict", "state"),
)


def what_if(reader: Reader, filters: Filters, metric: str) -> Figure:
    """Give what dropping each label of one metric would save, exactly."""
    answer = reader.ask(_WHAT_IF, metric=metric, end=last_whole(reader, filters))
    return build_listed(
        reader,
        filters,
        answer,
        _what_if_finding,
        name="what-if",
        title="What if a label were dropped?",
        shown=_LABEL_COLUMNS,
        note="Safe: nothing merges without the label. Otherwise series merge, and the backend must "
        "add them up; dropping a label by relabelling loses or rejects samples.",
        empty="Nothing is known of its labels.",
    )


def _what_if_finding(frame: pl.DataFrame) -> str:
    first = frame.sort("saved_count", descending=True, maintain_order=True).row(0, named=True)
    left, fewer = words.count(first["series_without_count"]), words.ratio(first["saved_ratio"])
    saved = words.money(first["saved_cost"], CURRENCY)
    return f"Without {first['label']}, {left} series are left: {fewer} fewer, {saved} a month."


_VALUES: Final = """
    SELECT value_rank, value, level, series_count FROM mart_cardinality_value
    WHERE metric = $metric AND label = $label
      AND day = (SELECT max(day) FROM mart_cardinality_value WHERE day <= $end)
    ORDER BY level, value_rank, value
"""


def values(reader: Reader, filters: Filters, metric: str, label: str) -> Figure:
    """Give the values of a label that bear most series."""
    answer = reader.ask(_VALUES, metric=metric, label=label, end=last_whole(reader, filters))
    return build_listed(
        reader,
        filters,
        answer,
        lambda frame: f"The {words.plural(frame.height, 'value')} with most series.",
        name="label-values",
        title=f"Values of {label}" if label else "Values",
        shown=(
            Shown("value_rank", "#", "count"),
            Shown("value", "Value", "code"),
            Shown("series_count", "Series", "count"),
        ),
        empty="No values are kept for this label.",
    )

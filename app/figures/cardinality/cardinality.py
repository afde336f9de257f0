"""Which metric exploded, which label did it, and what dropping it saves.

Reads    mart_cardinality_metric, mart_cardinality_label, mart_cardinality_value, mart_churn_metric
Units    series of the last day; money a month at the configured price
"""

from typing import Final

import polars as pl

from app.figures.platform.whole_day import last_whole
from app.kit import chart, colours, words
from app.kit.figure import Card, Figure, Shown, Tone, build, chart_rows
from app.kit.filters import Filters
from app.kit.reader import Reader

CURRENCY: Final = "USD"
"""The currency of the price of series."""


def headline(reader: Reader, filters: Filters) -> Figure:
    """Give active series a day, for as long as it is known up to the last day of the period."""
    answer = reader.ask(
        """
        SELECT day, sum(series_count)::BIGINT AS series_count,
               sum(stored_series_count)::BIGINT AS stored_series_count,
               count(*) AS metric_count, sum(monthly_cost) AS monthly_cost,
               bool_or(is_lower_bound) AS is_lower_bound
        FROM mart_cardinality_metric WHERE day <= $end
        GROUP BY day ORDER BY day
        """,
        end=last_whole(reader, filters),
    )
    frame = answer.frame
    return build(
        reader,
        filters,
        answer,
        name="series",
        title="Active series",
        finding=_headline_finding(frame),
        chart=chart.line_days(
            chart_rows(frame.select("day", name=pl.lit("series"), value="series_count")),
            ("series",),
            {"series": colours.SERIES[0]},
        )
        if frame.height > 1
        else None,
        alt="Line: active series of all metrics, a day",
        shown=()
        if frame.height > 1
        else (
            Shown("day", "Day", "day"),
            Shown("series_count", "Series", "count"),
            Shown("metric_count", "Metrics", "count"),
        ),
        cards=_cards(frame),
        empty="No metrics have arrived.",
    )


def _headline_finding(frame: pl.DataFrame) -> str:
    if frame.is_empty():
        return "No metrics have arrived."
    last = frame.row(-1, named=True)
    text = (
        f"{words.count(last['series_count'])} series of "
        f"{words.plural(last['metric_count'], 'metric')} on {words.day(last['day'])}"
    )
    if last["is_lower_bound"]:
        text += ", at least: an SDK met its limit and folded series together"
    return f"{text}."


def _cards(frame: pl.DataFrame) -> tuple[Card, ...]:
    if frame.is_empty():
        return (Card("Active series", words.NO_DATA),)
    last = frame.row(-1, named=True)
    before = frame.row(-2, named=True)["series_count"] if frame.height > 1 else None
    week = frame.row(-8, named=True)["series_count"] if frame.height > 7 else before
    moved = last["series_count"] - week if week is not None else 0
    tone: Tone = "bad" if moved > 0 else "good" if moved < 0 else "neutral"
    return (
        Card(
            label="Active series",
            value=words.short(last["series_count"]),
            note=f"{words.change(last['series_count'], week)} in "
            f"{'7 days' if frame.height > 7 else '1 day'}"
            if week is not None
            else "",
            direction="up" if moved > 0 else "down" if moved < 0 else "off",
            tone=tone,
            help=f"{words.count(last['series_count'])} distinct series on "
            f"{words.day(last['day'])}; a day before: {words.count(before)}.",
        ),
    )


def price(reader: Reader, filters: Filters) -> Figure:
    """Give what the series cost a month; one row."""
    answer = reader.ask(
        """
        SELECT sum(stored_series_count)::BIGINT AS stored_series_count,
               sum(monthly_cost) AS monthly_cost, count(*) AS metric_count
        FROM mart_cardinality_metric
        WHERE day = (SELECT max(day) FROM mart_cardinality_metric WHERE day <= $end)
        """,
        end=last_whole(reader, filters),
    )
    stored, cost, _ = answer.frame.row(0)
    return build(
        reader,
        filters,
        answer,
        name="series-cost",
        title="What series cost",
        finding=f"{words.count(stored)} stored series cost {words.money(cost, CURRENCY)} a month.",
        cards=(
            Card(
                label="Stored series",
                value=words.short(stored) if stored is not None else words.NO_DATA,
                note="as a Prometheus-like backend",
                help="A histogram with n bounds is stored as n + 3 series.",
            ),
            Card(
                label="Cost a month",
                value=words.money(cost, CURRENCY),
                note="at the configured price",
                help="Stored series at the setting cardinality.price_per_1000_series_month.",
            ),
        ),
    )


_METRIC_COLUMNS: Final = (
    Shown("metric", "Metric", link="cardinality?metric"),
    Shown("series_count", "Series", "count"),
    Shown("growth_count", "More in 14 days", "growth"),
    Shown("change_ratio", "Change", "change"),
    Shown("share_ratio", "Share of all", "ratio"),
    Shown("monthly_cost", "Cost a month", "money"),
    Shown("worst_label", "Worst label", "code"),
    Shown("saved_cost", "Saved without it", "money"),
    Shown("top_team", "Team", "entity"),
    Shown("metric_kind", "Kind"),
)


def metrics(reader: Reader, filters: Filters) -> Figure:
    """Give every metric of the last day: what exploded first, then what saves most."""
    answer = reader.ask(
        """
        WITH today AS (
          SELECT * FROM mart_cardinality_metric
          WHERE day = (SELECT max(day) FROM mart_cardinality_metric WHERE day <= $end)
        ), base AS (
          SELECT metric, arg_min(series_count, day) AS base_count FROM mart_cardinality_metric
          WHERE day BETWEEN (SELECT max(day) FROM today) - 14 AND (SELECT max(day) FROM today)
          GROUP BY metric
        ), cause AS (
          SELECT metric, arg_max(label, (saved_count, label)) AS cause_label
          FROM mart_cardinality_label
          WHERE is_root_cause AND day <= (SELECT max(day) FROM today)
            AND day > (SELECT max(day) FROM today) - 14
          GROUP BY metric
        ), worst AS (
          SELECT metric, label AS worst_label, saved_count, saved_cost
          FROM mart_cardinality_label LEFT JOIN cause USING (metric)
          WHERE day = (SELECT max(day) FROM today)
          QUALIFY row_number() OVER (
            PARTITION BY metric
            ORDER BY coalesce(label = cause_label, false) DESC, saved_count DESC, label, level
          ) = 1
        )
        SELECT metric, metric_kind, top_team, series_count, base_count,
               series_count - base_count AS growth_count,
               (series_count - base_count) / nullif(base_count, 0) AS change_ratio,
               series_count / sum(series_count) OVER () AS share_ratio, label_count,
               if(saved_count > 0, worst_label, '') AS worst_label, cause_label,
               saved_count, saved_cost, monthly_cost, is_lower_bound, bounds
        FROM today LEFT JOIN base USING (metric) LEFT JOIN worst USING (metric)
             LEFT JOIN cause USING (metric)
        ORDER BY coalesce(cause_label IS NOT NULL AND growth_count > 0, false) DESC,
                 saved_cost DESC NULLS LAST, saved_count DESC NULLS LAST, growth_count DESC, metric
        LIMIT 500
        """,
        end=last_whole(reader, filters),
    )
    return build(
        reader,
        filters,
        answer,
        name="metrics",
        title="Metrics, exploding first",
        finding=_metrics_finding(answer.frame),
        shown=_METRIC_COLUMNS,
        empty="No metrics have arrived.",
        is_tall=True,
    )


def _metrics_finding(frame: pl.DataFrame) -> str:
    if frame.is_empty():
        return "No metrics have arrived."
    first = frame.row(0, named=True)
    if first["cause_label"] is None or first["growth_count"] <= 0:
        return (
            f"No metric exploded in the last 14 days. The most can be saved on {first['metric']}: "
            f"{words.money(first['saved_cost'], CURRENCY)} a month without {first['worst_label']}."
        )
    return (
        f"{first['metric']} exploded: {words.count(first['base_count'])} to "
        f"{words.count(first['series_count'])} series, and its label {first['worst_label']} "
        f"did it. Dropping that label saves {words.money(first['saved_cost'], CURRENCY)} a month."
    )


def top_metrics(reader: Reader, filters: Filters) -> Figure:
    """Give the metrics whose series are mostly the chosen team's."""
    answer = reader.ask(
        """
        SELECT metric, metric_kind, series_count, previous_series_count,
               series_count - previous_series_count AS growth_count, monthly_cost
        FROM mart_cardinality_metric
        WHERE ($team = 'all' OR top_team = $team)
          AND day = (SELECT max(day) FROM mart_cardinality_metric WHERE day <= $end)
        ORDER BY monthly_cost DESC NULLS LAST, series_count DESC, metric LIMIT 12
        """,
        team=filters.team,
        end=last_whole(reader, filters),
    )
    frame = answer.frame
    return build(
        reader,
        filters,
        answer,
        name="top-metrics",
        title="Largest metrics",
        finding=f"{frame['metric'][0]} has most series: {words.count(frame['series_count'][0])}."
        if frame.height
        else "No metric has most of its series here.",
        shown=(
            Shown("metric", "Metric", link="cardinality?metric"),
            Shown("metric_kind", "Kind"),
            Shown("series_count", "Series", "count"),
            Shown("growth_count", "1 day", "growth"),
            Shown("monthly_cost", "Cost a month", "money"),
        ),
        empty="No metric has most of its series here.",
    )


def growth(reader: Reader, filters: Filters, metric: str) -> Figure:
    """Give series of one metric a day, with what came and went."""
    answer = reader.ask(
        """
        SELECT day, series_count, new_count, gone_count, root_cause_label, new_value_labels,
               new_value_count
        FROM mart_cardinality_metric LEFT JOIN mart_churn_metric USING (day, metric)
        WHERE metric = $metric AND day <= $end ORDER BY day
        """,
        metric=metric,
        end=last_whole(reader, filters),
    )
    frame = answer.frame
    names = {"series_count": "series", "new_count": "new", "gone_count": "gone"}
    rows = frame.unpivot(list(names), index="day", variable_name="name", value_name="value")
    ready = rows.with_columns(pl.col("name").replace(names))
    caused = frame.filter(pl.col("root_cause_label").fill_null("") != "")
    finding = f"{metric} did not grow beyond its guard on any day."
    if caused.height:
        last = caused.row(-1, named=True)
        finding = (
            f"{last['root_cause_label']} explains the growth of {words.day(last['day'])}: "
            f"{words.count(last['new_count'])} new series."
        )
    finding = " ".join([finding, *_churn_finding(frame)])
    return build(
        reader,
        filters,
        answer,
        name="metric-growth",
        title=f"Series of {metric}, day by day",
        finding=finding,
        chart=chart.line_days(
            chart_rows(ready),
            tuple(names.values()),
            {"series": colours.SERIES[0], "new": colours.UP, "gone": colours.OTHER},
        )
        if frame.height
        else None,
        alt=f"Lines: series of {metric} a day, those that came and those that were gone",
        empty="No metric is chosen.",
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


def what_if(reader: Reader, filters: Filters, metric: str) -> Figure:
    """Give what dropping each label of one metric would save, exactly."""
    answer = reader.ask(
        """
        SELECT label, level, distinct_count, series_without_count, saved_count,
               saved_count / nullif(saved_count + series_without_count, 0) AS saved_ratio,
               multiplier, saved_cost, explained_growth, is_root_cause, value_class, personal_data,
               if(is_safe, 'safe', 'loses detail') AS verdict
        FROM mart_cardinality_label
        WHERE metric = $metric
          AND day = (SELECT max(day) FROM mart_cardinality_label WHERE day <= $end)
        ORDER BY is_root_cause DESC, saved_count DESC, label, level
        """,
        metric=metric,
        end=last_whole(reader, filters),
    )
    frame = answer.frame
    finding = "Nothing is known of its labels."
    if frame.height:
        first = frame.sort("saved_count", descending=True, maintain_order=True).row(0, named=True)
        finding = (
            f"Without {first['label']}, {words.count(first['series_without_count'])} series are "
            f"left: {words.ratio(first['saved_ratio'])} fewer, "
            f"{words.money(first['saved_cost'], CURRENCY)} a month."
        )
    return build(
        reader,
        filters,
        answer,
        name="what-if",
        title="What if a label were dropped?",
        finding=finding,
        shown=(
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
        ),
        note="Safe: nothing merges without the label. Otherwise series merge, and the backend must "
        "add them up; dropping a label by relabelling loses or rejects samples.",
        empty="Nothing is known of its labels.",
    )


def values(reader: Reader, filters: Filters, metric: str, label: str) -> Figure:
    """Give the values of a label that bear most series."""
    answer = reader.ask(
        """
        SELECT value_rank, value, level, series_count FROM mart_cardinality_value
        WHERE metric = $metric AND label = $label
          AND day = (SELECT max(day) FROM mart_cardinality_value WHERE day <= $end)
        ORDER BY level, value_rank, value
        """,
        metric=metric,
        label=label,
        end=last_whole(reader, filters),
    )
    frame = answer.frame
    return build(
        reader,
        filters,
        answer,
        name="label-values",
        title=f"Values of {label}" if label else "Values",
        finding=f"The {words.plural(frame.height, 'value')} with most series."
        if frame.height
        else "No values are kept for this label.",
        shown=(
            Shown("value_rank", "#", "count"),
            Shown("value", "Value", "code"),
            Shown("series_count", "Series", "count"),
        ),
        empty="No values are kept for this label.",
    )

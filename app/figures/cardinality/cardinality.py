"""Which metric exploded, which label did it, and what all of them cost.

Reads    mart_cardinality_metric, mart_cardinality_label
Units    series of the last day; money a month at the configured price
"""

from decimal import Decimal
from typing import Final

import polars as pl

from app.figures.platform.whole_day import last_whole
from app.kit import chart, colours, words
from app.kit.figure import Card, Figure, Shown, Tone, build, build_listed, chart_rows
from app.kit.filters import Filters
from app.kit.reader import Reader

CURRENCY: Final = "USD"
"""The currency of the price of series."""


_HEADLINE: Final = """
    SELECT day, sum(series_count)::BIGINT AS series_count,
           sum(stored_series_count)::BIGINT AS stored_series_count,
           count(*) AS metric_count, sum(monthly_cost) AS monthly_cost,
           bool_or(is_lower_bound) AS is_lower_bound
    FROM mart_cardinality_metric WHERE day <= $end
    GROUP BY day ORDER BY day
"""


_DAY_COLUMNS: Final = (
    Shown("day", "Day", "day"),
    Shown("series_count", "Series", "count"),
    Shown("metric_count", "Metrics", "count"),
)


def headline(reader: Reader, filters: Filters) -> Figure:
    """Give active series a day, for as long as it is known up to the last day of the period."""
    answer = reader.ask(_HEADLINE, end=last_whole(reader, filters))
    frame = answer.frame
    is_line = frame.height > 1
    return build_listed(
        reader,
        filters,
        answer,
        _headline_finding,
        name="series",
        title="Active series",
        chart=_line(frame) if is_line else None,
        alt="Line: active series of all metrics, a day",
        shown=() if is_line else _DAY_COLUMNS,
        cards=_cards(frame),
        empty="No metrics have arrived.",
    )


def _line(frame: pl.DataFrame) -> chart.Spec:
    rows = frame.select("day", name=pl.lit("series"), value="series_count")
    return chart.line_days(chart_rows(rows), ("series",), {"series": colours.SERIES[0]})


def _headline_finding(frame: pl.DataFrame) -> str:
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


_PRICE: Final = """
    SELECT sum(stored_series_count)::BIGINT AS stored_series_count,
           sum(monthly_cost) AS monthly_cost, count(*) AS metric_count
    FROM mart_cardinality_metric
    WHERE day = (SELECT max(day) FROM mart_cardinality_metric WHERE day <= $end)
"""


def price(reader: Reader, filters: Filters) -> Figure:
    """Give what the series cost a month; one row."""
    answer = reader.ask(_PRICE, end=last_whole(reader, filters))
    stored, cost, _ = answer.frame.row(0)
    return build(
        reader,
        filters,
        answer,
        name="series-cost",
        title="What series cost",
        finding=f"{words.count(stored)} stored series cost {words.money(cost, CURRENCY)} a month.",
        cards=_price_cards(stored, cost),
    )


def _price_cards(stored: int | None, cost: Decimal | None) -> tuple[Card, ...]:
    return (
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


_METRICS: Final = """
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
"""


def metrics(reader: Reader, filters: Filters) -> Figure:
    """Give every metric of the last day: what exploded first, then what saves most."""
    answer = reader.ask(_METRICS, end=last_whole(reader, filters))
    return build_listed(
        reader,
        filters,
        answer,
        _metrics_finding,
        name="metrics",
        title="Metrics, exploding first",
        shown=_METRIC_COLUMNS,
        empty="No metrics have arrived.",
        is_tall=True,
    )


def _metrics_finding(frame: pl.DataFrame) -> str:
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


_TOP_METRICS: Final = """
    SELECT metric, metric_kind, series_count, previous_series_count,
           series_count - previous_series_count AS growth_count, monthly_cost
    FROM mart_cardinality_metric
    WHERE ($team = 'all' OR top_team = $team)
      AND day = (SELECT max(day) FROM mart_cardinality_metric WHERE day <= $end)
    ORDER BY monthly_cost DESC NULLS LAST, series_count DESC, metric LIMIT 12
"""


def top_metrics(reader: Reader, filters: Filters) -> Figure:
    """Give the metrics whose series are mostly the chosen team's."""
    answer = reader.ask(_TOP_METRICS, team=filters.team, end=last_whole(reader, filters))
    return build_listed(
        reader,
        filters,
        answer,
        _top_finding,
        name="top-metrics",
        title="Largest metrics",
        shown=(
            Shown("metric", "Metric", link="cardinality?metric"),
            Shown("metric_kind", "Kind"),
            Shown("series_count", "Series", "count"),
            Shown("growth_count", "1 day", "growth"),
            Shown("monthly_cost", "Cost a month", "money"),
        ),
        empty="No metric has most of its series here.",
    )


def _top_finding(frame: pl.DataFrame) -> str:
    name, series = frame.select("metric", "series_count").row(0)
    return f"{name} has most series: {words.count(series)}."

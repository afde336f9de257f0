"""What else cuts series: hotspots by money and growth, teams, what nobody uses, sets and rewrites.

Reads    mart_cardinality_metric, mart_cardinality_set, mart_cardinality_rewrite, mart_metric_use,
         mart_series_cost, mart_series_quota
Units    series of the last day; money a month at the configured price
"""

from typing import Final

import polars as pl

from app.figures.cardinality.cardinality import CURRENCY
from app.figures.platform.whole_day import last_whole
from app.kit import words
from app.kit.figure import Figure, Shown, build, build_listed, known_total
from app.kit.filters import Filters
from app.kit.reader import Reader

_LAST: Final = "(SELECT max(day) FROM mart_cardinality_metric WHERE day <= $end)"


_HOTSPOTS: Final = f"""
    SELECT metric, metric_kind, top_team, series_count, stored_series_count,
           series_count - previous_series_count AS growth_count, monthly_cost
    FROM mart_cardinality_metric WHERE day = {_LAST}
    ORDER BY CASE WHEN $by = 'growth' THEN growth_count ELSE monthly_cost END DESC NULLS LAST,
             stored_series_count DESC, metric
    LIMIT 500
"""  # noqa: S608 - a constant


def _dearest(frame: pl.DataFrame) -> str:
    name, cost = frame.select("metric", "monthly_cost").row(0)
    return f"{name} costs most: {words.money(cost, CURRENCY)} a month."


def _fastest(frame: pl.DataFrame) -> str:
    name, grown = frame.select("metric", "growth_count").row(0)
    if not grown:
        return "No metric grew since the day before."
    return f"{name} grew most: {words.count(grown)} series in a day."


_ORDERS: Final = {
    "money": ("Metrics, dearest first", _dearest),
    "growth": ("Metrics, fastest growing first", _fastest),
}


def hotspots(reader: Reader, filters: Filters, order: str) -> Figure:
    """Give the metrics that cost most, or that grew most in a day: `money` or `growth`."""
    answer = reader.ask(_HOTSPOTS, end=last_whole(reader, filters), by=order)
    title, find = _ORDERS[order]
    return build_listed(
        reader,
        filters,
        answer,
        find,
        name=f"hotspots-{order}",
        title=title,
        shown=(
            Shown("metric", "Metric", link="cardinality?metric"),
            Shown("metric_kind", "Kind"),
            Shown("top_team", "Team", "entity"),
            Shown("series_count", "Series", "count"),
            Shown("stored_series_count", "Stored", "count"),
            Shown("growth_count", "1 day", "growth"),
            Shown("monthly_cost", "Cost a month", "money"),
        ),
        empty="No metrics have arrived.",
        is_tall=True,
    )


_TEAMS: Final = """
    WITH cost AS (
      SELECT day, team, sum(monthly_cost) AS monthly_cost FROM mart_series_cost
      WHERE backend = 'default' GROUP BY day, team
    )
    SELECT team, series_count, quota_count,
           if(quota_count IS NULL, 'no quota', if(is_over, 'over', 'within')) AS quota_state,
           monthly_cost
    FROM mart_series_quota LEFT JOIN cost USING (day, team)
    WHERE day = (SELECT max(day) FROM mart_series_quota WHERE day <= $end)
    ORDER BY is_over DESC, monthly_cost DESC NULLS LAST, series_count DESC, team
"""


def teams(reader: Reader, filters: Filters) -> Figure:
    """Give series and their cost per team, beside its quota."""
    answer = reader.ask(_TEAMS, end=last_whole(reader, filters))
    return build_listed(
        reader,
        filters,
        answer,
        _teams_finding,
        name="series-teams",
        title="Series per team",
        shown=(
            Shown("team", "Team", "entity"),
            Shown("series_count", "Series", "count"),
            Shown("quota_count", "Quota", "count", missing="none"),
            Shown("quota_state", "State", "state"),
            Shown("monthly_cost", "Cost a month", "money"),
        ),
        empty="No series of a team are known.",
    )


def _teams_finding(frame: pl.DataFrame) -> str:
    team, count = _most(frame, "series_count").select("team", "series_count").row(0)
    text = f"{words.entity(team)} sends most: {words.count(count)} series."
    over = frame.filter(pl.col("quota_state") == "over").height
    return f"{text} Over the quota: {words.plural(over, 'team')}." if over else text


def _most(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.sort(column, descending=True, maintain_order=True)


_UNUSED: Final = f"""
    SELECT metric, series_count, monthly_cost, use_state
    FROM mart_metric_use JOIN mart_cardinality_metric USING (metric)
    WHERE label = '' AND use_state <> 'used' AND day = {_LAST}
    ORDER BY monthly_cost DESC NULLS LAST, series_count DESC, metric LIMIT 200
"""  # noqa: S608 - a constant


def unused(reader: Reader, filters: Filters) -> Figure:
    """Give the metrics that no dashboard and no rule names, dearest first."""
    answer = reader.ask(_UNUSED, end=last_whole(reader, filters))
    return build_listed(
        reader,
        filters,
        answer,
        _unused_finding,
        name="unused-metrics",
        title="Metrics without a known use",
        shown=(
            Shown("metric", "Metric", link="cardinality?metric"),
            Shown("series_count", "Series", "count"),
            Shown("monthly_cost", "Cost a month", "money"),
        ),
        note="Dashboards and rules that are not given are not known.",
        empty="Every metric is used by a dashboard or a rule.",
    )


def _unused_finding(frame: pl.DataFrame) -> str:
    if frame["use_state"][0] == "unknown":
        return (
            "Usage unknown: name your dashboards and rules in cardinality.dashboards and "
            "cardinality.rules."
        )
    cost = words.money(known_total(frame, "monthly_cost"), CURRENCY)
    return f"{words.plural(frame.height, 'metric')} named by no dashboard or rule: {cost} a month."


def use(reader: Reader, filters: Filters, metric: str, label: str) -> Figure:
    """Give who uses a label, as far as it is known."""
    answer = reader.ask(
        """
        SELECT level, use_state, place_count, places FROM mart_metric_use
        WHERE metric = $metric AND label = $label ORDER BY place_count DESC, level
        """,
        metric=metric,
        label=label,
    )
    return build(
        reader,
        filters,
        answer,
        name="label-use",
        title=f"Who uses {label}",
        finding=_use_finding(answer.frame),
        shown=(
            Shown("level", "Level"),
            Shown("use_state", "Use", "state"),
            Shown("places", "Where", "prose"),
        ),
        empty="Nothing is known of its use.",
    )


def _use_finding(frame: pl.DataFrame) -> str:
    if frame.is_empty() or frame["use_state"][0] == "unknown":
        return "Usage unknown: no dashboard or rule is given."
    places = frame["places"][0]
    return f"Used by {places}." if places else "No dashboard or rule that is given names it."


_SETS: Final = f"""
    SELECT CASE set_kind WHEN 'equivalent' THEN 'say the same'
                         WHEN 'instance' THEN 'the instance' ELSE 'to the budget' END AS kind,
           labels, series_without_count, saved_count, saved_cost, is_within_budget
    FROM mart_cardinality_set WHERE metric = $metric AND day = {_LAST}
    ORDER BY saved_count DESC, kind, labels
"""  # noqa: S608 - a constant


def sets(reader: Reader, filters: Filters, metric: str) -> Figure:
    """Give labels that say the same, and what dropping several at once leaves."""
    answer = reader.ask(_SETS, metric=metric, end=last_whole(reader, filters))
    return build_listed(
        reader,
        filters,
        answer,
        _sets_finding,
        name="label-sets",
        title="What if several were dropped together?",
        shown=(
            Shown("kind", "Why together"),
            Shown("labels", "Labels", "code"),
            Shown("series_without_count", "Series left", "count"),
            Shown("saved_cost", "Saved a month", "money"),
        ),
        empty="No labels say the same, and one label at a time is enough.",
    )


def _sets_finding(frame: pl.DataFrame) -> str:
    first = frame.row(0, named=True)
    left, saved = words.count(first["series_without_count"]), first["saved_cost"]
    return (
        f"Without {first['labels']} together, {left} series are left, "
        f"{words.money(saved, CURRENCY)} a month less."
    )


_REWRITES: Final = f"""
    SELECT CASE rewrite WHEN 'path_template' THEN 'path to template'
                        WHEN 'status_class' THEN 'status to class'
                        WHEN 'top_k' THEN 'top values and other'
                        ELSE 'half the bounds' END AS change,
           label, rewrite, series_after_count, stored_after_count, saved_count, saved_cost
    FROM mart_cardinality_rewrite WHERE metric = $metric AND day = {_LAST}
    ORDER BY saved_cost DESC NULLS LAST, saved_count DESC, change, label, level
"""  # noqa: S608 - a constant


def rewrites(reader: Reader, filters: Filters, metric: str) -> Figure:
    """Give what templates, classes of status, the top and `other`, or fewer bounds would leave."""
    answer = reader.ask(_REWRITES, metric=metric, end=last_whole(reader, filters))
    return build_listed(
        reader,
        filters,
        answer,
        _rewrites_finding,
        name="rewrites",
        title="What if the values were fewer?",
        shown=(
            Shown("label", "Label", "code"),
            Shown("change", "Change"),
            Shown("series_after_count", "Series left", "count"),
            Shown("saved_count", "Saved", "count"),
            Shown("saved_cost", "Saved a month", "money"),
        ),
        note="Detail is kept in part: a route instead of every path, the largest queues by name.",
        empty="Fewer values would save nothing here.",
    )


def _rewrites_finding(frame: pl.DataFrame) -> str:
    first = frame.row(0, named=True)
    what = f"{first['label']}: {first['change']}" if first["label"] else first["change"]
    return (
        f"Best: {what}. It leaves {words.count(first['stored_after_count'])} stored series, "
        f"{words.money(first['saved_cost'], CURRENCY)} a month less."
    )


_BACKENDS: Final = """
    SELECT backend, price_unit, max(monthly_cost) AS monthly_cost, sum(saved_cost) AS saved_cost
    FROM mart_label_cost WHERE metric = $metric AND label = $label
    GROUP BY backend, price_unit ORDER BY backend
"""


def backends(reader: Reader, filters: Filters, metric: str, label: str) -> Figure:
    """Give what a metric costs in each backend, and what dropping a label saves there."""
    answer = reader.ask(_BACKENDS, metric=metric, label=label)

    def find(frame: pl.DataFrame) -> str:
        backend, cost = _most(frame, "saved_cost").select("backend", "saved_cost").row(0)
        return f"Without {label}, {backend} costs {words.money(cost, CURRENCY)} a month less."

    return build_listed(
        reader,
        filters,
        answer,
        find,
        name="label-backends",
        title=f"What {label} costs in each backend",
        shown=(
            Shown("backend", "Backend"),
            Shown("price_unit", "Priced by"),
            Shown("monthly_cost", "Metric, a month", "money"),
            Shown("saved_cost", "Saved a month", "money"),
        ),
        empty=f"Without {label} no series of {metric} are saved.",
    )


_WINDOWS: Final = """
    WITH sums AS (
      SELECT sum(hour_series_count)::BIGINT AS h, sum(day_series_count)::BIGINT AS d,
             sum(week_series_count)::BIGINT AS w, sum(month_series_count)::BIGINT AS m,
             max(day) AS last_day, coalesce(bool_or(is_estimate), false) AS is_rough
      FROM mart_series_active
    )
    SELECT time_window, series_count, series_count / nullif(d, 0) AS day_ratio, last_day,
           CASE WHEN is_rough AND place > 2 THEN 'estimate' ELSE 'exact' END AS how
    FROM sums, LATERAL (VALUES (1, 'last hour', h), (2, 'last day', d), (3, '7 days', w),
                               (4, '30 days', m)) AS one(place, time_window, series_count)
    WHERE series_count IS NOT NULL ORDER BY place
"""


def windows(reader: Reader, filters: Filters) -> Figure:
    """Give active series of the last hour, day, week and month, each series once."""
    answer = reader.ask(_WINDOWS)
    return build_listed(
        reader,
        filters,
        answer,
        _windows_finding,
        name="series-windows",
        title="Series by window",
        shown=(
            Shown("time_window", "Window"),
            Shown("series_count", "Series", "count"),
            Shown("day_ratio", "Times the last day", "number"),
            Shown("how", "Counted"),
        ),
        note="Each series counts once in a window, however many days it was seen. The last day is "
        "that of the build; it may not be over. An estimate (beyond the setting "
        "cardinality.exact_rows) has a standard error of 1.6 % for each metric.",
        empty="No metrics have arrived.",
    )


def _windows_finding(frame: pl.DataFrame) -> str:
    day, month = frame["series_count"][1], frame["series_count"][3]
    about = "about " if frame["how"][3] == "estimate" else ""
    return (
        f"30 days saw {about}{words.count(month)} series, the last day, "
        f"{words.day(frame['last_day'][0])}, {words.count(day)}: the difference came and went."
    )

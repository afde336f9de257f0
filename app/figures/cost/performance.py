"""Cost against performance: what a thousand units of work cost, and replicas, latency and spend.

Reads    mart_unit_cost
Units    effective cost of a namespace, before shared pools are split
"""

from typing import Final

import polars as pl

from app.kit import chart, colours, words
from app.kit.figure import Figure, Shown, build
from app.kit.filters import Filters
from app.kit.parameters import before, bill_days
from app.kit.reader import Reader

LINES: Final = {
    "Spend": colours.SERIES[0],
    "Units": colours.SERIES[1],
    "Mean value": colours.SERIES[2],
    "Replicas": colours.SERIES[3],
}
_NOTHING: Final = "No counted unit of work."
_EMPTY: Final = (
    "No counted unit of work in this period. `unit_cost.counters` names the counters; "
    "their series need the namespace."
)


_PER_THOUSAND: Final = """
    WITH whole AS (
      SELECT namespace, metric,
             sum(effective_cost) FILTER (charge_date >= $start) AS cost,
             sum(unit_count) FILTER (charge_date >= $start) AS units,
             sum(effective_cost) FILTER (charge_date < $start) AS previous_cost,
             sum(unit_count) FILTER (charge_date < $start) AS previous_units,
             sum(value_mean * unit_count) FILTER (charge_date >= $start)
               / sum(unit_count) FILTER (charge_date >= $start) AS value_mean,
             coalesce(bool_or(is_estimated) FILTER (charge_date >= $start), false)
               AS is_estimated
      FROM mart_unit_cost
      WHERE currency = $currency AND (charge_date BETWEEN $start AND $end
        OR charge_date BETWEEN $previous_start AND $previous_end)
      GROUP BY ALL
    )
    SELECT namespace, metric, cost, units::BIGINT AS units,
           (cost::DOUBLE * 1000 / units)::DECIMAL(38,6) AS per_thousand,
           (cost::DOUBLE / units) / nullif(previous_cost::DOUBLE / previous_units, 0) - 1
             AS change_ratio,
           value_mean, is_estimated
    FROM whole WHERE units >= 1
    ORDER BY per_thousand DESC, namespace, metric
"""


def per_thousand(reader: Reader, filters: Filters) -> Figure:
    """Give the cost of 1,000 units by namespace and counter, beside the period before."""
    answer = reader.ask(_PER_THOUSAND, **bill_days(filters), **before(filters))
    return build(
        reader,
        filters,
        answer,
        name="per-thousand",
        title="Cost of a thousand units of work",
        finding=_dearest(answer.frame, filters.currency),
        shown=(
            Shown("namespace", "Namespace", "entity"),
            Shown("metric", "Counted by", "code"),
            Shown("units", "Units", "count"),
            Shown("cost", "Cost", "money"),
            Shown("per_thousand", "Cost of 1,000", "price"),
            Shown("change_ratio", "Change", "change"),
            Shown("value_mean", "Mean value", "measured"),
        ),
        note="Change against the period before. The mean is that of a histogram's values, in its "
        "own unit: seconds for http.server.request.duration.",
        empty=_EMPTY,
        is_tall=True,
    )


def _dearest(frame: pl.DataFrame, currency: str) -> str:
    if frame.is_empty():
        return _NOTHING
    name, cost = frame.select("namespace", "per_thousand").row(0)
    return f"{words.entity(name)} is the dearest: {words.price(cost, currency)} for 1,000 units."


_DAY_BY_DAY: Final = """
    SELECT charge_date, metric, effective_cost AS cost, unit_count::BIGINT AS units,
           cost_per_1000, value_mean, replica_mean, is_estimated
    FROM mart_unit_cost
    WHERE currency = $currency AND namespace = $namespace
      AND charge_date BETWEEN $start AND $end
    ORDER BY charge_date, metric
"""


def day_by_day(reader: Reader, filters: Filters, namespace: str) -> Figure:
    """Give spend, units, mean value and replicas of a namespace, day by day, as parts of usual."""
    answer = reader.ask(_DAY_BY_DAY, namespace=namespace, **bill_days(filters))
    return build(
        reader,
        filters,
        answer,
        name="performance",
        title=f"Cost against performance: {words.entity(namespace)}",
        finding=_last_and_first(answer.frame, filters.currency),
        chart=_chart(answer.frame),
        alt="Lines: spend, units, mean value and replicas a day, each as a part of its own median, "
        f"{filters.period_text}",
        shown=(
            Shown("charge_date", "Day", "day"),
            Shown("cost", "Spend", "money"),
            Shown("units", "Units", "count"),
            Shown("cost_per_1000", "Cost of 1,000", "price"),
            Shown("value_mean", "Mean value", "measured"),
            Shown("replica_mean", "Replicas", "measured"),
        ),
        note="Each line is a part of its own median, 100 being usual: replicas that rise without "
        "units, or a mean that falls while spend rises, are the trade to look at.",
        empty=_EMPTY,
        is_tall=True,
    )


def _last_and_first(frame: pl.DataFrame, currency: str) -> str:
    if frame.is_empty():
        return _NOTHING
    first, last = frame["cost_per_1000"][0], frame["cost_per_1000"][-1]
    return (
        f"1,000 units cost {words.price(last, currency)} on the last day, "
        f"{words.price(first, currency)} on the first."
    )


def _chart(frame: pl.DataFrame) -> chart.Spec | None:
    columns = ("cost", "units", "value_mean", "replica_mean")
    first = frame["metric"][0] if frame.height else ""
    mine = frame.filter(pl.col("metric") == first).with_columns(
        pl.col(columns).cast(pl.Float64), pl.col("charge_date").dt.to_string("%Y-%m-%d")
    )
    rows = [
        {"day": day, "name": name, "value": round(value / usual * 100, 1)}
        for name, column in zip(LINES, columns, strict=True)
        if (usual := mine[column].drop_nulls().median()) and isinstance(usual, float)
        for day, value in mine.select("charge_date", column).drop_nulls().rows()
    ]
    names = [name for name in LINES if any(row["name"] == name for row in rows)]
    return chart.parts_of_usual(rows, names, LINES) if rows else None

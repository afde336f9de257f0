"""Cost by level: team, department, cost centre.

Reads    mart_cost_daily_hierarchy
Holds    the total of each level is the spend of the period
"""

from typing import Final

import polars as pl

from app.figures.cost.compared import compared, stacked_days, sums
from app.figures.cost.spend import both_periods, period
from app.kit import words
from app.kit.figure import Figure, Shown, build, total
from app.kit.filters import Filters
from app.kit.reader import Reader

LEVELS: Final = {"department": "Department", "cost_center": "Cost centre", "team": "Team"}
"""Levels by the column that names them."""
NAMES: Final = {"department": "department_name", "cost_center": "cost_center", "team": "team_name"}
WITHOUT: Final = {"department": "No department", "cost_center": "No cost centre", "team": "-"}

NOTE: Final = (
    "Departments and cost centres stand in the ownership file, under `departments` and `teams`."
)


def by_level(reader: Reader, filters: Filters, level: str) -> Figure:
    """Give the cost of the period by a level, with the period before, the dearest first."""
    answer = reader.ask(
        """
        WITH unit AS (
          SELECT {level} AS unit, if({level} = '-', $without, any_value({name})) AS name,
                 count(DISTINCT team) AS team_count,
                 coalesce(sum({cost}) FILTER (charge_date >= $start), 0) AS cost,
                 coalesce(sum({cost}) FILTER (charge_date < $start), 0) AS previous_cost,
                 coalesce(bool_or(is_estimated) FILTER (charge_date >= $start), false)
                   AS is_estimated
          FROM mart_cost_daily_hierarchy
          WHERE currency = $currency AND ($team = 'all' OR team = $team)
            AND (charge_date BETWEEN $start AND $end
                 OR charge_date BETWEEN $previous_start AND $previous_end)
          GROUP BY {level}
        )
        SELECT *, cost / nullif(sum(cost) OVER (), 0) AS share_ratio,
               cost - previous_cost AS moved_cost,
               (cost - previous_cost) / abs(nullif(previous_cost, 0)) AS change_ratio
        FROM unit WHERE cost <> 0 OR previous_cost <> 0 ORDER BY cost DESC, unit
        """,
        {"cost": filters.cost_column, "level": level, "name": NAMES[level]},
        without=WITHOUT[level],
        **both_periods(filters),
    )
    frame = answer.frame
    return build(
        reader,
        filters,
        answer,
        name="levels",
        title=f"Spend by {LEVELS[level].lower()}",
        finding=_finding(frame, level, filters),
        shown=(
            Shown("name", LEVELS[level], "entity"),
            *(() if level == "team" else (Shown("team_count", "Teams", "count"),)),
            Shown("cost", "Spend", "money"),
            Shown("share_ratio", "Share", "share"),
            *compared(filters),
        ),
        total=(
            "Total",
            *(() if level == "team" else (None,)),
            total(frame, "cost"),
            None,
            *sums(frame, filters),
        )
        if frame.height
        else (),
        note=NOTE if not frame.height or _units(frame).is_empty() else "",
        empty=f"No cost in {filters.period_text}.",
    )


def _units(frame: pl.DataFrame) -> pl.DataFrame:
    """Give what is neither a bucket nor without the level."""
    return frame.filter(~pl.col("unit").str.starts_with("__") & (pl.col("unit") != "-"))


def _finding(frame: pl.DataFrame, level: str, filters: Filters) -> str:
    units = _units(frame)
    if units.is_empty():
        return f"No cost of any {LEVELS[level].lower()} in {filters.period_text}."
    name, cost = units.select("name", "cost").row(0)
    whole = total(frame, "cost")
    part = f", {words.part(float(cost / whole))} of the spend" if whole > 0 else ""
    return f"{words.entity(name)} is the dearest: {words.money(cost, filters.currency)}{part}."


def daily_by_level(reader: Reader, filters: Filters, level: str) -> Figure:
    """Give the cost of each day by a level: its six dearest units, and the others."""
    answer = reader.ask(
        """
        WITH ranked AS (
          SELECT {level}, if({level} = '-', $without, any_value({name})) AS shown,
                 row_number() OVER (ORDER BY sum({cost}) DESC, {level}) AS place
          FROM mart_cost_daily_hierarchy
          WHERE currency = $currency AND ($team = 'all' OR team = $team)
            AND charge_date BETWEEN $start AND $end
          GROUP BY {level}
        )
        SELECT charge_date, if(place <= 6, shown, 'Others') AS name, min(least(place, 7)) AS place,
               sum({cost}) AS cost, bool_or(is_estimated) AS is_estimated
        FROM mart_cost_daily_hierarchy JOIN ranked USING ({level})
        WHERE currency = $currency AND ($team = 'all' OR team = $team)
          AND charge_date BETWEEN $start AND $end
        GROUP BY ALL ORDER BY charge_date, place
        """,
        {"cost": filters.cost_column, "level": level, "name": NAMES[level]},
        without=WITHOUT[level],
        **period(filters),
    )
    shown = pl.col("name").replace(words.BUCKETS).str.replace("^__shared__/", "Shared: ")
    frame = answer.frame.with_columns(shown)
    return stacked_days(reader, filters, answer, frame, ("levels-daily", LEVELS[level].lower()))

"""Cost by level: team, department, cost centre.

Reads    mart_cost_daily_hierarchy
Holds    the total of each level is the spend of the period
"""

from typing import Final

import polars as pl

from app.figures.cost.compared import daily, moved, moved_table, stacked_days
from app.kit import words
from app.kit.figure import Figure, Shown, build, total
from app.kit.filters import Filters
from app.kit.parameters import Parameters, both_periods, period
from app.kit.reader import Answer, Reader

LEVELS: Final = {"department": "Department", "cost_center": "Cost centre", "team": "Team"}
"""Levels by the column that names them."""
NAMES: Final = {"department": "department_name", "cost_center": "cost_center", "team": "team_name"}
WITHOUT: Final = {"department": "No department", "cost_center": "No cost centre", "team": "-"}

NOTE: Final = (
    "Departments and cost centres stand in the ownership file, under `departments` and `teams`."
)


_MART: Final = "mart_cost_daily_hierarchy"
_NAME: Final = "any_value(if({group} = '-', $without, {name}))"
_LEVEL: Final = moved(
    f"{{group}} AS unit, {_NAME} AS name, count(DISTINCT team) AS team_count",
    _MART,
    "cost DESC, unit",
)
_DAILY: Final = daily(_NAME, _MART)


def by_level(reader: Reader, filters: Filters, level: str) -> Figure:
    """Give the cost of the period by a level, with the period before, the dearest first."""
    answer = _ask(reader, filters, _LEVEL, level, both_periods(filters))
    frame = answer.frame
    teams = () if level == "team" else (Shown("team_count", "Teams", "count"),)
    return build(
        reader,
        filters,
        answer,
        name="levels",
        title=f"Spend by {LEVELS[level].lower()}",
        finding=_finding(frame, level, filters),
        note=NOTE if not frame.height or _units(frame).is_empty() else "",
        **moved_table(frame, filters, Shown("name", LEVELS[level], "entity"), *teams),
    )


def _ask(reader: Reader, filters: Filters, sql: str, level: str, parameters: Parameters) -> Answer:
    """Ask about a level: of its column, and of the one that names its units."""
    columns = {"cost": filters.cost_column, "group": level, "name": NAMES[level]}
    return reader.ask(sql, columns, without=WITHOUT[level], **parameters)


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
    answer = _ask(reader, filters, _DAILY, level, period(filters))
    shown = pl.col("name").replace(words.BUCKETS).str.replace("^__shared__/", "Shared: ")
    frame = answer.frame.with_columns(shown)
    return stacked_days(reader, filters, answer, frame, ("levels-daily", LEVELS[level].lower()))

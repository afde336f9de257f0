"""How coverage went, day by day.

Reads    mart_coverage_daily
Holds    each day stands as it saw itself; a later change of the inventory moves none
"""

from typing import Any, Final

import polars as pl

from app.kit import chart, colours, words
from app.kit.figure import Figure, build
from app.kit.filters import Filters
from app.kit.reader import Reader

_HISTORY: Final = """
    SELECT day, coverage_ratio, complete_count, expected_count, expected_change,
           is_inventory_stale
    FROM mart_coverage_daily
    WHERE team = CASE WHEN $team = 'all' THEN '__all__' ELSE $team END ORDER BY day
"""


def history(reader: Reader, filters: Filters) -> Figure:
    """Give M7 by day, as each day saw it, with the size of the inventory beside it."""
    answer = reader.ask(_HISTORY, team=filters.team)
    return build(
        reader,
        filters,
        answer,
        name="coverage-history",
        title="Complete and expected services by day",
        finding=_finding(answer.frame),
        chart=_lines(answer.frame.to_dicts()) if answer.frame.height > 1 else None,
        alt="Lines: complete and expected services by day, in all environments of the inventory",
        empty=_first_day(answer.frame),
    )


def _lines(days: list[dict[str, Any]]) -> chart.Spec:
    names = ("complete", "expected")
    rows = [
        {"day": f"{row['day']}", "name": name, "value": row[f"{name}_count"]}
        for row in days
        for name in names
    ]
    return chart.line_days(rows, names, {"complete": colours.STATES["complete"]})


def _first_day(frame: pl.DataFrame) -> str:
    if frame.is_empty():
        return "No day was kept yet; each build keeps its own."
    return (
        f"History begins on {words.day(frame['day'][0])}: each build keeps its day, and from the "
        f"second on the line is drawn. {_finding(frame)}"
    )


def _finding(frame: pl.DataFrame) -> str:
    if frame.is_empty():
        return "No day was kept yet."
    last = frame.row(-1, named=True)
    moved = int(frame["expected_change"].sum() or 0)
    size = f"The inventory has {words.plural(last['expected_count'], 'service')}"
    change = f", {words.growth(moved)} since {words.day(frame['day'][0])}" if moved else ""
    stale = " A source of it is older than its limit." if last["is_inventory_stale"] else ""
    return f"{size}{change}; coverage is {words.ratio(last['coverage_ratio'])}.{stale}"

"""Who rose and who fell most against the period before.

Reads    mart_cost_daily_service
Units    the chosen currency; effective or billed cost
"""

from typing import Final

import polars as pl

from app.kit import chart, words
from app.kit.figure import Figure, build
from app.kit.filters import ALL, Filters
from app.kit.parameters import both_periods
from app.kit.reader import Reader

_MOVED: Final = """
    WITH moved AS (
      SELECT {group} AS name,
             coalesce(sum({cost}) FILTER (charge_date >= $start), 0) AS cost,
             coalesce(sum({cost}) FILTER (charge_date < $start), 0) AS previous_cost
      FROM mart_cost_daily_service
      WHERE currency = $currency AND ($team = 'all' OR team = $team)
        AND (charge_date BETWEEN $start AND $end
             OR charge_date BETWEEN $previous_start AND $previous_end)
      GROUP BY ALL
    ), ranked AS (
      SELECT *, cost - previous_cost AS moved_cost,
             row_number() OVER (ORDER BY cost - previous_cost DESC, name) AS from_top,
             row_number() OVER (ORDER BY cost - previous_cost, name) AS from_bottom
      FROM moved
    )
    SELECT name, cost, previous_cost, moved_cost FROM ranked
    WHERE (moved_cost > 0 AND from_top <= 5) OR (moved_cost < 0 AND from_bottom <= 5)
    ORDER BY moved_cost DESC, name
"""


def movers(reader: Reader, filters: Filters) -> Figure:
    """Give the five teams (of one team: namespaces) that rose most, and the five that fell most."""
    group = "team" if filters.team == ALL else "namespace"
    answer = reader.ask(
        _MOVED,
        {"cost": filters.cost_column, "group": group},
        **both_periods(filters),
    )
    return build(
        reader,
        filters,
        answer,
        name="movers",
        title=f"What moved, by {group}",
        finding=_finding(answer.frame, filters),
        chart=_chart(answer.frame, filters) if filters.is_compared else None,
        alt=f"Diverging bars: change of cost by {group} against {filters.previous_text}",
        empty=_finding(answer.frame, filters),
    )


def _chart(frame: pl.DataFrame, filters: Filters) -> chart.Spec | None:
    if frame["previous_cost"].sum() in (0, None):
        return None
    rows = [
        {
            "name": words.entity(row["name"]),
            "value": float(row["moved_cost"]),
            "label": f"{words.signed_money(row['moved_cost'], filters.currency)} "
            f"({words.change(row['cost'], row['previous_cost'])})",
        }
        for row in frame.to_dicts()
    ]
    return chart.movers(rows, chart.money_tip(filters.currency))


def _finding(frame: pl.DataFrame, filters: Filters) -> str:
    if not filters.is_compared or frame["previous_cost"].sum() in (0, None):
        return (
            f"There is no cost for the whole of {filters.previous_text}, so nothing is compared. "
            "Choose a shorter period at the left to compare."
        )
    texts = []
    for row, where in ((frame.row(0, named=True), "Up"), (frame.row(-1, named=True), "Down")):
        if (row["moved_cost"] > 0) == (where == "Up"):
            moved = words.signed_money(row["moved_cost"], filters.currency)
            texts.append(f"{where} most: {words.entity(row['name'])}, {moved}.")
    return " ".join(texts)

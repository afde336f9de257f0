"""What one team costs, day by day, and of what.

Reads    mart_cost_daily_team
Holds    direct plus shared is the team's effective cost
"""

from decimal import Decimal
from typing import Final

import polars as pl

from app.figures.cost.budget import daily_budget
from app.kit import chart, colours, words
from app.kit.figure import Figure, build, chart_rows, total
from app.kit.filters import Filters
from app.kit.parameters import period
from app.kit.reader import Reader

PARTS = {"direct": "Direct", "shared": "Shared pools", "billed": "Billed"}
PALETTE = {
    "Direct": colours.SERIES[0],
    "Shared pools": colours.SERIES[3],
    "Billed": colours.SERIES[5],
}


_TREND: Final = """
    SELECT charge_date, part AS name, sum(cost) AS cost, bool_or(is_estimated) AS is_estimated
    FROM (
      SELECT charge_date, unnest(['direct', 'shared', 'billed']) AS part,
             unnest([direct_cost, shared_cost, billed_cost]) AS cost, is_estimated
      FROM mart_cost_daily_team
      WHERE currency = $currency AND ($team = 'all' OR team = $team)
        AND charge_date BETWEEN $start AND $end
    )
    WHERE (part = 'billed') = ($cost = 'billed')
    GROUP BY ALL HAVING sum(cost) <> 0 ORDER BY charge_date, part
"""


def trend(reader: Reader, filters: Filters) -> Figure:
    """Give each day's cost, direct and by shared pools, beside the budget a day."""
    answer = reader.ask(_TREND, cost=filters.cost, **period(filters))
    frame = answer.frame.with_columns(
        pl.col("name").replace(PARTS),
        place=(pl.col("name") == "shared").cast(pl.Int8),
    )
    here = {name: colour for name, colour in PALETTE.items() if name in set(frame["name"])}
    budget = daily_budget(reader, filters) if filters.cost == "effective" else None
    finding = _finding(frame, budget, filters)
    return build(
        reader,
        filters,
        answer,
        name="team-trend",
        title="Cost, day by day",
        finding=finding,
        chart=chart.budgeted_days(
            chart_rows(frame),
            here,
            filters.currency,
            float(budget) if budget is not None else None,
        )
        if here
        else None,
        alt=f"Stacked bars: {filters.cost} cost a day, {filters.team_text}, {filters.period_text}",
        note="Dashed: the budget a day." if budget is not None else "",
        empty=finding,
    )


def _finding(frame: pl.DataFrame, budget: Decimal | None, filters: Filters) -> str:
    whole = total(frame, "cost")
    if not whole:
        return f"No cost in {filters.period_text}."
    text = f"{words.money(whole / filters.days, filters.currency)} a day"
    if filters.cost == "effective":
        shared = total(frame.filter(pl.col("name") == PARTS["shared"]), "cost")
        text += f", {words.part(float(shared / whole))} of it from shared pools"
    if budget is not None:
        text += f"; the budget is {words.money(budget, filters.currency)} a day"
    return f"{text}."

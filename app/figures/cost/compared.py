"""What figures of spend by some dimension share: the period before, and days stacked by name."""

from typing import Any

import polars as pl

from app.kit import chart, colours, words
from app.kit.figure import Figure, Shown, build, chart_rows, total
from app.kit.filters import Filters
from app.kit.reader import Answer, Reader


def spent(names: str, mart: str) -> str:
    """Give the SQL of cost now and before by `names`; a column `{cost}` is chosen later."""
    return f"""SELECT {names},
                 coalesce(sum({{cost}}) FILTER (charge_date >= $start), 0) AS cost,
                 coalesce(sum({{cost}}) FILTER (charge_date < $start), 0) AS previous_cost,
                 coalesce(bool_or(is_estimated) FILTER (charge_date >= $start), false)
                   AS is_estimated
          FROM {mart}
          WHERE currency = $currency AND ($team = 'all' OR team = $team)
            AND (charge_date BETWEEN $start AND $end
                 OR charge_date BETWEEN $previous_start AND $previous_end)
          GROUP BY ALL"""  # noqa: S608 - our own parts


def moved(names: str, mart: str, order: str) -> str:
    """Give the SQL of cost by `names` with its share, and how it moved against the one before."""
    return f"""
        WITH cell AS (
          {spent(names, mart)}
        )
        SELECT *, cost / nullif(sum(cost) OVER (), 0) AS share_ratio,
               cost - previous_cost AS moved_cost,
               (cost - previous_cost) / abs(nullif(previous_cost, 0)) AS change_ratio
        FROM cell WHERE cost <> 0 OR previous_cost <> 0
        ORDER BY {order}
        """  # noqa: S608 - our own parts


def moved_table(frame: pl.DataFrame, filters: Filters, *names: Shown) -> dict[str, Any]:
    """Give the columns of such rows, and the row of totals below them."""
    cost = (Shown("cost", "Spend", "money"), Shown("share_ratio", "Share", "share"))
    blank = (None,) * (len(names) - 1)
    sums = ("Total", *blank, total(frame, "cost"), None, *_sums(frame, filters))
    return {
        "shown": (*names, *cost, *_compared(filters)),
        "total": sums if frame.height else (),
        "empty": f"No cost in {filters.period_text}.",
    }


def _compared(filters: Filters) -> tuple[Shown, ...]:
    """Give the columns of the period before, when it is asked for."""
    columns = (
        Shown("previous_cost", filters.previous_text, "money"),
        Shown("moved_cost", "Change", "money"),
        Shown("change_ratio", "Change, %", "change"),
    )
    return columns if filters.is_compared else ()


def _sums(frame: pl.DataFrame, filters: Filters) -> tuple[object, ...]:
    """Give what stands below these columns in a row of totals."""
    found = (total(frame, "previous_cost"), total(frame, "moved_cost"), None)
    return found if filters.is_compared else ()


def daily(name: str, mart: str) -> str:
    """Give the SQL of each day's cost by `{group}`: its six dearest values by `name`, the others.

    The columns `{cost}` and `{group}` are chosen later.
    """
    chosen = """WHERE currency = $currency AND ($team = 'all' OR team = $team)
            AND charge_date BETWEEN $start AND $end"""
    return f"""
        WITH ranked AS (
          SELECT {{group}}, {name} AS shown,
                 row_number() OVER (ORDER BY sum({{cost}}) DESC, {{group}}) AS place
          FROM {mart}
          {chosen}
          GROUP BY {{group}}
        )
        SELECT charge_date, if(place <= 6, shown, 'Others') AS name, min(least(place, 7)) AS place,
               sum({{cost}}) AS cost, bool_or(is_estimated) AS is_estimated
        FROM {mart} JOIN ranked USING ({{group}})
        {chosen}
        GROUP BY ALL ORDER BY charge_date, place
        """  # noqa: S608 - our own parts


def stacked_days(
    reader: Reader, filters: Filters, answer: Answer, frame: pl.DataFrame, names: tuple[str, str]
) -> Figure:
    """Give the cost of each day, stacked by `name` in the order of `place`, six and the others.

    `names` are the figure's and that of its dimension.
    """
    figure, heading = names
    named = frame.select("name", "place").unique().sort("place").rows()
    palette = {name: (*colours.SERIES, colours.OTHER)[place - 1] for name, place in named}
    spent = words.money(total(frame, "cost"), filters.currency)
    return build(
        reader,
        filters,
        answer,
        name=figure,
        title=f"Daily spend by {heading}",
        finding=f"{spent} in {words.plural(filters.days, 'day')}."
        if named
        else f"No cost in {filters.period_text}.",
        chart=chart.stacked_days(chart_rows(frame), list(palette), palette, filters.currency)
        if named
        else None,
        alt=f"Stacked bars: {filters.cost} cost a day by {heading}, {filters.period_text}",
    )

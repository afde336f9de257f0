"""What figures of spend by some dimension share: the period before, and days stacked by name."""

import polars as pl

from app.kit import chart, colours, words
from app.kit.figure import Figure, Shown, build, chart_rows, total
from app.kit.filters import Filters
from app.kit.reader import Answer, Reader


def compared(filters: Filters) -> tuple[Shown, ...]:
    """Give the columns of the period before, when it is asked for."""
    columns = (
        Shown("previous_cost", filters.previous_text, "money"),
        Shown("moved_cost", "Change", "money"),
        Shown("change_ratio", "Change, %", "change"),
    )
    return columns if filters.is_compared else ()


def sums(frame: pl.DataFrame, filters: Filters) -> tuple[object, ...]:
    """Give what stands below these columns in a row of totals."""
    found = (total(frame, "previous_cost"), total(frame, "moved_cost"), None)
    return found if filters.is_compared else ()


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

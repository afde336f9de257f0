"""Cost by any two of its dimensions.

Reads    mart_cost_daily_service
Holds    the total row of the pivot is the spend of the period
"""

from typing import Final

import polars as pl

from app.figures.cost.compared import daily, moved, moved_table, stacked_days
from app.figures.cost.spend import GROUPS
from app.kit import words
from app.kit.figure import Figure, Shown, build, total
from app.kit.filters import Filters
from app.kit.parameters import both_periods, period
from app.kit.reader import Reader

_MART: Final = "mart_cost_daily_service"
_DAILY: Final = daily("any_value({group})", _MART)
_PIVOT: Final = moved(
    "{first} AS first_name, {second} AS second_name",
    _MART,
    "sum(cost) OVER (PARTITION BY first_name) DESC, first_name, cost DESC, second_name",
)


def daily_by(reader: Reader, filters: Filters, group: str) -> Figure:
    """Give the cost of each day by a dimension: its six dearest values, and the others."""
    columns = {"cost": filters.cost_column, "group": group}
    answer = reader.ask(_DAILY, columns, **period(filters))
    frame = answer.frame.with_columns(pl.col("name").replace(words.BUCKETS))
    return stacked_days(reader, filters, answer, frame, ("explore-daily", GROUPS[group].lower()))


def pivot(reader: Reader, filters: Filters, first: str, second: str) -> Figure:
    """Give the cost by two dimensions, with the period before; the total is the spend."""
    columns = {"cost": filters.cost_column, "first": first, "second": second}
    answer = reader.ask(_PIVOT, columns, **both_periods(filters))
    frame = answer.frame
    groups = [GROUPS[name] for name in dict.fromkeys((first, second))]
    names = zip(("first_name", "second_name"), groups, strict=False)
    return build(
        reader,
        filters,
        answer,
        name="pivot",
        title=f"Spend by {' and '.join(group.lower() for group in groups)}",
        finding=f"{words.plural(frame.height, 'row')}; they add up to "
        f"{words.cents(total(frame, 'cost'), filters.currency)}.",
        is_tall=True,
        **moved_table(frame, filters, *(Shown(*name, "entity") for name in names)),
    )

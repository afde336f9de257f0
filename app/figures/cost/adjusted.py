"""What changed of closed months, and why, in the statements of a period.

Reads    mart_adjustment, core_restatement
Units    effective or billed cost, as chosen; now less then
"""

from typing import Final

import polars as pl

from app.kit import words
from app.kit.figure import Figure, Shown, build
from app.kit.filters import ALL, Filters
from app.kit.reader import Reader
from meterbook.answers.adjustments import SQL

_QUESTION: Final = f"""
SELECT *, sum({{cost}}) OVER () AS all_cost FROM ({SQL}) WHERE currency = $currency
ORDER BY posted_period DESC, abs({{cost}}) DESC, original_period, team, what, reason
"""  # noqa: S608 - our own parts


_CAUSES: Final = (
    Shown("posted_period", "Stated in"),
    Shown("original_period", "Month"),
    Shown("team", "Team", "entity"),
    Shown("what", "What changed", "prose"),
    Shown("why", "Why", "prose"),
)


def adjustments(reader: Reader, filters: Filters) -> Figure:
    """Give every change with its cause; the months are those of the statements it stands in."""
    answer = reader.ask(
        _QUESTION,
        {"cost": filters.cost_column},
        first=f"{filters.start:%Y-%m}",
        last=f"{filters.end:%Y-%m}",
        team=None if filters.team == ALL else filters.team,
        currency=filters.currency,
    )
    whole = answer.frame["all_cost"].first()
    return build(
        reader,
        filters,
        answer,
        name="adjustments",
        title="What changed of closed months",
        finding=_finding(answer.frame, filters.currency),
        shown=(*_CAUSES, Shown(filters.cost_column, "Cost, now less then", "exact")),
        total=(None, None, "All", None, None, whole) if answer.frame.height else (),
        empty="Nothing changed of closed months in the statements of this period.",
        is_tall=True,
    )


def _finding(frame: pl.DataFrame, currency: str) -> str:
    if frame.is_empty():
        return "Nothing changed of closed months."
    months = ", ".join(frame["original_period"].unique().sort())
    whole = words.exact(frame["all_cost"][0])
    return f"{words.plural(frame.height, 'change')} of {months}: {whole} {currency}."

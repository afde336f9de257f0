"""From a figure down to bill lines and rules; `explain_shares` goes on from there.

Reads    core_cost_ledger, core_cost_line
Holds    the lines of a day add up to the team's cost of it
"""

from datetime import date
from decimal import Decimal
from typing import Final

import polars as pl

from app.kit import words
from app.kit.figure import Card, Figure, Shown, build
from app.kit.filters import Filters
from app.kit.parameters import of_team, period
from app.kit.reader import Reader

MOST: Final = 300


_DAYS: Final = """
    SELECT strftime(charge_date, '%Y-%m-%d') AS day, sum({cost}) AS cost
    FROM mart_cost_daily_team
    WHERE currency = $currency AND ($team = 'all' OR team = $team)
      AND charge_date BETWEEN $start AND $end
    GROUP BY ALL ORDER BY day DESC
"""


def days(reader: Reader, filters: Filters) -> Figure:
    """Give the days of the period with cost, the latest first."""
    answer = reader.ask(_DAYS, {"cost": filters.cost_column}, **period(filters))
    return build(
        reader, filters, answer, name="explain-days", title="Days",
        finding=f"{words.plural(answer.frame.height, 'day')} with cost.",
        shown=(Shown("day", "Day"), Shown("cost", "Cost", "money")),
    )  # fmt: skip


_LINES: Final = """
    WITH mine AS (
      SELECT x_line_hash, sum({cost}) AS cost, count(*) AS rows,
             array_to_string(list_sort(list_distinct(list(concat_ws(' ',
               replace(reason, '_', ' '), if(rule_id <> '', 'by ' || rule_id, NULL),
               if(pool <> '', 'from pool ' || pool, NULL))))), ', ') AS how,
             bool_or(is_estimated) AS is_estimated
      FROM core_cost_ledger
      WHERE currency = $currency AND ($team = 'all' OR team = $team)
        AND charge_date = $day::DATE
      GROUP BY x_line_hash
    ), whole AS (
      SELECT x_line_hash, sum({cost}) AS day_cost FROM core_cost_ledger
      WHERE charge_date = $day::DATE GROUP BY x_line_hash
    )
    SELECT x_line_hash, c.service_name AS service,
           coalesce(c.resource_id, c.charge_description, '-') AS resource,
           w.day_cost, m.cost, m.cost / nullif(w.day_cost, 0) AS share_ratio, m.how, m.rows,
           c.x_file || ' row ' || c.x_row_number AS source,
           regexp_extract(c.x_file, '[^/]*$') || ' row ' || c.x_row_number AS file_row,
           m.is_estimated,
           sum(m.cost) OVER () AS all_cost, count(*) OVER () AS line_count
    FROM mine m JOIN whole w USING (x_line_hash) JOIN core_cost_line c USING (x_line_hash)
    ORDER BY m.cost DESC, x_line_hash LIMIT $most
"""


def lines(reader: Reader, filters: Filters, day: str) -> Figure:
    """Give the bill lines behind a day, the dearest first: each with its part and its rules."""
    columns = {"cost": filters.cost_column}
    answer = reader.ask(_LINES, columns, **of_team(filters), day=day, most=MOST)
    count, whole = all_of(answer.frame, "line_count")
    more = f" The {MOST} dearest of them are shown." if count > answer.frame.height else ""
    return build(
        reader,
        filters,
        answer,
        name="explain-lines",
        title=f"Bill lines behind {filters.team_text} on {words.day(date.fromisoformat(day))}",
        finding=f"{words.cents(whole, filters.currency)} come from "
        f"{words.plural(count, 'bill line')}.{more}"
        if count
        else "No bill line reached this team on this day.",
        shown=_line_columns(filters.currency),
        total=("All lines", None, None, None, whole, None, None) if not more else (),
        cards=(
            Card("Cost of the day", words.cents(whole, filters.currency), f"{filters.cost} cost"),
            Card("Bill lines", words.count(count)),
        ),
        empty="No bill line reached this team on this day.",
        is_tall=True,
    )


def _line_columns(currency: str) -> tuple[Shown, ...]:
    return (
        Shown("service", "Service"),
        Shown("resource", "Resource"),
        Shown("day_cost", f"The line, this day, {currency}", "exact"),
        Shown("share_ratio", "Part of it", "ratio"),
        Shown("cost", f"Cost, {currency}", "exact"),
        Shown("how", "Reason and rule", "prose"),
        Shown("file_row", "Delivered in"),
    )


def all_of(frame: pl.DataFrame, count: str) -> tuple[int, Decimal | None]:
    """Give how many rows there are, with those that are not shown, and what they cost."""
    if frame.is_empty():
        return 0, None
    number, cost = frame.select(count, "all_cost").row(0)
    return int(number), cost

"""Cost by any two of its dimensions.

Reads    mart_cost_daily_service
Holds    the total row of the pivot is the spend of the period
"""

import polars as pl

from app.figures.cost.compared import compared, stacked_days, sums
from app.figures.cost.spend import GROUPS, both_periods, period
from app.kit import words
from app.kit.figure import Figure, Shown, build, total
from app.kit.filters import Filters
from app.kit.reader import Reader


def daily_by(reader: Reader, filters: Filters, group: str) -> Figure:
    """Give the cost of each day by a dimension: its six dearest values, and the others."""
    answer = reader.ask(
        """
        WITH ranked AS (
          SELECT {group}, row_number() OVER (ORDER BY sum({cost}) DESC, {group}) AS place
          FROM mart_cost_daily_service
          WHERE currency = $currency AND ($team = 'all' OR team = $team)
            AND charge_date BETWEEN $start AND $end
          GROUP BY {group}
        )
        SELECT charge_date, if(place <= 6, {group}, 'Others') AS name,
               min(least(place, 7)) AS place, sum({cost}) AS cost,
               bool_or(is_estimated) AS is_estimated
        FROM mart_cost_daily_service JOIN ranked USING ({group})
        WHERE currency = $currency AND ($team = 'all' OR team = $team)
          AND charge_date BETWEEN $start AND $end
        GROUP BY ALL ORDER BY charge_date, place
        """,
        {"cost": filters.cost_column, "group": group},
        **period(filters),
    )
    frame = answer.frame.with_columns(pl.col("name").replace(words.BUCKETS))
    return stacked_days(reader, filters, answer, frame, ("explore-daily", GROUPS[group].lower()))


def pivot(reader: Reader, filters: Filters, first: str, second: str) -> Figure:
    """Give the cost by two dimensions, with the period before; the total is the spend."""
    answer = reader.ask(
        """
        WITH cell AS (
          SELECT {first} AS first_name, {second} AS second_name,
                 coalesce(sum({cost}) FILTER (charge_date >= $start), 0) AS cost,
                 coalesce(sum({cost}) FILTER (charge_date < $start), 0) AS previous_cost,
                 coalesce(bool_or(is_estimated) FILTER (charge_date >= $start), false)
                   AS is_estimated
          FROM mart_cost_daily_service
          WHERE currency = $currency AND ($team = 'all' OR team = $team)
            AND (charge_date BETWEEN $start AND $end
                 OR charge_date BETWEEN $previous_start AND $previous_end)
          GROUP BY ALL
        )
        SELECT *, cost / nullif(sum(cost) OVER (), 0) AS share_ratio,
               cost - previous_cost AS moved_cost,
               (cost - previous_cost) / abs(nullif(previous_cost, 0)) AS change_ratio
        FROM cell WHERE cost <> 0 OR previous_cost <> 0
        ORDER BY sum(cost) OVER (PARTITION BY first_name) DESC, first_name, cost DESC, second_name
        """,
        {"cost": filters.cost_column, "first": first, "second": second},
        **both_periods(filters),
    )
    frame = answer.frame
    two = (Shown("second_name", GROUPS[second], "entity"),) if second != first else ()
    return build(
        reader,
        filters,
        answer,
        name="pivot",
        title=f"Spend by {GROUPS[first].lower()}"
        + (f" and {GROUPS[second].lower()}" if two else ""),
        finding=f"{words.plural(frame.height, 'row')}; they add up to "
        f"{words.cents(total(frame, 'cost'), filters.currency)}.",
        shown=(
            Shown("first_name", GROUPS[first], "entity"),
            *two,
            Shown("cost", "Spend", "money"),
            Shown("share_ratio", "Share", "share"),
            *compared(filters),
        ),
        total=(
            "Total",
            *(() if not two else (None,)),
            total(frame, "cost"),
            None,
            *sums(frame, filters),
        )
        if frame.height
        else (),
        empty=f"No cost in {filters.period_text}.",
        is_tall=True,
    )

"""Where the money of the bill went, and that none was lost on the way.

Reads    mart_cost_daily_team, mart_reconciliation_daily
Holds    the parts add up to the spend of the period
"""

from decimal import Decimal
from typing import Any, Final

import polars as pl

from app.kit import chart, colours, words
from app.kit.figure import Card, Figure, Shown, build, total
from app.kit.filters import Filters
from app.kit.parameters import bill_days, period
from app.kit.reader import Reader

_TEAMS: Final = "Teams"
MEANINGS: Final = {
    "Idle": "Idle: paid for, and asked for by nobody.",
    "Unallocated": "Unallocated: no rule and no tag names a team.",
    "Unsplit pools": "Unsplit pools: shared cost that stays whole, such as tax.",
    "Without a pod": "Without a pod: volumes that nobody has mounted.",
    "No telemetry": "No telemetry: hours in which nothing was heard of the machine.",
}
"""What a part is that no team bears."""


_PARTS: Final = """
    WITH kind AS (
      SELECT CASE team WHEN '__idle__' THEN 'Idle' WHEN '__unallocated__' THEN 'Unallocated'
                       WHEN '__no_telemetry__' THEN 'No telemetry'
                       WHEN '__unmounted__' THEN 'Without a pod'
                       ELSE if(starts_with(team, '__'), 'Unsplit pools', 'Teams') END AS name,
             {cost} AS cost, direct_cost, shared_cost, is_estimated
      FROM mart_cost_daily_team
      WHERE currency = $currency AND ($team = 'all' OR team = $team)
        AND charge_date BETWEEN $start AND $end
    ), part AS (
      SELECT name || ', direct' AS name, direct_cost AS cost, is_estimated FROM kind
      WHERE name = 'Teams' AND $cost = 'effective'
      UNION ALL
      SELECT name || ', shared pools', shared_cost, is_estimated FROM kind
      WHERE name = 'Teams' AND $cost = 'effective'
      UNION ALL
      SELECT name, cost, is_estimated FROM kind WHERE name <> 'Teams' OR $cost = 'billed'
    )
    SELECT name, sum(cost) AS cost,
           sum(cost) / nullif(sum(sum(cost)) OVER (), 0) AS share_ratio,
           bool_or(is_estimated) AS is_estimated
    FROM part GROUP BY name HAVING sum(cost) <> 0 ORDER BY cost DESC, name
"""


def parts(reader: Reader, filters: Filters) -> Figure:
    """Give the cost of teams (directly, by shared pools), idle, unallocated, and unseen."""
    answer = reader.ask(_PARTS, {"cost": filters.cost_column}, cost=filters.cost, **period(filters))
    return build(
        reader,
        filters,
        answer,
        name="allocation",
        title="Where the money went",
        finding=_finding(answer.frame, filters),
        chart=_chart(answer.frame, filters),
        alt=f"One bar of 100 %: the parts of the {filters.cost} cost, {filters.period_text}",
        shown=(
            Shown("name", "Part"),
            Shown("cost", "Cost", "money"),
            Shown("share_ratio", "Share", "share"),
        ),
        total=("All of the bill", total(answer.frame, "cost"), None) if answer.frame.height else (),
        cards=(_card(answer.frame, filters),),
        note=" ".join(text for name, text in MEANINGS.items() if name in set(answer.frame["name"])),
    )


def _allocated(frame: pl.DataFrame) -> Decimal:
    return total(frame.filter(pl.col("name").str.starts_with(_TEAMS)), "cost")


def _card(frame: pl.DataFrame, filters: Filters) -> Card:
    whole = total(frame, "cost")
    without = whole - _allocated(frame)
    return Card(
        label="Allocated",
        value=words.ratio(float(_allocated(frame) / whole)) if whole else words.NO_DATA,
        note=f"{words.money(without, filters.currency)} without team" if whole else "",
        help="Cost that teams bear, directly or by their part of shared pools, over all cost.",
    )


def _finding(frame: pl.DataFrame, filters: Filters) -> str:
    whole = total(frame, "cost")
    if not whole:
        return f"No cost in {filters.period_text}."
    rest = frame.filter(~pl.col("name").str.starts_with(_TEAMS))
    text = f"{words.ratio(float(_allocated(frame) / whole))} of the spend has a team"
    if rest.is_empty():
        return f"{text}."
    name, cost = rest.select("name", "cost").row(0)
    return f"{text}; most of the rest is {name.lower()}, {words.money(cost, filters.currency)}."


def _chart(frame: pl.DataFrame, filters: Filters) -> chart.Spec | None:
    palette = colours.BUCKETS | {_TEAMS: colours.SERIES[0]}
    order = [name for name in palette if name in set(frame["name"])]
    rows = [
        {
            "name": row["name"],
            "value": max(0.0, float(row["cost"])),
            "place": order.index(row["name"]),
            "label": words.part(row["share_ratio"]),
        }
        for row in frame.to_dicts()
    ]
    return chart.parts(rows, order, palette, chart.money_tip(filters.currency)) if rows else None


def _proof_columns(currency: str) -> tuple[Shown, ...]:
    return (
        Shown("bill_cost", f"Bill, {currency}", "exact"),
        Shown("ledger_cost", f"Ledger, {currency}", "exact"),
        Shown("team_cost", f"Teams, {currency}", "exact"),
        Shown("difference", "Bill \u2212 ledger", "exact"),
        Shown("team_difference", "Bill \u2212 teams", "exact"),
        Shown("line_count", "Bill lines", "count"),
        Shown("ledger_row_count", "Ledger rows", "count"),
    )


_RECONCILIATION: Final = """
    WITH bill AS (
      SELECT coalesce(sum(bill_cost), 0) AS bill_cost,
             coalesce(sum(ledger_cost), 0) AS ledger_cost,
             coalesce(sum(abs(difference)), 0) AS difference, count(*) AS day_count,
             coalesce(sum(line_count), 0)::BIGINT AS line_count,
             coalesce(sum(ledger_row_count), 0)::BIGINT AS ledger_row_count
      FROM mart_reconciliation_daily
      WHERE currency = $currency AND charge_date BETWEEN $start AND $end
    ), team AS (
      SELECT coalesce(sum(effective_cost), 0) AS team_cost FROM mart_cost_daily_team
      WHERE currency = $currency AND charge_date BETWEEN $start AND $end
    )
    SELECT bill_cost, ledger_cost, team_cost, difference,
           bill_cost - team_cost AS team_difference, day_count, line_count, ledger_row_count
    FROM bill, team
"""


def reconciliation(reader: Reader, filters: Filters) -> Figure:
    """Give bill, ledger and marts of the period side by side; the differences must be 0."""
    answer = reader.ask(_RECONCILIATION, **bill_days(filters))
    row = answer.frame.row(0, named=True)
    return build(
        reader,
        filters,
        answer,
        name="reconciliation",
        title="Bill against ledger",
        finding=_proof(row) if row["day_count"] else f"No bill for {filters.period_text}.",
        shown=_proof_columns(filters.currency),
        cards=(_proof_card(row, filters),),
    )


def _is_whole(row: dict[str, Any]) -> bool:
    return not row["difference"] and not row["team_difference"]


def _proof(row: dict[str, Any]) -> str:
    if _is_whole(row):
        lines = words.plural(row["line_count"], "bill line")
        return (
            f"Every cent of {lines} is in the ledger and in the teams' costs: the difference is "
            f"{words.exact(row['difference'])}."
        )
    return (
        f"Bill and ledger differ by {words.exact(row['difference'])}, bill and "
        f"teams' costs by {words.exact(row['team_difference'])}."
    )


def _proof_card(row: dict[str, Any], filters: Filters) -> Card:
    difference = words.exact(row["difference"])
    value, note = ("0", "to the last digit") if _is_whole(row) else (difference, "")
    if not row["day_count"]:
        value, note = words.NO_DATA, ""
    return Card(
        label="Bill \u2212 ledger",
        value=value,
        note=note,
        tone="good" if _is_whole(row) else "bad",
        help=f"Effective cost, {filters.currency}, {filters.period_text}: {difference}.",
    )


_RECONCILIATION_DAYS: Final = """
    SELECT charge_date, bill_cost, ledger_cost, difference, line_count, ledger_row_count
    FROM mart_reconciliation_daily
    WHERE currency = $currency AND charge_date BETWEEN $start AND $end
    ORDER BY charge_date DESC
"""


def reconciliation_days(reader: Reader, filters: Filters) -> Figure:
    """Give the proof day by day."""
    answer = reader.ask(_RECONCILIATION_DAYS, **bill_days(filters))
    broken = answer.frame.filter(pl.col("difference") != 0).height
    return build(
        reader,
        filters,
        answer,
        name="reconciliation-days",
        title="Bill against ledger, day by day",
        finding=f"{words.plural(broken, 'day')} of {answer.frame.height} differ."
        if broken
        else f"No day of {answer.frame.height} differs.",
        shown=(
            Shown("charge_date", "Day", "day"),
            Shown("bill_cost", f"Bill, {filters.currency}", "exact"),
            Shown("ledger_cost", f"Ledger, {filters.currency}", "exact"),
            Shown("difference", "Difference", "exact"),
            Shown("line_count", "Bill lines", "count"),
            Shown("ledger_row_count", "Ledger rows", "count"),
        ),
        is_tall=True,
    )

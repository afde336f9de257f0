"""What was spent, by whom and on what.

Reads    mart_cost_daily_team, mart_cost_daily_service, mart_coverage_team
Units    the chosen currency; effective or billed cost
Holds    every sum of a period equals the card "Spend" of the same choice
"""

from decimal import Decimal
from typing import Final

import polars as pl

from app.figures.cost.compared import spent
from app.kit import chart, colours, words
from app.kit.figure import Card, Figure, Shown, build, chart_rows, total
from app.kit.filters import ALL, Filters
from app.kit.parameters import both_periods, period
from app.kit.reader import Reader

BARS: Final = 10
GROUPS: Final = {
    "team": "Team",
    "namespace": "Namespace",
    "cluster": "Cluster",
    "service_name": "Provider service",
    "provider_name": "Provider",
    "sub_account_id": "Account",
}
"""What cost can be grouped by: the column and its name for people."""


_HEADLINE: Final = """
    SELECT sum({cost}) FILTER (charge_date >= $start) AS cost,
           sum({cost}) FILTER (charge_date < $start) AS previous_cost,
           count(DISTINCT charge_date) FILTER (charge_date >= $start) AS day_count,
           coalesce(bool_or(is_estimated) FILTER (charge_date >= $start), false) AS is_estimated
    FROM mart_cost_daily_team
    WHERE currency = $currency AND ($team = 'all' OR team = $team)
      AND (charge_date BETWEEN $start AND $end
           OR charge_date BETWEEN $previous_start AND $previous_end)
"""


def headline(reader: Reader, filters: Filters) -> Figure:
    """Give the spend of the period, and what it was before; one row."""
    answer = reader.ask(_HEADLINE, {"cost": filters.cost_column}, **both_periods(filters))
    now, before, day_count, _ = answer.frame.row(0)
    return build(
        reader,
        filters,
        answer,
        name="spend",
        title="Spend of the period",
        finding=_spend_finding(now, before, day_count, filters),
        cards=_spend_cards(now, before, day_count, filters),
        shown=(
            Shown("cost", "Spend", "money"),
            Shown("previous_cost", f"Before, {filters.previous_text}", "money"),
            Shown("day_count", "Days with cost", "count"),
        ),
    )


def _spend_finding(
    now: Decimal | None, before: Decimal | None, day_count: int, filters: Filters
) -> str:
    if now is None:
        return f"There is no cost in {filters.period_text} for {filters.team_text}."
    who = "The organisation" if filters.team == ALL else words.entity(filters.team)
    average = words.money(now / max(1, day_count), filters.currency)
    spent = words.money(now, filters.currency)
    text = f"{who} spent {spent} in {filters.period_text}, {average} a day"
    if not filters.is_compared or not before:
        return f"{text}."
    moved = words.signed_money(now - before, filters.currency)
    return f"{text}: {moved} ({words.change(now, before)}) against {filters.previous_text}."


def _spend_cards(
    now: Decimal | None, before: Decimal | None, day_count: int, filters: Filters
) -> tuple[Card, ...]:
    spend = Card(
        label="Spend",
        value=words.money(now, filters.currency),
        note=f"{words.plural(day_count, 'day')}, {filters.cost}",
        help=f"{words.cents(now, filters.currency)} in {filters.period_text}.",
    )
    if not filters.is_compared:
        average = now / max(1, day_count) if now is not None else None
        return (spend, Card("A day", words.money(average, filters.currency), "mean of the period"))
    moved = (now or Decimal(0)) - (before or Decimal(0))
    return (
        spend,
        Card(
            label="Change",
            value=words.change(now, before),
            note=words.signed_money(moved, filters.currency) if before else "",
            direction="up" if moved > 0 else "down" if moved < 0 else "off",
            tone="bad" if moved > 0 else "good" if moved < 0 else "neutral",
            help=f"Against {filters.previous_text}: {words.cents(before, filters.currency)}.",
        ),
    )


_DAILY: Final = """
    WITH ranked AS (
      SELECT team, row_number() OVER (ORDER BY sum(effective_cost) DESC, team) AS place
      FROM mart_cost_daily_team
      WHERE currency = $currency AND NOT starts_with(team, '__') GROUP BY team
    )
    SELECT charge_date,
           CASE WHEN starts_with(team, '__') THEN 'No team'
                WHEN place <= 6 THEN team ELSE 'Other teams' END AS name,
           min(CASE WHEN starts_with(team, '__') THEN 8 ELSE least(place, 7) END) AS place,
           sum({cost}) AS cost, bool_or(is_estimated) AS is_estimated
    FROM mart_cost_daily_team LEFT JOIN ranked USING (team)
    WHERE currency = $currency AND ($team = 'all' OR team = $team)
      AND charge_date BETWEEN $start AND $end
    GROUP BY ALL ORDER BY charge_date, place
"""


def daily(reader: Reader, filters: Filters) -> Figure:
    """Give the cost of each day: the six dearest teams, the other teams, and what has no team."""
    answer = reader.ask(_DAILY, {"cost": filters.cost_column}, **period(filters))
    frame = answer.frame
    named = frame.select("name", "place").unique().sort("place").rows()
    palette = {name: _colour(place) for name, place in named}
    return build(
        reader,
        filters,
        answer,
        name="spend-daily",
        title="Daily spend by team",
        finding=_daily_finding(frame, filters),
        chart=chart.stacked_days(chart_rows(frame), list(palette), palette, filters.currency)
        if named
        else None,
        alt=f"Stacked bars: {filters.cost} cost a day by team, {filters.period_text}",
    )


def _colour(place: int) -> str:
    return (*colours.SERIES, colours.OTHER, colours.UNOWNED)[place - 1]


def _daily_finding(frame: pl.DataFrame, filters: Filters) -> str:
    if frame.is_empty():
        return f"No cost in {filters.period_text}."
    days = frame.group_by("charge_date").agg(pl.col("cost").sum(), pl.col("is_estimated").any())
    top = days.sort("cost", "charge_date", descending=[True, False]).row(0, named=True)
    estimated = days.filter("is_estimated").height
    text = f"The dearest day was {words.day(top['charge_date'])} with "
    text += f"{words.money(top['cost'], filters.currency)}."
    if estimated:
        is_or_are = "is" if estimated == 1 else "are"
        text += f" The last {words.plural(estimated, 'day')} (paler) {is_or_are} estimated."
    return text


_BY_GROUP: Final = """
    SELECT {group} AS name, sum({cost}) AS cost, bool_or(is_estimated) AS is_estimated
    FROM mart_cost_daily_service
    WHERE currency = $currency AND ($team = 'all' OR team = $team)
      AND charge_date BETWEEN $start AND $end
    GROUP BY ALL ORDER BY cost DESC, name
"""


def by_group(reader: Reader, filters: Filters, group: str) -> Figure:
    """Give the cost of the period by one of `GROUPS`, the dearest first."""
    heading = GROUPS[group].lower()
    columns = {"cost": filters.cost_column, "group": group}
    answer = reader.ask(_BY_GROUP, columns, **period(filters))
    drawn = answer.frame.filter(_is_entity()) if group == "namespace" else answer.frame
    top = [(words.entity(name), cost) for name, cost, _ in drawn.head(BARS).rows()]
    return build(
        reader,
        filters,
        answer,
        name=f"spend-by-{group.replace('_', '-')}",
        title=f"Spend by {heading}",
        finding=_group_finding(drawn, group, filters),
        chart=chart.money_bars(top, filters.currency),
        note=_outside(total(answer.frame, "cost") - total(drawn, "cost"), filters.currency),
        alt=f"Bars: {filters.cost} cost by {heading}, the dearest {BARS} at most, "
        f"{filters.period_text}",
    )


def by_namespace(reader: Reader, filters: Filters) -> Figure:
    """Give the cost by namespace."""
    return by_group(reader, filters, "namespace")


def by_service(reader: Reader, filters: Filters) -> Figure:
    """Give the cost by the provider's service."""
    return by_group(reader, filters, "service_name")


def _outside(cost: Decimal, currency: str) -> str:
    """Say what is left out of the bars of namespaces."""
    if not cost:
        return ""
    return (
        f"Not drawn: {words.money(cost, currency)} without a namespace: idle capacity, and what "
        "stands outside clusters."
    )


def _is_entity() -> pl.Expr:
    """Tell names of teams and namespaces from buckets."""
    return pl.col("name").str.contains("^(-$|__)").not_()


def _group_finding(frame: pl.DataFrame, group: str, filters: Filters) -> str:
    named = frame.filter(_is_entity())
    if named.is_empty():
        return f"No cost in {filters.period_text}."
    name, cost, _ = named.row(0)
    whole = total(frame, "cost")
    of = "what namespaces cost" if group == "namespace" else "the spend"
    part = f", {words.part(float(cost / whole))} of {of}" if whole > 0 else ""
    text = (
        f"{words.entity(name)} is the dearest {GROUPS[group].lower()}: "
        f"{words.money(cost, filters.currency)}{part}."
    )
    if frame.height > BARS:
        rest = words.money(total(frame.slice(BARS), "cost"), filters.currency)
        text += f" {frame.height - BARS} more, not drawn: {rest}."
    return text


_TEAMS: Final = f"""
        WITH spent AS (
          {spent("team", "mart_cost_daily_team")}
        )
        SELECT team, cost, cost / nullif(sum(cost) OVER (), 0) AS share_ratio, previous_cost,
               (cost - previous_cost) / abs(nullif(previous_cost, 0)) AS change_ratio,
               coverage_ratio, dark_count, is_estimated
        FROM spent LEFT JOIN mart_coverage_team USING (team)
        ORDER BY starts_with(team, '__'), cost DESC, team
        """  # noqa: S608 - our own parts


def teams(reader: Reader, filters: Filters) -> Figure:
    """Give a row per team: spend, share, before, and coverage; the sum is the spend."""
    answer = reader.ask(_TEAMS, {"cost": filters.cost_column}, **both_periods(filters))
    frame = answer.frame
    owners = frame.filter(~pl.col("team").str.starts_with("__")).height
    return build(
        reader,
        filters,
        answer,
        name="teams",
        title="Every team",
        finding=f"{words.plural(owners, 'team')} had cost; with what no team bears, the rows add "
        "up to the spend.",
        shown=_team_columns(filters),
        total=_team_total(frame, filters) if frame.height else (),
    )


def _team_columns(filters: Filters) -> tuple[Shown, ...]:
    before = (
        Shown("previous_cost", filters.previous_text, "money"),
        Shown("change_ratio", "Change", "change"),
    )
    return (
        Shown("team", "Team", "entity", link="team?team"),
        Shown("cost", "Spend", "money"),
        Shown("share_ratio", "Share", "share"),
        *(before if filters.is_compared else ()),
        Shown("coverage_ratio", "Coverage M7", "ratio", missing="-"),
        Shown("dark_count", "Dark services", "count", missing="-"),
    )


def _team_total(frame: pl.DataFrame, filters: Filters) -> tuple[object, ...]:
    before = (total(frame, "previous_cost"), None) if filters.is_compared else ()
    return ("Total", total(frame, "cost"), None, *before, None, None)

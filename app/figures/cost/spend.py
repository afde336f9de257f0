"""What was spent, by whom, on what, and what moved.

Reads    mart_cost_daily_team, mart_cost_daily_service, mart_coverage_team
Units    the chosen currency; effective or billed cost
Holds    every sum of a period equals the card "Spend" of the same choice
"""

from decimal import Decimal
from typing import Any, Final

import polars as pl

from app.kit import chart, colours, words
from app.kit.figure import Card, Figure, Shown, build, chart_rows, total
from app.kit.filters import ALL, Filters
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


def period(filters: Filters) -> dict[str, Any]:
    """Give the parameters of a question about the period."""
    return {
        "currency": filters.currency,
        "team": filters.team,
        "start": filters.start,
        "end": filters.end,
    }


def both_periods(filters: Filters) -> dict[str, Any]:
    """Give the parameters of a question about the period and the one before."""
    return period(filters) | {
        "previous_start": filters.previous_start,
        "previous_end": filters.previous_end,
    }


def headline(reader: Reader, filters: Filters) -> Figure:
    """Give the spend of the period, and what it was before; one row."""
    answer = reader.ask(
        """
        SELECT sum({cost}) FILTER (charge_date >= $start) AS cost,
               sum({cost}) FILTER (charge_date < $start) AS previous_cost,
               count(DISTINCT charge_date) FILTER (charge_date >= $start) AS day_count,
               coalesce(bool_or(is_estimated) FILTER (charge_date >= $start), false) AS is_estimated
        FROM mart_cost_daily_team
        WHERE currency = $currency AND ($team = 'all' OR team = $team)
          AND (charge_date BETWEEN $start AND $end
               OR charge_date BETWEEN $previous_start AND $previous_end)
        """,
        {"cost": filters.cost_column},
        **both_periods(filters),
    )
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


def daily(reader: Reader, filters: Filters) -> Figure:
    """Give the cost of each day: the six dearest teams, the other teams, and what has no team."""
    answer = reader.ask(
        """
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
        """,
        {"cost": filters.cost_column},
        **period(filters),
    )
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


def by_group(reader: Reader, filters: Filters, group: str) -> Figure:
    """Give the cost of the period by one of `GROUPS`, the dearest first."""
    heading = GROUPS[group].lower()
    answer = reader.ask(
        """
        SELECT {group} AS name, sum({cost}) AS cost, bool_or(is_estimated) AS is_estimated
        FROM mart_cost_daily_service
        WHERE currency = $currency AND ($team = 'all' OR team = $team)
          AND charge_date BETWEEN $start AND $end
        GROUP BY ALL ORDER BY cost DESC, name
        """,
        {"cost": filters.cost_column, "group": group},
        **period(filters),
    )
    drawn = answer.frame
    if group == "namespace":
        drawn = drawn.filter(_is_entity())
    outside = total(answer.frame, "cost") - total(drawn, "cost")
    return build(
        reader,
        filters,
        answer,
        name=f"spend-by-{group.replace('_', '-')}",
        title=f"Spend by {heading}",
        finding=_group_finding(drawn, group, filters),
        chart=_bars(drawn, filters),
        note=f"Not drawn: {words.money(outside, filters.currency)} without a namespace: idle "
        "capacity, and what stands outside clusters."
        if outside
        else "",
        alt=f"Bars: {filters.cost} cost by {heading}, the dearest {BARS} at most, "
        f"{filters.period_text}",
    )


def by_namespace(reader: Reader, filters: Filters) -> Figure:
    """Give the cost by namespace."""
    return by_group(reader, filters, "namespace")


def by_service(reader: Reader, filters: Filters) -> Figure:
    """Give the cost by the provider's service."""
    return by_group(reader, filters, "service_name")


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


def _bars(frame: pl.DataFrame, filters: Filters) -> chart.Spec | None:
    """Draw the dearest ten."""
    if frame.is_empty():
        return None
    top = frame.head(BARS).select("name", "cost").rows()
    return chart.bars(
        [
            {
                "name": words.entity(name),
                "value": float(cost),
                "label": words.money(cost, filters.currency),
            }
            for name, cost in top
        ],
        chart.money_tip(filters.currency),
    )


def movers(reader: Reader, filters: Filters) -> Figure:
    """Give the five teams (of one team: namespaces) that rose most, and the five that fell most."""
    group = "team" if filters.team == ALL else "namespace"
    answer = reader.ask(
        """
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
        """,
        {"cost": filters.cost_column, "group": group},
        **both_periods(filters),
    )
    return build(
        reader,
        filters,
        answer,
        name="movers",
        title=f"What moved, by {group}",
        finding=_movers_finding(answer.frame, filters),
        chart=_movers_chart(answer.frame, filters) if filters.is_compared else None,
        alt=f"Diverging bars: change of cost by {group} against {filters.previous_text}",
        empty=_movers_finding(answer.frame, filters),
    )


def _movers_chart(frame: pl.DataFrame, filters: Filters) -> chart.Spec | None:
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


def _movers_finding(frame: pl.DataFrame, filters: Filters) -> str:
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


def teams(reader: Reader, filters: Filters) -> Figure:
    """Give a row per team: spend, share, before, and coverage; the sum is the spend."""
    answer = reader.ask(
        """
        WITH spent AS (
          SELECT team, coalesce(sum({cost}) FILTER (charge_date >= $start), 0) AS cost,
                 coalesce(sum({cost}) FILTER (charge_date < $start), 0) AS previous_cost,
                 coalesce(bool_or(is_estimated) FILTER (charge_date >= $start), false)
                   AS is_estimated
          FROM mart_cost_daily_team
          WHERE currency = $currency AND ($team = 'all' OR team = $team)
            AND (charge_date BETWEEN $start AND $end
                 OR charge_date BETWEEN $previous_start AND $previous_end)
          GROUP BY team
        )
        SELECT team, cost, cost / nullif(sum(cost) OVER (), 0) AS share_ratio, previous_cost,
               (cost - previous_cost) / abs(nullif(previous_cost, 0)) AS change_ratio,
               coverage_ratio, dark_count, is_estimated
        FROM spent LEFT JOIN mart_coverage_team USING (team)
        ORDER BY starts_with(team, '__'), cost DESC, team
        """,
        {"cost": filters.cost_column},
        **both_periods(filters),
    )
    frame = answer.frame
    owners = frame.filter(~pl.col("team").str.starts_with("__")).height
    before = (
        Shown("previous_cost", f"{filters.previous_text}", "money"),
        Shown("change_ratio", "Change", "change"),
    )
    sums = (total(frame, "previous_cost"), None)
    return build(
        reader,
        filters,
        answer,
        name="teams",
        title="Every team",
        finding=f"{words.plural(owners, 'team')} had cost; with what no team bears, the rows add "
        "up to the spend.",
        shown=(
            Shown("team", "Team", "entity", link="team?team"),
            Shown("cost", "Spend", "money"),
            Shown("share_ratio", "Share", "share"),
            *(before if filters.is_compared else ()),
            Shown("coverage_ratio", "Coverage M7", "ratio", missing="-"),
            Shown("dark_count", "Dark services", "count", missing="-"),
        ),
        total=(
            "Total",
            total(frame, "cost"),
            None,
            *(sums if filters.is_compared else ()),
            None,
            None,
        )
        if frame.height
        else (),
    )

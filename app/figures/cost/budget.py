"""What was budgeted, spent, and is expected at month end.

Reads    mart_budget
Units    effective cost, of the month the budget is for
"""

from decimal import Decimal
from typing import Final

import polars as pl

from app.kit import chart, words
from app.kit.figure import Card, Figure, Shown, Tone, build, total
from app.kit.filters import Filters
from app.kit.parameters import of_team
from app.kit.reader import Reader

CARD: Final = "Budgeted teams"


_AGAINST_BUDGET: Final = """
    SELECT period, team, budget_cost, spent_cost, forecast_cost,
           spent_cost / nullif(budget_cost, 0) AS spent_ratio,
           forecast_cost / nullif(budget_cost, 0) AS forecast_ratio,
           burn, elapsed_days, period_days, state,
           CASE state WHEN 'ok' THEN 'within budget' WHEN 'over' THEN 'over budget'
                      ELSE 'heading over budget' END AS standing
    FROM mart_budget
    WHERE currency = $currency AND ($team = 'all' OR team = $team)
      AND period = (SELECT max(period) FROM mart_budget WHERE currency = $currency)
    ORDER BY forecast_ratio DESC NULLS LAST, team
"""


_MONEY: Final = ("spent_cost", "forecast_cost", "budget_cost")
_COLUMNS: Final = (
    Shown("team", "Team", "entity", link="team?team"),
    Shown("spent_cost", "Spent", "money"),
    Shown("forecast_cost", "Forecast", "money"),
    Shown("budget_cost", "Budget", "money"),
    Shown("burn", "Burn", "number"),
    Shown("standing", "State", "state"),
)


def against_budget(reader: Reader, filters: Filters) -> Figure:
    """Give each budget of the latest month: spent, forecast at month end, burn; the worst first."""
    answer = reader.ask(_AGAINST_BUDGET, **of_team(filters))
    frame = answer.frame
    return build(
        reader,
        filters,
        answer,
        name="budgets",
        title=f"Budgets of {words.month(frame['period'][0])}" if frame.height else "Budgets",
        finding=_finding(frame, filters.currency),
        chart=_chart(frame, filters.currency),
        alt="Bars: spent (solid) and forecast at month end (pale) as parts of each team's budget "
        "(dashed line), the worst first",
        shown=_COLUMNS,
        total=("All budgets", *(total(frame, name) for name in _MONEY), None, None)
        if frame.height
        else (),
        cards=(_card(frame, filters.currency),),
        note="Burn: a pace of 1 ends the month exactly in budget.",
        empty="No budget is set. They stand in the ownership file, a sum per team and month.",
    )


def _against(frame: pl.DataFrame, column: str, currency: str) -> list[str]:
    """Write each team with its cost and its budget."""
    return [
        f"{words.entity(team)} ({words.money(cost, currency)} of {words.money(budget, currency)})"
        for team, cost, budget in frame.select("team", column, "budget_cost").rows()
    ]


def _finding(frame: pl.DataFrame, currency: str) -> str:
    if frame.is_empty():
        return "No budget is set for this choice."
    over = _against(frame.filter(pl.col("state") == "over"), "spent_cost", currency)
    at_risk = _against(frame.filter(pl.col("state") == "at_risk"), "forecast_cost", currency)
    texts = [
        f"{text}: {words.listed(names)}"
        for names, text in ((over, "Over budget already"), (at_risk, "Heading over budget"))
        if names
    ]
    elapsed, days = frame.select("elapsed_days", "period_days").row(0)
    day = f"after {elapsed} of {days} days"
    return f"{'; '.join(texts) or 'Every team is within budget'}, {day}."


def _card(frame: pl.DataFrame, currency: str) -> Card:
    budget, forecast = total(frame, "budget_cost"), total(frame, "forecast_cost")
    if not budget:
        return Card(CARD, words.NO_DATA, "no budget is set")
    left = budget - forecast
    tone: Tone = "bad" if left < 0 else "good"
    verb = "over" if left < 0 else "under"
    return Card(
        label=CARD,
        value=words.money(forecast, currency),
        note=f"{words.money(abs(left), currency)} {verb} budget at month end",
        tone=tone,
        help=f"Budgets of {words.month(frame['period'][0])}: {words.cents(budget, currency)}; "
        f"spent so far: {words.cents(total(frame, 'spent_cost'), currency)}. "
        "Teams without a budget are in neither.",
    )


def _chart(frame: pl.DataFrame, currency: str) -> chart.Spec | None:
    rows = [
        {
            "name": words.entity(row["team"]),
            "state": row["state"],
            "spent_ratio": row["spent_ratio"],
            "forecast_ratio": row["forecast_ratio"],
            "furthest": max(row["spent_ratio"], row["forecast_ratio"]),
            "spent": float(row["spent_cost"]),
            "forecast": float(row["forecast_cost"]),
            "budget": float(row["budget_cost"]),
            "label": f"{words.ratio(row['forecast_ratio'])}",
        }
        for row in frame.drop_nulls(["spent_ratio", "forecast_ratio"]).to_dicts()
    ]
    return chart.bullets(rows, currency) if rows else None


def daily_budget(reader: Reader, filters: Filters) -> Decimal | None:
    """Give the budget a day of one team in its latest month; None without a budget."""
    frame = against_budget(reader, filters).data
    if frame.height != 1:
        return None
    budget: Decimal = frame["budget_cost"][0]
    return budget / int(frame["period_days"][0])

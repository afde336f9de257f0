"""What the month will cost, how sure that is, and what is out of the ordinary.

Reads    mart_forecast, mart_cost_anomaly
Units    effective cost
"""

from decimal import Decimal
from typing import Final

import polars as pl

from app.kit import words
from app.kit.figure import Card, Figure, Shown, build, total
from app.kit.filters import Filters
from app.kit.parameters import of_team, period
from app.kit.reader import Reader

_FORECAST: Final = """
    SELECT period, team, spent_cost, forecast_cost, low_cost, high_cost, error_ratio,
           backtest_count, elapsed_days, period_days
    FROM mart_forecast
    WHERE currency = $currency AND ($team = 'all' OR team = $team)
    ORDER BY forecast_cost DESC, team
"""


_FORECAST_COLUMNS: Final = (
    Shown("team", "Team", "entity", link="team?team"),
    Shown("spent_cost", "So far", "money"),
    Shown("forecast_cost", "Month end", "money"),
    Shown("low_cost", "Low (1 in 10 below)", "money"),
    Shown("high_cost", "High (1 in 10 above)", "money"),
    Shown("error_ratio", "Usual error", "ratio"),
    Shown("backtest_count", "Backtests", "count"),
)


def forecast(reader: Reader, filters: Filters) -> Figure:
    """Give each team's cost at month end with its interval of 80 %, the dearest first."""
    answer = reader.ask(_FORECAST, **of_team(filters))
    frame = answer.frame
    spent, whole = total(frame, "spent_cost"), total(frame, "forecast_cost")
    return build(
        reader,
        filters,
        answer,
        name="forecast",
        title=f"Where {words.month(frame['period'][0]) if frame.height else 'the month'} ends",
        finding=_finding(frame, whole, filters),
        shown=_FORECAST_COLUMNS,
        total=("All", spent, whole, None, None, None, None) if frame.height else (),
        cards=(_card(frame, spent, whole, filters.currency),),
        note="Weekday medians of four weeks and their trend; the interval is that of the same "
        "forecast tried on earlier days. Estimated days are forecast, not counted.",
        empty="No complete day of cost yet; the last days of a bill are estimated.",
        is_tall=True,
    )


def _card(frame: pl.DataFrame, spent: Decimal, whole: Decimal, currency: str) -> Card:
    if frame.is_empty():
        return Card("Month end", words.NO_DATA)
    so_far = f"expected; {words.money(spent, currency)} so far"
    return Card("Month end", words.money(whole, currency), so_far)


def _finding(frame: pl.DataFrame, whole: Decimal, filters: Filters) -> str:
    if frame.is_empty():
        return "No complete day of cost yet."
    elapsed, days = frame.select("elapsed_days", "period_days").row(0)
    text = (
        f"{words.money(whole, filters.currency)} expected by month end, after {elapsed} of {days}"
    )
    if frame.height == 1 and frame["low_cost"][0] is not None:
        low, high = (words.money(frame[name][0], filters.currency) for name in _ENDS)
        return f"{text} days: between {low} and {high} in 8 of 10 cases."
    return f"{text} complete days."


_ENDS = ("low_cost", "high_cost")


def anomalies(reader: Reader, filters: Filters) -> Figure:
    """Give the unusual days of services of teams, the latest and dearest first."""
    return _unusual(reader, filters, "team")


def runaways(reader: Reader, filters: Filters) -> Figure:
    """Give the namespaces whose cost runs away, the latest and dearest first."""
    return _unusual(reader, filters, "namespace")


_UNUSUAL: Final = """
    SELECT charge_date, team, service_name, cluster, namespace, effective_cost, expected_cost,
           impact_cost, impact_cost / nullif(abs(expected_cost), 0) AS rise_ratio, score,
           day_count, drivers
    FROM mart_cost_anomaly
    WHERE currency = $currency AND scope = $scope
      AND ($team = 'all' OR team = $team OR (scope = 'namespace' AND drivers LIKE $like))
      AND charge_date BETWEEN $start AND $end
    ORDER BY charge_date DESC, impact_cost DESC, team, service_name, cluster, namespace
"""


_NAMES: Final = {
    "team": ("anomalies", "Out of the ordinary"),
    "namespace": ("runaways", "Namespaces that run away"),
}
_WHO: Final = {
    "team": (Shown("team", "Team", "entity", link="team?team"), Shown("service_name", "Service")),
    "namespace": (Shown("cluster", "Cluster", "entity"), Shown("namespace", "Namespace", "entity")),
}


def _unusual(reader: Reader, filters: Filters, scope: str) -> Figure:
    answer = reader.ask(_UNUSUAL, scope=scope, like=f"%{filters.team} / %", **period(filters))
    name, title = _NAMES[scope]
    return build(
        reader,
        filters,
        answer,
        name=name,
        title=title,
        finding=_reported(answer.frame, filters, scope),
        shown=(
            Shown("charge_date", "Day", "day"),
            *_WHO[scope],
            Shown("effective_cost", "Cost", "money"),
            Shown("expected_cost", "Expected", "money"),
            Shown("impact_cost", "More", "money"),
            Shown("rise_ratio", "Rise", "change"),
            Shown("day_count", "Days", "count"),
            Shown("drivers", "What rose most", "prose"),
        ),
        note="Expected: the median of the same weekday in the six weeks before. Told are rises far "
        "beyond the usual spread, on two days or on one that is very far out.",
        empty="No unusual rise in this period. It takes three weeks of cost to know what is usual.",
        is_tall=True,
    )


def _reported(frame: pl.DataFrame, filters: Filters, scope: str) -> str:
    if frame.is_empty():
        return f"No unusual rise in {filters.period_text}."
    worst = frame.sort("impact_cost", descending=True, maintain_order=True).row(0, named=True)
    name = words.entity(worst[scope]) + (f" ({worst['service_name']})" if scope == "team" else "")
    count = frame.select("team", "service_name", "cluster", "namespace").unique().height
    what = ("service of a team", "services of teams") if scope == "team" else ("namespace", None)
    return (
        f"{words.plural(count, *what)} rose beyond the usual; the largest is {name} "
        f"on {words.day(worst['charge_date'])}, "
        f"{words.money(worst['impact_cost'], filters.currency)} more than expected."
    )

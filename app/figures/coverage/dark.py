"""What the services that cannot be seen cost, and how cost stands beside a service.

Reads    mart_coverage_service, mart_service_cost
Holds    amounts of two currencies are never added: a sum is of one billing currency, or of the
         report currency where every part of it is converted
"""

from decimal import Decimal
from typing import Final

import polars as pl

from app.kit import chart, colours, words
from app.kit.figure import Figure, Shown, build, total
from app.kit.filters import Filters
from app.kit.parameters import of_services
from app.kit.reader import Reader

COSTS: Final = """LEFT JOIN (
      SELECT service_namespace, service_name, environment,
             sum(monthly_cost) FILTER (currency = $currency) AS monthly_cost,
             string_agg(currency || ' ' || round(monthly_cost, 2), ', ' ORDER BY currency)
               FILTER (currency <> $currency) AS other_cost
      FROM mart_service_cost GROUP BY ALL
    ) AS c USING (service_namespace, service_name, environment)"""
"""Joins what a service costs: in the chosen currency, and written out what it costs in others."""


def cost_columns(frame: pl.DataFrame) -> tuple[Shown, ...]:
    """Give the columns of cost; that of other currencies only where there are any."""
    own = Shown("monthly_cost", "Cost a month", "money")
    if frame["other_cost"].null_count() == frame.height:
        return (own,)
    return own, Shown("other_cost", "In other currencies")


_COSTS: Final = """
    SELECT c.currency, count(*) AS service_count, sum(c.monthly_cost) AS monthly_cost,
           c.report_currency,
           CASE WHEN count(report_cost) = count(*) THEN sum(report_cost) END AS report_cost
    FROM mart_coverage_service AS s
    JOIN mart_service_cost AS c USING (service_namespace, service_name, environment)
    WHERE state = 'dark' AND ($team = 'all' OR team = $team)
      AND ($environment = 'all' OR environment = $environment)
    GROUP BY c.currency, c.report_currency
    ORDER BY c.currency <> $currency, c.currency
"""


def costs(reader: Reader, filters: Filters) -> Figure:
    """Give what dark services cost a month, a row per currency; the chosen one first."""
    answer = reader.ask(_COSTS, **of_services(filters), currency=filters.currency)
    text = cost_text_of(answer.frame)
    return build(
        reader,
        filters,
        answer,
        name="dark-costs",
        title="Cost of dark services, by currency",
        finding=f"Dark services cost {text} a month." if text else "No dark service has a cost.",
        shown=(
            Shown("currency", "Currency", "code"),
            Shown("service_count", "Dark services with cost", "count"),
            Shown("monthly_cost", "Cost a month", "amount"),
            *(
                (Shown("report_cost", f"In {answer.frame['report_currency'][0]}", "amount"),)
                if answer.frame["report_cost"].count()
                else ()
            ),
        ),
        empty="No dark service has a known cost.",
    )


def cost_text(made: Figure) -> str:
    """Write the cost of dark services, whatever the currencies; nothing without a cost."""
    return cost_text_of(made.data)


def cost_text_of(frame: pl.DataFrame) -> str:
    """Write costs by currency: in the report currency where all are converted, else each."""
    if frame.is_empty():
        return ""
    if not frame["report_cost"].null_count():
        return words.money(total(frame, "report_cost"), frame["report_currency"][0])
    return words.listed(
        [
            words.money(row["monthly_cost"], row["currency"])
            for row in frame.to_dicts()
            if row["monthly_cost"]
        ]
        or ["-"]
    )


def in_words(frame: pl.DataFrame, currency: str) -> str:
    """Write the sum of the chosen currency, and that there is cost in others."""
    cost: Decimal = total(frame, "monthly_cost")
    others = frame["other_cost"].count()
    also = f"{words.plural(others, 'service')} also in other currencies" if others else ""
    own = words.money(cost, currency) if cost else ""
    return f"{own} ({also})" if own and also else own or (f"cost of {also}" if also else "")


_DARK: Final = f"""
    SELECT service_name, service_namespace, environment, team, tier, c.monthly_cost, other_cost
    FROM mart_coverage_service AS s
    {COSTS}
    WHERE state = 'dark' AND ($team = 'all' OR team = $team)
      AND ($environment = 'all' OR environment = $environment)
    ORDER BY c.monthly_cost DESC NULLS LAST, service_namespace, service_name, environment
"""  # noqa: S608 - our own text


def dark(reader: Reader, filters: Filters) -> Figure:
    """Give the services that cost money and cannot be seen, the dearest first."""
    answer = reader.ask(_DARK, **of_services(filters), currency=filters.currency)
    dearest = answer.frame.drop_nulls("monthly_cost").select("service_name", "monthly_cost")
    bars = [(name, cost) for name, cost in dearest.head(12).rows() if cost]
    return build(
        reader,
        filters,
        answer,
        name="dark-services",
        title="Dark services, by what they cost",
        finding=_finding(answer.frame, cost_text(costs(reader, filters))),
        chart=chart.money_bars(bars, filters.currency, colours.STATES["dark"]),
        alt=f"Bars: monthly cost in {filters.currency} of services that send no telemetry",
        note=_elsewhere(answer.frame, filters.currency),
        empty="No service is dark, or none has a known cost.",
    )


def _finding(frame: pl.DataFrame, cost: str) -> str:
    if frame.is_empty():
        return "No service is dark."
    return (
        f"{words.plural(frame.height, 'service')} cannot be seen in an incident; "
        f"their cost a month: {cost or words.NO_DATA}."
    )


def _elsewhere(frame: pl.DataFrame, currency: str) -> str:
    others = frame["other_cost"].count()
    if not others:
        return ""
    return f"Bars are in {currency}; {words.plural(others, 'service')} also cost in another."

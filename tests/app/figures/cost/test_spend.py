"""Spend: one sum by every grouping, one currency at a time."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from app.figures.cost import allocation, explore, hierarchy, spend, team
from app.kit.choices import choices, first_look
from app.kit.reader import Reader
from meterbook.base.home import Home
from tests.app.looks import looks, opened


def test_spend_is_the_sum_of_the_days(book: Any, reader: Reader) -> None:
    """The card, the team table, the parts, both groupings and the pivot give one sum."""
    for filters in looks(reader):
        want = book.sum(filters.start, filters.end, None if filters.team == "all" else filters.team)
        if filters.cost == "billed":
            want *= 2

        sums = {
            "card": spend.headline(reader, filters).data["cost"][0],
            "days": spend.daily(reader, filters).data["cost"].sum(),
            "namespaces": spend.by_namespace(reader, filters).data["cost"].sum(),
            "teams": spend.teams(reader, filters).total[1],
            "parts": allocation.parts(reader, filters).total[1],
            "pivot": explore.pivot(reader, filters, "team", "service_name").data["cost"].sum(),
            "trend": team.trend(reader, filters).data["cost"].sum(),
            "departments": hierarchy.by_level(reader, filters, "department").total[2],
            "cost centres": hierarchy.daily_by_level(reader, filters, "cost_center")
            .data["cost"]
            .sum(),
        }

        assert set(sums.values()) == {want}


def test_the_change_is_against_the_period_before(book: Any, reader: Reader) -> None:
    """(a - b) / b, by hand."""
    filters = first_look(reader)
    now = book.sum(filters.start, filters.end)
    before = book.sum(filters.previous_start, filters.previous_end)
    percent = ((now - before) / before * 100).quantize(Decimal("0.1"))

    card = spend.headline(reader, filters).cards[1]

    assert card.value == f"+{percent} %"
    assert card.tone == "bad"


def test_a_bucket_is_no_team(reader: Reader) -> None:
    """The dearest team is a team, however much is idle."""
    made = spend.by_group(reader, first_look(reader), "team")

    assert "dearest team" in made.finding
    assert not made.finding.startswith(("Idle", "Unallocated", "No telemetry"))


def test_currencies_are_never_added(publish_rows: Any, tmp_path: Any) -> None:
    """Each currency has its own figures; the dearest is shown first."""
    day = date(2026, 11, 22)
    rows = [
        {
            "charge_date": day,
            "team": "a",
            "currency": currency,
            "direct_cost": cost,
            "effective_cost": cost,
            "billed_cost": cost,
        }
        for currency, cost in (("USD", Decimal(7)), ("EUR", Decimal(11)))
    ]
    bills = [
        {"charge_date": day, "currency": row["currency"], "bill_cost": row["effective_cost"]}
        for row in rows
    ]
    publish_rows(Home(tmp_path), {"mart_cost_daily_team": rows, "mart_reconciliation_daily": bills})
    reader = opened(Home(tmp_path))

    look = first_look(reader)

    assert choices(reader).currencies == ("EUR", "USD")
    assert spend.headline(reader, look).cards[0].value == "€11"
    assert spend.headline(reader, replace(look, currency="USD")).cards[0].value == "$7"

"""What dark services cost."""

from dataclasses import replace
from decimal import Decimal

import polars as pl

from app.figures.coverage import coverage, dark
from app.kit.choices import first_look
from app.kit.reader import Reader


def test_dark_cost_is_never_added_over_currencies(reader: Reader) -> None:
    """Two dark services cost 400 dollars each, one of them 300 euros too: no sum of the two."""
    dollars = first_look(reader)
    euros = replace(dollars, currency="EUR")

    made, other = coverage.headline(reader, dollars), coverage.headline(reader, euros)

    assert made.cards[1].note == "$800 and €300 a month"
    assert other.cards[1].note == "€300 and $800 a month"
    assert dark.costs(reader, dollars).data.select("currency", "monthly_cost").rows() == [
        ("USD", Decimal(800)),
        ("EUR", Decimal(300)),
    ]
    columns = ["service_name", "monthly_cost", "other_cost"]
    assert dark.dark(reader, euros).data.select(columns).rows() == [
        ("payments-svc-4", Decimal(300), "USD 400.00"),
        ("growth-svc-4", None, "USD 400.00"),
    ]
    assert "their cost a month: €300 and $800." in dark.dark(reader, euros).finding


def test_dark_cost_is_one_sum_in_the_report_currency() -> None:
    """Where every part is converted the sum is told in the report currency; else each part."""
    rows = {
        "currency": ["EUR", "USD"],
        "monthly_cost": [Decimal(300), Decimal(800)],
        "report_currency": ["USD", "USD"],
    }

    whole = pl.DataFrame({**rows, "report_cost": [Decimal(330), Decimal(800)]})
    part = pl.DataFrame({**rows, "report_cost": [None, Decimal(800)]})

    assert dark.cost_text_of(whole) == "$1.13k"
    assert dark.cost_text_of(part) == "€300 and $800"

"""The bill beside the ledger."""

from datetime import date
from decimal import Decimal
from typing import Any

from app.figures.cost import allocation
from app.kit.choices import first_look
from app.kit.reader import Reader
from meterbook.base.home import Home
from tests.app.looks import opened


def test_the_difference_reads_zero_to_the_last_digit(reader: Reader) -> None:
    """Nothing rounds on the way to the proof."""
    made = allocation.reconciliation(reader, first_look(reader))

    assert "0.000000000000" in made.finding
    assert made.cards[0].value == "0"


def test_a_lost_atom_is_seen(publish_rows: Any, tmp_path: Any) -> None:
    """A ledger that lacks 1e-12 of the bill does not read as 0."""
    row = {
        "charge_date": date(2026, 11, 22),
        "currency": "USD",
        "bill_cost": Decimal("5.000000000001"),
        "ledger_cost": Decimal(5),
        "difference": Decimal("0.000000000001"),
        "line_count": 1,
    }
    publish_rows(Home(tmp_path), {"mart_reconciliation_daily": [row]})
    reader = opened(Home(tmp_path))

    made = allocation.reconciliation(reader, first_look(reader))

    assert made.cards[0].value == "0.000000000001"
    assert made.cards[0].tone == "bad"

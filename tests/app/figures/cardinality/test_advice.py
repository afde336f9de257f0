"""What to do first."""

from decimal import Decimal

from app.figures.cardinality import advice
from app.kit.choices import first_look
from app.kit.reader import Reader


def test_the_list_of_what_to_do_first(reader: Reader) -> None:
    """What to do, what it saves of all, how sure that is, and what must be known before."""
    made = advice.advice(reader, first_look(reader))

    row = made.data.row(0, named=True)
    assert row["change"] == "Keep the top values of user_id"
    assert row["verdict"] == "loses detail"
    assert row["warning"] == (
        "user_id explains 8,000 more series in 14 days. All others become `other`. "
        "Used by shop.json: Carts."
    )
    assert made.finding == (
        "First: keep the top values of user_id of checkout.cart.events ($48.6 a month). "
        "All of the list saves $48.6 a month."
    )
    assert made.cards[0].value == "$48.6"
    assert made.cards[0].note.endswith("of all, 1 change")
    assert made.total[6] == Decimal("48.585")

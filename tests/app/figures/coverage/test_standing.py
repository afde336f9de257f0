"""The figures beside M7."""

from dataclasses import replace

from app.figures.coverage import standing
from app.kit.choices import first_look
from app.kit.reader import Reader


def test_the_figures_beside_the_headline(reader: Reader, empty_reader: Reader) -> None:
    """Rounded down; the inventory's change and the cap of the letter are said."""
    made = standing.standing(reader, first_look(reader))
    payments = standing.standing(reader, replace(first_look(reader), team="payments"))

    assert [(card.label, card.value, card.note) for card in made.cards] == [
        ("Inventory", "30 services", "+3 since 22 Nov 2026"),
        ("Weighted index", "87.6 %", "by tier, with credit for each signal"),
        ("All three signals", "70.0 %", "whatever the kind of service"),
        ("Continuity, 7 days", "99.0 %", "1 service with gaps"),
        ("Grade", "C", "score 83.19, capped: a tier-1 service misses a signal"),
    ]
    assert payments.cards[4].note == "score 91.00, excellent"
    assert standing.standing(empty_reader, first_look(empty_reader)).cards == ()

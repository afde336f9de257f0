"""Budgets."""

from app.figures.cost import budget
from app.kit.choices import first_look
from app.kit.reader import Reader


def test_the_team_over_budget_is_named(reader: Reader) -> None:
    """Spent over budget and forecast over budget are two different sentences."""
    made = budget.against_budget(reader, first_look(reader))

    assert "Over budget already: search" in made.finding
    assert "Heading over budget: payments" in made.finding

"""What moved."""

from datetime import date

from app.figures.cost import movers
from app.kit.choices import can_compare
from app.kit.filters import Filters, days_of
from app.kit.reader import Reader


def test_nothing_to_compare_with_is_said(reader: Reader) -> None:
    """Where the earlier period has no cost there is no movement and no infinity."""
    filters = Filters(*days_of("90d", date(2026, 11, 22)))

    made = movers.movers(reader, filters)

    assert not can_compare(reader, filters)

    assert made.chart is None
    assert "no cost" in made.finding.lower()

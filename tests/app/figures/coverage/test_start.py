"""What a new book lacks."""

from pathlib import Path

from app.figures.coverage import start
from app.kit.choices import first_look
from app.kit.reader import Reader

ROOT = Path(__file__).parents[4]


def test_a_new_book_says_what_is_still_to_do(reader: Reader, empty_reader: Reader) -> None:
    """Each of the four things that a book needs is told until it is there, then no more."""
    new = start.still_to_do(empty_reader, first_look(empty_reader))
    full = start.still_to_do(reader, first_look(reader))

    assert new.data["what"].to_list() == ["Bills", "Telemetry", "Owners", "Inventory"]
    assert new.finding == "The book has no bills, telemetry, owners and inventory yet."
    assert "Owners" not in full.data["what"].to_list()
    assert [path for path in new.data["guide"] if not (ROOT / path).exists()] == []

"""What is made before the first reader comes: the figures of the first look, of every page."""

from app import place
from app.choices import first_look
from app.figure import figure
from app.report import SECTIONS
from meterbook.errors import NothingPublishedError


def up() -> None:
    """Open the snapshot and make the figures a reader sees who chose nothing."""
    try:
        reader = place.open_reader()
    except NothingPublishedError:
        return
    filters = first_look(reader)
    for section in SECTIONS:
        for row in (section.cards, *section.rows):
            for make in row:
                figure(make, reader, filters)

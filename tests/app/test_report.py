"""The report: its parts."""

from app.kit.choices import first_look
from app.kit.figure import figure
from app.kit.reader import Reader
from app.report import SECTIONS


def test_every_part_of_the_report_is_made_once(reader: Reader) -> None:
    """A chart's place in the report is found by its name, so names are unique."""
    names = [
        figure(make, reader, first_look(reader)).name
        for section in SECTIONS
        for row in section.rows
        for make in row
    ]

    assert len(names) == len(set(names))

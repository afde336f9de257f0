"""Changes of closed months."""

from dataclasses import replace

from app.figures.cost import adjusted
from app.kit.choices import first_look
from app.kit.figure import figure
from app.kit.reader import Reader


def test_changes_of_closed_months_name_their_cause(reader: Reader) -> None:
    """Of all teams both, the greater first; of one team its own; by delivery or by rules."""
    look = first_look(reader)
    name = "![x](http://evil.invalid/a.png)<img src=x onerror=alert(1)>$a$"

    both = figure(adjusted.adjustments, reader, look)
    mine = figure(adjusted.adjustments, reader, replace(look, team="payments", cost="billed"))

    assert both.data.select("team", "what", "why").rows() == [
        ("search", "Amazon S3, Usage, c/find", "rules r2 in place of r1"),
        ("payments", f"{name}, Usage", "restatement by delivery d41f in place of c30e"),
    ]
    assert both.finding == "2 changes of 2026-10: \u22124.500000000001 USD."
    assert mine.finding == "1 change of 2026-10: 3.000000000000 USD."

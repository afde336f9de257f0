"""M7, and what to fix first."""

from dataclasses import replace

from app.figures.coverage import coverage
from app.fixes import fix_panel
from app.kit.choices import first_look
from app.kit.reader import Reader


def test_m7_is_pooled(reader: Reader) -> None:
    """24 of 30 services: 80.0 %, and 5 more reach 95 % (29 of 30 are 96.7 %)."""
    made = coverage.headline(reader, first_look(reader))

    assert made.cards[0].value == "80.0 %"
    assert "5 more would reach the target of 95.0 %" in made.finding


def test_a_fix_tells_what_it_helps(reader: Reader) -> None:
    """All teams: 24 of 30 and one more are 83.3 %; payments' own first: 3 of 5 and one are 80 %."""
    everybody = coverage.fixes(reader, first_look(reader))
    own = coverage.fixes(reader, replace(first_look(reader), team="payments"))

    assert "adds +3.3 pp to M7, which is then 83.3 %" in everybody.finding
    assert "adds +20.0 pp to M7, which is then 80.0 %" in own.finding
    assert own.data["team_ratio_after"].to_list() == [0.8, 1.0]
    text = fix_panel.gain_text(own.data.row(0, named=True))
    assert "It misses traces. Mended, it adds +20.0 pp to the coverage of payments" in text

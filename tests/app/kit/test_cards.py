"""Cards as HTML."""

from app.kit import cards
from app.kit.figure import Card


def test_a_card_is_whole_and_plain_text() -> None:
    """A long note is all there, an arrow stands beside its colour, and names are no HTML."""
    note = "score 92.47, capped: a tier-1 service misses a signal"

    html = cards.render(
        [Card("Grade", "C", note, direction="up", tone="bad", help="<b>"), Card("x", "<img>")]
    )

    assert f'<div class="d bad">▲ {note}</div>' in html
    assert 'aria-label="&lt;b&gt;"' in html
    assert "&lt;img&gt;" in html
    assert "<img" not in html
    assert html.count('role="listitem"') == 2

"""Cards in a row, the same on a page and in the report.

Takes    cards
Gives    HTML: label, value and note of each, whole however long; every text is escaped
"""

from collections.abc import Sequence
from html import escape
from typing import Final

from app.kit.figure import Card

CSS: Final = """
.mb-cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.7rem}
.mb-card{border:1px solid rgba(128,128,128,.28);border-radius:8px;padding:.7rem .9rem .75rem}
.mb-card .l{font-size:.84rem;opacity:.82;display:flex;gap:.35rem;align-items:baseline}
.mb-card .v{font-size:1.7rem;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums;
 overflow-wrap:anywhere}
.mb-card .v.long{font-size:1.2rem;line-height:1.84}
.mb-card .d{font-size:.84rem;line-height:1.35}
.mb-card .d.good{color:#0b6aa8;color:light-dark(#0b6aa8,#67b1e6)}
.mb-card .d.bad{color:#b92d0f;color:light-dark(#b92d0f,#f0755c)}
.mb-card .d.neutral{opacity:.78}
.mb-help{position:relative;cursor:help;font-size:.7rem;border:1px solid currentColor;
 border-radius:50%;width:1rem;height:1rem;line-height:.88rem;text-align:center;flex:none;align-self:center}
.mb-help:hover::after,.mb-help:focus::after{content:attr(aria-label);position:absolute;left:-.5rem;
 top:1.3rem;z-index:99;width:16rem;padding:.5rem .7rem;border-radius:6px;font-size:.82rem;
 line-height:1.4;text-align:left;background:#1d2127;color:#fff;
 background:light-dark(#1d2127,#e6e8eb);color:light-dark(#fff,#12151a)}
@media (max-width:640px){.mb-cards{grid-template-columns:1fr 1fr}.mb-card .v{font-size:1.4rem}}
@media print{.mb-help{display:none}}
"""

ARROWS: Final = {"up": "▲ ", "down": "▼ ", "off": ""}
LONG: Final = 11
"""Values with more letters are words, and are written smaller."""


def render(cards: Sequence[Card]) -> str:
    """Give the cards as a list."""
    return f'<div class="mb-cards" role="list">{"".join(map(_card, cards))}</div>'


def _card(card: Card) -> str:
    tip = (
        f'<span class="mb-help" tabindex="0" role="note" aria-label="{escape(card.help)}">?</span>'
        if card.help
        else ""
    )
    long = " long" if len(card.value) > LONG else ""
    return (
        f'<div class="mb-card" role="listitem"><div class="l">{escape(card.label)}{tip}</div>'
        f'<div class="v{long}">{escape(card.value)}</div>'
        f'<div class="d {card.tone}">{ARROWS[card.direction]}{escape(card.note)}</div></div>'
    )

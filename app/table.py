"""A figure's rows as an HTML table, the same on a page and in the report.

Takes    a figure with its `shown` columns
Gives    HTML: headings in words, numbers to the right, a total row; every text is escaped
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from html import escape
from typing import Any, Final
from urllib.parse import urlencode

from app import words
from app.figure import Figure, Shown

CSS: Final = """
.mb-wrap{overflow:auto;border:1px solid rgba(128,128,128,.25);border-radius:8px}
.mb-tall{max-height:31rem}
.mb{border-collapse:collapse;width:100%;font-size:.86rem;line-height:1.35}
.mb th,.mb td{padding:.4rem .75rem;border:0;border-bottom:1px solid rgba(128,128,128,.18);
 text-align:left;vertical-align:top}
.mb td{max-width:18rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.mb td.w{white-space:normal;overflow-wrap:break-word;min-width:11rem;max-width:34rem}
.mb th{font-weight:600;opacity:.72;font-size:.78rem;white-space:nowrap}
.mb thead th{position:sticky;top:0;background:var(--mb-head,Canvas)}
.mb .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.mb .t{text-align:center;white-space:nowrap}
.mb tbody tr:last-child td{border-bottom:0}
.mb tfoot td{font-weight:650;border-top:2px solid rgba(128,128,128,.45);border-bottom:0}
.mb a{color:inherit;text-decoration:underline;text-underline-offset:3px;
 text-decoration-color:rgba(128,128,128,.6)}
.mb code{font-size:.8rem;background:none;padding:0;color:inherit}
.mb .s{display:inline-block;padding:.05rem .5rem;border-radius:1rem;font-size:.76rem;
 border:1px solid currentColor;white-space:nowrap}
.mb .good{color:#228833}.mb .warn{color:#997700}.mb .bad{color:#CC3311}.mb .mute{opacity:.6}
@media (prefers-color-scheme:dark){.mb .good{color:#4fb061}.mb .warn{color:#d0a52a}
 .mb .bad{color:#f0755c}}
"""

LONG: Final = 36
"""From so many letters on a cell may be cut, and says its whole text when pointed at."""

_GOOD: Final = frozenset(
    {"complete", "ok", "done", "kept", "in force", "in_force", "safe", "fresh", "nobody uses it"}
)
_WARN: Final = frozenset(
    {"partial", "at_risk", "warn", "held", "previous", "loses detail", "look first"}
)
_BAD: Final = frozenset({"dark", "over", "failed", "broken", "fail", "unregistered"})


def render(made: Figure, *, query: Mapping[str, str] | None = None) -> str:
    """Give the table of a figure; with a query, values link to their page and keep the query."""
    shown = [column for column in made.shown if column.name in made.data.columns]
    head = "".join(f'<th class="{_place(c)}">{escape(c.heading)}</th>' for c in shown)
    rows = made.data.select([column.name for column in shown]).rows()
    body = "".join(
        "<tr>"
        + "".join(
            _cell(column, value, made.currency, query=query)
            for column, value in zip(shown, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    foot = ""
    if made.total:
        cells = "".join(
            _cell(column, value, made.currency, query=None) if value is not None else "<td></td>"
            for column, value in zip(shown, made.total, strict=True)
        )
        foot = f"<tfoot><tr>{cells}</tr></tfoot>"
    tall = " mb-tall" if made.is_tall else ""
    return (
        f'<div class="mb-wrap{tall}" tabindex="0"><table class="mb">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table></div>"
    )


def text(column: Shown, value: Any, currency: str) -> str:
    """Write one value in words; nothing has words too."""
    if value is None:
        return _MISSING.get(column.kind, words.NO_DATA)
    write = _WRITERS.get(column.kind)
    if column.kind == "money":
        return words.cents(Decimal(value), currency)
    return write(value) if write else _plain(value)


_MISSING: Final = {"change": "new", "tick": "-"}
"""What nothing means, where it does not mean that nothing is known."""

_WRITERS: Final[dict[str, Callable[[Any], str]]] = {
    "amount": words.amount,
    "exact": words.exact,
    "count": words.count,
    "growth": words.growth,
    "ratio": words.ratio,
    "points": words.points,
    "number": words.number,
    "seconds": words.seconds,
    "change": words.change_ratio,
    "entity": words.entity,
    "state": lambda value: value.replace("_", " "),
    "signals": lambda value: value.replace("+", ", "),
    "tick": lambda value: "✓" if value else "✗",
}


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return words.instant(value)
    if isinstance(value, date):
        return words.day(value)
    return str(value)


def _cell(column: Shown, value: Any, currency: str, *, query: Mapping[str, str] | None) -> str:
    plain = text(column, value, currency)
    written = escape(plain)
    if value is None:
        written = f'<span class="mute">{written}</span>'
    elif column.kind == "state" and written:
        written = f'<span class="s {_tone(str(value))}">{written}</span>'
    elif column.kind == "tick":
        written = f'<span class="{"good" if value else "bad"}">{written}</span>'
    elif column.kind == "code":
        written = f"<code>{written}</code>"
    elif column.link and query is not None:
        page, _, key = column.link.partition("?")
        target = escape(f"{page}?{urlencode({**query, key: plain})}")
        written = f'<a href="{target}" target="_self">{written}</a>'
    hint = f' title="{escape(plain)}"' if len(plain) > LONG else ""
    return f'<td class="{_place(column)}"{hint}>{written}</td>'


def _tone(value: str) -> str:
    for names, tone in ((_GOOD, "good"), (_WARN, "warn"), (_BAD, "bad")):
        if value in names:
            return tone
    return "mute"


def _place(column: Shown) -> str:
    return "n" if column.is_number else {"tick": "t", "prose": "w"}.get(column.kind, "")

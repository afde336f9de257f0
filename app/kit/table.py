"""A figure's rows as an HTML table, the same on a page and in the report.

Takes    a figure with its `shown` columns
Gives    HTML: headings in words, numbers to the right, a total row; every text is escaped
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from html import escape
from typing import Any, Final
from urllib.parse import urlencode

from app.kit import rounding, words
from app.kit.figure import Figure, Shown

CSS: Final = """
.mb-wrap{overflow:auto;border:1px solid rgba(128,128,128,.25);border-radius:8px}
.mb-tall{max-height:31rem;content-visibility:auto;contain-intrinsic-size:auto 31rem}
.mb{border-collapse:collapse;width:100%;font-size:.86rem;line-height:1.35}
.mb th,.mb td{padding:.38rem .55rem;border:0;border-bottom:1px solid rgba(128,128,128,.18);
 text-align:left;vertical-align:top}
.mb th:first-child,.mb td:first-child{padding-left:.8rem}
.mb th:last-child,.mb td:last-child{padding-right:.8rem}
.mb td{white-space:nowrap}
.mb td.w{white-space:normal;overflow-wrap:anywhere;min-width:9rem;max-width:34rem}
.mb td.p{white-space:normal;overflow-wrap:anywhere;min-width:11rem;max-width:34rem}
.mb th{font-weight:600;font-size:.78rem;line-height:1.25;white-space:normal;vertical-align:bottom;
 color:#5d646e;color:light-dark(#5d646e,#a2a9b3)}
.mb thead th{position:sticky;top:0;background:var(--mb-head,Canvas)}
.mb .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.mb th.n{white-space:normal}
.mb .i{width:1px}
.mb .t{text-align:center;white-space:nowrap}
.mb tbody tr:last-child td{border-bottom:0}
.mb tbody tr:hover td{background:rgba(128,128,128,.07)}
.mb tfoot td{font-weight:650;border-bottom:0;position:sticky;bottom:0;
 background:var(--mb-head,Canvas);box-shadow:inset 0 2px 0 rgba(128,128,128,.5)}
.mb a{color:inherit;text-decoration:underline;text-underline-offset:3px;
 text-decoration-color:rgba(128,128,128,.6)}
.mb .c{font-family:"Source Code Pro",ui-monospace,monospace;font-size:.8rem}
.mb .s{display:inline-block;padding:.05rem .5rem;border-radius:1rem;font-size:.76rem;
 border:1px solid currentColor;white-space:nowrap}
.mb .good{color:#1c7229;color:light-dark(#1c7229,#4fb061)}
.mb .warn{color:#856500;color:light-dark(#856500,#d0a52a)}
.mb .bad{color:#b92d0f;color:light-dark(#b92d0f,#f0755c)}
.mb-more{font-size:.82rem;margin:.35rem 0 0;color:#5d646e;color:light-dark(#5d646e,#a2a9b3)}
@media (max-width:1180px){.mb{font-size:.8rem}.mb td{white-space:normal}.mb td.n{white-space:nowrap}
 .mb th,.mb td{padding:.32rem .35rem}.mb td.w,.mb td.p{min-width:7rem}}
.mb .mute{color:#6b7280;color:light-dark(#6b7280,#9aa1ab)}
"""

LONG: Final = 32
"""A column with more letters in a cell may break its lines."""

_GOOD: Final = frozenset(
    {
        "complete",
        "ok",
        "done",
        "kept",
        "in force",
        "in_force",
        "safe",
        "fresh",
        "nobody uses it",
        "passed",
        "within",
        "within budget",
        "current",
        "counts",
    }
)
_WARN: Final = frozenset(
    {
        "partial",
        "at_risk",
        "warn",
        "held",
        "previous",
        "loses detail",
        "look first",
        "heading over budget",
    }
)
_BAD: Final = frozenset(
    {"dark", "over", "over budget", "failed", "broken", "fail", "unregistered", "stale"}
)


def render(made: Figure, *, query: Mapping[str, str] | None = None, most: int | None = None) -> str:
    """Give the table of a figure; with a query, values link to their page and keep the query.

    Where a column has a total, its rounded values add up to the rounded total. With `most`, a
    table without a total ends there and says how many rows are left out.
    """
    shown = [column for column in made.shown if column.name in made.data.columns]
    texts = [_texts(made, column, place) for place, column in enumerate(shown)]
    kinds = [_place(column, one) for column, one in zip(shown, texts, strict=True)]
    head = "".join(
        f'<th scope="col" class="{kind}">{escape(_heading(column))}</th>'
        for column, kind in zip(shown, kinds, strict=True)
    )
    cells = [
        [
            _cell(column, kind, value, plain, query=query)
            for value, plain in zip(made.data[column.name], one, strict=True)
        ]
        for column, kind, one in zip(shown, kinds, texts, strict=True)
    ]
    rows = list(zip(*cells, strict=True))
    kept = rows if made.total else rows[:most]
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in kept)
    left = len(rows) - len(kept)
    more = (
        f'<p class="mb-more">{words.count(left)} more rows are not shown here.</p>' if left else ""
    )
    foot = _foot(made, shown, kinds) if made.total else ""
    tall = " mb-tall" if made.is_tall else ""
    return (
        f'<div class="mb-wrap{tall}" tabindex="0" role="region" aria-label="{escape(made.title)}">'
        f'<table class="mb"><thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table></div>'
        f"{more}"
    )


def _heading(column: Shown) -> str:
    return f"{column.heading}, UTC" if column.kind == "instant" else column.heading


def _foot(made: Figure, shown: Sequence[Shown], kinds: Sequence[str]) -> str:
    cells = [
        f'<td class="{kind}">{escape(_total_text(column, value, made.currency))}</td>'
        for column, kind, value in zip(shown, kinds, made.total, strict=True)
    ]
    return f"<tfoot><tr>{''.join(cells)}</tr></tfoot>"


def _total_text(column: Shown, value: Any, currency: str) -> str:
    if value is None:
        return "100.0 %" if column.kind == "share" else ""
    return text(column, value, currency)


def _texts(made: Figure, column: Shown, place: int) -> list[str]:
    """Write a column: rounded so that it adds up where it has a total."""
    values = made.data[column.name].to_list()
    total = made.total[place] if made.total else None
    if column.kind == "money" and total is not None:
        values = rounding.cents(values, total)
    if column.kind == "share" and made.total:
        values = rounding.tenths(values)
    return [text(column, value, made.currency) for value in values]


def text(column: Shown, value: Any, currency: str) -> str:
    """Write one value in words; nothing has words too."""
    if value is None:
        return column.missing or _MISSING.get(column.kind, words.NO_DATA)
    write = _WRITERS.get(column.kind)
    if column.kind == "money":
        return words.cents(Decimal(value), currency)
    if column.kind == "price":
        return words.price(Decimal(value), currency)
    return write(value) if write else _plain(value)


_MISSING: Final = {"change": "new", "tick": "-"}
"""What nothing means, where it does not mean that nothing is known."""

_WRITERS: Final[dict[str, Callable[[Any], str]]] = {
    "amount": words.amount,
    "exact": words.exact,
    "count": words.count,
    "growth": words.growth,
    "ratio": words.ratio,
    "share": words.ratio,
    "label": lambda value: value.replace("_", " "),
    "day": lambda value: words.day(value.date() if isinstance(value, datetime) else value),
    "points": words.points,
    "number": words.number,
    "measured": words.measured,
    "seconds": words.seconds,
    "change": words.change_ratio,
    "entity": words.entity,
    "state": lambda value: value.replace("_", " "),
    "signals": lambda value: value.replace("+", ", "),
    "tick": lambda value: "✓" if value else "✗",
}


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return words.instant(value).removesuffix(" UTC")
    if isinstance(value, date):
        return words.day(value)
    return str(value)


def _cell(
    column: Shown, kind: str, value: Any, plain: str, *, query: Mapping[str, str] | None
) -> str:
    written = escape(plain)
    if value is None:
        return f'<td class="{kind} mute">{written}</td>'
    if column.kind == "code":
        return f'<td class="{kind} c">{written}</td>'
    if column.kind == "state" and written:
        written = f'<span class="s {_tone(str(value))}">{written}</span>'
    elif column.kind == "tick":
        sentence = "sent" if value else "missing"
        written = (
            f'<span class="{"good" if value else "bad"}" role="img" aria-label="{sentence}">'
            f"{written}</span>"
        )
    elif column.link and query is not None:
        page, _, key = column.link.partition("?")
        target = escape(f"{page}?{urlencode({**query, key: plain})}")
        written = f'<a href="{target}" target="_self">{written}</a>'
    return f'<td class="{kind}">{written}</td>'


def _tone(value: str) -> str:
    for names, tone in ((_GOOD, "good"), (_WARN, "warn"), (_BAD, "bad")):
        if value in names:
            return tone
    return "mute"


def _place(column: Shown, texts: Sequence[str]) -> str:
    """Give the class of a column: numbers right, ticks centred, long names in lines."""
    if column.is_number:
        return "n i" if column.heading == "#" else "n"
    if column.kind in {"tick", "prose"}:
        return {"tick": "t", "prose": "p"}[column.kind]
    return "w" if max(map(len, texts), default=0) > LONG else ""

"""How figures are written for people.

Takes    Decimals, counts, ratios, days, instants, names from telemetry and bills
Gives    text: three significant figures on cards, cents in tables, U+2212 for minus
Never    lets a name from outside be read as markdown, or shows nothing without saying so
"""

import re
from datetime import date, datetime, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Final

NO_DATA: Final = "no data"
MINUS: Final = "\u2212"
MANIFOLD: Final = 9
"""From this relative change on a percentage is no longer read."""
SYMBOLS: Final = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
BUCKETS: Final = {
    "__idle__": "Idle",
    "__unallocated__": "Unallocated",
    "__no_telemetry__": "No telemetry",
    "__unmounted__": "Without a pod",
    "__all__": "All teams",
    "-": "Outside clusters",
    "": "(none)",
}
"""Names that stand for no entity, and what people read instead."""

_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|$~:&^])")
_LINKED: Final = re.compile(r":(?=//)|www(?=\.)|@", re.IGNORECASE)
"""What makes a bare address a link; a word joiner after it keeps it text."""
_STEPS: Final = ((Decimal(10**9), "B"), (Decimal(10**6), "M"), (Decimal(1000), "k"))


def entity(name: str) -> str:
    """Give the name of a team, namespace or service as people read it."""
    pool = name.removeprefix("__shared__/")
    return BUCKETS.get(name, f"Shared: {pool}" if pool != name else name)


def md_escape(text: str) -> str:
    """Make text from outside literal in markdown: no image, link, colour or formula comes of it."""
    unlinked = _LINKED.sub("\\g<0>\u2060", " ".join(text.split()))
    return _MARKDOWN.sub(r"\\\1", unlinked)


def short(value: Decimal | int) -> str:
    """Write a number with three significant figures: `579k`, `1.23M`, `12.3`."""
    number = Decimal(value)
    size = abs(number)
    for step, letter in _STEPS:
        if size >= step * Decimal("0.9995"):
            return _signed_text(number, _three(size / step) + letter)
    if size == size.to_integral_value():
        return _signed_text(number, str(int(size)))
    return _signed_text(number, _three(size))


def money(value: Decimal | None, currency: str) -> str:
    """Write an amount for a card or a sentence: `$57.9k`; zero is `-`, missing is words."""
    if value is None:
        return NO_DATA
    return _with_symbol(value, short(abs(value)), currency) if value else "-"


def cents(value: Decimal | None, currency: str) -> str:
    """Write an amount for a table: `$1,234.56`."""
    if value is None:
        return NO_DATA
    rounded = value.quantize(Decimal("0.01"))
    if not value:
        return "-"
    if not rounded:
        return _with_symbol(value, "<0.01", currency)
    return _with_symbol(value, f"{abs(rounded):,}", currency)


def price(value: Decimal | None, currency: str) -> str:
    """Write the price of a small thing with four decimals: `$0.4748`."""
    if value is None:
        return NO_DATA
    return _with_symbol(value, f"{abs(value):,.4f}", currency)


def amount(value: Decimal) -> str:
    """Write an amount to the cent without a currency: a column beside it names that."""
    return _signed_text(value, f"{abs(value):,.2f}") if value else "-"


def exact(value: Decimal | None) -> str:
    """Write an amount with every stored digit, as the reconciliation shows it."""
    return NO_DATA if value is None else _signed_text(value, f"{abs(value):,.12f}")


def count(value: int | None) -> str:
    """Write a count with thousands."""
    return NO_DATA if value is None else _signed_text(Decimal(value), f"{abs(value):,}")


def ratio(value: float | None) -> str:
    """Write a ratio as a percentage, rounded down: 94.97 % never reads as 95.0 %."""
    if value is None:
        return NO_DATA
    percent = (Decimal(repr(value)) * 100).quantize(Decimal("0.1"), rounding=ROUND_FLOOR)
    return _signed_text(percent, f"{abs(percent)} %")


def part(value: float) -> str:
    """Write a part of a whole as a percentage, rounded to the nearest as tables are."""
    percent = (Decimal(repr(value)) * 100).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)
    return _signed_text(percent, f"{abs(percent)} %")


def change(now: Decimal | int | None, before: Decimal | int | None) -> str:
    """Write the change from `before`: sign and percent; `new` where there was nothing."""
    if now is None or before is None:
        return NO_DATA
    if not before:
        return "new" if now else "no change"
    return change_ratio(float((Decimal(now) - before) / abs(Decimal(before))))


def signed_money(value: Decimal, currency: str) -> str:
    """Write a difference of money with its sign."""
    return f"{'+' if value > 0 else ''}{money(value, currency)}" if value else "no change"


def sign(value: Decimal | int) -> str:
    """Give `+` or the minus sign."""
    return "+" if value > 0 else MINUS


def day(value: date | None) -> str:
    """Write a UTC day: `4 Oct 2026`."""
    return NO_DATA if value is None else f"{value.day} {value:%b %Y}"


def month(period: str) -> str:
    """Write a month, `2026-11`, as people do: `November 2026`."""
    return f"{date.fromisoformat(f'{period}-01'):%B %Y}"


def span(start: date, end: date) -> str:
    """Write a period of days, both inclusive: `24 Sep to 23 Oct 2026`."""
    if start == end:
        return day(end)
    first = f"{start.day} {start:%b}" + (f" {start:%Y}" if start.year != end.year else "")
    return f"{first} to {day(end)}"


def instant(value: datetime | None) -> str:
    """Write a UTC instant to the minute."""
    return NO_DATA if value is None else f"{day(value.date())}, {value:%H:%M} UTC"


def age(value: timedelta) -> str:
    """Write how long ago: `12 min`, `3 h`, `2 days`."""
    minutes = max(0, round(value.total_seconds() / 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def plural(number: int, word: str, words: str | None = None) -> str:
    """Write a count with its noun."""
    return f"{count(number)} {word if number == 1 else words or word + 's'}"


def growth(value: int) -> str:
    """Write a difference of counts with its sign."""
    return f"{sign(value)}{abs(value):,}" if value else "±0"


def change_ratio(value: float) -> str:
    """Write a relative change with its sign: `+1.0 %`; from tenfold on a factor: `1,500-fold`."""
    if value >= MANIFOLD:
        return f"{value + 1:,.0f}-fold"
    percent = Decimal(repr(value * 100)).quantize(Decimal("0.1"))
    return f"{sign(percent)}{abs(percent):,} %" if percent else "±0.0 %"


def number(value: float) -> str:
    """Write a number without a unit, with two decimals."""
    return f"{value:,.2f}".replace("-", MINUS)


def measured(value: float) -> str:
    """Write a measured value with three significant figures: `0.125`, `8`, `1,230`."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.6f}".rstrip("0").rstrip(".").replace("-", MINUS) or "0"


def seconds(value: float) -> str:
    """Write how long something took: `0.52 s`, `3 min 20 s`."""
    if value < 100:
        return f"{value:.2f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"


def listed(names: list[str], most: int = 3) -> str:
    """Write names as a list: `a, b and 4 more`."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def points(value: float | None) -> str:
    """Write a difference of two ratios in percentage points: `+0.8 pp`."""
    return NO_DATA if value is None else f"{'+' if value >= 0 else MINUS}{abs(value) * 100:.1f} pp"


def _three(size: Decimal) -> str:
    """Write three significant figures; digits beyond the third decimal are left out."""
    rounded = Decimal(f"{size:.2e}")
    places = min(max(0, 2 - rounded.adjusted()), 4)
    return f"{rounded:.{places}f}"


def _signed_text(value: Decimal, text: str) -> str:
    return f"{MINUS}{text}" if value < 0 else text


def _with_symbol(value: Decimal, text: str, currency: str) -> str:
    symbol = SYMBOLS.get(currency, f"{currency} ")
    return _signed_text(value, f"<{symbol}{text[1:]}" if text[0] == "<" else symbol + text)

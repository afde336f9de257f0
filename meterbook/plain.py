"""How values are written in JSON.

Takes    what `json` does not know: money, days, instants
Gives    text that loses no digit
"""

from decimal import Decimal


def plain(value: object) -> str:
    """Write money without an exponent, everything else as its text."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)

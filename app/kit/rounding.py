"""Rounding for tables that have a total: what is read adds up to it.

Takes    exact values of a column, and their total
Gives    the values as they are shown, each rounded down or up, by largest remainder
Holds    the shown values add up to the shown total; where the exact values do not add up to the
         exact total, they are left as they are
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from transforms.exact.cents import apportion, rounded

_ATOMS: Final = 10**12
_TENTHS: Final = 1000
"""Tenths of a percent in the whole."""


def cents(values: Sequence[Decimal | None], total: Decimal) -> list[Decimal | None]:
    """Round amounts to cents. An amount that would read as zero stays what it is."""
    exact = {f"{n:09}": _atoms(value) for n, value in enumerate(values) if value is not None}
    if sum(exact.values()) != _atoms(total):
        return list(values)
    whole = apportion(exact, rounded(_atoms(total)))
    return [
        Decimal(whole[key]).scaleb(-2) if whole.get(key := f"{n:09}") else value
        for n, value in enumerate(values)
    ]


def tenths(values: Sequence[float | None]) -> list[float | None]:
    """Round shares to tenths of a percent that add up to 100."""
    known = [Fraction(value) for value in values if value is not None]
    if not known or abs(sum(known, Fraction(0)) - 1) > Fraction(1, 10**9):
        return list(values)
    exact = {
        f"{n:09}": round(Fraction(value) * _ATOMS)
        for n, value in enumerate(values)
        if value is not None
    }
    whole = apportion(exact, _TENTHS, _ATOMS // _TENTHS)
    return [None if value is None else whole[f"{n:09}"] / _TENTHS for n, value in enumerate(values)]


def _atoms(value: Decimal) -> int:
    return int(value.scaleb(12))

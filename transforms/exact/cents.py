"""Rounding once: exact amounts to the smallest unit of a statement, and nothing lost.

Takes    exact amounts in atoms, and the rounded total that the parts must add up to
Gives    whole cents per amount
Holds    the cents add up to the total; each is the amount rounded down or up, never further away
"""

from collections.abc import Mapping
from typing import Final, TypeVar

CENT: Final = 10**10
"""Atoms (1e-12) of a cent."""

K = TypeVar("K", bound="tuple[str, ...] | str")


def rounded(amount: int, unit: int = CENT) -> int:
    """Round half away from zero, as invoices do."""
    size = (2 * abs(amount) + unit) // (2 * unit)
    return size if amount >= 0 else -size


def apportion(amounts: Mapping[K, int], total: int, unit: int = CENT) -> dict[K, int]:
    """Give each amount its whole units; those left over go to the largest remainders.

    Ties go to the first key in order. `total` is the sum of the amounts rounded down or up.
    """
    floors = {key: amount // unit for key, amount in amounts.items()}
    left = total - sum(floors.values())
    by_rest = sorted(amounts, key=lambda key: (-(amounts[key] % unit), key))
    for key in by_rest[:left]:
        floors[key] += 1
    return floors

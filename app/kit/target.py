"""The target of coverage, as the settings of the build have it.

Reads    mart_coverage_team
Holds    counts are compared with it in whole numbers
"""

from fractions import Fraction
from typing import Final

from app.kit.reader import Reader
from meterbook.base.settings import InventorySettings

DEFAULT: Final = Fraction(InventorySettings().target_ratio)


def target(reader: Reader) -> Fraction:
    """Give the target; the default where nothing is expected yet."""
    return reader.kept("coverage target", lambda: _target(reader))


def _target(reader: Reader) -> Fraction:
    found = reader.ask("SELECT max(target_ratio) AS target_ratio FROM mart_coverage_team").frame
    ratio = found["target_ratio"].item()
    return DEFAULT if ratio is None else Fraction(repr(ratio))


def short_of(wanted: Fraction, complete: int, expected: int) -> int:
    """Give how many services must become complete to meet a target."""
    return max(0, -(-wanted.numerator * expected // wanted.denominator) - complete)

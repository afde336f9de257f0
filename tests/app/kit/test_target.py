"""The distance to the target of coverage."""

from fractions import Fraction

import pytest

from app.kit.target import short_of


@pytest.mark.parametrize(
    ("wanted", "complete", "expected", "short"),
    [("0.95", 12, 20, 7), ("0.95", 19, 20, 0), ("0.9", 0, 10, 9), ("1", 2, 3, 1), ("0.5", 0, 0, 0)],
)
def test_the_distance_to_the_target(wanted: str, complete: int, expected: int, short: int) -> None:
    """19 of 20 are 95 %; nothing is missing of nothing; counted in whole numbers."""
    assert short_of(Fraction(wanted), complete, expected) == short

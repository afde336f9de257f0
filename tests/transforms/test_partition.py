"""Moments of the clock."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from meterbook.base.settings import Settings
from transforms.owners.ownership import Ownership
from transforms.partition import Terms, first_after, next_midnight

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        (NOW, datetime(2026, 11, 23, tzinfo=UTC)),
        (datetime(2026, 11, 23, tzinfo=UTC) - TICK, datetime(2026, 11, 23, tzinfo=UTC)),
        (datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_the_next_midnight_lies_ahead(now: datetime, midnight: datetime) -> None:
    """At midnight itself it is a day away."""
    terms = Terms(now.date(), now, Settings(), Ownership.default())

    assert next_midnight({}, terms) == midnight


def test_the_first_moment_after_now() -> None:
    """Now itself has come; the end of all days never does, as where an exemption has no end."""
    days = pl.LazyFrame({"at": [NOW, NOW + TICK, None]})
    forever = pl.LazyFrame({"at": [datetime(9999, 12, 31, tzinfo=UTC)]}).select(
        pl.col("at") + timedelta(days=1)
    )

    assert first_after(NOW, days, NOW + 2 * TICK) == NOW + TICK
    assert first_after(NOW, NOW, forever) is None

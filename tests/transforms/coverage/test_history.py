"""The history of coverage: what a day saw stays."""

from datetime import date, timedelta

import polars as pl

from transforms.coverage.history import coverage_daily
from warehouse.tables.mart_coverage import COVERAGE_DAILY, COVERAGE_TEAM

DAY = date(2026, 11, 22)


def team(complete: int, expected: int) -> pl.LazyFrame:
    """Give mart_coverage_team of the organisation alone."""
    row = {
        "team": "__all__",
        "complete_count": complete,
        "expected_count": expected,
        "coverage_ratio": complete / expected,
    }
    whole = {**COVERAGE_TEAM.sample(1).to_dicts()[0], **row}
    return pl.LazyFrame([whole], schema=COVERAGE_TEAM.schema)


def kept(history: pl.DataFrame, today: pl.LazyFrame, day: date) -> pl.DataFrame:
    """Give the history after a build."""
    return COVERAGE_DAILY.check(coverage_daily(history.lazy(), today, day=day).collect())


def test_a_smaller_inventory_is_seen_beside_the_figure() -> None:
    """Deleting ten entries raises M7 and shows as ten fewer services; the day before stays."""
    first = kept(COVERAGE_DAILY.empty(), team(18, 30), DAY)

    second = kept(first, team(18, 20), DAY + timedelta(days=1))

    columns = ["day", "complete_count", "expected_count", "expected_change"]
    assert second.select(columns).rows() == [
        (DAY, 18, 30, None),
        (DAY + timedelta(days=1), 18, 20, -10),
    ]


def test_a_day_is_replaced_by_its_last_build_and_a_rebuild_changes_nothing() -> None:
    """Two builds of one day leave one row; the same again leaves the same rows."""
    before = kept(COVERAGE_DAILY.empty(), team(1, 2), DAY - timedelta(days=1))
    once = kept(before, team(1, 3), DAY)

    last = kept(once, team(2, 3), DAY)

    assert last["complete_count"].to_list() == [1, 2]
    assert kept(last, team(2, 3), DAY).equals(last)


def test_ninety_days_are_kept() -> None:
    """The ninetieth day back is gone, the one after it is kept."""
    old = kept(COVERAGE_DAILY.empty(), team(1, 2), DAY - timedelta(days=90))
    edge = kept(COVERAGE_DAILY.empty(), team(1, 2), DAY - timedelta(days=89))

    assert kept(old, team(1, 2), DAY).height == 1
    assert kept(edge, team(1, 2), DAY).height == 2

"""What counters counted in a day, by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from transforms.usage import counters
from warehouse.tables import raw
from warehouse.tables.mart_unit import COUNTER_DAILY

DAY = date(2026, 10, 1)
START = datetime(2026, 10, 1, tzinfo=UTC)
NAMESPACE = {"k8s.namespace.name": "shop"}


def counted(telemetry: Any, histograms: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Give the row of the counter `orders`."""
    blank = raw.HISTOGRAM.sample(1).to_dicts()[0]
    frame = pl.LazyFrame(
        [{**blank, **row} for row in histograms or []], schema=raw.HISTOGRAM.schema
    )
    made = counters.counter_daily(telemetry.series, telemetry.points, frame, DAY, ["orders"])
    return COUNTER_DAILY.check(made.collect()).row(0, named=True)


def test_a_counter_with_a_reset(telemetry: Any) -> None:
    """100 (the evening before), 150, 170, reset to 30, 40: 50 + 20 + 30 + 10 = 110."""
    samples = [(-1, 100), (1, 150), (2, 170), (3, 30), (4, 40)]
    telemetry.add("orders", NAMESPACE, samples, "counter")

    assert counted(telemetry)["unit_count"] == 110


def test_deltas_are_added_and_others_left_out(telemetry: Any) -> None:
    """A delta sum adds 5 and 7; a metric that is not named counts nothing."""
    telemetry.add("orders", NAMESPACE, [(1, 5), (2, 7)], "counter", temporality="delta")
    telemetry.add("visits", NAMESPACE, [(1, 5), (2, 7)], "counter")

    assert counted(telemetry)["unit_count"] == 12


def test_a_histogram_counts_its_values(telemetry: Any) -> None:
    """From 10 values of 2 s to 30 of 8 s: 20 values, 6 s in all."""
    telemetry.add("orders", NAMESPACE, [], "histogram", temporality="cumulative")
    rows = [
        {"series_id": 1, "event_at": START + timedelta(hours=n), "start_at": None,
         "count": count, "sum": total}
        for n, count, total in ((1, 10, 2.0), (2, 30, 8.0))
    ]  # fmt: skip

    row = counted(telemetry, rows)

    assert (row["unit_count"], row["value_sum"]) == (20, 6.0)


def test_a_counter_that_stands_still_counts_nothing(telemetry: Any) -> None:
    """The same value again is no reset: 100, 100, 130 are 30."""
    telemetry.add("orders", NAMESPACE, [(0, 100), (1, 100), (2, 130)], "counter")

    assert counted(telemetry)["unit_count"] == 30


def test_a_start_at_the_point_before_is_no_new_one(telemetry: Any) -> None:
    """A counter whose start is said to be its last point goes on: 100 to 130 are 30.

    One that started a second later counts from 0.
    """
    telemetry.add("orders", NAMESPACE, [(0, 100), (1, 130)], "counter", starts=[-9, 0])
    telemetry.add("orders", NAMESPACE, [(0, 100), (1, 130)], "counter", starts=[-9, 1 / 3600])

    assert counted(telemetry)["unit_count"] == 30 + 130


@pytest.mark.parametrize(("start", "count"), [(0, 7), (-1 / 3600, 0)])
def test_a_first_point_counts_from_midnight_on(telemetry: Any, start: float, count: int) -> None:
    """What began with the day is of the day; what began a second before is left out."""
    telemetry.add("orders", NAMESPACE, [(1, 7)], "counter", starts=[start])

    assert counted(telemetry)["unit_count"] == count

"""Settled: cardinality; see docs/reference/settled.md."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from collector.otlp.decode.decode import Decoder
from collector.otlp.decode.landing import Landing
from collector.otlp.journal.segment import Record
from meterbook.base.settings import CardinalitySettings
from tests.transforms.cardinality.test_cardinality import NO_HISTOGRAMS, marts, series
from transforms.cardinality.cardinality import cardinality_day
from transforms.cardinality.savings import Prices
from warehouse.store.lake import Lake

DAY = date(2026, 10, 2)
SECOND = 10**9
MIDNIGHT = datetime(2026, 10, 2, tzinfo=UTC)


def labels(rows: pl.LazyFrame, before: pl.LazyFrame, prices: Prices) -> pl.DataFrame:
    """Give mart_cardinality_label of a day."""
    made = cardinality_day(rows, before, NO_HISTOGRAMS, DAY, prices)
    return made["mart_cardinality_label"].collect()


@pytest.mark.parametrize("level", ["point", "resource"])
def test_settled_attributes_of_points_and_resources_are_labels_with_a_what_if(
    telemetry: Any, level: str
) -> None:
    """Two values of `u` on either are two series; without `u` one is left."""
    for value in ("1", "2"):
        of = {level: {"u": value}}
        telemetry.add("m", of.get("resource", {}), labels=of.get("point"))

    made = marts(telemetry.series)

    assert made["mart_cardinality_metric"]["series_count"].to_list() == [2]
    columns = ["level", "label", "series_without_count"]
    assert made["mart_cardinality_label"].select(columns).rows() == [(level, "u", 1)]


@pytest.mark.parametrize(
    ("seconds", "day"),
    [(-1, date(2026, 10, 1)), (0, DAY), (86399, DAY), (86400, date(2026, 10, 3))],
)
def test_settled_a_day_is_the_utc_day_of_the_event_time(
    tmp_path: Path, seconds: int, day: date
) -> None:
    """A point is received two days later, and is of the day of its own time."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    at = int(MIDNIGHT.timestamp()) + seconds
    metric.gauge.data_points.add(as_double=1, time_unix_nano=at * SECOND)
    received = (at + 2 * 86400) * SECOND
    record = Record("metrics", "t", request.SerializeToString(), bytes(16), 1, received)

    landing = Landing(tmp_path, 1)
    landing.add(Decoder().decode("metrics", [record], 1))
    landing.close()

    assert list(Lake(tmp_path).days()) == [day]


@pytest.mark.parametrize(
    ("rows", "is_safe"),
    [
        ([{"u": 1, "v": 1}, {"u": 2, "v": 2}], [True, True]),
        ([{"u": 1, "v": 1}, {"u": 2, "v": 1}], [False, True]),
    ],
)
def test_settled_safe_means_that_no_series_merge(
    telemetry: Any, rows: Sequence[dict[str, object]], is_safe: list[bool]
) -> None:
    """Without `u` two series stay two when `v` tells them apart, else one is left."""
    made = marts(series(telemetry, rows))["mart_cardinality_label"]

    assert made.sort("label")["is_safe"].to_list() == is_safe


@pytest.mark.parametrize(
    ("before", "now", "growth"),
    [(20, 24, "within"), (20, 25, "beyond"), (50, 55, "within"), (50, 56, "beyond")],
)
def test_settled_growth_counts_beyond_a_part_or_a_number_whichever_is_more(
    telemetry: Any, before: int, now: int, growth: str
) -> None:
    """Guards of 10 % and 4 series: 4 more of 20 and 5 more of 50 say nothing, one more does."""
    prices = Prices(None, guard_series=4, guard_ratio=Decimal("0.10"))
    old, new = (series(telemetry, [{"u": n} for n in range(count)]) for count in (before, now))

    made = labels(new, old, prices)

    assert made["explained_growth"].to_list() == [None if growth == "within" else 1.0]


def test_settled_the_guard_of_growth_is_10_percent_or_100_series() -> None:
    """So it is where nothing is set."""
    chosen = CardinalitySettings()

    assert (chosen.growth_guard_ratio, chosen.growth_guard_series) == ("0.10", 100)


def test_settled_equal_explanations_go_to_the_greater_growth_of_values(telemetry: Any) -> None:
    """Without `a` or without `b` three of four series are left; `b` has two new values, `a` one."""
    rows = [{"a": a, "b": b, "c": c} for a, b, c in ((0, 0, 0), (1, 0, 0), (0, 1, 1), (0, 2, 1))]

    assert root_cause(telemetry, rows) == ["b"]


def test_settled_equal_growth_of_values_goes_by_the_labels_name(telemetry: Any) -> None:
    """Two labels of two values each multiply: without either two of four series are left."""
    rows = [{"y": y, "x": x} for y in (0, 1) for x in (0, 1)]

    assert root_cause(telemetry, rows) == ["x"]


def root_cause(builder: Any, rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Give the label that explains the growth from the first row to all of them."""
    prices = Prices(None, guard_series=0, guard_ratio=Decimal(0))
    made = labels(series(builder, rows), series(builder, rows[:1]), prices)
    return made.filter("is_root_cause")["label"].to_list()

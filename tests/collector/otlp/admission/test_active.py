"""The quota of series: known series go on, new ones beyond it are rejected and told."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from collector.otlp.admission.active import ActiveSeries, hour_of, take_up, without
from collector.otlp.admission.tokens import create_token
from collector.otlp.decode.status import wait_until_decoded
from collector.otlp.wire.series import RequestSeries
from collector.otlp.wire.wire import Wire
from meterbook.base.home import Home
from warehouse.tables import raw

NOW = datetime.now(UTC)  # noqa: TID251 - a real server looks at the real clock


def _request(*values: int) -> ExportMetricsServiceRequest:
    """Give a gauge with one series per value."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    for value in values:
        point = metric.gauge.data_points.add(
            as_double=value, time_unix_nano=int(NOW.timestamp()) * 10**9
        )
        point.attributes.add(key="user").value.int_value = value
    return request


@given(st.lists(st.sets(st.integers(0, 30), max_size=8), max_size=20), st.integers(1, 10))
def test_never_more_than_the_limit_and_whoever_is_in_stays(requests, limit):
    """Within a day: at most `limit` series, and one that was taken is never refused after."""
    active = ActiveSeries()
    taken: set[int] = set()

    for hour, series in enumerate(requests):
        refused = active.take("shop", sorted(series), limit, hour)

        assert not refused & taken
        taken |= series - refused
        assert len(taken) == active.count("shop") <= limit


def test_a_series_that_was_silent_for_a_day_makes_room():
    """At the 24th hour the old one is gone."""
    active = ActiveSeries()
    active.take("shop", [1], 1, 100)

    assert active.take("shop", [2], 1, 123) == {2}
    assert active.take("shop", [2], 1, 124) == set()
    assert active.take("shop", [1], 1, 124) == {1}


@settings(deadline=None)
@given(st.sets(st.integers(0, 9), min_size=1), st.sets(st.integers(0, 9)))
def test_a_request_loses_the_points_of_refused_series_and_no_other(values, unwanted):
    """Both ways of naming a series agree: by columns and by objects."""
    body = _request(*sorted(values)).SerializeToString()
    ids = RequestSeries().of(Wire().parse("metrics", [body]), "shop")["gauge"].tolist()
    named = dict(zip(sorted(values), ids, strict=True))
    refused = {named[value] for value in values & unwanted}

    left = ExportMetricsServiceRequest.FromString(without(body, "shop", refused))

    points = left.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points
    assert [point.as_double for point in points] == sorted(values - unwanted)


@pytest.mark.slow
def test_new_series_beyond_the_quota_are_rejected_also_after_a_restart(start, tmp_path):
    """Three are allowed: of a fourth and fifth nothing is stored, and the answer says so."""
    home = Home(tmp_path / "home")
    clear, _ = create_token(home.tokens, "shop", ["ingest"], NOW)
    allowed = {"auth": "token", "quotas": ["shop:series=3"]}

    def send(running, *values: int) -> int:
        body = _request(*values).SerializeToString()
        status, answer, _ = running.post(body, Authorization=f"Bearer {clear}")
        assert status == 200
        partial = ExportMetricsServiceResponse.FromString(answer).partial_success
        assert bool(partial.error_message) == bool(partial.rejected_data_points)
        return int(partial.rejected_data_points)

    first = start(home, **allowed)
    assert [send(first, 1, 2), send(first, 2, 3, 4), send(first, 5)] == [0, 1, 1]
    wait_until_decoded(home, 20)
    assert first.stop() == 0
    second = start(home, **allowed)
    assert [send(second, 6), send(second, 1, 3)] == [1, 0]

    wait_until_decoded(home, 20)
    points = pl.read_parquet(list((home.lake / "raw_point").rglob("*.parquet")))
    assert sorted(points["value"].to_list()) == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize(("hours", "count"), [(23, 1), (24, 0)])
def test_series_of_the_last_24_hours_are_taken_up(tmp_path, hours, count):
    """At 12:00 what was sent from 13:00 of the day before on counts; 12:00 is 24 hours ago."""
    now = datetime(2026, 10, 2, 12, tzinfo=UTC)
    at = now - timedelta(hours=hours)
    row = raw.SERIES.sample(1).with_columns(
        pl.lit("shop").alias("tenant"),
        pl.lit(at).alias("event_hour").cast(raw.SERIES.schema["event_hour"]),
    )
    folder = tmp_path / raw.SERIES.name / f"date={at.date()}" / f"hour={at.hour:02d}"
    folder.mkdir(parents=True)
    row.write_parquet(folder / "part.parquet")
    active = ActiveSeries()

    take_up(active, tmp_path, now)

    assert active.count("shop") == count


def test_an_hour_is_3600_seconds():
    """The last second of an hour is of it, the next is of the next one."""
    assert [hour_of(seconds) for seconds in (0, 3599.9, 3600, 7200)] == [0, 0, 1, 2]


def test_an_empty_lake_has_no_series(tmp_path):
    """The first start of a home."""
    active = ActiveSeries()

    take_up(active, tmp_path, NOW)

    assert active.count("shop") == 0

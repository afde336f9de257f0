"""The lake as the transforms read it."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from warehouse.store import lake_series
from warehouse.store.lake import Lake
from warehouse.tables import raw

DAY = date(2026, 1, 1)
HOUR = datetime(2026, 1, 1, 5, tzinfo=UTC)


def _write(root, table, rows, name):
    folder = root / table.name / f"date={DAY}" / "hour=05"
    folder.mkdir(parents=True, exist_ok=True)
    sample = table.sample(1).to_dicts()[0]
    frame = pl.DataFrame([{**sample, **row} for row in rows], schema=table.schema)
    frame.write_parquet(folder / f"{name}.parquet")


def test_a_series_is_seen_once_an_hour_however_often_it_is_named(tmp_path):
    """Named by two segments after a restart, active in three: one row, points added up."""
    series = {"event_hour": HOUR, "series_id": 7, "metric_name": "m"}
    for segment in (1, 2):
        _write(tmp_path, raw.SERIES, [{**series, "x_segment": segment}], f"{segment}")
    for segment in (1, 2, 3):
        active = {
            "event_hour": HOUR,
            "series_id": 7,
            "point_count": 10 * segment,
            "received_at": HOUR + timedelta(minutes=segment),
        }
        _write(tmp_path, raw.ACTIVITY, [active], f"{segment}")

    seen = Lake(tmp_path).seen_series([DAY]).collect()

    assert seen.select("series_id", "metric_name", "point_count", "received_at").rows() == [
        (7, "m", 60, HOUR + timedelta(minutes=3))
    ]


def test_a_day_without_telemetry_has_the_columns_all_the_same(tmp_path):
    """No rows, in the declared types."""
    seen = Lake(tmp_path).seen_series([DAY]).collect()

    assert seen.is_empty()
    assert seen.schema == pl.Schema(raw.SEEN_SERIES_SCHEMA)


def _hours(root, seen):
    """Write a day: per hour the series that are named and those that are active."""
    for hour, (named, active) in enumerate(seen):
        start = datetime(2026, 1, 1, hour, tzinfo=UTC)
        for table, numbers in ((raw.SERIES, named), (raw.ACTIVITY, active)):
            folder = root / table.name / f"date={DAY}" / f"hour={hour:02}"
            folder.mkdir(parents=True, exist_ok=True)
            sample = {**table.sample(1).to_dicts()[0], "event_hour": start}
            if "metric_name" in sample:
                rows = [{**sample, "series_id": n, "metric_name": "xy"[n % 2]} for n in numbers]
            else:
                rows = [{**sample, "series_id": n} for n in numbers]
            pl.DataFrame(rows, schema=table.schema).write_parquet(folder / "1.parquet")


@pytest.mark.parametrize("batch", [0, 1 << 30])
def test_each_series_of_a_day_once(tmp_path, monkeypatch, batch):
    """Named every hour: one row; named but never active: none. Hour by hour or all at once."""
    monkeypatch.setattr(lake_series, "BATCH_BYTES", batch)
    _hours(tmp_path, [([1, 2, 9], [1, 2]), ([1, 2, 3], [1, 2, 3]), ([3, 4], [3]), ([4], [4])])

    once = Lake(tmp_path).series_once([DAY])

    assert sorted(once.collect()["series_id"]) == [1, 2, 3, 4]
    assert once.collect().schema == pl.Schema(raw.ONCE_SCHEMA)
    odd = once.filter(pl.col("metric_name") == "y")
    assert sorted(odd.collect()["series_id"]) == [1, 3]
    assert odd.select(pl.len()).collect().item() == 2
    assert once.head(3).collect().height == 3


def test_once_equals_the_dictionary_that_has_activity(tmp_path):
    """The same rows as the hourly view gives, each series by its first row."""
    _hours(tmp_path, [([1, 2], [1]), ([2, 3], [2, 3]), ([1, 2, 3], [1, 2, 3])])
    lake = Lake(tmp_path)

    hourly = lake.seen_series([DAY]).collect().unique("series_id", keep="any")

    columns = list(raw.ONCE_SCHEMA)
    once = lake.series_once([DAY]).collect().sort("series_id")
    assert once.equals(hourly.select(columns).sort("series_id"))


def test_a_day_has_each_series_once_with_its_hours(tmp_path):
    """Series 1 at 0 and 2, series 2 at 1 and 2, series 3 at 1, series 4 without activity never."""
    _hours(tmp_path, [([1, 4], [1]), ([2, 3], [2, 3]), ([1, 2], [1, 2])])
    lake = Lake(tmp_path)
    start = lake.seen_series([DAY]).select(pl.col("event_hour").min()).collect().item()

    day = lake.series_of_day(DAY)

    found = day.collect().sort("series_id")
    assert found.schema == pl.Schema(raw.DAY_SERIES_SCHEMA)
    assert found.select("series_id", "hours").rows() == [(1, 0b101), (2, 0b110), (3, 0b010)]
    first, last = found["first_hour_at"] - start, found["last_hour_at"] - start
    assert (first.dt.total_hours().to_list(), last.dt.total_hours().to_list()) == (
        [0, 1, 1],
        [2, 2, 1],
    )
    per_series = lake.seen_series([DAY]).collect().group_by("series_id")
    counts = per_series.agg(pl.col("point_count").sum(), pl.col("received_at").max())
    assert found.select(counts.columns).equals(counts.sort("series_id"))
    assert day.filter(pl.col("series_id") == 2).select("hours").collect().item() == 0b110
    assert day.head(2).collect().height == 2


def test_a_day_without_telemetry_has_no_series(tmp_path):
    """No rows, in the declared types."""
    found = Lake(tmp_path).series_of_day(DAY).collect()

    assert found.is_empty()
    assert found.schema == pl.Schema(raw.DAY_SERIES_SCHEMA)


def test_once_of_a_day_without_telemetry(tmp_path):
    """No rows, in the declared types; also where only the activity is there."""
    assert Lake(tmp_path).series_once([DAY]).collect().schema == pl.Schema(raw.ONCE_SCHEMA)
    assert Lake(tmp_path).series_once([DAY]).collect().is_empty()

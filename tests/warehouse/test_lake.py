"""The lake as the transforms read it."""

from datetime import UTC, date, datetime, timedelta

import polars as pl

from warehouse.lake import Lake
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

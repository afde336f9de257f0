"""Frames into files: how many rows wait in memory, and under which names they are written."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from collector.otlp.decode import landing
from collector.otlp.decode.landing import Landing
from warehouse.tables import raw

AT = datetime(2026, 10, 1, 5, 59, tzinfo=UTC)


def spans(*minutes: int) -> dict[str, pl.DataFrame]:
    """Give raw_span with a row so many minutes after 5:59."""
    rows = [
        {**dict.fromkeys(raw.SPAN.schema), "event_at": AT + timedelta(minutes=n), "span_id": n}
        for n in minutes
    ]
    return {"raw_span": pl.DataFrame(rows, schema=raw.SPAN.schema)}


def files(lake) -> list[str]:
    """Give the files below a lake."""
    return sorted(str(path.relative_to(lake)) for path in lake.rglob("*") if path.is_file())


HOUR = "raw_span/date=2026-10-01/hour=05/0000000000000007"


@pytest.mark.parametrize(
    ("limit", "value", "written"),
    [("MAX_ROWS", 3, 0), ("MAX_ROWS", 2, 1), ("MAX_BYTES", 10**6, 0), ("MAX_BYTES", 1, 1)],
)
def test_just_the_limit_waits_for_the_end(tmp_path, monkeypatch, limit, value, written):
    """Three rows of three stay in memory until the segment ends; one more than allowed does not."""
    monkeypatch.setattr(landing, limit, value)
    taking = Landing(tmp_path, 7)

    taking.add(spans(0, 0, 0))

    assert files(tmp_path) == [f"{HOUR}-0000.parquet"] * written
    taking.close()
    assert files(tmp_path) == [f"{HOUR}-0000.parquet"]


def test_rows_are_counted_anew_after_each_write(tmp_path, monkeypatch):
    """Three and three of five are written together; two and three more wait, six do not."""
    monkeypatch.setattr(landing, "MAX_ROWS", 5)
    taking = Landing(tmp_path, 7)

    for count in (3, 3, 2, 3):
        taking.add(spans(*[0] * count))

    assert files(tmp_path) == [f"{HOUR}-0000.parquet"]
    taking.add(spans(0))
    taking.add(spans(*[0] * 6))
    found = [pl.read_parquet(tmp_path / name).height for name in files(tmp_path)]
    assert (files(tmp_path), found) == ([f"{HOUR}-{n:04d}.parquet" for n in (0, 1, 2)], [6, 6, 6])


def test_bytes_are_counted_anew_too(tmp_path, monkeypatch):
    """A frame of just the limit waits, again and again, once what was before is written."""
    size = int(spans(0)["raw_span"].estimated_size())
    monkeypatch.setattr(landing, "MAX_BYTES", size)
    taking = Landing(tmp_path, 7)

    for _ in range(3):
        taking.add(spans(0))

    assert files(tmp_path) == [f"{HOUR}-0000.parquet"]


def test_each_hour_has_its_folder(tmp_path):
    """The last minute of an hour and the first of the next; the same again writes over it."""
    for _ in range(2):
        taking = Landing(tmp_path, 7)
        taking.add(spans(0, 1))
        taking.close()

    names = [f"raw_span/date=2026-10-01/hour={hour}" for hour in ("05", "06")]
    assert files(tmp_path) == [f"{name}/0000000000000007-0000.parquet" for name in names]
    kept = [pl.read_parquet(tmp_path / name)["span_id"].to_list() for name in files(tmp_path)]
    assert kept == [[0], [1]]


def test_points_of_a_series_stand_side_by_side(tmp_path):
    """In the order of the series, and as they came within each; nothing is left beside."""
    rows = [
        {**dict.fromkeys(raw.POINT.schema), "event_at": AT, "series_id": series, "x_seq": number,
         "flags": 0, "x_segment": 7}
        for number, series in enumerate([2, 1, 2, 1])
    ]  # fmt: skip
    taking = Landing(tmp_path, 7)

    points = pl.DataFrame(rows, schema=raw.POINT.schema)
    taking.add({"raw_point": points.with_columns(received_at=pl.lit(AT))})
    taking.close()

    (path,) = (tmp_path / "raw_point").rglob("*.parquet")
    assert pl.read_parquet(path).select("series_id", "x_seq").rows() == [
        (1, 1), (1, 3), (2, 0), (2, 2),
    ]  # fmt: skip
    assert not list(tmp_path.rglob("*.making"))

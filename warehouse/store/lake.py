"""The lake: raw Parquet by table, day and hour of the event.

Takes    a folder
Gives    which days it holds, frames of chosen days in the declared types, and a digest per day
Holds    the digest of a day changes when a file of it comes, goes or changes size
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from warehouse.store.lake_series import held, series_once
from warehouse.table import Table
from warehouse.tables import raw

HELD_BYTES: Final = 64 << 20
"""Of a day's dictionary: of a smaller one the series are read once for all steps of the day."""
BY_HOUR: Final = (
    raw.SERIES,
    raw.ACTIVITY,
    raw.POINT,
    raw.HISTOGRAM,
    raw.SIGNAL,
    raw.EVENT,
    raw.SPAN,
)


class Lake:
    """What the decoder has written so far."""

    def __init__(self, root: Path) -> None:
        """Keep the folder; it need not be there yet."""
        self.root = root

    def days(self) -> list[date]:
        """Give the UTC days of which there is any telemetry, in order."""
        found = {
            date.fromisoformat(folder.name.removeprefix("date="))
            for table in BY_HOUR
            for folder in (self.root / table.name).glob("date=*")
        }
        return sorted(found)

    def files(self, table: Table, days: Iterable[date]) -> list[Path]:
        """Give the files of a table for these days, in order of hour and segment."""
        return [
            path
            for day in days
            for path in sorted((self.root / table.name / f"date={day}").glob("hour=*/*.parquet"))
        ]

    def scan(self, table: Table, days: Sequence[date]) -> pl.LazyFrame:
        """Give the rows of these days, lazily; no rows in the declared types where none are."""
        return _read(table, self.files(table, days))

    def seen_series(self, days: Sequence[date]) -> pl.LazyFrame:
        """Give each series and hour of these days once, with its points and last receipt.

        Shape: `raw.SEEN_SERIES_SCHEMA`. The dictionary may repeat a row after a restart.
        """
        hour = ["event_hour", "series_id"]
        activity = (
            self.scan(raw.ACTIVITY, days)
            .group_by(hour)
            .agg(pl.col("point_count").sum(), pl.col("received_at").max())
        )
        is_first = pl.struct(hour).is_first_distinct()  # `unique` would copy every list
        named = self.scan(raw.SERIES, days).filter(is_first)
        joined = named.join(activity, on=hour, how="left", validate="1:1")
        joined = joined.filter(pl.col("point_count").is_not_null())
        return joined.select(*raw.SEEN_SERIES_SCHEMA)

    def series_once(self, days: Sequence[date]) -> pl.LazyFrame:
        """Give each series of these days once, with what names it: see `lake_series`."""
        hours = [
            (sorted(hour.glob("*.parquet")), sorted((active / hour.name).glob("*.parquet")))
            for day in days
            for active in [self.root / raw.ACTIVITY.name / f"date={day}"]
            for hour in sorted((self.root / raw.SERIES.name / f"date={day}").glob("hour=*"))
        ]
        once = series_once(
            hours, lambda files: (_read(raw.SERIES, files[0]), _read(raw.ACTIVITY, files[1]))
        )
        return held(once) if self._size(raw.SERIES, days) <= HELD_BYTES else once

    def series_of_day(self, day: date, *, once: pl.LazyFrame | None = None) -> pl.LazyFrame:
        """Give each series of a day once, with the hours it was sent in, points and last receipt.

        Shape: `raw.DAY_SERIES_SCHEMA`. `once` is what `series_once` gave of the day, if at hand.
        """
        hour = pl.col("event_hour")
        sent = (
            self.seen_series([day])
            .group_by("series_id")
            .agg(
                hour.min().alias("first_hour_at"),
                hour.max().alias("last_hour_at"),
                hour_bit(hour).bitwise_or().alias("hours"),
                pl.col("point_count").sum(),
                pl.col("received_at").max(),
            )
        )
        named = self.series_once([day]) if once is None else once
        series = named.join(
            sent, on="series_id", how="inner", validate="1:1", maintain_order="left"
        )
        return held(series) if self._size(raw.SERIES, [day]) <= HELD_BYTES else series

    def _size(self, table: Table, days: Sequence[date]) -> int:
        return sum(path.stat().st_size for path in self.files(table, days))

    def digest(self, day: date) -> str:
        """Give a short name of what the lake holds of a day."""
        parts = [
            f"{path.relative_to(self.root)}:{path.stat().st_size}"
            for table in BY_HOUR
            for path in self.files(table, [day])
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16] if parts else ""


def hour_bit(at: pl.Expr) -> pl.Expr:
    """Give 2 to the power of the hour of the day."""
    return pl.lit(2, pl.Int32).pow(at.dt.hour().cast(pl.UInt32))


def _read(table: Table, files: Sequence[Path]) -> pl.LazyFrame:
    if not files:
        return table.empty().lazy()
    return pl.scan_parquet(
        list(files), schema=table.schema, hive_partitioning=False, missing_columns="insert"
    )

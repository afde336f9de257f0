"""Each series of some days once, read hour by hour: a filter is applied before anything is kept.

Takes    the files of the dictionary and of the activity, hour by hour
Gives    one row per series, as its first hour has it: `raw.ONCE_SCHEMA`
Holds    equals the dictionary's rows that have activity, the first of each series; memory is that
         of the hours in hand and of the series' numbers, whatever the number of hours

A dictionary repeats a series every hour, so after the first hour hardly any row is new: the names
are read first, and the attributes of those series only that no hour before had.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import polars as pl
from polars.io.plugins import register_io_source

from warehouse.tables import raw

BATCH_BYTES: Final = 64 << 20
"""Files of following hours that are read together."""
_KEY: Final = ("event_hour", "series_id")
Files = tuple[Sequence[Path], Sequence[Path]]
Scan = Callable[[Files], tuple[pl.LazyFrame, pl.LazyFrame]]


def series_once(hours: Sequence[Files], scan: Scan) -> pl.LazyFrame:
    """Give the series of these hours, each once. A file is opened when rows are asked for."""

    def read(
        columns: list[str] | None, chosen: pl.Expr | None, limit: int | None, _: int | None
    ) -> Iterator[pl.DataFrame]:
        seen = pl.DataFrame(schema={"series_id": pl.UInt64()})
        for files in _batches(hours):
            found, new = _new(*scan(files), seen, columns or [*raw.ONCE_SCHEMA], chosen)
            seen = pl.concat([seen, new])
            if limit is not None:
                found, limit = found.head(limit), limit - min(limit, found.height)
            yield found

    return register_io_source(read, schema=raw.ONCE_SCHEMA, validate_schema=True, is_pure=True)


def held(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Give the same rows, collected when first asked for and kept as long as the frame given."""
    kept: list[pl.DataFrame] = []

    def read(
        columns: list[str] | None, chosen: pl.Expr | None, limit: int | None, _: int | None
    ) -> Iterator[pl.DataFrame]:
        if not kept:
            kept.append(frame.collect())
        rows = kept[0].lazy() if chosen is None else kept[0].lazy().filter(chosen)
        rows = rows if columns is None else rows.select(columns)
        yield (rows if limit is None else rows.head(limit)).collect()

    return register_io_source(read, schema=frame.collect_schema(), is_pure=True)


def _new(
    named: pl.LazyFrame,
    active: pl.LazyFrame,
    seen: pl.DataFrame,
    columns: Sequence[str],
    chosen: pl.Expr | None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the rows of series that were not seen yet, and their numbers."""
    mine = named if chosen is None else named.filter(chosen)
    new = (
        mine.select(_KEY)
        .join(active.select(_KEY), on=_KEY, how="semi")
        .select("series_id")
        .unique()
        .join(seen.lazy(), on="series_id", how="anti")
        .collect()
    )
    if new.is_empty():
        return named.select(columns).head(0).collect(), new
    rows = mine.join(new.lazy(), on="series_id", how="semi", maintain_order="left")
    once = rows.filter(pl.col("series_id").is_first_distinct()).select(columns)
    return once.collect(), new


def _batches(hours: Sequence[Files]) -> Iterator[Files]:
    """Join following hours that are small, so that few files are not read one by one."""
    named: list[Path] = []
    active: list[Path] = []
    size = 0
    for names, counts in hours:
        named += names
        active += counts
        size += sum(path.stat().st_size for path in (*names, *counts))
        if size >= BATCH_BYTES:
            yield named, active
            named, active, size = [], [], 0
    if named:
        yield named, active

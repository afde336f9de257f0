"""Attributes read once per distinct value and put into the slots of their metric.

Takes    lists of typed attributes, each with the metric it belongs to and how many series have it
Gives    every distinct attribute of a metric once, with its hash; a column of hashes per slot
Holds    memory beside the columns is that of some lists at a time; equal lists give equal columns

Resources are shared by many series: each distinct one of a metric is read once and then gathered.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import polars as pl

HASH: Final = pl.UInt64()
ENTRY: Final = ("level", "label", "type", "value")
CHUNK: Final = 1 << 15
"""Lists that are taken apart at a time."""
_FOUND: Final = ("metric_id", "label", "type", "value")


@dataclass(frozen=True)
class Reported:
    """The attributes of one level: which there are, and in which list each stands."""

    found: pl.DataFrame
    """One row per metric and attribute: `code metric_id label type value series_count`."""
    cells: pl.DataFrame
    """One row per list and attribute: `item code`."""
    count: int
    """How many lists."""


def digest(*parts: str) -> int:
    """Hash the parts of a name."""
    return int.from_bytes(blake2b("\0".join(parts).encode(), digest_size=8).digest(), "little")


def digests(names: Iterable[tuple[str, ...]]) -> pl.Series:
    """Hash many names."""
    return pl.Series("hash", [digest(*name) for name in names], dtype=HASH)


def shared(lists: pl.Series, ids: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
    """Give each distinct list of a metric once, and for every row which of them it has."""
    keyed = pl.DataFrame({"metric_id": ids, "code": lists.hash(7)})
    groups = (
        keyed.with_row_index("row")
        .group_by("metric_id", "code")
        .agg(pl.col("row").min(), pl.len().cast(pl.Int64).alias("series_count"))
        .sort("row")
        .with_row_index("item")
    )
    of_row = keyed.join(
        groups.select("metric_id", "code", "item"),
        on=["metric_id", "code"],
        how="left",
        validate="m:1",
        maintain_order="left",
    )["item"]
    attributes = lists.gather(groups["row"]).alias("attributes")
    return groups.select("item", "metric_id", "series_count", attributes), of_row


def reported(items: pl.DataFrame, *, is_typed: bool) -> Reported:
    """Take lists apart: rows of `item metric_id series_count attributes`."""
    found, cells = [_found(_long(items.clear(), is_typed=is_typed))], []
    for part in items.iter_slices(CHUNK):
        long = _long(part, is_typed=is_typed)
        found.append(_found(long))
        cells.append(long.select("item", "code"))
    return Reported(
        _found(pl.concat(found)) if len(found) > 2 else found[-1],
        pl.concat(cells) if cells else items.select("item", code=pl.lit(0, HASH)),
        items.height,
    )


def _long(items: pl.DataFrame, *, is_typed: bool) -> pl.DataFrame:
    long = (
        items.filter(pl.col("attributes").list.len() > 0)
        .explode("attributes")
        .unnest("attributes")
        .rename({"key": "label"})
    )
    if not is_typed:
        long = long.with_columns(pl.lit("").alias("type"))
    return long.with_columns(pl.struct(_FOUND).hash(7).alias("code"))


def _found(long: pl.DataFrame) -> pl.DataFrame:
    return long.group_by("code").agg(pl.col(*_FOUND).first(), pl.col("series_count").sum())


def entries(levels: Mapping[str, Reported]) -> pl.DataFrame:
    """Give every attribute of every metric with its hash, which is made once per distinct one."""
    every = pl.concat(
        part.found.with_columns(pl.lit(level).alias("level")) for level, part in levels.items()
    )
    distinct = every.select(ENTRY).unique()
    hashes = [digests(part.rows()) for part in distinct.iter_slices(CHUNK)]
    hashed = distinct.with_columns(pl.concat(hashes) if hashes else pl.Series("hash", [], HASH))
    return every.join(hashed, on=ENTRY, how="left", validate="m:1")


def slots_of(found: pl.DataFrame) -> pl.DataFrame:
    """Give each label of a metric its number: `metric_id level label slot`, sorted."""
    return (
        found.select("metric_id", "level", "label")
        .unique()
        .sort("metric_id", "level", "label")
        .with_columns(pl.int_range(pl.len()).over("metric_id").alias("slot"))
    )


def columns(level: Reported, places: pl.DataFrame, width: int) -> list[pl.Series]:
    """Put the hashes of a level into its slots, a column each; `places` has `code slot hash`."""
    cells = level.cells.join(places, on="code", how="left", validate="m:1")
    at = cells.select((pl.col("slot") * level.count + pl.col("item")).cast(pl.UInt32)).to_series()
    flat = pl.zeros(width * level.count, HASH, eager=True).scatter(at, cells["hash"])
    return [flat.slice(slot * level.count, level.count) for slot in range(width)]

"""Additive fingerprints of series: dropping a label is a subtraction.

Takes    distinct series with typed attributes
Gives    per series its metric, its fingerprint and one slot per label, and which label a slot is
Holds    fp = h(metric, scope, tenant) + sum of h(level, key, type, value) modulo 2^64, so
         fp - h(label) is the fingerprint of the series without the label; an absent label is 0;
         typed values differ (int 1 is not "1")

h is the first 8 bytes of BLAKE2b over the parts joined by NUL, so it is the same on every machine
and in every version. It is taken once per distinct value, not once per series.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import polars as pl

LEVELS: Final = ("point", "resource")


@dataclass(frozen=True)
class Wide:
    """Series in the wide layout: `rows` has `metric fp h0 … hN`, `slots` says what a slot is."""

    rows: pl.DataFrame
    slots: pl.DataFrame
    values: pl.DataFrame
    """One row per metric, label and value: `metric level label value series_count`."""

    @property
    def width(self) -> int:
        """Give how many slots there are."""
        return sum(name.startswith("h") for name in self.rows.columns)


def wide(series: pl.LazyFrame) -> Wide:
    """Lay out distinct series. `series` are rows of raw_series; a series may stand in many."""
    distinct = (
        series.unique("series_id", keep="first", maintain_order=True)
        .select(
            "tenant",
            pl.col("metric_name").alias("metric"),
            "scope_name",
            "metric_kind",
            "resource_attributes",
            "point_attributes",
        )
        .collect()
        .with_row_index("row")
    )
    base = distinct.select(
        "row", "metric", _name("tenant", "metric", "metric_kind", "scope_name").alias("name")
    )
    base = base.join(_hashed(base["name"]), on="name", how="left", validate="m:1")
    long = pl.concat([_long(distinct, level) for level in LEVELS])
    slots = (
        long.select("metric", "level", "label")
        .unique()
        .sort("metric", "level", "label")
        .with_columns(pl.int_range(pl.len()).over("metric").alias("slot"))
    )
    placed = long.join(slots, on=["metric", "level", "label"], how="left", validate="m:1")
    count = int(slots["slot"].max() or 0) + 1 if slots.height else 0  # type: ignore[arg-type]
    cells = placed.group_by("row").agg(
        pl.col("hash").sum().alias("labels_hash"),
        *(pl.col("hash").filter(pl.col("slot") == n).sum().alias(f"h{n}") for n in range(count)),
    )
    zero = pl.lit(0, pl.UInt64)
    rows = (
        base.join(cells, on="row", how="left", validate="1:1")
        .with_columns(pl.selectors.unsigned_integer().fill_null(zero))
        .select(
            "metric",
            (pl.col("hash") + _or_zero("labels_hash", cells)).alias("fp"),
            *(f"h{n}" for n in range(count)),
        )
    )
    return Wide(rows, slots, _values(placed))


def _or_zero(name: str, frame: pl.DataFrame) -> pl.Expr:
    return pl.col(name) if name in frame.columns else pl.lit(0, pl.UInt64)


def _name(*columns: str) -> pl.Expr:
    return pl.concat_str(*columns, separator="\0")


def _long(distinct: pl.DataFrame, level: str) -> pl.DataFrame:
    """Give one row per series and label of a level, with the hash of the typed value."""
    long = (
        distinct.select("row", "metric", pl.col(f"{level}_attributes").alias("attribute"))
        .filter(pl.col("attribute").list.len() > 0)
        .explode("attribute")
        .unnest("attribute")
        .with_columns(pl.lit(level).alias("level"))
        .with_columns(_name("level", "key", "type", "value").alias("name"))
    )
    hashed = long.join(_hashed(long["name"]), on="name", how="left", validate="m:1")
    return hashed.select("row", "metric", "level", pl.col("key").alias("label"), "value", "hash")


def _hashed(names: pl.Series) -> pl.DataFrame:
    """Hash each distinct name once."""
    distinct = names.unique()
    hashes = [
        int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
        for name in distinct.to_list()
    ]
    return pl.DataFrame({"name": distinct, "hash": pl.Series(hashes, dtype=pl.UInt64)})


def _values(placed: pl.DataFrame) -> pl.DataFrame:
    return placed.group_by("metric", "level", "label", "value").agg(
        pl.col("row").n_unique().cast(pl.Int64).alias("series_count")
    )

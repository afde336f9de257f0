"""Additive fingerprints of series: dropping a label is a subtraction.

Takes    distinct series with typed attributes
Gives    per series its metric, its fingerprint and one slot per label, and which label a slot is
Holds    fp = h(tenant, metric, kind, scope) + sum of h(level, key, type, value) modulo 2^64, so
         fp - h(label) is the fingerprint of the series without the label; an absent label is 0;
         typed values differ (int 1 is not "1"); the order of labels does not matter

h is the first 8 bytes of BLAKE2b over the parts joined by NUL, so it is the same on every machine
and in every version. It is taken once per distinct value and then gathered, never once per series.
A slot belongs to its metric: slot 0 of one metric is another label than slot 0 of the next, so the
table is as wide as the metric with most labels, however many labels there are in all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import polars as pl

LEVELS: Final = ("point", "resource")
HASH: Final = pl.UInt64()
ENTRY: Final = ("level", "label", "type", "value")


@dataclass(frozen=True)
class Wide:
    """Series in the wide layout: `rows` has `metric_id fp h0 … hN`, in the order of `metric_id`."""

    rows: pl.DataFrame
    slots: pl.DataFrame
    """What a slot is: `metric_id metric slot level label`, sorted."""
    values: pl.DataFrame
    """One row per metric and value: `metric_id level label type value hash series_count`."""
    metrics: pl.DataFrame
    """`metric_id metric`, sorted."""

    @property
    def width(self) -> int:
        """Give how many slots there are."""
        return sum(name.startswith("h") for name in self.rows.columns)

    @property
    def series(self) -> pl.DataFrame:
        """Give `metric series`, counted."""
        counted = self.rows.group_by("metric_id").agg(series=pl.col("fp").n_unique())
        return self.metrics.join(counted, on="metric_id", how="left", validate="1:1").select(
            "metric", pl.col("series").cast(pl.Int64)
        )

    def of_metric(self, metric: str) -> pl.DataFrame:
        """Give the rows of one metric."""
        ident = self.metrics.filter(pl.col("metric") == metric)["metric_id"]
        if ident.is_empty():
            return self.rows.clear()
        ids = self.rows["metric_id"].set_sorted()
        first, last = (int(ids.search_sorted(ident[0], side)) for side in ("left", "right"))
        return self.rows.slice(first, last - first)


def digest(*parts: str) -> int:
    """Hash the parts of a name."""
    return int.from_bytes(blake2b("\0".join(parts).encode(), digest_size=8).digest(), "little")


def digests(names: Iterable[tuple[str, ...]]) -> pl.Series:
    """Hash many names."""
    return pl.Series("hash", [digest(*name) for name in names], dtype=HASH)


def wide(series: pl.LazyFrame, *, is_typed: bool = True) -> Wide:
    """Lay out distinct series. `series` are rows of raw_series; a series may stand in many.

    Without types the values are compared as text: the series that a Prometheus would store.
    """
    distinct = (
        series.filter(pl.col("series_id").is_first_distinct())
        .select(
            pl.concat_str("tenant", "metric_name", "metric_kind", "scope_name", separator="\0")
            .alias("name"),
            pl.col("metric_name").alias("metric"),
            "resource_attributes",
            "point_attributes",
        )
        .collect()
    )  # fmt: skip
    ids = distinct["metric"].rank("dense").cast(pl.UInt32) - 1
    places = ids.arg_sort().arg_sort()
    base = _base(distinct["name"])
    entries, long = _coded(distinct, ids, places, is_typed=is_typed)
    metrics = pl.DataFrame({"metric_id": ids, "metric": distinct["metric"]}).unique().sort("metric")
    del distinct
    values = (
        long.group_by("metric_id", "entry")
        .agg(pl.len().cast(pl.Int64).alias("series_count"))
        .join(entries, on="entry", how="left", validate="m:1")
    )
    slots = _slots(values)
    rows = _rows(pl.DataFrame({"metric_id": ids, "fp": base}), places, long, entries, slots)
    named = slots.join(metrics, on="metric_id", how="left", validate="m:1")
    return Wide(
        rows,
        named.select("metric_id", "metric", "slot", "level", "label"),
        values.select("metric_id", *ENTRY, "hash", "series_count"),
        metrics,
    )


def _base(names: pl.Series) -> pl.Series:
    """Hash what names a series besides its labels, each distinct name once."""
    known = pl.DataFrame({"name": names.unique()})
    known = known.with_columns(digests((name,) for name in known["name"].to_list()))
    frame = names.to_frame("name").join(
        known, on="name", how="left", validate="m:1", maintain_order="left"
    )
    return frame["hash"]


def _coded(
    distinct: pl.DataFrame, ids: pl.Series, places: pl.Series, *, is_typed: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the dictionary of distinct values with their hashes, and `row metric_id entry`."""
    known, coded = [], []
    for level in LEVELS:
        long = _exploded(distinct, ids, places, level)
        if not is_typed:
            long = long.with_columns(pl.lit("").alias("type"))
        long = long.with_columns(pl.struct("label", "type", "value").hash(7).alias("code"))
        found = long.unique("code", keep="any").select("code", *ENTRY)
        known.append(found)
        coded.append(long.select("row", "metric_id", "level", "code"))
    entries = pl.concat(known).sort(ENTRY).with_row_index("entry")
    entries = entries.with_columns(digests(entries.select(ENTRY).rows()))
    codes = entries.select("level", "code", "entry")
    long = pl.concat(
        part.join(codes, on=["level", "code"], how="left", validate="m:1").select(
            "row", "metric_id", "entry"
        )
        for part in coded
    )
    return entries.drop("code"), long


def _exploded(
    distinct: pl.DataFrame, ids: pl.Series, places: pl.Series, level: str
) -> pl.DataFrame:
    name = f"{level}_attributes"
    return (
        distinct.select(name, metric_id=ids, row=places)
        .filter(pl.col(name).list.len() > 0)
        .explode(name)
        .unnest(name)
        .with_columns(pl.lit(level).alias("level"))
        .rename({"key": "label"})
    )


def _slots(values: pl.DataFrame) -> pl.DataFrame:
    return (
        values.select("metric_id", "level", "label")
        .unique()
        .sort("metric_id", "level", "label")
        .with_columns(pl.int_range(pl.len()).over("metric_id").alias("slot"))
    )


def _rows(
    base: pl.DataFrame,
    places: pl.Series,
    long: pl.DataFrame,
    entries: pl.DataFrame,
    slots: pl.DataFrame,
) -> pl.DataFrame:
    """Put each hash into its slot: rows in the order of metrics, so that groups are slices."""
    width = int(slots["slot"].max() or 0) + 1 if slots.height else 0  # type: ignore[arg-type]
    order = places.arg_sort()
    rows = base.select(pl.all().gather(order))
    labels = entries.select("entry", "level", "label", "hash")
    placed = (
        long.join(labels, on="entry", how="left", validate="m:1")
        .join(slots, on=["metric_id", "level", "label"], how="left", validate="m:1")
        .select("row", "slot", "hash")
    )
    for slot in range(width):
        cells = placed.filter(pl.col("slot") == slot)
        column = pl.zeros(rows.height, HASH, eager=True).scatter(cells["row"], cells["hash"])
        rows = rows.with_columns(column.alias(f"h{slot}"))
    total = pl.sum_horizontal("fp", *(f"h{slot}" for slot in range(width)))
    return rows.with_columns(total.alias("fp"))

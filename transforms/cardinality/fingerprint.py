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

from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from transforms.cardinality.distinct import WORKING_ROWS, distinct
from transforms.cardinality.slots import (
    ENTRY,
    HASH,
    Reported,
    columns,
    digests,
    entries,
    reported,
    shared,
    slots_of,
)

NO_SLOT: Final = -1


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

    @cached_property
    def series(self) -> pl.DataFrame:
        """Give `metric series`, counted."""
        counted = self.left.filter(slot=NO_SLOT).select("metric_id", "series")
        joined = self.metrics.join(counted, on="metric_id", how="left", validate="1:1")
        return joined.select("metric", "series")

    @cached_property
    def left(self) -> pl.DataFrame:
        """Count series, and those left without each slot, `NO_SLOT` being none.

        `metric_id slot series left`
        """
        with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
            found = list(pool.map(_left, self.parts()))
        numbers = dict.fromkeys(("slot", "series", "left"), pl.Int64())
        return pl.concat([pl.DataFrame(schema={"metric_id": pl.UInt32(), **numbers}), *found])

    @cached_property
    def extents(self) -> pl.DataFrame:
        """Give where the rows of each metric are, and its slots: `metric first rows width`."""
        ids = self.rows.select(pl.col("metric_id").set_sorted())
        sizes = ids.group_by("metric_id", maintain_order=True).agg(rows=pl.len().cast(pl.Int64))
        widths = self.slots.group_by("metric_id").agg(width=pl.len().cast(pl.Int64))
        named = sizes.join(
            self.metrics, on="metric_id", how="left", validate="1:1", maintain_order="left"
        ).join(widths, on="metric_id", how="left", validate="1:1", maintain_order="left")
        first = pl.col("rows").cum_sum() - pl.col("rows")
        return named.select("metric", first.alias("first"), "rows", pl.col("width").fill_null(0))

    def parts(self, rows: int = WORKING_ROWS) -> Iterator[pl.DataFrame]:
        """Give slices of whole metrics, about so many rows at a time, with the slots they have."""
        slices = self.extents.group_by(pl.col("first") // rows, maintain_order=True).agg(
            pl.col("first").min().alias("from"), pl.col("rows").sum(), pl.col("width").max()
        )
        for first, size, width in slices.select("from", "rows", "width").rows():
            part = self.rows.slice(first, size)
            yield part.select("metric_id", "fp", *(f"h{slot}" for slot in range(width)))

    def chosen(self, metrics: Collection[str] | None) -> list[str]:
        """Give those of these metrics that are here, in order; all for None."""
        names = self.metrics["metric"].sort().to_list()
        return [name for name in names if metrics is None or name in metrics]

    def of_metric(self, metric: str) -> pl.DataFrame:
        """Give the rows of one metric."""
        place = self.extents.filter(pl.col("metric") == metric).select("first", "rows").rows()
        return self.rows.slice(*place[0]) if place else self.rows.clear()


def _left(rows: pl.DataFrame) -> pl.DataFrame:
    """Count the series of each metric of a part, and those left without each slot."""
    ids, groups = np.unique(rows["metric_id"].to_numpy(), return_inverse=True)
    fp, slots = rows["fp"], range(NO_SLOT, len(rows.columns) - 2)
    rests = (fp if slot == NO_SLOT else fp - rows[f"h{slot}"] for slot in slots)
    left = distinct((rest.to_numpy() for rest in rests), groups, len(ids))
    return pl.DataFrame(
        {
            "metric_id": np.tile(ids, len(slots)),
            "slot": np.repeat(np.array(slots), len(ids)),
            "series": np.tile(left[0], len(slots)),
            "left": np.concatenate(left),
        }
    )


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
    order = ids.arg_sort()
    metrics = pl.DataFrame({"metric_id": ids, "metric": distinct["metric"]}).unique().sort("metric")
    rows = pl.DataFrame({"metric_id": ids, "fp": _base(distinct["name"])}).select(
        pl.all().gather(order)
    )
    points = pl.DataFrame({"item": order.arg_sort(), "metric_id": ids}).with_columns(
        pl.lit(1, pl.Int64).alias("series_count"),
        distinct["point_attributes"].alias("attributes"),
    )
    resources, of_row = shared(distinct["resource_attributes"], ids)
    del distinct
    levels = {
        "point": reported(points, is_typed=is_typed),
        "resource": reported(resources, is_typed=is_typed),
    }
    del points
    found = entries(levels)
    slots = slots_of(found)
    named = slots.join(metrics, on="metric_id", how="left", validate="m:1")
    return Wide(
        _summed(rows, levels, found, slots, of_row.gather(order)),
        named.select("metric_id", "metric", "slot", "level", "label"),
        found.select("metric_id", *ENTRY, "hash", "series_count"),
        metrics,
    )


def united(pieces: Iterable[Wide]) -> Wide:
    """Put the layouts of pieces together: of one metric, or a single one of any."""
    first, *more = pieces
    parts = [part for part in (first, *more) if part.rows.height]
    if len(parts) < 2:
        return parts[0] if parts else first
    named = ["metric_id", "metric", "level", "label"]
    every = pl.concat(part.slots.select(named) for part in parts).unique().sort(named)
    slots = every.with_columns(slot=pl.int_range(pl.len(), dtype=pl.Int64))
    values = pl.concat(part.values for part in parts)
    return Wide(
        pl.concat(_moved(part, slots) for part in parts),
        slots.select("metric_id", "metric", "slot", "level", "label"),
        values.group_by("metric_id", *ENTRY, "hash").agg(pl.col("series_count").sum()),
        parts[0].metrics,
    )


def _moved(part: Wide, slots: pl.DataFrame) -> pl.DataFrame:
    """Give the rows of a piece in the slots of all pieces."""
    old = {(level, label): slot for slot, level, label in part.slots[:, 2:].rows()}
    places = [old.get(label) for label in slots.select("level", "label").rows()]
    columns = [
        (pl.lit(0, HASH) if place is None else pl.col(f"h{place}")).alias(f"h{slot}")
        for slot, place in enumerate(places)
    ]
    return part.rows.select("metric_id", "fp", *columns)


def _base(names: pl.Series) -> pl.Series:
    """Hash what names a series besides its labels, each distinct name once."""
    known = pl.DataFrame({"name": names.unique()})
    known = known.with_columns(digests((name,) for name in known["name"].to_list()))
    frame = names.to_frame("name").join(
        known, on="name", how="left", validate="m:1", maintain_order="left"
    )
    return frame["hash"]


def _summed(
    rows: pl.DataFrame,
    levels: Mapping[str, Reported],
    found: pl.DataFrame,
    slots: pl.DataFrame,
    of_row: pl.Series,
) -> pl.DataFrame:
    """Add a column per slot, and the fingerprint of all: rows stay in the order of metrics."""
    width = int(slots["slot"].max() or 0) + 1 if slots.height else 0  # type: ignore[arg-type]
    placed = found.join(slots, on=["metric_id", "level", "label"], how="left", validate="m:1")
    by_level = {
        name: columns(part, placed.filter(level=name).select("code", "slot", "hash"), width)
        for name, part in levels.items()
    }
    added = [
        (point + resource.gather(of_row)).alias(f"h{slot}")
        for slot, (point, resource) in enumerate(zip(*by_level.values(), strict=True))
    ]
    rows = rows.with_columns(added)
    total = pl.sum_horizontal("fp", *(f"h{slot}" for slot in range(width)))
    return rows.with_columns(total.alias("fp"))

"""What if the values of a label were fewer instead of gone: templates, classes, the top and others.

Takes    the wide layout of a day
Gives    per metric, label and rewrite: values and series after it
Holds    equals a count after really replacing the values: the old hash is taken off, the new added

Rewrites: `path_template` (`/orders/12` to `/orders/{n}`), `status_class` (`200` to `2xx`), `top_k`
(all but the k values with most series to `other`). A rewrite that changes nothing is left out.
"""

from collections.abc import Collection, Sequence
from typing import Final

import polars as pl

from transforms.cardinality.fingerprint import Wide
from transforms.cardinality.slots import digests
from transforms.cardinality.value_shapes import status_class, template

OTHER: Final = "other"
RULES: Final = {"path_template": template, "status_class": status_class}
SCHEMA: Final = {
    "metric": pl.String(),
    "level": pl.String(),
    "label": pl.String(),
    "rewrite": pl.String(),
    "distinct_after": pl.Int64(),
    "left": pl.Int64(),
}


def rewrites(
    series: Wide,
    *,
    top: int,
    searched: Collection[str] | None = None,
    status_labels: Sequence[str] = ("status", "code"),
) -> pl.DataFrame:
    """Try the rewrites on the labels of these metrics, or of all."""
    found: list[tuple[object, ...]] = []
    for metric in series.chosen(searched):
        rows = series.of_metric(metric)
        mine = series.slots.filter(pl.col("metric") == metric)
        known = series.values.join(mine.select("metric_id").unique(), on="metric_id", how="semi")
        parts = known.partition_by("level", "label", as_dict=True)
        for slot, level, label in mine.select("slot", "level", "label").rows():
            values = parts[level, label]
            for name, mapped in _tried(values, label, top, status_labels).items():
                found.append((metric, level, label, name, *counted(rows, slot, values, mapped)))
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


def _tried(
    values: pl.DataFrame, label: str, top: int, status_labels: Sequence[str]
) -> dict[str, pl.Series]:
    """Give the new values of each rewrite that makes the values of a label fewer."""
    tried: dict[str, pl.Series] = {}
    if values["value"].str.starts_with("/").mean() or 0:
        tried["path_template"] = normalised(values, "path_template")
    if any(word in label for word in status_labels):
        tried["status_class"] = normalised(values, "status_class")
    if values.height > top:
        tried["top_k"] = top_and_other(values, top)
    return {name: new for name, new in tried.items() if new.n_unique() < values.height}


def normalised(values: pl.DataFrame, rule: str) -> pl.Series:
    """Give the new value of each value by a rule."""
    return values.select(RULES[rule](pl.col("value"))).to_series()


def top_and_other(values: pl.DataFrame, top: int, weight: str = "series_count") -> pl.Series:
    """Keep the k values of most weight, ties by value; all else is `other`."""
    kept = values.sort([weight, "value"], descending=[True, False])["value"].head(top)
    value = pl.col("value")
    return values.select(
        pl.when(value.is_in(kept.implode())).then(value).otherwise(pl.lit(OTHER))
    ).to_series()


def counted(
    rows: pl.DataFrame, slot: int, values: pl.DataFrame, mapped: pl.Series
) -> tuple[int, int]:
    """Count values and series of a metric after a label's values are replaced."""
    level, label = values.select("level", "label").row(0)
    named = pl.DataFrame({"new": mapped.unique().sort()})
    hashes = digests((level, label, "string", new) for new in named["new"].to_list())
    new = named.with_columns(hashes.alias("new_hash"))
    change = values.select(pl.col("hash"), mapped.alias("new")).join(
        new, on="new", how="left", validate="m:1"
    )
    column = f"h{slot}"
    replaced = rows.select("fp", pl.col(column).alias("hash")).join(
        change.select("hash", "new_hash"), on="hash", how="left", validate="m:1"
    )
    left = replaced.select(
        (pl.col("fp") - pl.col("hash") + pl.coalesce("new_hash", "hash")).n_unique()
    )
    return named.height, int(left.item())

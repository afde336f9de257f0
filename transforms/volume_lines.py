"""Bill lines that pay for a volume, shared among the pods that had it mounted.

Reads    the lines of a day that no node explains (transforms.lines), core_volume_hourly
Gives    claims and seats (see transforms.receivers)
Units    atoms
Holds    per line the claims add up to the line; time without a pod is `__unmounted__`, a billed
         hour in which nothing was heard of the volume is `__no_telemetry__`

A line is a volume's by its resource (the disk, or the volume's name, which GKE gives to the disk),
else by the tags that Kubernetes' drivers set: of the volume, or of claim and namespace. A name that
several clusters have needs the line's cluster to tell which.
"""

from typing import Final

import polars as pl

from transforms.nodes import provider_key
from transforms.receivers import SEAT, Claims
from transforms.volumes import by_mounts

TAGS: Final = {
    "volume": "kubernetesiocreatedforpvname",
    "claim": "kubernetesiocreatedforpvcname",
    "space": "kubernetesiocreatedforpvcnamespace",
}
"""Tags as the drivers set them, in lower case and without signs, which clouds change."""
SIGNS: Final = r"[^a-z0-9]"
PREFIX: Final = r"^(resourcetags)?(user|aws)?(kubernetesio)"
RECEIVER: Final = ("cluster", "node", "namespace", "workload", "labels", "reason")
ROWS: Final = ("line", "charge_hour", "seat", "effective", "billed")


def on_volumes(lines: pl.DataFrame, volumes: pl.DataFrame) -> tuple[Claims, pl.DataFrame]:
    """Give the claims on lines that pay for a volume, and the lines that do not."""
    found = volume_lines(lines, volumes)
    rest = lines.join(found.select("line"), on="line", how="anti", maintain_order="left")
    heard, mounts = seen(volumes)
    numbered = found.with_columns(pl.col("line").cast(pl.String).alias("x_line_hash"))
    rows = by_mounts(numbered.lazy(), heard, mounts).collect()
    seats = rows.select(RECEIVER).unique().sort(RECEIVER)
    blank = ("account", "service", "resource", "charge_category")
    numbered = rows.join(
        seats.with_row_index("seat"), on=RECEIVER, how="left", validate="m:1"
    ).with_columns(pl.col("x_line_hash").cast(lines.schema["line"]).alias("line"))
    seats = seats.with_columns(pl.lit("").alias(name) for name in blank)
    items = found.select("line", pl.col("volume").alias("line_item"))
    return Claims(numbered.select(ROWS), seats.select(SEAT), "volume", items), rest


def _named(volumes: pl.DataFrame) -> pl.DataFrame:
    return volumes.with_columns(
        pl.concat_str("namespace", "claim", separator="/").alias("id"), pl.lit("-").alias("node")
    )


def seen(volumes: pl.DataFrame) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Give the hours in which each claim was heard of, and who had it mounted."""
    every = _named(volumes).drop("volume").rename({"id": "volume"}).lazy()
    heard = every.select("cluster", "volume", "usage_hour", "namespace", "claim").unique()
    return heard, every.filter(pl.col("pod") != "")


def volume_lines(lines: pl.DataFrame, volumes: pl.DataFrame) -> pl.DataFrame:
    """Give the lines that pay for a volume, with its cluster and `volume` (namespace/claim)."""
    keys = _keys(_named(volumes))
    entry = pl.element().struct

    def tag(name: str) -> pl.Expr:
        key = entry.field("key").str.to_lowercase().str.replace_all(SIGNS, "")
        is_mine = key.str.replace(PREFIX, "${3}") == TAGS[name]
        return pl.col("tags").list.eval(entry.field("value").filter(is_mine)).list.first()

    told = lines.select(
        "line",
        "charge_hour",
        "effective",
        "billed",
        pl.col("x_cluster").fill_null(""),
        pl.concat_list(
            provider_key(pl.col("resource_id")),
            pl.col("resource_name").str.to_lowercase(),
            tag("volume").str.to_lowercase(),
            pl.concat_str(tag("space"), tag("claim"), separator="/"),
        ).alias("key"),
    ).with_columns(pl.int_ranges(4).alias("place"))
    matched = (
        told.select("line", "x_cluster", "key", "place")
        .explode("key", "place")
        .filter(pl.col("key").is_not_null())
        .unique()
        .join(keys, on=["key", "x_cluster"], how="inner", validate="m:1")
        .sort("line", "place")
        .unique("line", keep="first", maintain_order=True)
    )
    return told.drop("key", "place").join(
        matched.select("line", "cluster", "volume"), on="line", how="inner", validate="m:1"
    )


def _keys(named: pl.DataFrame) -> pl.DataFrame:
    """Give what a line may call each volume: with its cluster, and without where that is clear."""
    names = pl.concat(
        [
            named.select("cluster", pl.col("id").alias("volume"), key.alias("key"))
            for key in (
                provider_key(pl.col("disk")),
                pl.col("volume").str.to_lowercase(),
                pl.col("id"),
            )
        ]
    )
    names = names.filter(pl.col("key").is_not_null() & (pl.col("key") != "")).unique()
    within = names.with_columns(pl.col("cluster").alias("x_cluster"))
    anywhere = names.with_columns(pl.lit("").alias("x_cluster"))
    every = pl.concat([within, anywhere])
    return every.filter(pl.len().over("key", "x_cluster") == 1)

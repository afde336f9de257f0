"""Bill lines that pay for a volume, shared among the pods that had it mounted.

Reads    the lines of a day that no node explains (transforms.ledger.lines), core_volume_hourly
Gives    matches and recipients (see transforms.ledger.receivers)
Units    atoms
Holds    per line the matches add up to the line; time without a pod is `__unmounted__`, a billed
         hour in which nothing was heard of the volume is `__no_telemetry__`

A line is a volume's by its resource (the disk, or the volume's name, which GKE gives to the disk),
else by the tags that Kubernetes' drivers set: of the volume, or of claim and namespace. A name that
several clusters have needs the line's cluster to tell which.
"""

from typing import Final

import polars as pl

from transforms.ledger.attached_lines import by_text, keys, matched, matches, tag
from transforms.ledger.nodes import provider_key
from transforms.ledger.receivers import Matches
from transforms.ledger.volumes import by_mounts

TAGS: Final = {
    "volume": ("kubernetesiocreatedforpvname",),
    "claim": ("kubernetesiocreatedforpvcname",),
    "space": ("kubernetesiocreatedforpvcnamespace",),
}
"""Tags as the drivers set them, in lower case and without signs, which clouds change."""
PREFIX: Final = r"^(resourcetags)?(user|aws)?(kubernetesio)"


def on_volumes(lines: pl.DataFrame, volumes: pl.DataFrame) -> tuple[Matches, pl.DataFrame]:
    """Give the matches on lines that pay for a volume, and the lines that do not."""
    found = volume_lines(lines, volumes)
    rest = lines.join(found.select("line"), on="line", how="anti", maintain_order="left")
    observed, mounts = seen(volumes)
    rows = by_mounts(by_text(found).lazy(), observed, mounts).collect()
    return matches(rows, found.select("line", line_item="volume"), "volume"), rest


def _named(volumes: pl.DataFrame) -> pl.DataFrame:
    return volumes.with_columns(
        pl.concat_str("namespace", "claim", separator="/").alias("id"), pl.lit("-").alias("node")
    )


def seen(volumes: pl.DataFrame) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Give the hours in which each claim was heard of, and who had it mounted."""
    every = _named(volumes).drop("volume").rename({"id": "volume"}).lazy()
    observed = every.select("cluster", "volume", "usage_hour", "namespace", "claim").unique()
    return observed, every.filter(pl.col("pod") != "")


def volume_lines(lines: pl.DataFrame, volumes: pl.DataFrame) -> pl.DataFrame:
    """Give the lines that pay for a volume, with its cluster and `volume` (namespace/claim)."""
    reported = lines.select(
        "line",
        "charge_hour",
        "effective",
        "billed",
        pl.col("x_cluster").fill_null(""),
        pl.concat_list(
            provider_key(pl.col("resource_id")),
            pl.col("resource_name").str.to_lowercase(),
            tag(TAGS["volume"], PREFIX).str.to_lowercase(),
            pl.concat_str(tag(TAGS["space"], PREFIX), tag(TAGS["claim"], PREFIX), separator="/"),
        ).alias("key"),
    )
    found = matched(reported, _keys(_named(volumes)), "volume")
    return reported.drop("key").join(found, on="line", how="inner", validate="m:1")


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
    return keys(names)

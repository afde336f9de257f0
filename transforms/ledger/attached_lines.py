"""What lines beside those of a cluster's nodes have in common: volumes, balancers, traffic.

Takes    what a line and a resource call each other; rows of a split (transforms.ledger.shares)
Gives    the resource that a line pays for; matches and recipients (transforms.ledger.receivers)
Holds    a line finds one resource at the most; a name that several clusters have needs the
         line's own
"""

from collections.abc import Collection
from typing import Final

import polars as pl

from transforms.ledger.receivers import RECIPIENT, Matches
from transforms.ledger.shares import RECEIVER

SIGNS: Final = r"[^a-z0-9]"
RECIPIENT_KEY: Final = (*RECEIVER, "reason")
ROWS: Final = ("line", "charge_hour", "recipient", "effective", "billed")
NOT_OWNED: Final = ("account", "service", "resource", "charge_category")


def tag(names: Collection[str], prefix: str) -> pl.Expr:
    """Give the first value of a line's tags by such a name.

    Names are in lower case and without signs, which clouds change. `prefix` is a pattern of what
    exports put before them, with the part to keep as its third group.
    """
    entry = pl.element().struct
    key = entry.field("key").str.to_lowercase().str.replace_all(SIGNS, "")
    is_mine = key.str.replace(prefix, "${3}").is_in(list(names))
    return pl.col("tags").list.eval(entry.field("value").filter(is_mine)).list.first()


def keys(names: pl.DataFrame) -> pl.DataFrame:
    """Give names (cluster, resource, key) with their cluster, and without where that is clear."""
    known = names.filter(pl.col("key").is_not_null() & (pl.col("key") != "")).unique()
    within = known.with_columns(pl.col("cluster").alias("x_cluster"))
    anywhere = known.with_columns(pl.lit("").alias("x_cluster"))
    every = pl.concat([within, anywhere])
    return every.filter(pl.len().over("key", "x_cluster") == 1)


def matched(reported: pl.DataFrame, known: pl.DataFrame, resource: str) -> pl.DataFrame:
    """Give line, cluster and resource, by the first of the line's `key` (a list) that is known."""
    return (
        reported.select(
            "line", "x_cluster", "key", pl.int_ranges(pl.col("key").list.len()).alias("place")
        )
        .explode("key", "place")
        .filter(pl.col("key").is_not_null())
        .unique()
        .join(known, on=["key", "x_cluster"], how="inner", validate="m:1")
        .sort("line", "place")
        .unique("line", keep="first", maintain_order=True)
        .select("line", "cluster", resource)
    )


def by_text(found: pl.DataFrame) -> pl.DataFrame:
    """Give lines under the name that transforms.ledger.shares knows them by."""
    return found.with_columns(pl.col("line").cast(pl.String).alias("x_line_hash"))


def matches(rows: pl.DataFrame, items: pl.DataFrame, kind: str) -> Matches:
    """Give rows of a split their recipients; `items` has line and line_item."""
    recipients = rows.select(RECIPIENT_KEY).unique().sort(RECIPIENT_KEY)
    numbered = rows.join(
        recipients.with_row_index("recipient"), on=RECIPIENT_KEY, how="left", validate="m:1"
    ).with_columns(pl.col("x_line_hash").cast(items.schema["line"]).alias("line"))
    recipients = recipients.with_columns(pl.lit("").alias(name) for name in NOT_OWNED)
    return Matches(numbered.select(ROWS), recipients.select(RECIPIENT), kind, items)

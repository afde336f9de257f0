"""Bill lines that pay for traffic of a node or cluster, shared by the bytes that pods sent.

Reads    the lines of a day (transforms.ledger.lines), core_node_hourly, core_network_hourly
Gives    matches and recipients (see transforms.ledger.receivers)
Units    atoms; bytes
Holds    per line and hour the matches add up to the line; traffic is never idle

A line is of traffic by its meter or description, in bytes; of a node by its resource, of a cluster
by its provider's tag. Clusters that tell no bytes of pods keep their lines as they are.
"""

from typing import Final

import polars as pl

from transforms.ledger.attached_lines import RECIPIENT_KEY, by_text, matches
from transforms.ledger.network import by_bytes, traffic_class
from transforms.ledger.nodes import known_nodes, provider_key
from transforms.ledger.receivers import Matches

BYTES: Final = r"^([kmgtp]i?)?b$|byte"


def on_network(
    lines: pl.DataFrame, nodes: pl.DataFrame, traffic: pl.DataFrame
) -> tuple[Matches, pl.DataFrame]:
    """Give the matches on lines that pay for traffic, and the lines that do not."""
    found = traffic_lines(lines, nodes, traffic)
    rest = lines.join(found.select("line").unique(), on="line", how="anti", maintain_order="left")
    key = ["x_line_hash", "charge_hour", *RECIPIENT_KEY]
    # The line pays for traffic, not for the node: its rows stand at none.
    rows = (
        by_bytes(by_text(found).lazy(), traffic.lazy())
        .with_columns(pl.lit("-").alias("node"))
        .group_by(key)
        .agg(pl.col("effective", "billed").sum())
        .sort(key)
        .collect()
    )
    scope = (
        pl.when(pl.col("node") == "")
        .then("class")
        .otherwise(pl.concat_str("class", "node", separator=" of "))
    )
    return matches(rows, found.select("line", scope.alias("line_item")), "traffic"), rest


def traffic_lines(lines: pl.DataFrame, nodes: pl.DataFrame, traffic: pl.DataFrame) -> pl.DataFrame:
    """Give the lines that pay for traffic, with cluster, node (empty: all) and class."""
    text = pl.concat_str("sku_meter", "charge_description", separator=" ", ignore_nulls=True)
    unit = pl.col("consumed_unit").str.to_lowercase()
    key = pl.coalesce(
        provider_key(pl.col("resource_id")), pl.col("resource_name").str.to_lowercase()
    )
    return (
        lines.with_columns(traffic_class(text).alias("class"), key.alias("key"))
        .filter((pl.col("class") != "") & (unit.is_null() | unit.str.contains(BYTES)))
        .join(known_nodes(nodes), on="key", how="left", validate="m:1")
        .with_columns(
            pl.coalesce("cluster", "x_cluster").alias("cluster"), pl.col("node").fill_null("")
        )
        .join(traffic.select("cluster").unique(), on="cluster", how="semi")
        .select("line", "charge_hour", "cluster", "node", "class", "effective", "billed")
    )

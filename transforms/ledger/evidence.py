"""What explains the ledger: the weights behind its shares, and from them every step to its rows.

Reads    core_usage_hourly, core_network_hourly of a day; bill lines and the tables below
Writes   core_weight_hourly     what each workload weighs on its node in an hour
         core_traffic_hourly    what each workload sent from its node in an hour, by class
Units    amounts in atoms (1e-12 of the currency), Int128; never a float
Holds    the last results of a receiver's chains add up to its rows of the ledger

Lines are taken in the ledger's order: divided by the provider, traffic, nodes, volumes, balancers,
the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from transforms.exact.numbers import numbered
from transforms.ledger.balancer_lines import balancer_lines
from transforms.ledger.evidence_attached import (
    balancer_chains,
    provider_chains,
    traffic_chains,
    volume_chains,
)
from transforms.ledger.evidence_nodes import node_chains
from transforms.ledger.lines import outside, priced
from transforms.ledger.network_lines import traffic_lines
from transforms.ledger.node_weights import PLACE, weights
from transforms.ledger.nodes import node_lines
from transforms.ledger.split_lines import is_divided
from transforms.ledger.trace import chains
from transforms.ledger.volume_lines import volume_lines
from transforms.owners.ownership import Ownership
from warehouse.tables.evidence import TRAFFIC_HOURLY, WEIGHT_HOURLY


def weight_hourly(usage: pl.LazyFrame, basis: str) -> pl.LazyFrame:
    """Give core_weight_hourly: whole numbers per workload, node and hour."""
    reported = usage.collect()
    names, number = numbered(reported, PLACE)
    # A workload on a node is grouped and sorted by its rank: numbers take a quarter of the time.
    ranked = names.with_row_index("number").sort(PLACE).with_row_index("place")
    claimed = {f"{part}_weight": weight for part, weight in weights(basis).items()}
    summed = (
        reported.select("usage_date", "usage_hour", **claimed)
        .with_columns(ranked.sort("number")["place"].gather(number))
        .group_by("usage_hour", "place")
        .agg(pl.col("usage_date").first(), pl.col(*claimed).sum())
        .sort("usage_hour", "place")
    )
    made = pl.concat([summed, ranked.select(PLACE)[summed["place"]]], how="horizontal")
    return made.lazy().select(WEIGHT_HOURLY.schema.names())


def traffic_hourly(network: pl.LazyFrame) -> pl.LazyFrame:
    """Give core_traffic_hourly: the bytes of a workload's pods together."""
    return (
        network.group_by(TRAFFIC_HOURLY.key)
        .agg(pl.col("usage_date").first(), pl.col("bytes").sum())
        .select(TRAFFIC_HOURLY.schema.names())
        .sort(TRAFFIC_HOURLY.key)
    )


@dataclass(frozen=True)
class Reported:
    """What telemetry told of a day, as the ledger was made from it."""

    nodes: pl.DataFrame
    weights: pl.DataFrame
    volumes: pl.DataFrame
    traffic: pl.DataFrame
    balancers: pl.DataFrame


def explained(
    lines: pl.LazyFrame, reported: Reported, ownership: Ownership, asked: pl.Series
) -> pl.DataFrame:
    """Give the chains of the `asked` lines (by hash) among the lines of a day."""
    known = priced(lines)
    chosen = pl.col("x_line_hash").is_in(asked.implode())
    mine = is_divided(ownership)
    given, rest = known.filter(mine), known.filter(~mine)
    sent = traffic_lines(rest, reported.nodes, reported.traffic)
    rest = _without(rest, sent)
    clustered = node_lines(rest, reported.nodes).select("line")
    on_node = rest.join(clustered.unique(), on="line", how="semi", maintain_order="left")
    rest = _without(rest, clustered)
    mounted = volume_lines(rest, reported.volumes)
    rest = _without(rest, mounted)
    fronted = balancer_lines(rest, reported.balancers)
    rest = _without(rest, fronted)
    found = [
        provider_chains(given.filter(chosen), apart=ownership.policy.idle != "share"),
        _by_hash(sent, known, asked, lambda named: traffic_chains(named, reported.traffic)),
        node_chains(on_node, reported.nodes, reported.weights, ownership, asked=asked),
        _by_hash(mounted, known, asked, lambda named: volume_chains(named, reported.volumes)),
        _by_hash(fronted, known, asked, lambda named: balancer_chains(named, reported.balancers)),
        _outside(rest.filter(chosen)),
    ]
    return pl.concat(found, how="diagonal_relaxed")


def _without(lines: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    return lines.join(taken.select("line").unique(), on="line", how="anti", maintain_order="left")


def _by_hash(
    taken: pl.DataFrame,
    known: pl.DataFrame,
    asked: pl.Series,
    derive: Callable[[pl.DataFrame], pl.DataFrame],
) -> pl.DataFrame:
    """Give lines without a hash theirs, and derive the chains of those that are asked."""
    names = known.select("line", "x_line_hash").unique("line")
    named = taken.join(names, on="line", how="left", validate="m:1")
    return derive(named.filter(pl.col("x_line_hash").is_in(asked.implode())))


def _outside(rest: pl.DataFrame) -> pl.DataFrame:
    matches = outside(rest)
    recipients = matches.recipients.with_row_index("recipient")
    rows = matches.rows.join(recipients, on="recipient", how="left", validate="m:1")
    names = rest.select("line", "x_line_hash").unique("line")
    return chains(rows.join(names, on="line", how="left", validate="m:1"), pl.lit("line"))

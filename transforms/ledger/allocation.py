"""The ledger: every bill line of a day explained downward, to the last atom.

Reads    core_cost_line, core_usage_hourly, core_node_hourly, core_volume_hourly,
         core_network_hourly, core_balancer_hourly, core_pool_weight_daily of one UTC day; the
         ownership rules
Writes   core_cost_ledger    one row per bill line, hour (or day) and receiver
Units    effective_cost, billed_cost in the line's currency, Decimal(38, 12); never a float
Holds    per line and day: sum(ledger) == what the line costs on that day, exactly; the order of
         input rows changes nothing; idle takes part in every split and is never negative

Explainers (`split_lines`, `network_lines`, `nodes`, `volume_lines`, `balancer_lines`, `lines`)
take the lines that they know, one after the other, and give matches; `receivers` finds who bears
them. Matches carry numbers, not names: names come back once, at the end.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Required, TypedDict, Unpack

import polars as pl

from transforms.exact.money import money
from transforms.ledger.balancer_lines import on_balancers
from transforms.ledger.lines import LINE_FACTS, day_lines, outside, priced
from transforms.ledger.network_lines import on_network
from transforms.ledger.nodes import on_nodes, provider_key
from transforms.ledger.receivers import (
    IDLE,
    NO_TELEMETRY,
    PARTS_SCALE,
    Matches,
    joined,
    paid_for,
    received,
)
from transforms.ledger.split_lines import divided
from transforms.ledger.volume_lines import on_volumes
from transforms.owners.ownership import Ownership
from transforms.owners.owning import Matcher
from warehouse.table import rises
from warehouse.tables.core import COST_LEDGER
from warehouse.tables.core_pool import POOL_WEIGHT_DAILY

__all__ = ["IDLE", "NO_TELEMETRY", "PARTS_SCALE", "day_lines", "ledger", "provider_key"]

PLACE: Final = ("cluster", "node", "namespace", "workload")
FINAL_HOURS: Final = 48
SHARE_SCALE: Final = 2**48
"""A power of two: the way back to a fraction is exact, whatever way a frame divides."""
KEY: Final = ("line", "charge_hour", "place", "owner")


class Given(TypedDict, total=False):
    """What a ledger is made from besides lines, usage, nodes and rules.

    Without `volumes` (core_volume_hourly) or `balancers` (core_balancer_hourly) their lines are
    what they are outside clusters; without `network` (core_network_hourly) traffic of a node is
    shared like the rest of it; without `weights` (core_pool_weight_daily) pools of a metric are
    split evenly.
    """

    day: Required[date]
    now: Required[datetime]
    final_hours: int
    volumes: pl.LazyFrame
    weights: pl.LazyFrame
    network: pl.LazyFrame
    balancers: pl.LazyFrame


def ledger(
    lines: pl.LazyFrame,
    usage: pl.LazyFrame,
    nodes: pl.LazyFrame,
    ownership: Ownership,
    **given: Unpack[Given],
) -> pl.LazyFrame:
    """Give core_cost_ledger of a day. `lines` are those of `day_lines`."""
    return ledger_with_parts(lines, usage, nodes, ownership, **given)[0]


def ledger_with_parts(
    lines: pl.LazyFrame,
    usage: pl.LazyFrame,
    nodes: pl.LazyFrame,
    ownership: Ownership,
    **given: Unpack[Given],
) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Give core_cost_ledger of a day, and what of nodes' cost was for CPU and for GPUs.

    The second has cluster, namespace, workload, currency, cpu_cost, gpu_cost; memory is the rest.
    """
    day = given["day"]
    matcher = Matcher(ownership, day)
    known = priced(lines)
    shares, rest = divided(known, ownership)
    observed, found = nodes.collect(), [shares]
    if "network" in given:
        sent, rest = on_network(rest, observed, given["network"].collect())
        found.append(sent)
    clustered, rest = on_nodes(rest, observed, usage.collect(), ownership)
    found.append(clustered)
    if "volumes" in given:
        mounted, rest = on_volumes(rest, given["volumes"].collect())
        found.append(mounted)
    if "balancers" in given:
        stood, rest = on_balancers(rest, given["balancers"].collect())
        found.append(stood)
    found.append(outside(rest))
    matches = joined(found)
    weights = given.get("weights", POOL_WEIGHT_DAILY.empty().lazy())
    rows, owners = received(matches, matcher, weights.collect())
    hours = given.get("final_hours", FINAL_HOURS)
    end = datetime.combine(day, time(), UTC) + timedelta(days=1, hours=hours)
    terms = {
        "charge_date": pl.lit(day),
        "config_hash": pl.lit(ownership.hash_on(day)),
        "is_estimated": pl.lit(end > given["now"]),
    }
    made = (
        _named(rows, matches.recipients, owners, _facts(known, found))
        .with_columns(**terms)
        .select(COST_LEDGER.schema.names())
        .cast(COST_LEDGER.schema)
    )
    amounts = (money(pl.col(part)).alias(f"{part}_cost") for part in ("cpu", "gpu"))
    return made, clustered.paid.lazy().select(pl.exclude("cpu", "gpu"), *amounts)


def _facts(lines: pl.DataFrame, found: Sequence[Matches]) -> pl.DataFrame:
    """Give a row per line, in their order: what it says, and what it pays for."""
    return (
        lines.group_by("line", maintain_order=True)
        .agg(pl.col("x_line_hash", *LINE_FACTS).first(), pl.col("effective").sum().alias("_whole"))
        .join(paid_for(found), on="line", how="left", validate="1:1", maintain_order="left")
    )


def _named(
    rows: pl.DataFrame, recipients: pl.DataFrame, owners: pl.DataFrame, facts: pl.DataFrame
) -> pl.LazyFrame:
    """Sum to the ledger's key, in its order, and give the numbers their names."""
    places = recipients.select(PLACE).unique(maintain_order=True)
    places = places if rises(places, PLACE) else places.sort(PLACE)
    place = recipients.select(PLACE).join(
        places.with_row_index("place"), on=PLACE, how="left", validate="m:1", maintain_order="left"
    )["place"]
    summed = _summed(
        rows.with_columns(place.gather(rows["recipient"]).alias("place")).drop("recipient")
    )
    named = pl.concat(
        [
            summed.select("charge_hour", "effective", "billed"),
            places[summed["place"]],
            owners[summed["owner"]],
            facts.drop("line")[summed["line"]],
        ],
        how="horizontal",
    )
    whole = pl.when(pl.col("_whole") == 0).then(1).otherwise(pl.col("_whole"))
    # In whole numbers: a quotient of floats differs in its last bit where one side has one row.
    share = pl.col("effective") * SHARE_SCALE // whole
    return (
        named.lazy()
        .with_columns(
            (share.cast(pl.Float64) / SHARE_SCALE).alias("share"),
            money(pl.col("effective")).alias("effective_cost"),
            money(pl.col("billed")).alias("billed_cost"),
            pl.col("provider_name", "sub_account_id").fill_null(""),
        )
        .rename({"billing_currency": "currency"})
    )


def _summed(rows: pl.DataFrame) -> pl.DataFrame:
    """Sum what bears the same key, in order; recipients that differ by labels only become one."""
    ordered = rows if rises(rows, KEY) else rows.sort(KEY)
    if rises(ordered, KEY):
        return ordered
    return ordered.group_by(KEY, maintain_order=True).agg(pl.col("effective", "billed").sum())

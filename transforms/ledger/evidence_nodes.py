"""How a node's line came to its workloads: hour, part of the node, share by use, shared idle.

Takes    lines of a day (transforms.ledger.lines), core_node_hourly, core_weight_hourly, the rules
Gives    chains (see transforms.ledger.trace), one per line, hour, receiver and part of the node
Holds    the last results of a receiver's chains add up to its rows of the ledger
"""

from typing import Final

import polars as pl

from transforms.ledger import idle
from transforms.ledger.node_price import PARTS, by_part
from transforms.ledger.node_weights import HOUR
from transforms.ledger.nodes import known_nodes, provider_key
from transforms.ledger.receivers import IDLE, NO_TELEMETRY, SYSTEM
from transforms.ledger.trace import WHOLE, bucketed, chains, stepped, traced
from transforms.owners.ownership import Ownership

GROUP: Final = ("line", "charge_hour", "cluster", "node", "part")
OWNER: Final = ("namespace", "workload", "labels")
NODE: Final = ("cluster", "node", "charge_hour")
BILLED: Final = ("usage_date", "provider_id", "sample_count")


def node_chains(
    lines: pl.DataFrame,
    nodes: pl.DataFrame,
    weights: pl.DataFrame,
    ownership: Ownership,
    *,
    asked: pl.Series,
) -> pl.DataFrame:
    """Give the chains of the `asked` lines (by hash); `lines` are all that pay for a node.

    Idle that a cluster shares depends on every line of its hour, so all of them are needed then.
    """
    hours = _hours(lines, nodes)
    pool = "node_pool" if ownership.policy.idle_scope == "pool" else "cluster"
    observed = nodes.drop(BILLED).rename({"usage_hour": "charge_hour"})
    observed = observed.with_columns(pl.col(pool).alias("pool"))
    is_asked = pl.col("x_line_hash").is_in(asked.implode())
    silent = bucketed(hours.filter(is_asked).join(observed, on=NODE, how="anti"), NO_TELEMETRY,
                      "no_telemetry")  # fmt: skip
    known = _parts(hours.join(observed, on=NODE, how="inner", validate="m:1"), ownership)
    shared = _uses(known, weights, ownership)
    is_idle = pl.col("reason") == "idle"
    left, own = shared.filter(is_idle), shared.filter(~is_idle)
    policy = ownership.policy
    found = [own.filter(is_asked)]
    if policy.idle != "share":
        found.append(left.filter(is_asked))
    elif policy.idle_scope == "node":
        found.append(_idle_of_node(left.filter(is_asked), own))
    else:
        long = _long(weights.rename({"usage_hour": "charge_hour"}))
        recipients = long.join(observed.select(*NODE, "pool"), on=NODE, how="inner", validate="m:1")
        found += _idle_of_scope(left, recipients, is_asked, policy.idle_scope)
    made = [chains(rows, pl.col("part")) for rows in found]
    return pl.concat([chains(silent, pl.lit("hour")), *made], how="diagonal_relaxed")


def _hours(lines: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Give the lines that pay for a node by the hour, daily ones spread over the hours heard."""
    key = pl.coalesce(
        provider_key(pl.col("resource_id")), pl.col("resource_name").str.to_lowercase()
    )
    found = lines.with_columns(key.alias("key"), pl.col("effective").alias("amount")).join(
        known_nodes(nodes), on="key", how="inner", validate="m:1"
    )
    is_daily = pl.col("charge_hour").is_null()
    spread = (
        found.filter(is_daily)
        .drop("charge_hour")
        .join(nodes.select(HOUR), on=["cluster", "node"], how="inner", validate="m:m")
        .rename({"usage_hour": "charge_hour"})
        .with_columns(pl.lit(1, WHOLE).alias("weight"))
    )
    even = stepped(spread, "hour", pl.lit("hour seen"), group=["line"], order=["charge_hour"])
    return pl.concat([found.filter(~is_daily), even.drop("weight")], how="diagonal_relaxed")


def _parts(hours: pl.DataFrame, ownership: Ownership) -> pl.DataFrame:
    """Part each hour into CPU, memory and GPUs, with the step that did it."""
    known = by_part(hours.with_columns(pl.col("amount").alias("effective")), ownership)
    whole = pl.sum_horizontal(PARTS)
    is_split = pl.col("only_part").is_null() & (whole > 0)
    last = {
        "memory": (pl.lit(value=True), ("cpu", "gpu")),
        "gpu": ((pl.col("memory") == 0) & (pl.col("gpu") > 0), ("cpu",)),
    }
    rows = []
    for part in PARTS:
        alone = pl.col("only_part").fill_null("cpu") == part
        weight = pl.when(is_split).then(part).otherwise(alone.cast(WHOLE))
        is_rest, others = last.get(part, (pl.lit(value=False), ()))
        takes_rest = is_split & is_rest
        step = pl.struct(
            pl.lit("node part by price x capacity").alias("name"),
            pl.col("amount").alias("amount_atoms"),
            weight.cast(WHOLE).alias("weight"),
            pl.when(is_split).then(whole).otherwise(1).cast(WHOLE).alias("denominator"),
            pl.when(takes_rest).then(pl.lit("rest")).otherwise(pl.lit("part")).alias("takes"),
            pl.when(takes_rest)
            .then(pl.concat_list(*(pl.col(name).cast(WHOLE) for name in others or (part,))))
            .alias("others"),
            pl.lit(1, pl.Int64()).alias("rank"),
            pl.lit(0, WHOLE).alias("atoms_left"),
            pl.lit(0, pl.Int8()).alias("atom"),
            pl.col(f"{part}_effective").alias("result_atoms"),
        )
        rows.append(
            known.select(
                "line", *NODE, "pool", "x_line_hash", "billing_currency",
                *(name for name in ("step_hour",) if name in known.columns),
                step.alias("step_part"),
                pl.lit(part).alias("part"),
                pl.col(f"{part}_effective").alias("amount"),
                pl.col(f"{part}_capacity").alias("capacity"),
                pl.col(f"{part}_system").alias("system"),
            )
        )  # fmt: skip
    made = pl.concat(rows, how="diagonal_relaxed")
    return made.filter((pl.col("part") != "gpu") | (pl.col("amount") != 0))


def _long(weights: pl.DataFrame) -> pl.DataFrame:
    """Give the weights of workloads, one row per part."""
    return pl.concat(
        weights.select(*NODE, *OWNER, pl.lit(part).alias("part"),
                       pl.col(f"{part}_weight").cast(WHOLE).alias("weight"))
        for part in PARTS
    )  # fmt: skip


def _uses(known: pl.DataFrame, weights: pl.DataFrame, ownership: Ownership) -> pl.DataFrame:
    """Share each part by weight over max(capacity, sum of weights); idle takes part."""
    long = _long(weights.rename({"usage_hour": "charge_hour"}))
    work = known.join(long, on=[*NODE, "part"], how="inner", validate="m:m").with_columns(
        pl.lit("workload").alias("reason")
    )
    used = work.group_by(GROUP).agg(pl.col("weight").sum().alias("used"))
    room = known.join(used, on=list(GROUP), how="left", validate="1:1")
    free = pl.col("capacity") - pl.col("used").fill_null(0)
    takes = [work]
    if ownership.policy.is_allocatable:
        kept = bucketed(room, SYSTEM, "system").with_columns(pl.col("system").alias("weight"))
        takes.append(kept.select(work.columns))
        free = free - pl.col("system")
    is_unheard = (pl.col("part") == "gpu") & (pl.col("capacity") == 0)
    is_unheard &= pl.col("used").fill_null(0) == 0
    idle_weight = pl.when(is_unheard).then(pl.lit(1, WHOLE)).otherwise(free.clip(lower_bound=0))
    left = bucketed(room, IDLE, "idle").with_columns(idle_weight.alias("weight"))
    takes.append(left.select(work.columns))
    text = (
        pl.when(pl.col("reason") == "idle")
        .then(pl.lit("left idle: D less all a, over D"))
        .when(pl.col("reason") == "system")
        .then(pl.lit("kept by the system, over D"))
        .otherwise(pl.lit("use: a over D"))
    )
    return stepped(pl.concat(takes), "share", text, group=GROUP, order=OWNER)


def _idle_of_node(left: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """Share what stood idle on a node among those that it did not stand idle for."""
    steps = [name for name in left.columns if name.startswith("step_")]
    recipients = own.select(*GROUP, *OWNER, "reason", "weight")
    moved = left.select(*GROUP, "x_line_hash", "amount", *steps)
    shared = moved.join(recipients, on=list(GROUP), how="inner", validate="1:m").with_columns(
        pl.when(pl.col("reason") == "workload")
        .then(pl.lit(idle.IDLE_SHARE))
        .otherwise("reason")
        .alias("reason")
    )
    text = pl.lit("idle of the node, by a over all a")
    done = stepped(shared, "idle", text, group=GROUP, order=OWNER)
    alone = left.join(recipients.select(GROUP).unique(), on=list(GROUP), how="anti")
    return pl.concat([done, alone], how="diagonal_relaxed")


SCOPE: Final = ("cluster", "pool", "charge_hour", "billing_currency", "part", "sign")


def _idle_of_scope(
    left: pl.DataFrame, long: pl.DataFrame, is_asked: pl.Expr, scope: str
) -> list[pl.DataFrame]:
    """Cut a cluster's or pool's idle, line after line, by workloads' parts, one after the other."""
    key = ["cluster", "pool", "charge_hour", "part"]
    served = long.select(key).unique()
    alone = left.filter(is_asked).join(served, on=key, how="anti")
    given = _ends(
        left.join(served, on=key, how="semi")
        .with_columns(pl.col("amount").sign().alias("sign"), pl.col("amount").abs().alias("size"))
        .filter(pl.col("size") > 0)
        .sort(*SCOPE, "line"),
        "line",
    )
    scopes = given.group_by(SCOPE).agg(pl.col("size").sum().alias("amount"))
    recipients = long.group_by(*key, *OWNER).agg(pl.col("weight").sum())
    own = traced(
        scopes.join(recipients, on=key, how="inner", validate="m:m"), group=SCOPE, order=OWNER
    ).rename({"amount": "scope_atoms"})
    taken = _ends(own.with_columns(pl.col("result").alias("size")).sort(*SCOPE, *OWNER), "own")
    pairs = (
        given.filter(is_asked)
        .drop(*OWNER, "weight", "size")
        .join(taken.drop("size"), on=list(SCOPE), how="inner", validate="m:m")
        .with_columns(
            (pl.min_horizontal("line_to", "own_to") - pl.max_horizontal("line_from", "own_from"))
            .cast(WHOLE)
            .alias("both")
        )
        .filter(pl.col("both") > 0)
    )
    step = pl.struct(
        pl.lit(f"idle of the {scope}, by a over all a, cut where this line's idle lies").alias(
            "name"
        ),
        pl.col("amount").alias("amount_atoms"),
        "weight",
        "denominator",
        pl.lit("overlap").alias("takes"),
        "rank",
        pl.col("left").alias("atoms_left"),
        "atom",
        (pl.col("both") * pl.col("sign")).alias("result_atoms"),
        "scope_atoms",
        "line_from",
        "own_from",
    )
    moved = pairs.with_columns(
        step.alias("step_idle"), pl.lit("-").alias("node"), pl.lit(idle.IDLE_SHARE).alias("reason")
    )
    return [moved, alone]


def _ends(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Lay the sizes of a scope end to end: from where to where each row reaches."""
    to = pl.col("size").cast(pl.Int64).cum_sum().over(SCOPE)
    return rows.with_columns(to.alias(f"{name}_to")).with_columns(
        (pl.col(f"{name}_to") - pl.col("size").cast(pl.Int64)).alias(f"{name}_from")
    )

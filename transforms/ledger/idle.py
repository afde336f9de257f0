"""Idle, shared: what stood idle goes to the workloads of its node, node pool or cluster.

Takes    what each line and hour left idle, by part (CPU, memory, GPU), and who weighs how much
Gives    matches with the reason `idle_share`, beside what the workloads took themselves
Holds    what is shared is what stood idle, to the atom; where nobody ran, it stays idle

On a node each line is split by weight. In a pool or cluster a product of lines and workloads would
be too many rows: per hour, part and currency the idle of all lines stands end to end, so do the
workloads' parts of the sum, and a line goes to the workloads whose stretch it overlaps. Each
workload gets its exact part, and the rows are as many as lines and workloads together.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from transforms.exact.money import Groups, parts

IDLE_SHARE: Final = "idle_share"
SCOPE: Final = ("cluster", "pool", "charge_hour", "currency", "part")
AMOUNTS: Final = ("effective", "billed")


def on_node(amount: pl.Series, weight: pl.Series, is_idle: pl.Series, groups: Groups) -> pl.Series:
    """Split what each group left idle among its other rows by weight; alone, idle keeps it.

    `amount` has a value per group; the others as in transforms.exact.money.parts.
    """
    frame = pl.DataFrame({"group": groups.number, "weight": weight, "is_idle": is_idle})
    others = ~pl.col("is_idle")
    total = pl.col("weight").filter(others).sum().over("group")
    ready = frame.select(
        pl.when("is_idle")
        .then((others.sum().over("group") == 0).cast(pl.Int128))
        .otherwise(pl.when(total == 0).then(1).otherwise("weight"))
        .cast(pl.Int128)
    ).to_series()
    return parts(amount, ready, groups)


def in_cluster(idle: pl.DataFrame, weights: pl.DataFrame) -> pl.DataFrame:
    """Give line, charge_hour, recipient, effective, billed of idle that is shared over clusters.

    `idle`: SCOPE, line, effective, billed (atoms); `weights`: cluster, pool, charge_hour, part,
    recipient, weight. What finds no workload in its pool and hour is not in the result; where idle
    is shared over whole clusters, a cluster is one pool.
    """
    shared = [_matched(idle, weights, name, sign) for name in AMOUNTS for sign in (1, -1)]
    key = ("line", "charge_hour", "recipient")
    return pl.concat(shared).group_by(key).agg(pl.col(AMOUNTS).sum()).sort(key)


def _matched(idle: pl.DataFrame, weights: pl.DataFrame, name: str, sign: int) -> pl.DataFrame:
    """Lay lines and workloads end to end and cut where either ends."""
    lines = idle.filter(pl.col(name) * sign > 0).with_columns(
        (pl.col(name) * sign).cast(pl.Int64).alias("size")
    )
    scopes = lines.group_by(SCOPE).agg(pl.col("size").sum()).sort(SCOPE).with_row_index("scope")
    recipients = scopes.join(
        weights, on=["cluster", "pool", "charge_hour", "part"], how="inner", validate="m:m"
    ).sort("scope", "recipient")
    if recipients.is_empty():
        return _matches(recipients.with_columns(line=pl.lit(0, pl.UInt32), cut=0), name, sign)
    groups = Groups(recipients["scope"].rle_id())
    sums = recipients.group_by("scope", maintain_order=True).agg(pl.col("size").first())["size"]
    taken = recipients.with_columns(
        parts(sums, recipients["weight"], groups).cast(pl.Int64).alias("size")
    )
    numbered = lines.join(scopes.drop("size"), on=SCOPE, how="inner", validate="m:1")
    given = _ends(numbered.sort("scope", "line"))
    taken = _ends(taken.filter(pl.col("size") > 0))
    given = given.join(taken.select("scope").unique(), on="scope", how="semi")
    cuts = pl.concat([given.select("scope", "end"), taken.select("scope", "end")]).unique()
    pieces = cuts.sort("scope", "end").with_columns(
        (pl.col("end") - pl.col("end").shift(1).over("scope").fill_null(0)).alias("cut")
    )
    for side, what in ((given, ["line", "charge_hour"]), (taken, ["recipient"])):
        pieces = pieces.sort("end").join_asof(
            side.select("scope", "end", *what).sort("end"),
            on="end",
            by="scope",
            strategy="forward",
            check_sortedness=False,
        )
    return _matches(pieces, name, sign)


def _ends(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("size").cum_sum().over("scope").alias("end"))


def _matches(pieces: pl.DataFrame, name: str, sign: int) -> pl.DataFrame:
    size = (pl.col("cut") * sign).cast(pl.Int128)
    zero = pl.lit(0, pl.Int128)
    return pieces.select(
        pl.col("line").cast(pl.UInt32),
        "charge_hour",
        pl.col("recipient").cast(pl.UInt32),
        *((size if column == name else zero).alias(column) for column in AMOUNTS),
    )


def shown(found: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Join matches; rows that bear nothing are left out."""
    rows = pl.concat(found)
    return rows.filter((pl.col("effective") != 0) | (pl.col("billed") != 0))

"""Lines that a provider has divided among Kubernetes namespaces already.

Reads    the lines of a day that name a namespace: AWS split cost allocation, GKE and AKS cost
         allocation, FOCUS 1.3 allocated charges
Gives    matches and recipients (see transforms.ledger.receivers)
Holds    a divided line goes to its namespace as it stands; its parent keeps only what was not
         divided (the loader sees to that), so nothing counts twice

What nobody asked for is `__idle__`, what the system takes is `__system__`, never a team's. AWS says
of each row how much of it is unused: with idle shown apart, that part goes to `__idle__`.
"""

from typing import Final

import polars as pl

from transforms.exact.money import split
from transforms.ledger.receivers import IDLE, RECIPIENT, SYSTEM, Matches, labelled
from transforms.owners.ownership import Ownership

OVERHEAD: Final = "__overhead__"
UNUSED: Final = "split_line_item_unused_cost"
USED: Final = "split_line_item_split_cost"
ATOMS: Final = pl.Decimal(38, 12)
BUCKETS: Final = ("idle", "system")


def divided(lines: pl.DataFrame, ownership: Ownership) -> tuple[Matches, pl.DataFrame]:
    """Give the matches on lines that name a namespace, and the other lines."""
    is_mine = is_divided(ownership)
    mine, rest = lines.filter(is_mine), lines.filter(~is_mine)
    weighed = with_unused(labelled(mine), apart=ownership.policy.idle != "share")
    amounts = ("effective", "billed")
    split_rows = split(
        weighed.lazy(), amounts, "weight", group=["row"], order=["is_unused"]
    ).collect()
    numbered = placed(split_rows)
    recipients = numbered.select(RECIPIENT).unique(maintain_order=True)
    rows = numbered.join(
        recipients.with_row_index("recipient"),
        on=RECIPIENT,
        how="left",
        validate="m:1",
        maintain_order="left",
    )
    claimed = rows.select("line", "charge_hour", "recipient", "effective", "billed")
    return Matches(claimed, recipients, "divided"), rest


def is_divided(ownership: Ownership) -> pl.Expr:
    """Tell which lines the provider has divided, where the rules prefer that to telemetry."""
    return pl.col("x_namespace").is_not_null() & ownership.policy.prefers_provider


def placed(split_rows: pl.DataFrame) -> pl.DataFrame:
    """Say who takes each part of a divided line: a namespace, or a bucket."""
    space = pl.col("x_namespace")
    reason = (
        pl.when((space == IDLE) | pl.col("is_unused"))
        .then(pl.lit("idle"))
        .when(space.is_in([OVERHEAD, SYSTEM]))
        .then(pl.lit("system"))
        .otherwise(pl.lit("provider_split"))
    )
    named = split_rows.with_columns(reason.alias("reason"))
    bucket = pl.col("reason").replace_strict({"idle": IDLE, "system": SYSTEM}, default=None)
    blank = ("account", "service", "resource", "charge_category")
    is_bucket = pl.col("reason").is_in(BUCKETS)
    return named.with_columns(
        pl.col("x_cluster").fill_null("-").alias("cluster"),
        pl.lit("-").alias("node"),
        pl.coalesce(bucket, space).alias("namespace"),
        pl.coalesce(
            bucket, "allocated_resource_name", "allocated_resource_id", "resource_id", space
        ).alias("workload"),
        pl.when(is_bucket).then(pl.lit("")).otherwise(pl.col("labels")).alias("labels"),
        *(pl.lit("").alias(name) for name in blank),
    )


def with_unused(lines: pl.DataFrame, *, apart: bool) -> pl.DataFrame:
    """Give each line, and beside it the part of it that AWS says nobody used, with weights."""
    extra = pl.element().struct

    def amount(key: str) -> pl.Expr:
        found = pl.col("x_extra").list.eval(extra.field("value").filter(extra.field("key") == key))
        number = found.list.first().cast(ATOMS, strict=False).to_physical()
        return number.fill_null(0).clip(lower_bound=0)

    sized = lines.with_row_index("row").with_columns(
        amount(UNUSED).alias("_unused"), amount(USED).alias("_used")
    )
    has_both = (pl.col("_unused") > 0) & apart
    one = pl.lit(1, pl.Int128).alias("weight")
    once = sized.filter(~has_both).with_columns(one, is_unused=pl.lit(value=False))
    both = sized.filter(has_both)
    parts = [
        both.with_columns(pl.col(name).cast(pl.Int128).alias("weight"), is_unused=pl.lit(is_unused))
        for name, is_unused in (("_used", False), ("_unused", True))
    ]
    return pl.concat([once, *parts]).sort("row", "is_unused")

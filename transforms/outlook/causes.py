"""Why the cost of a closed month is another one now: its bill, its rules, or telemetry.

Takes    what differs, per receiver and what it is for; what was closed; what the bill and the rules
         of each month are now, as digests
Gives    for each difference its reason, the deliveries that brought it and those they replaced, the
         rules' digests now and then
Holds    where neither the bill nor the rules changed, the reason is `telemetry`

The bill changed for a difference when the differences of its service, account and category, over
all receivers, are not zero; a pool's part moves with the bill of what its receivers bear directly.
"""

import hashlib
from typing import Final

import polars as pl

JOINER: Final = " + "
BILLED_AS: Final = (
    "original_period", "currency", "service_name", "sub_account_id", "charge_category",
)  # fmt: skip


def digests(reconciliation: pl.LazyFrame) -> pl.DataFrame:
    """Give per month a digest of what its bill says and one of the rules in force."""
    day = pl.col("charge_date")
    amounts = ("bill_cost", "bill_billed_cost", "line_count")
    texts: dict[str, list[pl.Expr]] = {
        "bill_hash": [pl.col("currency"), *(pl.col(name).cast(pl.String) for name in amounts)],
        "config_hash": [pl.col("config_hash")],
    }
    stated = reconciliation.select(
        day.dt.strftime("%Y-%m").alias("original_period"),
        *(
            pl.concat_str(day.cast(pl.String), *parts, separator=" ").alias(name)
            for name, parts in texts.items()
        ),
    ).collect()
    bills, rules = (
        _digested(stated.select("original_period", stated=name).unique(), name) for name in texts
    )
    return bills.join(rules, on="original_period", how="inner", validate="1:1")


def _digested(stated: pl.DataFrame, name: str) -> pl.DataFrame:
    texts = stated.sort("original_period", "stated").group_by(
        "original_period", maintain_order=True
    )
    joined = texts.agg(pl.col("stated").str.join("\n"))
    hashes = [hashlib.sha256(text.encode()).hexdigest()[:12] for text in joined["stated"].to_list()]
    return joined.select("original_period", pl.Series(name, hashes, dtype=pl.String))


def causes(rest: pl.DataFrame, closed: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Add to each difference its reason and what brought it.

    `rest` has delivery_ids of now and delivery_ids_then; `now` the digests of each month.
    """
    same = pl.col("config_hash") == pl.col("_rules")
    is_other_bill = pl.col("bill_hash") != pl.col("_bill")
    is_of_group = pl.any_horizontal(
        pl.col(name).sum().over(BILLED_AS) != 0 for name in ("effective_cost", "billed_cost")
    )
    is_brought = pl.col("delivery_ids") != ""
    reads_bill = (pl.col("service_name") == "-") | (pl.col("pool") != "") | (same & is_brought)
    is_bill = is_of_group | (is_other_bill & reads_bill)
    reason = (
        pl.when(is_bill & ~same)
        .then(pl.lit("restatement and rules"))
        .when(is_bill)
        .then(pl.lit("restatement"))
        .when(~same)
        .then(pl.lit("rules"))
        .otherwise(pl.lit("telemetry"))
    )
    reported = rest.join(
        _then(closed, now), on="original_period", how="left", validate="m:1"
    ).with_columns(_less("delivery_ids", "delivery_ids_then"), _less("delivery_ids_then",
                   "delivery_ids").alias("former_delivery_ids"))  # fmt: skip
    return reported.with_columns(
        reason.alias("reason"),
        pl.when(same).then(pl.lit("")).otherwise("_rules").alias("former_config_hash"),
    )


def _less(one: str, other: str) -> pl.Expr:
    """Give the deliveries that stand in one text and not in the other."""
    lists = [pl.col(name).str.split(JOINER) for name in (one, other)]
    return lists[0].list.set_difference(lists[1]).list.sort().list.join(JOINER).alias(one)


def _then(closed: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Give per month what its bill and rules are, and were when it was last stated."""
    then = (
        closed.sort("closed_at", "period")
        .group_by("original_period", maintain_order=True)
        .agg(
            pl.col("bill_hash").last().alias("_bill"), pl.col("config_hash").last().alias("_rules")
        )
    )
    both = now.join(then, on="original_period", how="full", coalesce=True, validate="1:1")
    return both.with_columns(pl.exclude("original_period").fill_null(""))

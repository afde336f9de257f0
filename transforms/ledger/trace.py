"""How a split went: the numbers a person needs to do it again.

Takes    rows with an `amount` in atoms and a whole-number `weight`, as exact.money splits them
Gives    steps: structs of amount, weight, denominator, rank, atoms left over, atom, result
Units    atoms (1e-12 of the currency), Int128; never a float
Holds    result = sign * (|amount| * weight // denominator + atom); results of a group add up to it

It stands beside the engine, not in it: the ledger keeps results, this derives the way to them.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl

from transforms.exact.money import atoms
from transforms.ledger.lines import day_lines

LINE: Final = ("x_line_hash", "charge_hour")
PLACE: Final = ("cluster", "node", "namespace", "workload", "labels", "reason")
STEPS: Final = ("provider", "hour", "part", "stretch", "share", "idle")
"""Steps of a chain, in their order; each is a column `step_…`, null where it does not apply."""
WHOLE: Final = pl.Int128()


def line_days(lines: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give the lines of a day with their whole cost, and which of how many days it is."""
    first = pl.col("charge_period_start").dt.date()
    whole = lines.select("x_line_hash", atoms(pl.col("effective_cost")).alias("line_atoms"))
    many = (pl.col("charge_period_end") - pl.col("charge_period_start")) > pl.duration(days=1)
    end = (pl.col("charge_period_end") - pl.duration(microseconds=1)).dt.date()
    return (
        day_lines(lines, day)
        .join(whole, on="x_line_hash", how="inner", validate="1:1")
        .with_columns(
            pl.when(many).then((end - first).dt.total_days() + 1).otherwise(1).alias("day_count"),
            pl.when(many)
            .then((pl.lit(day) - first).dt.total_days())
            .otherwise(0)
            .alias("day_place"),
        )
    )


def stepped(
    rows: pl.DataFrame,
    name: str,
    text: pl.Expr,
    *,
    group: Sequence[str],
    order: Sequence[str],
) -> pl.DataFrame:
    """Split `amount` by `weight`: it becomes the result, and `step_<name>` tells how."""
    done = traced(rows, group=group, order=order)
    step = pl.struct(
        text.alias("name"),
        pl.col("amount").alias("amount_atoms"),
        "weight",
        "denominator",
        pl.lit("part").alias("takes"),
        "rank",
        pl.col("left").alias("atoms_left"),
        "atom",
        pl.col("result").alias("result_atoms"),
    )
    return done.with_columns(step.alias(f"step_{name}"), pl.col("result").alias("amount")).drop(
        "denominator", "rank", "left", "atom", "result"
    )


def traced(rows: pl.DataFrame, *, group: Sequence[str], order: Sequence[str]) -> pl.DataFrame:
    """Split `amount` by `weight` as transforms.exact.money does, and keep what it was done with.

    Adds denominator, rank (of the remainder), left (atoms over), atom (1 if it got one), result.
    """
    weight, amount = pl.col("weight"), pl.col("amount")
    size, denominator = amount.abs(), pl.col("denominator")
    return (
        rows.with_columns(weight.cast(WHOLE), amount.cast(WHOLE))
        .sort([*group, *order], nulls_last=True)
        .with_columns(weight.sum().over(group).alias("denominator"))
        .with_columns(
            pl.when(denominator == 0).then(pl.lit(1, WHOLE)).otherwise(weight).alias("weight")
        )
        .with_columns(weight.sum().over(group).alias("denominator"))
        .with_columns(
            (size * weight // denominator).alias("_floor"),
            (size * weight % denominator).alias("_rest"),
        )
        .with_columns(
            pl.col("_rest")
            .rank("ordinal", descending=True)
            .over(group)
            .cast(pl.Int64)
            .alias("rank"),
            (size - pl.col("_floor").sum().over(group)).alias("left"),
        )
        .with_columns((pl.col("rank") <= pl.col("left")).cast(pl.Int8).alias("atom"))
        .with_columns((amount.sign() * (pl.col("_floor") + pl.col("atom"))).alias("result"))
        .drop("_floor", "_rest")
    )


def chains(rows: pl.DataFrame, part: pl.Expr) -> pl.DataFrame:
    """Keep of traced rows who they are for, which part of the line, and their steps."""
    steps = [f"step_{name}" for name in STEPS if f"step_{name}" in rows.columns]
    return rows.select(*LINE, *PLACE, part.alias("part"), *steps)


def bucketed(rows: pl.DataFrame, name: str, reason: str) -> pl.DataFrame:
    """Put rows that have a cluster and a node into a bucket."""
    texts = {"namespace": name, "workload": name, "labels": "", "reason": reason}
    return rows.with_columns(pl.lit(text).alias(column) for column, text in texts.items())

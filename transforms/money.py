"""Exact splitting of money.

Takes    frames with an amount per group and a whole-number weight per row
Gives    each row's part, in atoms (1e-12 of the currency) or as Decimal(38,12)
Holds    the parts of a group add up to its amount exactly, whatever the order of the rows

The method is the largest remainder in 128-bit integers: every row gets the floor of its part, and
the atoms left over go, one each, to the rows with the largest remainders; ties go to the row that
comes first by the given order. A negative amount is split like its absolute value. A group whose
weights are all zero is split evenly.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import polars as pl

from warehouse.table import USD

ATOM: Final = pl.lit(Decimal("0.000000000001"), dtype=USD)


def atoms(amount: pl.Expr) -> pl.Expr:
    """Give money as a whole number of atoms (Int128)."""
    return amount.cast(USD).to_physical()


def money(count: pl.Expr) -> pl.Expr:
    """Give a whole number of atoms as money."""
    return count.cast(pl.Decimal(38, 0)) * ATOM


def split(
    rows: pl.LazyFrame,
    amounts: Sequence[str],
    weight: str,
    *,
    group: Sequence[str],
    order: Sequence[str],
) -> pl.LazyFrame:
    """Replace each amount (atoms, the same on all rows of a group) by the row's part of it.

    `weight` is a whole number >= 0; `order` names the rows of a group uniquely. Products stay below
    2^127 for amounts up to 1e18 atoms (a million) and weights up to 1e20.
    """
    total = pl.col(weight).sum().over(group)
    even = pl.when(total == 0).then(pl.lit(1, pl.Int128)).otherwise(pl.col(weight))
    rows = rows.sort([*group, *order], nulls_last=True).with_columns(pl.col(weight).cast(pl.Int128))
    rows = rows.with_columns(even.alias("_weight"))
    rows = rows.with_columns(pl.col("_weight").sum().over(group).alias("_total"))
    for amount in amounts:
        product = pl.col(amount).abs() * pl.col("_weight")
        rows = (
            rows.with_columns(
                (product // pl.col("_total")).alias("_floor"),
                (product % pl.col("_total")).alias("_rest"),
            )
            .with_columns(
                (pl.col(amount).abs() - pl.col("_floor").sum().over(group)).alias("_left"),
                pl.col("_rest").rank("ordinal", descending=True).over(group).alias("_rank"),
            )
            .with_columns(
                (
                    pl.col(amount).sign()
                    * (pl.col("_floor") + (pl.col("_rank") <= pl.col("_left")).cast(pl.Int128))
                ).alias(amount)
            )
        )
    return rows.drop("_weight", "_total", "_floor", "_rest", "_left", "_rank")

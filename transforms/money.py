"""Exact splitting of money.

Takes    frames with an amount per group and a whole-number weight per row
Gives    each row's part, in atoms (1e-12 of the currency) or as Decimal(38,12)
Holds    the parts of a group add up to its amount exactly, whatever the order of the rows

The method is the largest remainder in integers: every row gets the floor of its part, and the atoms
left over go, one each, to the rows with the largest remainders; ties go to the row that comes first
by the given order. A negative amount is split like its absolute value. A group whose weights are
all zero is split evenly.

Two ways to the same integers: 128-bit products, and where a bound proves it enough, a quotient by
floats that is made exact by 64-bit remainders (an eighth of the time).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import polars as pl

from warehouse.table import USD

ATOM: Final = pl.lit(Decimal("0.000000000001"), dtype=USD)
ROOM: Final = 2**62
"""Below this, 64-bit integers add without wrapping."""


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

    def parted(frame: pl.DataFrame) -> pl.DataFrame:
        if frame.is_empty():
            return frame
        number = frame.select(pl.struct(group).rle_id().alias("g"))["g"]
        first = frame.select(pl.col(amounts), number.alias("g")).unique("g", maintain_order=True)
        return frame.with_columns(
            parts(first[amount], frame[weight], number).alias(amount) for amount in amounts
        )

    wide = [pl.col(name).cast(pl.Int128) for name in (*amounts, weight)]
    ready = rows.sort([*group, *order], nulls_last=True).with_columns(wide)
    # Each pushdown would cut rows or columns that the parts depend on.
    return ready.map_batches(
        parted, predicate_pushdown=False, projection_pushdown=False, slice_pushdown=False
    )


def parts(amount: pl.Series, weight: pl.Series, group: pl.Series) -> pl.Series:
    """Split the amount of each group among its rows, in atoms (Int128).

    `group` numbers the rows' groups 0, 1, 2, … in ascending order; `amount` has one value per
    group, `weight` one per row: whole numbers, weights >= 0. Rows stand in their group's order.
    """
    if weight.is_empty():
        return weight.cast(pl.Int128)
    length = group.rle().struct.field("len")
    weight, total = _not_all_zero(weight, group, length)
    size = amount.abs()
    greatest, most = _greatest(size), _greatest(total)
    # The quotient by floats is off by less than greatest / 2^50 + 1, so its remainder fits.
    is_small = greatest < ROOM and (greatest // 2**50 + 3) * most < ROOM
    kind = pl.Int64() if is_small else pl.Int128()
    frame = pl.DataFrame(
        {
            "group": group,
            "weight": weight.cast(kind),
            "size": size.cast(kind).gather(group),
            "total": total.cast(kind).gather(group),
        }
    )
    frame = frame.with_columns(_floored(is_small=is_small)).with_columns(
        (pl.col("size") * pl.col("weight") - pl.col("floor") * pl.col("total")).alias("rest")
    )
    if is_small:
        step = pl.col("rest") // pl.col("total")
        frame = frame.with_columns(pl.col("floor") + step, pl.col("rest") - step * pl.col("total"))
    whole = frame["floor"] + _leftover(frame, size.cast(kind), length, most)
    sign = amount.cast(pl.Int128).sign().gather(group)
    return (whole.cast(pl.Int128) * sign).alias(amount.name)


def _greatest(numbers: pl.Series) -> int:
    """Give the greatest of some whole numbers."""
    found = numbers.max()
    return found if isinstance(found, int) else 0


def sums(values: pl.Series, length: pl.Series) -> pl.Series:
    """Sum stretches of so many rows each; the sums must fit the type, what is before may wrap."""
    running = values.cum_sum().gather(length.cast(pl.UInt32).cum_sum() - 1)
    return running - running.shift(1, fill_value=0)


def _not_all_zero(
    weight: pl.Series, group: pl.Series, length: pl.Series
) -> tuple[pl.Series, pl.Series]:
    """Give the weights and their sum per group; where all are zero, each counts one."""
    wide = weight.cast(pl.Int128)
    total = sums(wide, length)
    if not (total == 0).any():
        return weight, total
    is_empty = (total == 0).gather(group)
    even = pl.Series([1], dtype=pl.Int128).new_from_index(0, weight.len())
    return wide.zip_with(~is_empty, even), total.zip_with(total != 0, length.cast(pl.Int128))


def _floored(*, is_small: bool) -> pl.Expr:
    """Give the floor of each part; by floats one that is near it."""
    size, weight, total = (pl.col(name) for name in ("size", "weight", "total"))
    if not is_small:
        return (size * weight // total).alias("floor")
    share = size.cast(pl.Float64) * weight.cast(pl.Float64) / total.cast(pl.Float64)
    return share.floor().cast(pl.Int64).alias("floor")


def _leftover(frame: pl.DataFrame, size: pl.Series, length: pl.Series, most: int) -> pl.Series:
    """Give 1 to the rows with the largest remainders of each group, as many as are left over."""
    left = size - sums(frame["floor"], length)
    start = length.cast(pl.Int64).cum_sum() - length.cast(pl.Int64)
    group_count, bits = length.len(), most.bit_length()
    ranked = frame.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"), "group", "rest")
    if frame.schema["rest"] == pl.Int64() and bits + group_count.bit_length() < 63:
        key = pl.col("group").cast(pl.Int64) * 2**bits + (2**bits - 1 - pl.col("rest"))
        ranked = ranked.select("row", "group", key.alias("key")).sort("key", maintain_order=True)
    else:
        ranked = ranked.sort("group", "rest", descending=[False, True], maintain_order=True)
    place = ranked.select(
        pl.int_range(pl.len(), dtype=pl.Int64) - start.gather(ranked["group"])
    ).to_series()
    chosen = ranked["row"].filter(place < left.gather(ranked["group"]))
    one = pl.zeros(frame.height, dtype=frame.schema["floor"], eager=True)
    return one.scatter(chosen, 1) if chosen.len() else one

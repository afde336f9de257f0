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
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final

import polars as pl

from warehouse.table import USD

ATOM: Final = pl.lit(Decimal("0.000000000001"), dtype=USD)
ROOM: Final = 2**62
"""Below this, 64-bit integers add without wrapping."""


@dataclass(frozen=True)
class Groups:
    """Rows that stand together: `number` gives each row's group, 0, 1, 2, … in ascending order."""

    number: pl.Series

    @cached_property
    def length(self) -> pl.Series:
        """Give how many rows each group has."""
        return self.number.rle().struct.field("len").cast(pl.Int64)

    @cached_property
    def longest(self) -> int:
        """Give how many rows the longest group has."""
        return greatest(self.length)

    @cached_property
    def first(self) -> pl.Series:
        """Give per row the row at which its group begins."""
        return self.each(self.length.cum_sum() - self.length)

    @cached_property
    def place(self) -> pl.Series:
        """Give per row its place in its group, from 0."""
        return pl.int_range(self.number.len(), eager=True) - self.first

    def each(self, values: pl.Series) -> pl.Series:
        """Give every row the value of its group."""
        return values.gather(self.number)

    def sums(self, values: pl.Series) -> pl.Series:
        """Sum the rows of each group; the sums must fit the type, what is before may wrap."""
        running = values.cum_sum().gather(self.length.cum_sum() - 1)
        return running - running.shift(1, fill_value=0)


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

    def divided(frame: pl.DataFrame) -> pl.DataFrame:
        if frame.is_empty():
            return frame
        groups = Groups(frame.select(pl.struct(group).rle_id()).to_series())
        heads = groups.length.cum_sum() - groups.length
        return frame.with_columns(
            parts(frame[amount].gather(heads), frame[weight], groups).alias(amount)
            for amount in amounts
        )

    wide = [pl.col(name).cast(pl.Int128) for name in (*amounts, weight)]
    ready = rows.sort([*group, *order], nulls_last=True).with_columns(wide)
    # Each pushdown would cut rows or columns that the parts depend on.
    return ready.map_batches(
        divided, predicate_pushdown=False, projection_pushdown=False, slice_pushdown=False
    )


def parts(amount: pl.Series, weight: pl.Series, groups: Groups) -> pl.Series:
    """Split the amount of each group among its rows, in atoms (Int128).

    `amount` has one value per group, `weight` one per row: whole numbers, weights >= 0. Rows stand
    in their group's order.
    """
    if weight.is_empty():
        return weight.cast(pl.Int128)
    weight, total = _not_all_zero(compact(weight, groups.longest), groups)
    size = amount.abs()
    most, whole = greatest(total), greatest(size)
    # The quotient by floats is off by less than whole / 2^50 + 1, so its remainder fits.
    is_small = whole < ROOM and (whole // 2**50 + 3) * most < ROOM
    kind = pl.Int64() if is_small else pl.Int128()
    size, weight, total = size.cast(kind), weight.cast(kind), total.cast(kind)
    floor, rest = (_by_floats if is_small else _by_products)(size, weight, total, groups)
    left = size - groups.sums(floor)
    found = (floor + _leftover(rest, left, most, groups)).cast(pl.Int128).alias(amount.name)
    return found if (amount >= 0).all() else found * groups.each(amount.sign())


def greatest(numbers: pl.Series) -> int:
    """Give the greatest of some whole numbers; 0 of none."""
    found = numbers.max()
    return found if isinstance(found, int) else 0


def compact(numbers: pl.Series, count: int = 1) -> pl.Series:
    """Give whole numbers >= 0 in 64 bits where so many of them add up there, else in 128.

    The values are the same; what is reckoned with them takes a third of the time.
    """
    return numbers.cast(pl.Int64 if greatest(numbers) * count < ROOM else pl.Int128)


def _not_all_zero(weight: pl.Series, groups: Groups) -> tuple[pl.Series, pl.Series]:
    """Give the weights and their sum per group; where all are zero, each counts one."""
    total = groups.sums(weight)
    is_empty = total == 0
    if not is_empty.any():
        return weight, total
    even = weight.clear(1).fill_null(1).new_from_index(0, weight.len())
    weight = weight.zip_with(~groups.each(is_empty), even)
    return weight, total.zip_with(~is_empty, groups.length.cast(total.dtype))


def _by_products(
    size: pl.Series, weight: pl.Series, total: pl.Series, groups: Groups
) -> tuple[pl.Series, pl.Series]:
    """Give the floor of each row's part, and what remains of `size * weight`."""
    product, whole = groups.each(size) * weight, groups.each(total)
    floor = product // whole
    return floor, product - floor * whole


def _by_floats(
    size: pl.Series, weight: pl.Series, total: pl.Series, groups: Groups
) -> tuple[pl.Series, pl.Series]:
    """Give the same by a quotient of floats that the remainder puts right.

    The products may wrap: their difference, the remainder, fits, and so it is exact.
    """
    rate = groups.each(size.cast(pl.Float64) / total.cast(pl.Float64))
    near, whole = (rate * weight.cast(pl.Float64)).cast(pl.Int64), groups.each(total)
    rest = groups.each(size) * weight - near * whole
    step = rest // whole
    return near + step, rest - step * whole


def _leftover(rest: pl.Series, left: pl.Series, most: int, groups: Groups) -> pl.Series:
    """Give 1 to the rows with the largest remainders of each group, as many as are left over."""
    chosen = _ranked(rest, most, groups) + groups.first
    chosen = chosen.filter(groups.place < groups.each(left))
    one = pl.zeros(rest.len(), dtype=rest.dtype, eager=True)
    return one.scatter(chosen, 1) if chosen.len() else one


def _ranked(rest: pl.Series, most: int, groups: Groups) -> pl.Series:
    """Give the places of each group's rows, the largest remainder first, then the first row.

    Group, remainder and place make one number where 64 bits hold them: numbers are sorted in a
    third of the time that rows take. `most` is above every remainder.
    """
    rows = pl.DataFrame({"group": groups.number, "rest": rest, "place": groups.place})
    low, middle = groups.longest.bit_length(), most.bit_length()
    if greatest(groups.number).bit_length() + middle + low < 64:
        group, behind = pl.col("group").cast(pl.Int64), 2**middle - 1 - pl.col("rest")
        key = (group * 2**middle + behind.cast(pl.Int64)) * 2**low + pl.col("place")
        return rows.select(key.sort() & (2**low - 1)).to_series()
    return rows.sort("group", "rest", descending=[False, True], maintain_order=True)["place"]

"""The exact splitter: nothing is lost, nothing depends on the order of rows."""

import random
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from transforms.exact.money import Groups, atoms, money, split
from transforms.exact.money import parts as money_parts

SCHEMA = {"group": pl.Int64(), "name": pl.Int64(), "amount": pl.Int128(), "weight": pl.Int64()}


def frame(groups: list[tuple[int, list[int]]]) -> pl.DataFrame:
    """Give one row per weight, with the amount of its group."""
    rows = [
        (group, name, amount, weight)
        for group, (amount, weights) in enumerate(groups)
        for name, weight in enumerate(weights)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def parts(rows: pl.DataFrame) -> pl.DataFrame:
    """Split and collect."""
    return split(rows.lazy(), ["amount"], "weight", group=["group"], order=["name"]).collect()


amounts = st.integers(-(10**18), 10**18)
weights = st.lists(st.integers(0, 4 * 10**15), min_size=1, max_size=12)


@given(st.lists(st.tuples(amounts, weights), min_size=1, max_size=6))
def test_no_atom_is_lost(groups: list[tuple[int, list[int]]]) -> None:
    """Parts add up to the amount, bear its sign, and are within one atom of the exact share."""
    done = parts(frame(groups))

    for group, (amount, given_weights) in enumerate(groups):
        got = done.filter(pl.col("group") == group).sort("name")["amount"].to_list()
        even = given_weights if any(given_weights) else [1] * len(given_weights)
        assert sum(got) == amount
        assert all(part * amount >= 0 for part in got)
        assert all(
            abs(part * sum(even) - amount * weight) < sum(even)
            for part, weight in zip(got, even, strict=True)
        )


@given(st.lists(st.tuples(amounts, weights), min_size=1, max_size=6), st.randoms())
def test_order_of_rows_changes_nothing(
    groups: list[tuple[int, list[int]]], rng: random.Random
) -> None:
    """Shuffled rows give the same frame."""
    rows = frame(groups)
    order = list(range(rows.height))
    rng.shuffle(order)

    assert parts(rows).equals(parts(rows[order]))


@given(st.decimals(-(10**9), 10**9, places=12))
def test_atoms_and_back(value: Decimal) -> None:
    """Money to atoms and back is the same money."""
    column = pl.DataFrame({"v": pl.Series([value], dtype=pl.Decimal(38, 12))})

    assert column.select(money(atoms(pl.col("v")))).item() == value


def test_pools_of_100_dollars(case: Any) -> None:
    """Even, proportional and a negative cent, as worked out by hand."""
    example = case("allocation", "c25")
    given_values, want = example["input"], example["expected"]
    teams = given_values["teams"]
    pool, direct = given_values["pool_cents"], list(given_values["direct_cents"].values())
    fixed = [int(Decimal(part) * 100) for part in given_values["fixed"].values()]
    negative = given_values["negative_pool_cents"]
    groups = [(pool, [1, 1, 1]), (pool, fixed), (pool, direct), (negative, [1, 1, 1])]

    done = parts(frame(groups))

    for group, name in enumerate(("even", "fixed", "proportional", "negative_even")):
        got = done.filter(pl.col("group") == group).sort("name")["amount"].to_list()
        assert dict(zip(teams, got, strict=True)) == want[name]


def by_hand(amount: int, given: list[int]) -> list[int]:
    """Split by Python's whole numbers: floors, then one atom each by remainder and place."""
    even = given if any(given) else [1] * len(given)
    total, size = sum(even), abs(amount)
    floors = [size * weight // total for weight in even]
    left = size - sum(floors)
    ranked = sorted(range(len(even)), key=lambda n: (-(size * even[n] % total), n))
    for row in ranked[:left]:
        floors[row] += 1
    return [part if amount >= 0 else -part for part in floors]


@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(-50, 50), amounts),
            st.lists(
                st.one_of(st.integers(0, 3), st.integers(0, 10**11), st.integers(0, 10**19)),
                min_size=1,
                max_size=9,
            ),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_parts_are_those_of_whole_number_arithmetic(groups: list[tuple[int, list[int]]]) -> None:
    """By floats made exact or in 128 bits: the parts are what Python's integers give."""
    group = [number for number, (_, weights) in enumerate(groups) for _ in weights]
    weight = [value for _, weights in groups for value in weights]

    got = money_parts(
        pl.Series([amount for amount, _ in groups], dtype=pl.Int128),
        pl.Series(weight, dtype=pl.Int128),
        Groups(pl.Series(group, dtype=pl.UInt32)),
    )

    assert got.to_list() == [
        part for amount, weights in groups for part in by_hand(amount, weights)
    ]

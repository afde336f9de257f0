"""How a split went: what is printed gives the splitter's own results, by hand."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from transforms.exact.money import split
from transforms.ledger.trace import traced

Groups = list[tuple[int, list[int]]]
groups = st.lists(
    st.tuples(
        st.integers(-(10**16), 10**16),
        st.lists(st.integers(0, 3) | st.integers(0, 10**14), min_size=1, max_size=9),
    ),
    min_size=1,
    max_size=4,
)


def rows_of(made: Groups) -> pl.DataFrame:
    """Give a row per weight, with its group's amount."""
    rows = [
        (group, place, amount, weight)
        for group, (amount, weights) in enumerate(made)
        for place, weight in enumerate(weights)
    ]
    kinds = {"g": pl.Int64(), "n": pl.Int64(), "amount": pl.Int128(), "weight": pl.Int128()}
    return pl.DataFrame(rows, schema=kinds, orient="row")


@given(groups)
def test_printed_results_are_the_splitters(made: Groups) -> None:
    """Floor and atom by hand are the result, and the result is what exact.money gives."""
    rows = rows_of(made)

    done = traced(rows, group=["g"], order=["n"])

    want = split(rows.lazy(), ["amount"], "weight", group=["g"], order=["n"]).collect()
    assert done["result"].to_list() == want["amount"].to_list()
    for row in done.to_dicts():
        size = abs(row["amount"]) * row["weight"] // row["denominator"] + row["atom"]
        assert row["result"] == (size if row["amount"] >= 0 else -size)
        assert row["atom"] == (row["rank"] <= row["left"])


def test_ranks_by_hand() -> None:
    """11 among 3, 3, 1: floors 4, 4, 1, remainders 5, 5, 4 of 7: the first two get an atom."""
    done = traced(rows_of([(11, [3, 3, 1])]), group=["g"], order=["n"])

    assert done.select("rank", "left", "atom", "result").rows() == [
        (1, 2, 1, 5),
        (2, 2, 1, 5),
        (3, 2, 0, 1),
    ]

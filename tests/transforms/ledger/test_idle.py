"""Idle, shared: what stood idle goes to the workloads of its node, pool or cluster."""

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.conftest import START
from transforms.exact.money import Groups
from transforms.ledger.idle import in_cluster, on_node, shown

SCOPE = {"cluster": "c", "pool": "p", "charge_hour": START, "currency": "USD", "part": "cpu"}
INSTANT = pl.Datetime("us", "UTC")
IDLE = {
    "cluster": pl.String(), "pool": pl.String(), "charge_hour": INSTANT, "currency": pl.String(),
    "part": pl.String(), "line": pl.UInt32(), "effective": pl.Int128(), "billed": pl.Int128(),
}  # fmt: skip
WEIGHTS = {
    "cluster": pl.String(), "pool": pl.String(), "charge_hour": INSTANT, "part": pl.String(),
    "recipient": pl.UInt32(), "weight": pl.Int64(),
}  # fmt: skip
Shares = dict[tuple[int, int], tuple[int, int]]
"""Effective and billed by line and recipient."""


def node(amounts: list[int], weights: list[list[int]]) -> list[list[int]]:
    """Split idle on nodes: of each the first row is idle, with the weight that it has."""
    number = [group for group, row in enumerate(weights) for _ in row]
    is_idle = [place == 0 for row in weights for place, _ in enumerate(row)]
    flat = pl.Series([weight for row in weights for weight in row], dtype=pl.Int64)
    groups = Groups(pl.Series(number, dtype=pl.UInt32))
    amount = pl.Series(amounts, dtype=pl.Int128)
    got = iter(on_node(amount, flat, pl.Series(is_idle), groups).to_list())
    return [[next(got) for _ in row] for row in weights]


def cluster(
    idle: list[dict[str, object]], weights: list[tuple[int, int]], **more: object
) -> Shares:
    """Share idle of lines (each of SCOPE unless it says else) among recipients by weight."""
    left = pl.DataFrame([SCOPE | row for row in idle], schema=IDLE)
    scope = {key: value for key, value in (SCOPE | more).items() if key in WEIGHTS}
    takers = [scope | {"recipient": number, "weight": weight} for number, weight in weights]
    made = in_cluster(left, pl.DataFrame(takers, schema=WEIGHTS))
    names = ("line", "recipient", "effective", "billed")
    return {(line, who): (one, two) for line, who, one, two in made.select(names).rows()}


def of(line: int, effective: int, billed: int = 0, **more: object) -> dict[str, object]:
    """Give what a line left idle."""
    return {"line": line, "effective": effective, "billed": billed, **more}


@pytest.mark.parametrize(
    ("amount", "weights", "want"),
    [
        (100, [50, 1, 3], [0, 25, 75]),  # what idle weighs plays no part
        (-100, [50, 1, 3], [0, -25, -75]),
        (100, [50, 0, 0], [0, 50, 50]),  # those who took nothing bear alike
        (101, [50, 0, 0], [0, 51, 50]),  # and the odd atom goes to the first
        (100, [50], [100]),  # nobody ran: it stays idle
        (100, [0], [100]),
        (0, [7, 1, 2], [0, 0, 0]),
    ],
)
def test_idle_of_a_node_goes_to_the_others_on_it(
    amount: int, weights: list[int], want: list[int]
) -> None:
    """By weight; the idle row keeps nothing unless it is alone."""
    assert node([amount], [weights]) == [want]


def test_each_node_shares_its_own_idle() -> None:
    """A node with a workload and an empty one beside it: 10 goes over, 20 stays idle."""
    assert node([10, 20], [[5, 1], [5]]) == [[0, 10], [20]]


@given(
    st.lists(
        st.tuples(
            st.integers(-(10**15), 10**15), st.lists(st.integers(0, 10**12), min_size=1, max_size=5)
        ),
        min_size=1,
        max_size=4,
    )
)
def test_what_a_node_shares_is_what_stood_idle(nodes: list[tuple[int, list[int]]]) -> None:
    """To the atom; idle keeps all of it or nothing."""
    amounts = [amount for amount, _ in nodes]

    got = node(amounts, [weights for _, weights in nodes])

    assert [sum(row) for row in got] == amounts
    assert all(row[0] == (amount if len(row) == 1 else 0) for row, amount in zip(got, amounts))  # noqa: B905


def test_lines_and_workloads_are_laid_end_to_end() -> None:
    """Lines of 60 and 40; workloads of 1 and 3 take 25 and 75 of the 100.

    The first takes 25 of line 1, the second what is left of it, 35, and all 40 of line 2. Billed,
    line 2 alone, is 8 in all: 2 and 6.
    """
    got = cluster([of(1, 60), of(2, 40, 8)], [(7, 1), (9, 3)])

    assert got == {(1, 7): (25, 0), (1, 9): (35, 0), (2, 9): (40, 6), (2, 7): (0, 2)}


def test_credits_are_shared_apart_from_costs() -> None:
    """60 is 15 and 45; minus 40 is minus 10 and minus 30: neither swallows the other."""
    got = cluster([of(1, 60), of(2, -40)], [(7, 1), (9, 3)])

    assert got == {(1, 7): (15, 0), (1, 9): (45, 0), (2, 7): (-10, 0), (2, 9): (-30, 0)}


def test_currencies_and_parts_are_shared_apart() -> None:
    """Each is cut by itself: were euros laid behind dollars, recipient 9 would bear them alone."""
    got = cluster([of(1, 10), of(2, 10, currency="EUR")], [(7, 1), (9, 1)])

    assert got == {(1, 7): (5, 0), (1, 9): (5, 0), (2, 7): (5, 0), (2, 9): (5, 0)}
    assert cluster([of(1, 10, part="memory")], [(7, 1)]) == {}


@pytest.mark.parametrize(
    "elsewhere",
    [{"cluster": "d"}, {"pool": "q"}, {"charge_hour": START + timedelta(hours=1)}],
)
def test_idle_without_a_workload_in_its_pool_and_hour_is_not_shared(
    elsewhere: dict[str, object],
) -> None:
    """Who ran elsewhere, or an hour later, bears nothing of it."""
    assert cluster([of(1, 60)], [(7, 1)], **elsewhere) == {}


def test_workloads_that_weigh_nothing_share_evenly() -> None:
    """10 among two of weight 0: 5 and 5. Nothing idle, and nobody: nothing is shared."""
    assert cluster([of(1, 10)], [(7, 0), (9, 0)]) == {(1, 7): (5, 0), (1, 9): (5, 0)}
    assert cluster([of(1, 0)], [(7, 1)]) == {}
    assert cluster([], []) == {}


lines = st.lists(st.integers(-(10**9), 10**9), max_size=6)
takers = st.lists(st.integers(0, 10**6), min_size=1, max_size=6)


@given(lines, takers)
def test_a_cluster_shares_what_stood_idle_to_the_atom(idle: list[int], weights: list[int]) -> None:
    """Per line all of it, by sign; per workload its exact part within an atom.

    And in few rows: of each sign at most as many as lines and workloads together.
    """
    got = cluster(
        [of(number, amount) for number, amount in enumerate(idle)], list(enumerate(weights))
    )

    even = weights if any(weights) else [1] * len(weights)
    for number, amount in enumerate(idle):
        parts = [one for (line, _), (one, _) in got.items() if line == number]
        assert sum(parts) == amount
        assert all(part * amount > 0 for part in parts)
    for sign in (1, -1):
        whole = sum(amount for amount in idle if amount * sign > 0)
        for who, weight in enumerate(even):
            taken = sum(one for (_, to), (one, _) in got.items() if to == who and one * sign > 0)
            assert abs(taken * sum(even) - whole * weight) < sum(even)
    assert len(got) <= 2 * (len(idle) + len(weights))


def test_rows_that_bear_nothing_are_not_shown() -> None:
    """A row stays for what was billed alone, or for a cost alone."""
    rows = pl.DataFrame({"n": [1, 2, 3], "effective": [0, 0, 4], "billed": [0, 5, 0]})

    assert shown([rows[:2], rows[2:]])["n"].to_list() == [2, 3]

"""Bill lines of load balancers, split by how long pods stood behind them."""

from datetime import timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.conftest import START
from tests.transforms.ledger.one_line import WHO, frame, line, lines, received
from transforms.ledger import balancers


def behind(*rows: tuple[str, int, float]) -> pl.LazyFrame:
    """Give who stood behind balancer `b`: workload, hour, seconds."""
    made = [
        {
            **WHO,
            "balancer": "b",
            "namespace": "shop",
            "workload": workload,
            "usage_hour": START + timedelta(hours=hour),
            "overlap_seconds": seconds,
        }
        for workload, hour, seconds in rows
    ]
    like = {**WHO, "balancer": "", "namespace": "", "workload": "", "usage_hour": START}
    return frame(made, {**like, "overlap_seconds": 0.0})


def test_a_balancer_is_split_by_overlap() -> None:
    """A pod for the whole hour and one for a third of it: three parts and one."""
    rows = balancers.by_overlap(
        lines(line(100, balancer="b")), behind(("a", 0, 3600.0), ("z", 0, 1200.0))
    )

    assert received(rows) == {"a": 75, "z": 25}


def test_a_balancer_without_pods_is_unmounted() -> None:
    """Nobody stood behind it in that hour, but somebody did on that day."""
    seen = behind(("a", 7, 60.0))

    hourly = balancers.by_overlap(lines(line(100, 0, balancer="b")), seen)
    daily = balancers.by_overlap(lines(line(100, None, balancer="b")), seen)

    assert received(hourly, "namespace") == {"__unmounted__": 100}
    assert received(daily) == {"a": 100}


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 3600)), max_size=6),
    st.integers(-(10**15), 10**15),
)
def test_a_balancer_costs_what_its_line_costs(stood: list[tuple[str, float]], amount: int) -> None:
    """Whoever stood behind it, no atom is lost or made."""
    seen = behind(*((workload, 0, seconds) for workload, seconds in stood))

    got = balancers.by_overlap(lines(line(amount, balancer="b")), seen).collect()

    assert (got["effective"].sum(), got["billed"].sum()) == (amount, int(amount / 2))


def test_a_daily_line_is_split_by_the_overlap_of_the_day() -> None:
    """A for an hour twice, z for an hour once: two parts and one; an hourly line knows its hour."""
    seen = behind(("a", 0, 3600.0), ("a", 5, 3600.0), ("z", 7, 3600.0))

    daily = balancers.by_overlap(lines(line(90, None, balancer="b")), seen)
    hourly = balancers.by_overlap(lines(line(90, 7, balancer="b")), seen)

    assert received(daily) == {"a": 60, "z": 30}
    assert received(hourly) == {"z": 90}


def test_another_balancers_pods_do_not_count() -> None:
    """Nobody stood behind `other`: it keeps its cost under its own name."""
    seen = behind(("a", 0, 3600.0))

    rows = balancers.by_overlap(lines(line(8, balancer="other")), seen)

    assert received(rows) == {"other": 8}

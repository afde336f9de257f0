"""Bill lines of traffic, split by the bytes that pods sent."""

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.conftest import START
from tests.transforms.ledger.one_line import WHO, frame, line, lines, received
from transforms.ledger import network


def traffic(*rows: tuple[str, int, str, int], node: str = "n") -> pl.LazyFrame:
    """Give bytes: workload, hour, class, bytes."""
    made = [
        {
            **WHO,
            "node": node,
            "namespace": "shop",
            "workload": workload,
            "usage_hour": START + timedelta(hours=hour),
            "class": kind,
            "bytes": count,
        }
        for workload, hour, kind, count in rows
    ]
    like = {**WHO, "namespace": "", "workload": "", "usage_hour": START, "class": "", "bytes": 0}
    return frame(made, like)


@pytest.mark.parametrize(
    ("kind", "expect"),
    [
        ("internet", {"web": 90, "api": 10}),
        ("cross_region", {"web": 50, "api": 50}),
    ],
)
def test_traffic_is_split_by_bytes_of_its_class(kind: str, expect: dict[str, int]) -> None:
    """Internet by internet's bytes; a class that nobody tells by all bytes."""
    seen = traffic(
        ("web", 0, "internet", 9), ("api", 0, "internet", 1), ("api", 0, "cross_zone", 8)
    )

    rows = network.by_bytes(lines(line(100, node="n", class_=kind)), seen)

    assert received(rows) == expect


def test_an_hour_without_bytes_has_no_telemetry_and_is_never_idle() -> None:
    """Bytes of another hour or node explain nothing; those of the day explain a daily line."""
    seen = traffic(("web", 1, "unknown", 9))
    hourly = lines(line(100, 0, node="n", class_="internet"))
    daily = lines(line(100, None, node="", class_="internet"))

    assert received(network.by_bytes(hourly, seen)) == {"__no_telemetry__": 100}
    assert received(network.by_bytes(daily, seen)) == {"web": 100}


@pytest.mark.parametrize(
    ("meter", "kind"),
    [
        ("USE1-DataTransfer-Regional-Bytes", "cross_zone"),
        ("USE1-USW2-AWS-Out-Bytes", "cross_region"),
        ("USE1-DataTransfer-Out-Bytes", "internet"),
        ("Network Inter Zone Data Transfer Out", "cross_zone"),
        ("BoxUsage:m5.large", ""),
    ],
)
def test_a_meter_names_the_class_of_traffic(meter: str, kind: str) -> None:
    """As the clouds spell it."""
    got = pl.select(network.traffic_class(pl.lit(meter))).item()

    assert got == kind


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**12)), max_size=6),
    st.integers(-(10**15), 10**15),
)
def test_traffic_costs_what_its_line_costs(sent: list[tuple[str, int]], amount: int) -> None:
    """Whatever was sent, no atom is lost or made."""
    seen = traffic(*((workload, 0, "internet", count) for workload, count in sent))
    bill = lines(line(amount, node="n", class_="internet"))

    got = network.by_bytes(bill, seen).collect()

    assert (got["effective"].sum(), got["billed"].sum()) == (amount, int(amount / 2))


def test_a_node_without_bytes_of_its_own_is_not_explained_by_another() -> None:
    """Node m sent nothing in the hour; a line of the whole cluster counts node n's bytes."""
    seen = traffic(("web", 0, "internet", 9))

    of_node = network.by_bytes(lines(line(100, node="m", class_="internet")), seen)
    of_cluster = network.by_bytes(lines(line(100, node="", class_="internet")), seen)

    assert received(of_node) == {"__no_telemetry__": 100}
    assert received(of_cluster) == {"web": 100}


def test_equal_bytes_leave_the_odd_atom_to_the_first_by_name() -> None:
    """Of 101 atoms 51 and 50; of minus 101 likewise; who sent nothing has no row."""
    seen = traffic(("b", 0, "internet", 5), ("a", 0, "internet", 5), ("c", 0, "internet", 0))

    for sign in (1, -1):
        rows = network.by_bytes(lines(line(101 * sign, node="n", class_="internet")), seen)
        assert received(rows) == {"a": 51 * sign, "b": 50 * sign}

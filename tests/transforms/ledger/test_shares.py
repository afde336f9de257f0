"""Bill lines of volumes, network and load balancers, split among those who used them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.ledger import balancers, network, volumes

START = datetime(2026, 10, 1, tzinfo=UTC)
INSTANT = pl.Datetime("us", "UTC")
WHO = {"cluster": "c", "node": "n", "labels": "{}"}


def line(amount: int, hour: int | None = 0, **place: Any) -> dict[str, Any]:
    """Give one bill line in atoms; billed is half of effective, towards zero."""
    return {
        "x_line_hash": "a",
        "charge_hour": None if hour is None else START + timedelta(hours=hour),
        "cluster": "c",
        **{key.rstrip("_"): value for key, value in place.items()},
        "effective": amount,
        "billed": int(amount / 2),
    }


def frame(rows: list[dict[str, Any]], like: dict[str, Any]) -> pl.LazyFrame:
    """Give rows as a frame, typed even if there are none."""
    types = {int: pl.Int64(), float: pl.Float64(), str: pl.String(), datetime: INSTANT}
    schema = {
        key: pl.Int128() if key in {"effective", "billed"} else types[type(value)]
        for key, value in like.items()
    }
    return pl.LazyFrame(rows, schema=schema)


def lines(*rows: dict[str, Any]) -> pl.LazyFrame:
    """Give bill lines."""
    return frame(list(rows), {**rows[0], "charge_hour": START})


def observed(*hours: int) -> pl.LazyFrame:
    """Give the hours in which volume `v`, claim `db/data`, was heard of."""
    rows = [
        {
            "cluster": "c",
            "volume": "v",
            "usage_hour": START + timedelta(hours=hour),
            "namespace": "db",
            "claim": "data",
        }
        for hour in hours
    ]
    like = {"cluster": "", "volume": "", "usage_hour": START, "namespace": "", "claim": ""}
    return frame(rows, like)


def mounts(*spans: tuple[str, float, float]) -> pl.LazyFrame:
    """Give who had `v` mounted: pod, minutes from and to, within one hour."""
    rows = [
        {
            **WHO,
            "volume": "v",
            "usage_hour": START + timedelta(hours=begins // 60),
            "namespace": "db",
            "workload": pod,
            "pod": pod,
            "mounted_from": START + timedelta(minutes=begins),
            "mounted_to": START + timedelta(minutes=ends),
        }
        for pod, begins, ends in spans
    ]
    like = {**WHO, "volume": "", "usage_hour": START, "namespace": "", "workload": "", "pod": ""}
    return frame(rows, {**like, "mounted_from": START, "mounted_to": START})


def received(rows: pl.LazyFrame, by: str = "workload") -> dict[str, int]:
    """Give what each received of the effective cost."""
    got = rows.group_by(by).agg(pl.col("effective").sum()).collect()
    return dict(zip(got[by], got["effective"], strict=True))


def test_a_volume_unmounted_for_half_the_hour() -> None:
    """A quarter each for two pods, half for nobody: 0.03, 0.03 and 0.06 of 0.12 (c20)."""
    pods = mounts(("pod1", 0, 15), ("pod2", 45, 60))

    rows = volumes.by_mounts(lines(line(12 * 10**10, volume="v")), observed(0), pods)

    assert received(rows) == {"pod1": 3 * 10**10, "pod2": 3 * 10**10, "db/data": 6 * 10**10}
    assert received(rows, "namespace") == {"db": 6 * 10**10, "__unmounted__": 6 * 10**10}


def test_pods_share_the_time_in_which_both_had_the_volume() -> None:
    """Alone for half an hour, then two for half an hour: three quarters and one."""
    pods = mounts(("a", 0, 60), ("b", 30, 60))

    rows = volumes.by_mounts(lines(line(400, volume="v")), observed(0), pods)

    assert received(rows) == {"a": 300, "b": 100}


def test_a_daily_line_is_spread_over_the_hours_observed() -> None:
    """Two hours were heard, in one of them a pod had it: half and half."""
    rows = volumes.by_mounts(
        lines(line(100, None, volume="v")), observed(3, 4), mounts(("a", 180, 240))
    )

    assert received(rows) == {"a": 50, "db/data": 50}


def test_an_hour_in_which_a_volume_was_not_observed_of_has_no_telemetry() -> None:
    """What was not seen is not called unmounted."""
    rows = volumes.by_mounts(lines(line(100, 5, volume="v")), observed(3), mounts())

    assert received(rows) == {"__no_telemetry__": 100}


SPANS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 59), st.integers(1, 60)).filter(
        lambda span: span[1] < span[2]
    ),
    max_size=5,
)


@given(SPANS, st.integers(-(10**15), 10**15), st.sampled_from([0, 1, None]))
def test_a_volume_costs_what_its_line_costs(
    spans: list[tuple[str, int, int]], amount: int, hour: int | None
) -> None:
    """However mounts lie over each other, no atom is lost or made."""
    bill = lines(line(amount, hour, volume="v"))

    got = volumes.by_mounts(bill, observed(0), mounts(*spans)).collect()

    assert (got["effective"].sum(), got["billed"].sum()) == (amount, int(amount / 2))


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

"""How lines of volumes, traffic, balancers and divided ones were shared: step by step."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.conftest import START, Bill
from tests.transforms.ledger.machines import HOUR, nodes_of
from tests.transforms.ledger.walks import matched_to, steps_of, walked_to
from tests.transforms.rows import rows
from transforms.ledger.balancer_lines import balancer_lines, on_balancers
from transforms.ledger.evidence_attached import (
    balancer_chains,
    provider_chains,
    traffic_chains,
    volume_chains,
)
from transforms.ledger.lines import priced
from transforms.ledger.network_lines import on_network, traffic_lines
from transforms.ledger.split_lines import divided
from transforms.ledger.volume_lines import on_volumes, volume_lines
from transforms.owners.ownership import Ownership
from warehouse.tables.core_usage import BALANCER_HOURLY, VOLUME_HOURLY
from warehouse.tables.evidence import TRAFFIC_HOURLY

MINUTE = timedelta(minutes=1)
OUT: dict[str, Any] = {"sku_meter": "DataTransfer-Out-Bytes", "consumed_unit": "GB"}
WHO = {"cluster": "c", "namespace": "shop", "labels": "{}"}
Lines = list[tuple[Decimal, int, int]]
"""Cost, first hour and hours."""
Step = tuple[str, int, int, int]
lines_of = st.lists(
    st.tuples(
        st.decimals(-50, 900, places=12), st.sampled_from([0, 2, 5]), st.sampled_from([1, 24])
    ),
    min_size=1,
    max_size=3,
)
bounded = settings(deadline=None, max_examples=15)


def bill_of(lines: Lines, resource: str | None, **facts: Any) -> pl.DataFrame:
    """Give lines of one resource."""
    bill = Bill()
    for amount, start, hours in lines:
        bill.add(str(amount), start if hours == 1 else 0, hours, resource, **facts)
    return priced(bill.of_day())


def hashed(found: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Give lines that pay for something their hashes."""
    return found.join(lines.select("line", "x_line_hash").unique("line"), on="line")


def numbers(chains: pl.DataFrame, by: str = "workload") -> dict[str, list[Step]]:
    """Give what each step takes, of how much, and what it gives."""
    return {
        row[by]: [
            (step["name"], step["weight"], step["denominator"], step["result_atoms"])
            for step in steps_of(row)
        ]
        for row in chains.to_dicts()
    }


def mounts(*spans: tuple[str, int, int, int]) -> pl.DataFrame:
    """Give claim shop/data: pod, hour, minutes from and to; hours 0 and 2 without a pod too."""
    claim = {**WHO, "claim": "data", "volume": "pvc", "disk": "vol-1"}
    alone = [{**claim, "labels": "", "usage_hour": START + hour * HOUR} for hour in (0, 2)]
    had = [
        {
            **claim, "usage_hour": START + hour * HOUR, "pod": f"{pod}-{n}", "workload": pod,
            "mounted_from": START + hour * HOUR + begins * MINUTE,
            "mounted_to": START + hour * HOUR + ends * MINUTE,
        }
        for n, (pod, hour, begins, ends) in enumerate(spans)
    ]  # fmt: skip
    return rows(VOLUME_HOURLY, *alone, *had)


def test_a_divided_line_has_a_step_only_where_it_was_cut() -> None:
    """700 atoms by 4 and 3: 400 used, 300 not. A line of which nothing is unused has no step."""
    cut = [{"key": f"split_line_item_{name}_cost", "value": text}
           for name, text in (("split", "0.000004"), ("unused", "0.000003"))]  # fmt: skip
    bill = Bill().add("0.0000000007", resource="a", x_namespace="shop", x_extra=cut)
    bill.add("1", resource="b", x_namespace="shop")

    made = provider_chains(priced(bill.of_day()), apart=True)

    text = "what the provider says was used and unused"
    assert numbers(made) == {
        "a": [(text, 4 * 10**6, 7 * 10**6, 400)],
        "__idle__": [(text, 3 * 10**6, 7 * 10**6, 300)],
        "b": [],
    }


def test_a_volume_by_hour_stretch_and_pods() -> None:
    """A daily line of 800, two hours observed: 400 each; p has it for a quarter of the first.

    15 minutes are 900 s of 3,600: 100 for p alone, 300 for nobody; the other hour is one stretch.
    """
    lines = bill_of([(Decimal("0.0000000008"), 0, 24)], "vol-1")
    volumes = mounts(("p", 0, 0, 15))

    made = volume_chains(hashed(volume_lines(lines, volumes), lines), volumes)

    hour, stretch = "hour in which the volume was heard of", "stretch of time, in µs"
    pods = "pods that had it mounted"
    assert numbers(made, "part") == {
        "volume from 00:00:00": [
            (hour, 1, 2, 400), (stretch, 900 * 10**6, 3600 * 10**6, 100), (pods, 1, 1, 100),
        ],
        "volume from 00:15:00": [
            (hour, 1, 2, 400), (stretch, 2700 * 10**6, 3600 * 10**6, 300), (pods, 1, 1, 300),
        ],
        "volume from 02:00:00": [(hour, 1, 2, 400), (pods, 1, 1, 400)],
    }  # fmt: skip


def test_traffic_by_bytes_and_silence_without_any() -> None:
    """3 and 1 of 4 bytes from node n; an hour in which nobody sent anything is told as traffic."""
    sent = rows(
        TRAFFIC_HOURLY,
        *({**WHO, "node": "n", "class": "internet", "workload": name, "bytes": count}
          for name, count in (("web", 3), ("api", 1))),
    )  # fmt: skip
    lines = bill_of([(Decimal("0.0000000008"), 0, 1)], None, x_cluster="c", **OUT)
    silent = bill_of([(Decimal("0.0000000008"), 5, 1)], None, x_cluster="c", **OUT)

    made = [
        traffic_chains(hashed(traffic_lines(it, nodes_of(), sent), it), sent)
        for it in (lines, silent)
    ]

    text = "bytes sent (internet)"
    assert numbers(made[0]) == {"web": [(text, 3, 4, 600)], "api": [(text, 1, 4, 200)]}
    assert set(made[0]["part"]) == {"from n"}
    assert numbers(made[1], "part") == {"traffic": [("bytes sent (unknown)", 1, 1, 800)]}


def test_a_balancer_by_the_time_behind_it() -> None:
    """A for the hour and z for a third of it: 3 and 1 of 4; hour 5, of which nothing is known."""
    place = {**WHO, "kind": "service", "balancer": "shop/web"}
    stood = rows(
        BALANCER_HOURLY,
        *({**place, "pod": name, "workload": name, "overlap_seconds": seconds}
          for name, seconds in (("a", 3600.0), ("z", 1200.0))),
    )  # fmt: skip
    tags = {"kubernetes.io/service-name": "shop/web"}
    lines = bill_of(
        [(Decimal("0.0000000008"), 0, 1), (Decimal(1), 5, 1)], "lb", tags=tags, x_cluster="c"
    )

    made = balancer_chains(hashed(balancer_lines(lines, stood), lines), stood)

    text = "time that its pods stood behind it, in µs"
    assert numbers(made) == {
        "a": [(text, 3600 * 10**6, 4800 * 10**6, 600)],
        "z": [(text, 1200 * 10**6, 4800 * 10**6, 200)],
        "__no_telemetry__": [],
    }


@bounded
@given(lines_of, st.lists(st.decimals(0, 9, places=6), min_size=2, max_size=2))
def test_steps_of_divided_lines_are_the_ledgers(given_lines: Lines, parts: list[Decimal]) -> None:
    """Used and unused, walked by hand."""
    cut = [{"key": f"split_line_item_{name}_cost", "value": str(part)}
           for name, part in zip(("split", "unused"), parts, strict=True)]  # fmt: skip
    lines = bill_of(given_lines, "pod-1", x_namespace="shop", x_extra=cut)

    made = provider_chains(lines, apart=True)

    assert walked_to(made, lines) == matched_to(divided(lines, Ownership.default())[0], lines)


spans = st.tuples(
    st.sampled_from("pq"), st.sampled_from([0, 2]), st.integers(0, 59), st.integers(1, 60)
).filter(lambda span: span[2] < span[3])


@bounded
@given(lines_of, st.lists(spans, max_size=4))
def test_steps_of_volumes_are_the_ledgers(given_lines: Lines, had: Any) -> None:
    """However pods come and go, hour by hour and stretch by stretch."""
    lines, volumes = bill_of(given_lines, "vol-1"), mounts(*had)

    made = volume_chains(hashed(volume_lines(lines, volumes), lines), volumes)

    assert walked_to(made, lines) == matched_to(on_volumes(lines, volumes)[0], lines)


@bounded
@given(
    lines_of,
    st.lists(
        st.tuples(st.sampled_from("pq"), st.sampled_from([0, 2]), st.integers(0, 10**12)),
        min_size=1,
        max_size=4,
    ),
)
def test_steps_of_traffic_are_the_ledgers(given_lines: Lines, sent: Any) -> None:
    """By the bytes of the hour, or of the day."""
    lines = bill_of(given_lines, None, x_cluster="c", **OUT)
    place = {**WHO, "node": "n", "class": "unknown"}
    traffic = rows(
        TRAFFIC_HOURLY,
        *({**place, "workload": name, "usage_hour": START + hour * HOUR, "bytes": count}
          for name, hour, count in sent),
    )  # fmt: skip

    made = traffic_chains(hashed(traffic_lines(lines, nodes_of(), traffic), lines), traffic)

    assert walked_to(made, lines) == matched_to(on_network(lines, nodes_of(), traffic)[0], lines)


@bounded
@given(
    lines_of,
    st.lists(
        st.tuples(st.sampled_from("pq"), st.sampled_from([0, 2]), st.floats(0, 3600)), max_size=4
    ),
)
def test_steps_of_balancers_are_the_ledgers(given_lines: Lines, stood: Any) -> None:
    """By the time of pods behind it, in the hour or in the day."""
    tags = {"kubernetes.io/service-name": "shop/web"}
    lines = bill_of(given_lines, "lb", tags=tags, x_cluster="c")
    place = {**WHO, "kind": "service", "balancer": "shop/web"}
    hours = rows(
        BALANCER_HOURLY,
        {**place, "namespace": "-", "labels": ""},
        *({**place, "usage_hour": START + hour * HOUR, "pod": f"{name}-{n}", "workload": name,
           "overlap_seconds": seconds} for n, (name, hour, seconds) in enumerate(stood)),
    )  # fmt: skip

    made = balancer_chains(hashed(balancer_lines(lines, hours), lines), hours)

    assert walked_to(made, lines) == matched_to(on_balancers(lines, hours)[0], lines)

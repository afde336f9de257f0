"""Pools that are split by a metric, by hand."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterbook.base.errors import ConfigError
from tests.transforms.conftest import DAY, START, Telemetry
from transforms.ledger import allocation, pools
from transforms.owners.ownership import Ownership, parse_ownership
from warehouse.tables.core import COST_LEDGER
from warehouse.tables.core_pool import POOL_WEIGHT_DAILY

RULES = """
version: 1
teams: [{{id: a}}, {{id: b}}, {{id: c}}]
tags: {{keys: [team]}}
rules:
  - {{id: label, match: {{tag: "*"}}, team: $tag}}
  - {{id: one, match: {{namespace: one}}, team: a}}
  - {{id: two, match: {{namespace: two}}, teams: {{a: "0.25", b: "0.75"}}}}
shared:
  - {{id: mesh, pool: {{namespace: mesh}}, to: {{teams: all}}, split: even}}
  - {{id: logs, pool: {{service: Logs}}, to: {{teams: all}}, split: metric,
     weight: {{metric: net.io, agg: {agg}}}, zero_weight: even}}
"""


def rules(agg: str = "increase") -> Ownership:
    """Give rules that split the pool `logs` by the metric."""
    return parse_ownership(RULES.format(agg=agg))


def weights(telemetry: Any, ownership: Ownership) -> pl.DataFrame:
    """Give core_pool_weight_daily, checked."""
    made = pools.pool_weights(
        telemetry.series, telemetry.points, telemetry.usage().lazy(), ownership, DAY
    )
    return POOL_WEIGHT_DAILY.check(made.collect())


def by_team(frame: pl.DataFrame) -> dict[str, int]:
    """Give the weights."""
    return dict(zip(frame["team"], frame["weight"], strict=True))


def at(namespace: str, **more: object) -> dict[str, object]:
    """Give a resource in a namespace."""
    return {"k8s.cluster.name": "c", "k8s.namespace.name": namespace, **more}


def costs(bill: Any, telemetry: Any, ownership: Ownership) -> dict[str, Decimal]:
    """Give the cost of each team from the pool."""
    usage, nodes = telemetry.usage().lazy(), telemetry.nodes().lazy()
    made = allocation.ledger(
        bill.of_day(), usage, nodes, ownership, day=DAY, now=START,
        weights=weights(telemetry, ownership).lazy(),
    )  # fmt: skip
    frame = COST_LEDGER.check(made.collect())
    assert set(frame["pool"]) == {"logs"}
    return dict(zip(frame["team"], frame["effective_cost"], strict=True))


def test_a_pool_follows_what_counters_rose_by(bill: Any, telemetry: Any) -> None:
    """`one` rises 10 to 40, resets to 10: 30 + 10 = 40 for a; `two` by 40: 10 for a, 30 for b.

    Of 8.00, a with 50 of 80 bears 5.00, b with 30 bears 3.00; pools and strangers weigh nothing.
    """
    telemetry.add("net.io", at("one"), [(-1, 10), (1, 40), (2, 10)], "counter")
    telemetry.add("net_io", at("two"), [(0, 0), (3, 40)], "counter")
    telemetry.add("net.io", at("mesh"), [(0, 0), (3, 900)], "counter")
    telemetry.add("net.io", at("nobody"), [(0, 0), (3, 900)], "counter")
    bill.add("8", service_name="Logs")

    assert by_team(weights(telemetry, rules())) == {"a": 50 * 10**6, "b": 30 * 10**6}
    assert costs(bill, telemetry, rules()) == {"a": Decimal(5), "b": Decimal(3), "c": 0}


def test_the_last_value_of_the_day(bill: Any, telemetry: Any) -> None:
    """Series of 1, then 3, and one of 4 the day before only: a weighs 3; c by its label 9."""
    telemetry.add("net.io", at("one"), [(1, 1), (5, 3), (25, 70)])
    telemetry.add("net.io", at("one", x="2"), [(-2, 4)])
    telemetry.add("net.io", at("four", **{"k8s.pod.label.team": "C"}), [(1, 9)])
    bill.add("4", service_name="Logs")

    assert by_team(weights(telemetry, rules("last"))) == {"a": 3 * 10**6, "c": 9 * 10**6}
    assert costs(bill, telemetry, rules("last")) == {"a": Decimal(1), "b": 0, "c": Decimal(3)}


def test_nobody_measured_anything(bill: Any, telemetry: Any) -> None:
    """Without any weight the pool is split evenly: 9 is 3 for each of three."""
    telemetry.add("net.io", at("nobody"), [(0, 0), (3, 900)], "counter")
    bill.add("9", service_name="Logs")

    assert costs(bill, telemetry, rules()) == dict.fromkeys("abc", Decimal(3))


def test_a_workload_is_owned_as_its_cost_is(telemetry: Any) -> None:
    """Labels that only the pod's own series tell give the traffic of its workload to b."""
    telemetry.node("n", 4, 16, [0, 1, 2]).pod("p", "n", "five", 0, 2, 1, labels={"team": "b"})
    telemetry.add("net.io", at("five", **{"k8s.deployment.name": "p-app"}), [(1, 7)])

    assert by_team(weights(telemetry, rules("last"))) == {"b": 7 * 10**6}


def test_great_values_keep_their_first_digits(telemetry: Any) -> None:
    """1e18 and 3e18 are cut to 15 digits, in their ratio up to the digit cut."""
    telemetry.add("net.io", at("one"), [(1, 1e18)])
    telemetry.add("net.io", at("six", team="b"), [(1, 3e18)])

    made = by_team(weights(telemetry, rules("last")))

    assert len(str(made["b"])) == 15
    assert abs(made["b"] - 3 * made["a"]) <= 3


@given(st.permutations([("one", 3.0), ("one", 0.1), ("two", 0.7), ("two", 1e8)]))
@settings(deadline=None, max_examples=12)
def test_the_order_of_series_changes_nothing(order: list[tuple[str, float]]) -> None:
    """Sums are of whole numbers: 3.1 and a quarter of the rest for a, three quarters for b."""
    telemetry = Telemetry()
    for namespace, value in order:
        telemetry.add("net.io", at(namespace, value=str(value)), [(1, value)])

    made = by_team(weights(telemetry, rules("last")))

    rest = 700_000 + 10**14
    assert made == {"a": 3_100_000 + rest // 4, "b": rest * 3 // 4}


@pytest.mark.parametrize(
    ("weight", "key"),
    [
        ("direct_cost", "shared.p.weight"),
        ("{agg: last}", "shared.p.weight"),
        ("{metric: m, agg: mean}", "shared.p.weight.agg"),
        ("{metric: m, window: day}", "shared.p.weight.window"),
    ],
)
def test_a_weight_that_is_none(weight: str, key: str) -> None:
    """A metric pool names a metric, and how its values of a day become one."""
    text = "teams: [{id: a}]\nshared: [{id: p, pool: {service: X}, to: {teams: all}, split: metric"

    with pytest.raises(ConfigError) as caught:
        parse_ownership(f"{text}, weight: {weight}}}]")

    assert [finding.key for finding in caught.value.findings] == [key]

"""Who stands on each node in each hour, and what they weigh there."""

from typing import Any

import polars as pl
import pytest

from tests.transforms.conftest import START
from tests.transforms.ledger.machines import HOUR, asks, nodes_of, usage_of
from tests.transforms.ledger.machines import node as hour_of
from transforms.exact.numbers import numbered
from transforms.ledger import node_weights
from transforms.ledger.node_weights import (
    IDLES,
    PLACE,
    TAKEN,
    WORK,
    entries_of,
    recipients_of,
    weights,
)
from transforms.owners.ownership import parse_ownership
from transforms.owners.policy import Policy

SECONDS = 3600
CORE, GIB, GPU = 10**6 * SECONDS, 2**20 * SECONDS, 10**6 * SECONDS
"""What a core, a GiB and a GPU of an hour weigh."""


def policy(text: str = "") -> Policy:
    """Give the policy of an ownership file."""
    return parse_ownership(f"teams: [{{id: a}}]\n{text}").policy


def recipients(usage: pl.DataFrame, policy: Policy, *nodes: str) -> list[tuple[Any, ...]]:
    """Give number, node, workload and reason of all that can bear the cost of these nodes."""
    placed = pl.DataFrame([("c", name) for name in nodes], schema=["cluster", "node"], orient="row")
    made = recipients_of(numbered(usage, PLACE)[0], placed, policy)
    return made.select("recipient", "node", "workload", "reason").rows()


def entries(usage: pl.DataFrame, nodes: pl.DataFrame, text: str = "", basis: str = "max") -> Any:
    """Give hour, workload, kind and weights of each entry."""
    observed = nodes.select(node_weights.HOUR).sort(node_weights.HOUR).with_row_index("place")
    workloads, number = numbered(usage, PLACE)
    who = recipients_of(workloads, nodes, policy(text))
    made = entries_of(usage, number, observed, who, basis)
    named = made.join(observed, on="place").join(who, on="recipient")
    rows = named.select("usage_hour", "workload", "kind", "cpu", "memory", "gpu").rows()
    return sorted(((at - START) // HOUR, *rest) for at, *rest in rows)


@pytest.mark.parametrize(
    ("basis", "cpu", "memory"),
    [("max", 3 * CORE, 2 * GIB), ("request", CORE, 2 * GIB), ("usage", 3 * CORE, GIB)],
)
def test_a_container_weighs_what_it_asks_or_uses(basis: str, cpu: int, memory: int) -> None:
    """1 core asked and 3 used, 2 GiB asked and 1 used; by the basis, for each part by itself."""
    used: Any = {"memory_usage_byte_seconds": 2.0**30 * SECONDS}
    frame = usage_of(asks("web", 1, 2, uses=3, gpus=2, **used)).select(**weights(basis))

    assert frame.row(0, named=True) == {"cpu": cpu, "memory": memory, "gpu": 2 * GPU}


@pytest.mark.parametrize(("microcores", "want"), [(0.5, 0), (1.5, 2), (2.5, 2), (0.4, 0), (0, 0)])
def test_half_a_microcore_second_is_rounded_to_even(microcores: float, want: int) -> None:
    """So that many halves do not add up to more than they are."""
    amount = {"cpu_request_core_seconds": microcores * 1e-6}

    frame = usage_of({**asks("web"), **amount}).select(**weights("max"))

    assert frame["cpu"].item() == want


def test_every_node_that_is_paid_for_has_buckets() -> None:
    """Two nodes, one workload on n: it, and idle and silence of each; in the order of names."""
    made = recipients(usage_of(asks("web", 1)), policy(), "m", "n", "n")

    assert [row[1:] for row in made] == [
        ("m", "__idle__", "idle"),
        ("m", "__no_telemetry__", "no_telemetry"),
        ("n", "__idle__", "idle"),
        ("n", "__no_telemetry__", "no_telemetry"),
        ("n", "web", "workload"),
    ]
    assert [row[0] for row in made] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("scope", "shares"),
    [("node", [("m", "web"), ("n", "web")]), ("pool", [("-", "web")]), ("cluster", [("-", "web")])],
)
def test_shared_idle_has_recipients_of_its_own(scope: str, shares: list[tuple[str, str]]) -> None:
    """On each node where a workload runs; over a pool or cluster once, at no node."""
    usage = usage_of(asks("web", 1), asks("web", 1, on="m"))

    made = recipients(usage, policy(f"idle: {{show: share, scope: {scope}}}"), "m", "n")

    assert [(node, name) for _, node, name, reason in made if reason == "idle_share"] == shares


def test_the_system_bears_only_where_allocatable_counts() -> None:
    """One more bucket of the node, of reason `system`."""
    made = recipients(usage_of(), policy("node_split: {capacity: allocatable}"), "n")

    assert [row[3] for row in made] == ["idle", "no_telemetry", "system"]
    assert [row[3] for row in recipients(usage_of(), policy(), "n")] == ["idle", "no_telemetry"]


def test_containers_of_a_workload_are_one_entry() -> None:
    """Of 1 and 2 cores, one with 1 GiB: 3 cores and 1 GiB; idle weighs nothing yet."""
    usage = usage_of(asks("web", 1, 1), asks("web", 2, container="side"), asks("api", 1))

    assert entries(usage, nodes_of(hour_of())) == [
        (0, "__idle__", IDLES, 0, 0, 0),
        (0, "api", WORK, CORE, 0, 0),
        (0, "web", WORK, 3 * CORE, GIB, 0),
    ]


def test_use_in_an_hour_without_the_node_bears_nothing() -> None:
    """At 1:00 the node was not observed, though a pod on it was: no entry, and no idle either."""
    usage = usage_of(asks("web", 1), asks("web", 1, hour=1), asks("web", 1, hour=2))
    nodes = nodes_of(hour_of(), hour_of(hour=2))

    made = entries(usage, nodes)

    assert [row[:2] for row in made] == [
        (0, "__idle__"), (0, "web"), (2, "__idle__"), (2, "web"),
    ]  # fmt: skip


def test_what_the_system_keeps_is_an_entry_of_its_own() -> None:
    """Of each hour of the node, weighed later by what the node tells."""
    made = entries(usage_of(), nodes_of(hour_of()), "node_split: {capacity: allocatable}")

    assert [row[1:3] for row in made] == [("__idle__", IDLES), ("__system__", TAKEN)]


def test_labels_make_another_recipient() -> None:
    """Pods of one workload with other labels may be another team's: they weigh apart."""
    usage = usage_of(asks("web", 1), asks("web", 2, labels='{"team":"a"}', pod="web-2"))

    assert [row[1:4] for row in entries(usage, nodes_of(hour_of()))][1:] == [
        ("web", WORK, CORE),
        ("web", WORK, 2 * CORE),
    ]

"""What each node offers in each hour in which it, or a pod on it, sent anything."""

from datetime import timedelta
from typing import Any

import polars as pl

from tests.transforms.conftest import DAY, START, Telemetry
from tests.transforms.usage.one_pod import CLUSTER
from transforms.usage.nodes import SIZES, node_hourly
from warehouse.tables.core import NODE_HOURLY


def nodes(telemetry: Telemetry) -> pl.DataFrame:
    """Give core_node_hourly, checked."""
    known, samples = telemetry.observed()[:2]
    return NODE_HOURLY.check(node_hourly(known, samples, DAY).collect())


def offers(telemetry: Telemetry, resource: str, samples: Any, **labels: str) -> None:
    """Let kube-state-metrics tell what node n has of a resource."""
    about = {"node": "n", "resource": resource, **labels}
    telemetry.add("kube_node_status_capacity", CLUSTER, samples, labels=about)


def test_a_node_is_observed_by_its_pods(telemetry: Any) -> None:
    """An hour with a sample of a pod has telemetry; capacity is that of the nearest hour."""
    telemetry.node("n", cores=4, gib=16, samples=[0])
    telemetry.pod("p", "n", "shop", 1, 2)

    nodes = telemetry.nodes()

    assert [moment.hour for moment in nodes["usage_hour"]] == [0, 1, 2]
    assert nodes["cpu_capacity_cores"].to_list() == [4.0, 4.0, 4.0]
    assert nodes["provider_id"].unique().to_list() == ["i-n"]


def test_allocatable_stands_beside_capacity_and_in_its_place(telemetry: Any) -> None:
    """A node that tells both keeps both; one that tells allocatable only has that as capacity."""
    for node, facts in (("n", {"capacity": 4, "allocatable": 3.5}), ("m", {"allocatable": 7})):
        for kind, cores in facts.items():
            labels = {"node": node, "resource": "cpu"}
            telemetry.add(f"kube_node_status_{kind}", CLUSTER, [(0, cores)], labels=labels)

    nodes = telemetry.nodes()

    assert nodes.select("node", "cpu_capacity_cores", "cpu_allocatable_cores").rows() == [
        ("m", 7.0, 7.0),
        ("n", 4.0, 3.5),
    ]


def test_silence_is_no_hour_and_a_size_holds_until_the_next(telemetry: Any) -> None:
    """4 cores at 1:00, 8 at 5:00; a pod at 0:00 and 3:00: four hours, of 4, 4, 4 and 8 cores.

    The first hour has the size that was told next, the third the one told before.
    """
    offers(telemetry, "cpu", [(1, 4), (5, 8)])
    telemetry.add("k8s.pod.phase", {**CLUSTER, "k8s.pod.name": "p", "k8s.node.name": "n"},
                  [(0, 2), (3, 2)])  # fmt: skip

    made = nodes(telemetry)

    assert [(at - START) // timedelta(hours=1) for at in made["usage_hour"]] == [0, 1, 3, 5]
    assert made["cpu_capacity_cores"].to_list() == [4.0, 4.0, 4.0, 8.0]
    assert made["run_seconds"].to_list() == [3600.0] * 4


def test_a_size_told_twice_counts_once_and_kinds_of_gpus_are_added(telemetry: Any) -> None:
    """Two scrapers say 4 and 5 cores: 5. Two cards of one kind and one of another: 3.

    The older name of the same size has a higher rank and is not looked at.
    """
    offers(telemetry, "cpu", [(0, 4)])
    offers(telemetry, "cpu", [(0, 5)], job="other")
    old = {"node": "n"}
    telemetry.add("kube_node_status_capacity_cpu_cores", CLUSTER, [(0, 64)], labels=old)
    offers(telemetry, "nvidia_com_gpu", [(0, 2)])
    offers(telemetry, "amd_com_gpu", [(0, 1)])

    row = nodes(telemetry).row(0, named=True)

    assert (row["cpu_capacity_cores"], row["gpu_capacity_count"]) == (5.0, 3.0)
    assert row["sample_count"] == 5


def test_a_size_that_changed_within_the_hour_is_the_greater(telemetry: Any) -> None:
    """8 GiB at 0:00 and 4 at 0:30: 8, for the hour was billed for a machine that had them."""
    offers(telemetry, "memory", [(0, 8 * 2.0**30), (0.5, 4 * 2.0**30)])

    assert nodes(telemetry)["memory_capacity_bytes"].to_list() == [8 * 2.0**30]


def test_what_nothing_tells_is_zero_or_empty(telemetry: Any) -> None:
    """A node known by its uptime alone: no size, no pool, no id, and yet an hour of its own."""
    telemetry.add("k8s.node.uptime", {"k8s.node.name": "n"}, [(2, 60)])

    made = nodes(telemetry)

    assert made.select("cluster", "node_pool", "provider_id", "sample_count").rows() == [
        ("default", "", "", 1)
    ]
    assert set(made.select(SIZES.values()).row(0)) == {0.0}


def test_a_series_that_names_no_node_makes_none(telemetry: Any) -> None:
    """A pod that waits for a place is on no node; without samples there is no hour either."""
    telemetry.add("k8s.pod.phase", {**CLUSTER, "k8s.pod.name": "p"}, [(0, 1)])

    assert nodes(telemetry).is_empty()
    assert nodes(Telemetry()).is_empty()

"""Who a series is about, whatever names it came under."""

from typing import Any

import polars as pl
import pytest

from tests.transforms.conftest import Telemetry
from tests.transforms.usage.one_pod import AT, CLUSTER, LABELS, POD
from transforms.usage.facts import RECEIVED, RUNNING_POD, SENT
from transforms.usage.subject import known_series, named, pool_roles


def known(telemetry: Telemetry) -> pl.DataFrame:
    """Give the series that tell a fact, in the order they were added."""
    return known_series(telemetry.series).collect().sort("series_id")


def test_the_exporters_own_pod_is_not_the_workload(telemetry: Any) -> None:
    """A resource that describes kube-state-metrics does not win over the labels of its points."""
    own = {
        "k8s.cluster.name": "c",
        "k8s.namespace.name": "monitoring",
        "k8s.pod.name": "kube-state-metrics-0",
        "k8s.container.name": "ksm",
        "k8s.node.name": "other",
    }
    labels = {**LABELS, "resource": "cpu"}
    telemetry.add("kube_pod_container_resource_requests", own, AT, labels=labels)

    row = telemetry.usage().row(0, named=True)

    assert [row[k] for k in ("namespace", "pod", "container", "node")] == ["shop", "p", "main", "n"]


def test_totals_of_cadvisor_are_not_a_container(telemetry: Any) -> None:
    """Rows with an empty container or `POD` would count everything twice."""
    for container, rise in (("main", 600), ("", 900), ("POD", 5)):
        labels = {**LABELS, "container": container}
        at = [(0, 0), (1, rise)]
        telemetry.add("container_cpu_usage_seconds_total", CLUSTER, at, "counter", labels)

    assert telemetry.usage()["cpu_usage_core_seconds"].sum() == 600


def test_a_slice_is_a_part_of_a_gpu(telemetry: Any) -> None:
    """A MIG profile 3g asks for three sevenths; a node's slices add up to its GPUs."""
    request = {**LABELS, "resource": "nvidia_com_mig_3g_20gb"}
    telemetry.add("kube_pod_container_resource_requests", CLUSTER, [(0, 1), (1, 1)], labels=request)
    for resource, slices in (("nvidia_com_mig_3g_20gb", 1), ("nvidia_com_mig_4g_20gb", 1)):
        labels = {"node": "n", "resource": resource}
        at = [(0, slices), (1, slices)]
        telemetry.add("kube_node_status_capacity", CLUSTER, at, labels=labels)

    used, nodes = telemetry.usage(), telemetry.nodes()

    assert used["gpu_request_gpu_seconds"].to_list() == pytest.approx([3600 * 3 / 7])
    assert nodes["gpu_capacity_count"].to_list() == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize(
    ("profile", "part"),
    [
        ("1g_10gb", 1 / 7),  # H100: a seventh, whatever memory and media engines it has beside
        ("1g_20gb", 1 / 7),
        ("1g_10gb_me", 1 / 7),
        ("7g_80gb", 1),
        ("1g_6gb", 1 / 4),  # A30
        ("2g_12gb_me", 2 / 4),
        ("4g_24gb", 1),
        ("4g_96gb", 1),  # RTX PRO 6000 Blackwell
    ],
)
def test_a_gpu_is_cut_in_seven_or_in_four(telemetry: Any, profile: str, part: float) -> None:
    """By the name of the slice: what of the multiprocessors it has."""
    request = {**LABELS, "resource": f"nvidia_com_mig_{profile}"}
    telemetry.add("kube_pod_container_resource_requests", CLUSTER, [(0, 1), (1, 1)], labels=request)

    used = telemetry.usage()

    assert used["gpu_request_gpu_seconds"].to_list() == pytest.approx([3600 * part])


def test_prometheus_labels_name_the_container(telemetry: Any) -> None:
    """A series that came by Prometheus has its names on the point, `exported_` before them."""
    labels = {
        "exported_namespace": "shop",
        "namespace": "monitoring",
        "exported_pod": "p",
        "pod": "kube-state-metrics-0",
        "container": "main",
        "node": "n",
    }
    at = [(0, 0), (1, 1800)]
    telemetry.add("container_cpu_usage_seconds_total", {}, at, "counter", labels)

    row = telemetry.usage().row(0, named=True)

    assert (row["namespace"], row["pod"], row["node"]) == ("shop", "p", "n")
    assert row["cpu_usage_core_seconds"] == 1800


def test_a_series_stands_once_and_only_if_it_tells_a_fact(telemetry: Any) -> None:
    """Two rows of one series are one; a metric of the application's own is none of ours.

    A cluster that nobody names is `default`; who tells it is service and scope.
    """
    sender = {"service.name": "agent", "k8s.pod.name": "p"}
    telemetry.add("k8s.pod.phase", sender, scope="k8scluster").add("checkout.orders", POD)

    twice = pl.concat([telemetry.series, telemetry.series])
    found = known_series(twice).collect()

    assert found.select("series_id", "cluster", "teller").rows() == [
        (1, "default", "agent|k8scluster")
    ]


def test_no_series_tell_nothing() -> None:
    """An empty day has all columns and no rows."""
    found = known_series(Telemetry().series).collect()

    assert found.is_empty()
    assert {"fact", "cluster", "pod", "scale", "part"} <= set(found.columns)


@pytest.mark.parametrize(
    ("direction", "fact"),
    [("transmit", SENT), ("receive", RECEIVED), ("", SENT), ("both", None)],
)
def test_one_metric_tells_both_ways_of_traffic(
    telemetry: Any, direction: str, fact: str | None
) -> None:
    """By its direction; without one it is what was sent; another direction is no fact at all."""
    labels = {"direction": direction} if direction else {}
    telemetry.add("k8s.pod.network.io", POD, labels=labels)

    assert known(telemetry)["fact"].to_list() == ([fact] if fact else [])


def test_a_pods_sandbox_sends_but_does_not_compute(telemetry: Any) -> None:
    """CAdvisor's `POD` has the pod's network; its CPU would count the pause container."""
    for name in ("container_network_transmit_bytes_total", "container_cpu_usage_seconds_total"):
        telemetry.add(name, CLUSTER, labels={**LABELS, "container": "POD"})

    assert known(telemetry)["fact"].to_list() == [SENT]


def test_only_the_phase_running_tells_of_a_running_pod(telemetry: Any) -> None:
    """kube-state-metrics has a series per phase; the container's own has no phase and counts."""
    for phase in ("Running", "Pending"):
        telemetry.add("kube_pod_status_phase", CLUSTER, labels={**LABELS, "phase": phase})
    telemetry.add("kube_pod_container_status_running", CLUSTER, labels=LABELS)

    found = known(telemetry)

    assert found.select("series_id", "fact").rows() == [(1, RUNNING_POD), (3, RUNNING_POD)]


def test_a_claims_series_names_no_pod(telemetry: Any) -> None:
    """kube-state-metrics sends its own pod's name with a claim, which has none."""
    own = {**CLUSTER, "k8s.pod.name": "ksm-0", "k8s.namespace.name": "monitoring"}
    labels = {"namespace": "db", "persistentvolumeclaim": "data"}
    telemetry.add("kube_persistentvolumeclaim_info", own, labels=labels)

    row = known(telemetry).row(0, named=True)

    assert [row[name] for name in ("namespace", "pod", "pvc")] == ["db", "", "data"]


def test_pools_are_named_by_labels_of_ones_own_first(telemetry: Any) -> None:
    """Ours before a provider's, as an attribute of `label` or `labels`, or as scraped.

    kube-state-metrics writes `example.com/nodePool` as `label_example_com_node_pool`.
    """
    roles = pool_roles(["example.com/nodePool"])
    eks = "k8s.node.label.eks.amazonaws.com/nodegroup"
    telemetry.add("k8s.node.uptime", {"k8s.node.name": "n", eks: "theirs"})
    mine = {"k8s.node.labels.example.com/nodePool": "ours"}
    telemetry.add("k8s.node.uptime", {"k8s.node.name": "n", eks: "theirs", **mine})
    scraped = {"node": "n", "label_example_com_node_pool": "scraped"}
    telemetry.add("kube_node_labels", {}, labels=scraped)

    found = known_series(telemetry.series, ["example.com/nodePool"]).collect().sort("series_id")

    assert roles["node_pool"][0] == "k8s.node.label.example.com/nodePool"
    assert found["node_pool"].to_list() == ["theirs", "ours", ""]
    assert found["scraped_pool"].to_list() == ["", "", "scraped"]


@pytest.mark.parametrize(
    ("spelling", "resource", "point", "value"),
    [
        ("k8s_pod_phase", {"k8s.pod.name": "r"}, {"k8s.pod.name": "p"}, "r"),
        ("k8s_pod_phase", {"pod": "r"}, {"exported_pod": "e", "pod": "p"}, "e"),
        ("k8s_pod_phase", {"pod": "r"}, {"k8s.pod.name": "p"}, "p"),
        ("k8s_pod_phase", {"pod": "r"}, {"pod": "p"}, "p"),
        ("kube_pod_info", {"pod": "r"}, {"pod": "p"}, "p"),
        ("kube_pod_info", {"pod": "r"}, {"k8s.pod.name": "p"}, "r"),
        ("kube_pod_info", {"exported_pod": "r"}, {"pod": "p"}, "r"),
        ("kube_pod_info", {"k8s.pod.name": "r"}, {"k8s.pod.name": "p"}, "p"),
        ("kube_pod_info", {"k8s.pod.name": "r"}, {"pod": "p"}, "p"),
        ("kube_pod_info", {"k8s.pod.name": "r"}, {"exported_pod": "e", "pod": "p"}, "e"),
        ("kube_pod_info", {"k8s_pod_name": "r"}, {}, "r"),
        ("kube_pod_info", {}, {"pod": "", "pod_name": "old"}, "old"),
        ("kube_pod_info", {"service.name": "x"}, {}, None),
    ],
)
def test_the_attribute_that_counts_first(
    spelling: str, resource: dict[str, str], point: dict[str, str], value: str | None
) -> None:
    """OpenTelemetry's metrics by their resource, Prometheus' by the point, `exported_` first.

    An empty value is none; a name with `_` for `.` is the same name.
    """
    series = Telemetry().add("any", resource, labels=point).series
    roles = {"pod": ("k8s.pod.name", "exported_pod", "pod", "pod_name"), "job": ("service.name",)}

    found = named(series.with_columns(spelling=pl.lit(spelling)), roles).collect()

    assert found["pod"].to_list() == [value]

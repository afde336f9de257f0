"""Names of every generation, joins of pods, senders that repeat each other, GPUs."""

from typing import Any

import polars as pl
import pytest

from transforms.usage import containers
from transforms.usage.facts import NAMES

AT = [(0, 2), (1, 2)]
LABELS = {"namespace": "shop", "pod": "p", "container": "main", "node": "n"}
POD = {
    "k8s.cluster.name": "c",
    "k8s.namespace.name": "shop",
    "k8s.pod.name": "p",
    "k8s.pod.uid": "u-1",
    "k8s.node.name": "n",
}
CONTAINER = {**POD, "k8s.container.name": "main"}
CLUSTER = {"k8s.cluster.name": "c"}


@pytest.mark.parametrize(
    ("name", "column", "resource"),
    [
        ("container_cpu_usage_seconds_total", "cpu_usage_core_seconds", ""),
        ("container_memory_working_set_bytes", "memory_usage_byte_seconds", ""),
        ("kube_pod_container_resource_requests", "cpu_request_core_seconds", "cpu"),
        ("kube_pod_container_resource_requests", "memory_request_byte_seconds", "memory"),
        ("kube_pod_container_resource_requests", "gpu_request_gpu_seconds", "nvidia_com_gpu"),
        ("kube_pod_container_resource_requests_cpu_cores", "cpu_request_core_seconds", ""),
        ("container_gpu_allocation", "gpu_request_gpu_seconds", ""),
        ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "gpu_usage_gpu_seconds", ""),
    ],
)
def test_prometheus_names_tell_facts(telemetry: Any, name: str, column: str, resource: str) -> None:
    """A gauge of 1 for an hour is 3,600; a counter that rises by 3,600 too."""
    is_counter = name.endswith("_total")
    samples = [(0, 0), (1, 3600)] if is_counter else [(0, 1), (1, 1)]
    telemetry.add("kube_pod_status_phase", CLUSTER, AT, labels={**LABELS, "phase": "Running"})
    labels = {**LABELS, **({"resource": resource} if resource else {})}
    telemetry.add(name, CLUSTER, samples, "counter" if is_counter else "gauge", labels)

    frame = telemetry.usage()

    assert frame.select("namespace", "pod", "container", column).rows() == [
        ("shop", "p", "main", 3600.0)
    ]


def test_every_name_is_known_with_underscores_and_without_unit(telemetry: Any) -> None:
    """What went through Prometheus and back is found under each declared name."""
    for name in NAMES:
        text = name.name.replace(".", "_").lower()
        telemetry.add(text, CONTAINER, AT, labels={"resource": name.resource})

    known = containers.known_series(telemetry.series).collect()

    assert set(known["fact"]) == {name.fact for name in NAMES}


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


def test_two_senders_of_one_metric_count_once(telemetry: Any, case: Any) -> None:
    """kube-state-metrics, OpenCost's exporter and k8s_cluster all say 1 core: it is one (c32)."""
    example = case("allocation", "c32")
    for sample in example["input"]["samples"]:
        at = [(n / 4, float(sample["value"])) for n in range(5)]
        resource, labels = {**CONTAINER, "k8s.container.name": sample["container"]}, {}
        if "job" in sample:  # an exporter names the container in its labels
            resource = {**CLUSTER, "service.name": sample["job"]}
            labels = {key: sample[key] for key in ("pod", "container", "resource")}
            labels["namespace"] = "shop"
        telemetry.add(sample["metric"], resource, at, labels=labels)

    frame = telemetry.usage()
    reported = containers.fact_source(telemetry.reported(), frame["usage_date"][0]).collect()

    cores = float(example["expected"]["cpu_request_cores"])
    assert frame["cpu_request_core_seconds"].to_list() == [3600 * cores]
    assert frame["duplicate_source_count"].to_list() == [2]
    assert reported.select("source", "teller", "counted_hours", "repeated_hours").rows() == [
        ("k8s.container.cpu_request", "|", 1, 0),
        ("kube_pod_container_resource_requests", "kube-state-metrics|", 0, 1),
        ("kube_pod_container_resource_requests", "opencost|", 0, 1),
    ]


def test_two_replicas_of_one_sender_count_once(telemetry: Any) -> None:
    """Two instances of a job tell the same request and the same counter at odd times."""
    telemetry.add("k8s.pod.phase", POD, [(n / 4, 2) for n in range(5)])
    for instance, shift in (("a", 0), ("b", 0.1)):
        resource = {**CONTAINER, "service.name": "job", "service.instance.id": instance}
        at = [(n / 4 + shift, 1) for n in range(4)]
        telemetry.add("k8s.container.cpu_request", resource, at)
        counted = [(hour, hour * 3600) for hour, _ in at]
        telemetry.add("container.cpu.time", resource, counted, "counter")

    frame = telemetry.usage()

    assert frame["cpu_request_core_seconds"].to_list() == pytest.approx([3600.0])
    # From 0:00 to the last sample of either at 0:51 one core was busy.
    assert frame["cpu_usage_core_seconds"].to_list() == pytest.approx([0.85 * 3600])


def test_gpus_of_a_container_are_added(telemetry: Any) -> None:
    """Two devices half busy are one GPU's hour; DCGM's percents are hundredths."""
    telemetry.add("k8s.pod.phase", POD, AT)
    for device in ("GPU-1", "GPU-2"):
        labels = {**LABELS, "UUID": device}
        telemetry.add("DCGM_FI_DEV_GPU_UTIL", CLUSTER, [(0, 50), (1, 50)], labels=labels)

    frame = telemetry.usage()

    assert frame["gpu_usage_gpu_seconds"].to_list() == pytest.approx([3600.0])


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


def test_a_series_without_uid_joins_the_pod_of_its_name(telemetry: Any) -> None:
    """Kubeletstats knows the uid, cAdvisor does not: one pod, one row."""
    telemetry.add("k8s.pod.phase", POD, AT)
    at = [(0, 0), (1, 1800)]
    telemetry.add("container_cpu_usage_seconds_total", CLUSTER, at, "counter", LABELS)

    frame = telemetry.usage()

    assert frame.select("pod_uid", "cpu_usage_core_seconds").rows() == [("u-1", 1800.0)]


def test_a_static_pod_is_one_though_it_has_two_uids(telemetry: Any) -> None:
    """The kubelet's uid and the API server's are of one pod: their samples overlap."""
    telemetry.add("k8s.pod.phase", {**POD, "k8s.pod.uid": "api"}, AT)
    at = [(0, 0), (1, 900)]
    kubelet = {**CONTAINER, "k8s.pod.uid": "kubelet"}
    telemetry.add("container.cpu.time", kubelet, at, "counter")

    frame = telemetry.usage()

    assert frame["cpu_usage_core_seconds"].to_list() == [900.0]


def test_a_pod_that_took_over_a_name_is_another(telemetry: Any) -> None:
    """A StatefulSet's pod made anew on another node keeps its name, not its place."""
    for uid, node, start in (("a", "n1", 0), ("b", "n2", 2)):
        pod = {**POD, "k8s.pod.uid": uid, "k8s.node.name": node}
        telemetry.add("k8s.pod.phase", pod, [(start, 2), (start + 1, 2)])

    frame = telemetry.usage().sort("usage_hour")

    assert frame.select("pod_uid", "node", "run_seconds").rows() == [
        ("a", "n1", 3600.0),
        ("b", "n2", 3600.0),
    ]


@pytest.mark.parametrize(
    ("attributes", "kind", "name"),
    [
        ({"k8s.replicaset.name": "web-5d4f8c7b9"}, "Deployment", "web"),
        ({"k8s.job.name": "backup-28012345"}, "CronJob", "backup"),
        ({"k8s.job.name": "migrate"}, "Job", "migrate"),
        ({"k8s.statefulset.name": "db"}, "StatefulSet", "db"),
        ({}, "Pod", "p"),
    ],
)
def test_the_topmost_controller_names_the_workload(
    telemetry: Any, attributes: dict[str, str], kind: str, name: str
) -> None:
    """What Kubernetes generated is taken off where nothing tells the owner."""
    telemetry.add("k8s.pod.phase", {**POD, **attributes}, AT)

    row = telemetry.usage().row(0, named=True)

    assert (row["workload_kind"], row["workload"]) == (kind, name)


def test_kube_state_metrics_names_owners_and_labels(telemetry: Any) -> None:
    """Pod → ReplicaSet → Deployment, and labels that are on points; pod beats namespace."""
    telemetry.add("kube_pod_status_phase", CLUSTER, AT, labels={**LABELS, "phase": "Running"})
    owner = {"owner_kind": "ReplicaSet", "owner_name": "old-name"}
    telemetry.add("kube_pod_owner", CLUSTER, AT, labels={**LABELS, **owner})
    above = {"namespace": "shop", "replicaset": "old-name"}
    deployment = {"owner_kind": "Deployment", "owner_name": "web"}
    telemetry.add("kube_replicaset_owner", CLUSTER, AT, labels={**above, **deployment})
    telemetry.add("kube_pod_labels", CLUSTER, AT, labels={**LABELS, "label_team": "pay"})
    scraped = {"namespace": "shop", "label_team": "platform", "label_zone": "a"}
    telemetry.add("kube_namespace_labels", CLUSTER, AT, labels=scraped)

    row = telemetry.usage().row(0, named=True)

    assert (row["workload_kind"], row["workload"]) == ("Deployment", "web")
    assert row["labels"] == '{"team":"pay","zone":"a"}'


def test_only_the_phase_running_runs(telemetry: Any) -> None:
    """kube-state-metrics sends a series per phase; Pending ones and zeros do not count."""
    at = [(0, 1), (0.5, 0), (1, 0)]
    telemetry.add("kube_pod_status_phase", CLUSTER, at, labels={**LABELS, "phase": "Pending"})
    at = [(0, 0), (0.5, 1), (1, 1)]
    telemetry.add("kube_pod_status_phase", CLUSTER, at, labels={**LABELS, "phase": "Running"})

    assert telemetry.usage()["run_seconds"].to_list() == [1800.0]


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


def test_the_days_beside_lend_one_point_each(telemetry: Any) -> None:
    """Of a neighbour day only the point next to midnight is kept, and a counter still bridges."""
    at = [(-5, 0), (-1, 100), (1, 300), (25, 400), (30, 999)]
    telemetry.add("container.cpu.time", CONTAINER, at, "counter")

    samples = telemetry.samples()

    assert samples["value"].to_list() == [100.0, 300.0, 400.0]
    assert isinstance(samples, pl.DataFrame)

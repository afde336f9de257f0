"""A pod's life, its controller and its labels."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from tests.transforms.conftest import START, Telemetry
from tests.transforms.usage.one_pod import AT, CLUSTER, CONTAINER, LABELS, POD
from transforms.usage import pods

HOUR = timedelta(hours=1)
LIVES = {
    "cluster": pl.String(),
    "namespace": pl.String(),
    "pod_key": pl.String(),
    "run_start": pl.Datetime("us", "UTC"),
    "run_end": pl.Datetime("us", "UTC"),
}


def keys(telemetry: Telemetry) -> list[str]:
    """Give the key of the pod that each series joined."""
    known, samples = telemetry.observed()[:2]
    return pods.by_pod(known, samples).collect().sort("series_id")["pod_key"].to_list()


def runs(telemetry: Telemetry) -> list[tuple[str, float, float]]:
    """Give each pod's first and last hour of running."""
    made = telemetry.observed().runs.collect().sort("pod_key")
    return [
        (key, (start - START) / HOUR, (end - START) / HOUR)
        for key, start, end in made.select("pod_key", "run_start", "run_end").rows()
    ]


def identity(telemetry: Telemetry) -> dict[str, Any]:
    """Give what the only pod is."""
    made = telemetry.observed().identities.collect()
    assert made.height == 1
    return made.row(0, named=True)


def named(uid: str, name: str = "p", **more: str) -> dict[str, str]:
    """Give a pod of another uid."""
    return {**POD, "k8s.pod.name": name, "k8s.pod.uid": uid, **more}


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


def test_a_pod_runs_from_its_first_to_its_last_running_sample(telemetry: Any) -> None:
    """Pending time is no run time, and requests count only while running."""
    telemetry.add("k8s.pod.phase", POD, [(0, 1), (0.5, 2), (1, 2), (1.25, 2), (1.5, 3)])
    telemetry.add("k8s.container.cpu_request", CONTAINER, [(n / 4, 2) for n in range(7)])

    frame = telemetry.usage()

    assert frame.select("run_seconds", "cpu_request_core_seconds").rows() == [
        (1800, 3600),
        (900, 1800),
    ]


def test_pod_labels_beat_namespace_labels(telemetry: Any) -> None:
    """Labels are a JSON object sorted by key; the pod's own value counts."""
    labels = {
        "k8s.namespace.label.team": "platform",
        "k8s.namespace.labels.zone": "a",
        "k8s.pod.label.team": "payments",
        "k8s.pod.labels.app": 'say "hi"',
    }
    telemetry.add("k8s.pod.phase", {**POD, **labels}, [(0, 2), (1, 2)])

    row = telemetry.usage().row(0, named=True)

    assert row["labels"] == '{"app":"say \\"hi\\"","team":"payments","zone":"a"}'


@pytest.mark.parametrize(("begins", "lives"), [(0.99, 1), (1, 2), (1.01, 2)])
def test_uids_of_one_name_are_one_pod_where_their_samples_overlap(
    telemetry: Any, begins: float, lives: int
) -> None:
    """A name has one pod at a time: who begins as the other ends comes after it."""
    telemetry.add("k8s.pod.phase", named("a"), [(0, 2), (1, 2)])
    telemetry.add("k8s.pod.phase", named("b"), [(begins, 2), (2, 2)])

    assert keys(telemetry) == (["a", "a"] if lives == 1 else ["a", "b"])


def test_an_overlap_reaches_over_those_between(telemetry: Any) -> None:
    """A lives from 0 to 5, b from 1 to 2, c from 3 to 4: all within a, though c begins after b."""
    for uid, start, end in (("a", 0, 5), ("b", 1, 2), ("c", 3, 4)):
        telemetry.add("k8s.pod.phase", named(uid), [(start, 2), (end, 2)])

    assert set(keys(telemetry)) == {"a"}


def test_without_a_uid_a_series_joins_the_one_that_lived_longest(telemetry: Any) -> None:
    """A for one hour, then b for two: b. Equal lives: the first by uid; nobody: the name."""
    telemetry.add("k8s.pod.phase", named("a"), [(0, 2), (1, 2)])
    telemetry.add("k8s.pod.phase", named("b"), [(1, 2), (3, 2)])
    telemetry.add("k8s.pod.phase", named("d", "tie"), [(0, 2), (1, 2)])
    telemetry.add("k8s.pod.phase", named("c", "tie"), [(2, 2), (3, 2)])
    for name in ("p", "tie", "lone"):
        telemetry.add("kube_pod_info", CLUSTER, labels={"namespace": "shop", "pod": name})

    assert keys(telemetry)[4:] == ["b", "c", "lone"]


def test_a_name_is_of_its_namespace_and_cluster(telemetry: Any) -> None:
    """The same name elsewhere is another pod, whatever the times."""
    telemetry.add("k8s.pod.phase", named("a"), AT)
    telemetry.add("k8s.pod.phase", named("b") | {"k8s.namespace.name": "pay"}, AT)
    telemetry.add("k8s.pod.phase", named("c") | {"k8s.cluster.name": "d"}, AT)

    assert keys(telemetry) == ["a", "b", "c"]


def test_a_pod_runs_by_the_source_of_lowest_rank(telemetry: Any) -> None:
    """Phase 2 from 1:00 to 2:00 counts, though another source says Running from 0:00 to 3:00."""
    telemetry.add("k8s.pod.phase", POD, [(0, 1), (1, 2), (2, 2), (3, 4)])
    labels = {**LABELS, "phase": "Running"}
    telemetry.add("kube_pod_status_phase", CLUSTER, [(0, 1), (3, 1)], labels=labels)

    assert runs(telemetry) == [("u-1", 1.0, 2.0)]


def test_a_pod_runs_as_long_as_any_of_its_senders_says(telemetry: Any) -> None:
    """Two replicas of one sender: from 0:00 of the one to 2:00 of the other."""
    for instance, start, end in (("a", 0, 1), ("b", 0.5, 2)):
        resource = {**POD, "service.instance.id": instance}
        telemetry.add("k8s.pod.phase", resource, [(start, 2), (end, 2)])

    assert runs(telemetry) == [("u-1", 0.0, 2.0)]


def test_without_any_phase_every_sample_tells_that_a_pod_runs(telemetry: Any) -> None:
    """CPU from 0:30 to 1:30; what only says who the pod is (its owner, until 5:00) does not."""
    telemetry.add("container.cpu.time", CONTAINER, [(0.5, 1), (1.5, 2)], "counter")
    telemetry.add("kube_pod_owner", CLUSTER, [(0, 1), (5, 1)], labels=LABELS)

    assert runs(telemetry) == [("u-1", 0.5, 1.5)]


def test_a_pod_that_was_never_running_has_no_run(telemetry: Any) -> None:
    """Pending all day, though its container sent a zero."""
    telemetry.add("k8s.pod.phase", POD, [(0, 1), (5, 1)])
    telemetry.add("container.cpu.time", CONTAINER, [(0, 0)], "counter")

    assert runs(telemetry) == []


def seconds(start: datetime, end: datetime) -> dict[int, float]:
    """Give the seconds that a pod ran, by the hour of the day that begins at START."""
    lives = pl.LazyFrame([("c", "shop", "p", start, end)], schema=LIVES, orient="row")
    made = pods.run_seconds(lives, START).collect()
    hours = [(at - START) // HOUR for at in made["usage_hour"]]
    return dict(zip(hours, made["run_seconds"].to_list(), strict=True))


def test_a_run_is_cut_at_hours_and_at_the_day() -> None:
    """From the evening before to 1:15: an hour and 900 s; to 1:00 sharp: nothing of the next hour.

    A run of one instant has no length, and the last hour ends at midnight.
    """
    assert seconds(START - HOUR, START + HOUR * 1.25) == {0: 3600.0, 1: 900.0}
    assert seconds(START + HOUR * 0.5, START + HOUR) == {0: 1800.0}
    assert seconds(START + HOUR, START + HOUR) == {}
    assert seconds(START + HOUR * 23.5, START + HOUR * 30) == {23: 1800.0}


def test_an_owner_of_none_is_no_controller(telemetry: Any) -> None:
    """kube-state-metrics writes `<none>` for a pod that nobody controls: it is its own workload."""
    none = {"owner_kind": "<none>", "owner_name": "<none>"}
    telemetry.add("k8s.pod.phase", POD, AT)
    telemetry.add("kube_pod_owner", CLUSTER, AT, labels={**LABELS, **none})

    row = identity(telemetry)

    assert (row["workload_kind"], row["workload"]) == ("Pod", "p")


def test_annotations_and_bare_team_labels_stand_among_the_labels(telemetry: Any) -> None:
    """An annotation is `annotation:` and its key; `team` of the resource comes after the pod's.

    Of one label told twice by the pod the first by value counts: every run says the same.
    """
    resource = {
        **POD,
        "team": "by-resource",
        "owner": "someone",
        "k8s.pod.annotation.tier": "1",
        "k8s.pod.label.team": "by-pod",
        "k8s.pod.label.zone": "b",
        "k8s.pod.labels.zone": "a",
        "service.name": "no-label",
    }
    telemetry.add("k8s.pod.phase", resource, AT)

    labels = identity(telemetry)["labels"]

    assert labels == '{"annotation:tier":"1","owner":"someone","team":"by-pod","zone":"a"}'


def test_a_pod_without_labels_has_an_empty_object(telemetry: Any) -> None:
    """Never null, for it is part of what a cost is owned by."""
    telemetry.add("k8s.pod.phase", POD, AT)

    assert identity(telemetry)["labels"] == "{}"


def test_no_pods_have_no_runs() -> None:
    """A day without a pod has frames of all columns, without rows."""
    empty = Telemetry().observed()

    assert [frame.collect().height for frame in empty] == [0] * 5
    assert pods.run_seconds(empty.runs, START).collect().is_empty()

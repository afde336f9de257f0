"""Which pods had which claim mounted, hour by hour."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from tests.transforms.conftest import DAY, START, Telemetry
from transforms.usage.volumes import volume_hourly
from warehouse.tables.core_usage import VOLUME_HOURLY

KSM = {"k8s.cluster.name": "c", "k8s.namespace.name": "monitoring", "k8s.pod.name": "ksm-0"}
CLAIM = {"namespace": "db", "persistentvolumeclaim": "data"}


def made(telemetry: Telemetry) -> pl.DataFrame:
    """Give core_volume_hourly, checked."""
    return VOLUME_HOURLY.check(volume_hourly(telemetry.observed(), DAY).collect())


def hours(frame: pl.DataFrame) -> list[tuple[int, str, float]]:
    """Give hour, pod and mounted seconds."""
    rows = frame.select("usage_hour", "pod", "mounted_seconds").rows()
    return [((at - START) // timedelta(hours=1), pod, seconds) for at, pod, seconds in rows]


def claimed(telemetry: Telemetry, samples: Any, volume: str = "pvc-77") -> None:
    """Let kube-state-metrics tell claim db/data and its volume."""
    labels = {**CLAIM, "volumename": volume}
    telemetry.add("kube_persistentvolumeclaim_info", KSM, samples, labels=labels)


def mounts(telemetry: Telemetry, pod: str, start: float, end: float, size: float = 1) -> None:
    """Let a pod run and kubeletstats tell that it has claim db/data."""
    telemetry.pod(pod, "n", "db", start, end, request=1)
    resource = {
        "k8s.cluster.name": "c",
        "k8s.namespace.name": "db",
        "k8s.pod.name": pod,
        "k8s.pod.uid": f"uid-{pod}",
        "k8s.persistentvolumeclaim.name": "data",
    }
    telemetry.add("k8s.volume.capacity", resource, [(start, size), (end, size)])


def test_a_claim_has_a_row_in_each_hour_in_which_it_was_observed_or_mounted(telemetry: Any) -> None:
    """P from 0:30 to 1:15 has half an hour and a quarter; at 5:00 the claim is told without a pod.

    In no other hour is there a row.
    """
    claimed(telemetry, [(5, 1)])
    mounts(telemetry, "p", 0.5, 1.25)

    assert hours(made(telemetry)) == [(0, "p", 1800.0), (1, "p", 900.0), (5, "", 0.0)]


def test_two_pods_of_one_hour_stand_apart(telemetry: Any) -> None:
    """P for the first quarter, q for the whole hour: a row each, told from and to."""
    mounts(telemetry, "p", 0, 0.25)
    mounts(telemetry, "q", 0, 1)

    frame = made(telemetry).filter(pl.col("usage_hour") == START)

    assert hours(frame) == [(0, "p", 900.0), (0, "q", 3600.0)]
    assert frame["mounted_to"].to_list() == [
        START + timedelta(minutes=15),
        START + timedelta(hours=1),
    ]


def test_a_cluster_that_tells_no_mounts_has_no_rows(telemetry: Any) -> None:
    """A claim alone does not tell that nobody has it; nor do the mounts of another cluster."""
    other = KSM | {"k8s.cluster.name": "d"}
    telemetry.add("kube_persistentvolumeclaim_info", other, [(0, 1)], labels=CLAIM)
    mounts(telemetry, "p", 0, 1)

    assert set(made(telemetry)["cluster"]) == {"c"}


def test_a_claims_size_is_the_greatest_of_the_day(telemetry: Any) -> None:
    """10 in the first hour, 30 after it grew: 30 in both; 99 the evening before is another day."""
    mounts(telemetry, "p", -1, -0.5, size=99)
    mounts(telemetry, "q", 0, 0.5, size=10)
    mounts(telemetry, "r", 1, 1.5, size=30)

    assert made(telemetry)["capacity_bytes"].to_list() == [30.0, 30.0]


@pytest.mark.parametrize(
    ("own", "want"), [({"aws.volume.id": "vol-own"}, "vol-own"), ({}, "vol-0a1")]
)
def test_a_claims_disk_is_its_own_before_its_volumes(
    telemetry: Any, own: dict[str, str], want: str
) -> None:
    """The disk that the claim's samples name; else the one that its volume is made of."""
    mounts(telemetry, "p", 0, 0.5)
    claim = {**CLAIM, "volumename": "pvc-77"}
    telemetry.add("kube_persistentvolumeclaim_info", KSM | own, [(0, 1)], labels=claim)
    volume = {"persistentvolume": "pvc-77", "csi_volume_handle": "vol-0a1"}
    telemetry.add("kube_persistentvolume_info", KSM, [(0, 1)], labels=volume)

    assert made(telemetry).select("volume", "disk").rows() == [("pvc-77", want)]


def test_a_volume_whose_disk_nothing_tells_keeps_its_name(telemetry: Any) -> None:
    """GKE gives the volume's name to the disk: a bill line may be known by it alone."""
    mounts(telemetry, "p", 0, 0.5)
    claimed(telemetry, [(0, 1)])

    assert made(telemetry).select("volume", "disk").rows() == [("pvc-77", "")]


def test_a_day_without_claims_is_empty(telemetry: Any) -> None:
    """A volume that is no claim's (a config map) is not looked at."""
    telemetry.pod("p", "n", "db", 0, 1)
    telemetry.add("k8s.volume.capacity", {"k8s.cluster.name": "c", "k8s.pod.name": "p"}, [(0, 1)])

    assert made(telemetry).is_empty()

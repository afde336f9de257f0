"""Bill lines that pay for a volume: whose they are, and who bears them."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transforms.conftest import START, Bill
from tests.transforms.rows import rows
from transforms.ledger.lines import priced
from transforms.ledger.volume_lines import on_volumes, seen, volume_lines
from warehouse.tables.core_usage import VOLUME_HOURLY

NAME = "kubernetes.io/created-for/pvc/name"
SPACE = "kubernetes.io/created-for/pvc/namespace"
KSM = {"k8s.cluster.name": "c", "k8s.namespace.name": "monitoring", "k8s.pod.name": "ksm-0"}


def claimed(telemetry: Any, cluster: str = "c", disk: str = "vol-0a1") -> None:
    """Let kube-state-metrics tell claim db/data and its volume in the first two hours."""
    sender = KSM | {"k8s.cluster.name": cluster}
    at = [(hour, 1) for hour in (0, 0.5, 1, 1.5)]
    claim = {"namespace": "db", "persistentvolumeclaim": "data", "volumename": "pvc-77"}
    telemetry.add("kube_persistentvolumeclaim_info", sender, at, labels=claim)
    volume = {"persistentvolume": "pvc-77", "csi_volume_handle": disk}
    telemetry.add("kube_persistentvolume_info", sender, at, labels=volume)


def mounted(
    telemetry: Any, pod: str, start: float, end: float, cluster: str = "c", *, scraped: bool = False
) -> None:
    """Let a pod run, and tell by kubeletstats or kube-state-metrics that it has claim db/data."""
    telemetry.pod(pod, "n", "db", start, end, request=1, cluster=cluster)
    at = [(start, 1), (end, 1)]
    if scraped:
        labels = {"namespace": "db", "pod": pod, "persistentvolumeclaim": "data", "volume": "d"}
        name = "kube_pod_spec_volumes_persistentvolumeclaims_info"
        telemetry.add(name, KSM | {"k8s.cluster.name": cluster}, at, labels=labels)
        return
    resource = {
        "k8s.cluster.name": cluster,
        "k8s.namespace.name": "db",
        "k8s.pod.name": pod,
        "k8s.pod.uid": f"uid-{pod}",
        "k8s.volume.name": "d",
        "k8s.volume.type": "persistentVolumeClaim",
        "k8s.persistentvolumeclaim.name": "data",
    }
    telemetry.add("k8s.volume.capacity", resource, at)


@pytest.mark.parametrize("scraped", [False, True])
def test_a_gap_between_two_pods_is_unmounted(
    telemetry: Any, bill: Any, ledger: Any, case: Any, by: Any, scraped: Any
) -> None:
    """From telemetry and bill to the ledger: a quarter, a quarter, and half for nobody (c20)."""
    example = case("allocation", "c20")
    want = {key: Decimal(example["expected"][key]) for key in ("pod1", "pod2", "__unmounted__")}
    claimed(telemetry)
    for mount in example["input"]["mounts"]:
        start, end = mount["start_min"] / 60, mount["end_min"] / 60
        mounted(telemetry, mount["pod"], start, end, scraped=scraped)
    bill.add(example["input"]["volume"]["hour_cost"], 0, 1, "vol-0a1")

    frame = ledger(bill, telemetry)

    assert by(frame, "workload") == {
        "pod1-app": want["pod1"],
        "pod2-app": want["pod2"],
        "db/data": want["__unmounted__"],
    }
    gap = frame.filter(pl.col("workload") == "db/data")
    assert gap.select("cluster", "namespace", "team", "reason", "rule_id").rows() == [
        ("c", "__unmounted__", "__unmounted__", "unmounted", "")
    ]
    owner = gap["workload"].item().partition("/")[0]
    assert owner == example["expected"]["owner_namespace_of_unmounted"]


@pytest.mark.parametrize(
    ("resource", "tags"),
    [
        ("arn:aws:ec2:eu-west-1:000000000001:volume/VOL-0a1", {}),
        ("//compute.googleapis.com/projects/p/zones/z/disks/pvc-77", {}),
        ("vol-unknown", {NAME: "data", SPACE: "db"}),
        (None, {f"user_{key.replace('/', '_').replace('.', '_')}": value for key, value in
                {NAME: "data", SPACE: "db"}.items()}),
        (None, {"kubernetes.io-created-for-pv-name": "pvc-77"}),
    ],
)  # fmt: skip
def test_a_line_is_known_by_disk_volume_or_claim(
    telemetry: Any, bill: Any, ledger: Any, by: Any, resource: Any, tags: Any
) -> None:
    """However the cloud names the volume, its pod pays."""
    claimed(telemetry)
    mounted(telemetry, "p", 0, 1)
    bill.add("1", 0, 1, resource, tags)

    assert by(ledger(bill, telemetry), "workload") == {"p-app": 1}


def test_a_billed_hour_in_which_the_volume_was_silent(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """Neither unmounted nor a team's. A daily line knows two hours, one with a pod."""
    claimed(telemetry)
    mounted(telemetry, "p", 0, 1)
    bill.add("1", 7, 1, "vol-0a1")
    bill.add("2", 0, 24, "vol-0a1")

    got = by(ledger(bill, telemetry), "namespace")

    assert got == {"__no_telemetry__": 1, "db": 1, "__unmounted__": 1}


def test_a_claim_of_two_clusters_needs_the_cluster(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """The same claim in both: a line that names neither stays a line by its tags."""
    for cluster in ("c", "d"):
        claimed(telemetry, cluster, disk=f"vol-{cluster}")
        mounted(telemetry, f"p{cluster}", 0, 1, cluster)
    tags = {NAME: "data", SPACE: "db"}
    bill.add("1", 0, 1, "r", tags, x_cluster="d")
    bill.add("2", 0, 1, "r", tags)

    assert by(ledger(bill, telemetry), "workload") == {"pd-app": 1, "r": 2}


def test_without_telemetry_of_mounts_nothing_is_called_unmounted(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """A claim alone does not tell that no pod has it."""
    claimed(telemetry)
    bill.add("1", 0, 1, "vol-0a1")

    assert telemetry.volumes().is_empty()
    assert by(ledger(bill, telemetry), "team") == {"__unallocated__": 1}


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), max_size=4)
costs = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 5]), st.decimals(-50, 900, places=12), st.sampled_from([1, 24])
    ),
    min_size=1,
    max_size=4,
)


@settings(
    deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pods=spans, lines=costs)
def test_volumes_cost_what_their_lines_cost(
    telemetry: Any, bill: Any, ledger: Any, pods: Any, lines: Any
) -> None:
    """Per line the ledger is the bill, however pods come and go."""
    telemetry, bill = type(telemetry)(), type(bill)()
    claimed(telemetry)
    for number, (start, length) in enumerate(pods):
        mounted(telemetry, f"p{number}", start / 60, (start + length) / 60)
    for start, amount, hours in lines:
        bill.add(str(amount), start if hours == 1 else 0, hours, "vol-0a1")

    frame = ledger(bill, telemetry)

    got = frame.group_by("x_line_hash").agg(pl.col("effective_cost").sum()).sort("x_line_hash")
    assert got["effective_cost"].to_list() == [amount for _, amount, _ in lines]


def hour_of(pod: str = "", minutes: int = 60, **facts: Any) -> dict[str, Any]:
    """Give the first hour of claim db/data, mounted by a pod from its start, or by none."""
    names = {
        "cluster": "c",
        "namespace": "db",
        "claim": "data",
        "volume": "pvc-77",
        "disk": "vol-1",
    }
    mount = {
        "pod": pod, "workload": pod, "labels": "{}", "mounted_from": START,
        "mounted_to": START + timedelta(minutes=minutes),
    }  # fmt: skip
    return names | (mount if pod else {}) | facts


def test_a_volume_is_known_by_the_first_name_that_fits() -> None:
    """The disk of the line is data's, its tag says logs': data's. Names come without case.

    A line that only its tags name is the claim's; one that nothing names is left.
    """
    logs = hour_of(claim="logs", volume="pvc-88", disk="vol-2")
    bill = Bill().add("1", 0, 1, "VOL-1", {NAME: "logs", SPACE: "db"})
    bill.add("2", 0, 1, None, {NAME: "logs", SPACE: "db"}).add("4", 0, 1, "vol-9")
    bill.add("8", 0, 1, None, resource_name="PVC-88")

    found = volume_lines(priced(bill.of_day()), rows(VOLUME_HOURLY, hour_of(), logs))

    assert found.select("line", "volume").rows() == [(0, "db/data"), (1, "db/logs"), (3, "db/logs")]


def test_a_claim_without_its_namespace_names_nothing() -> None:
    """Half of a name is none: two namespaces may have a claim `data`."""
    bill = Bill().add("1", 0, 1, None, {NAME: "data"})

    assert volume_lines(priced(bill.of_day()), rows(VOLUME_HOURLY, hour_of())).is_empty()


def test_an_hour_counts_as_observed_whoever_had_the_claim() -> None:
    """Two pods of one hour are one hour in which the claim was observed, and two mounts."""
    observed, mounts = seen(rows(VOLUME_HOURLY, hour_of("p"), hour_of("q"), hour_of()))

    assert observed.collect().select("volume", "claim").rows() == [("db/data", "data")]
    assert sorted(mounts.collect()["pod"]) == ["p", "q"]


def test_time_without_a_pod_is_unmounted_and_the_rest_is_left() -> None:
    """15 minutes of 60 by p: a quarter of 400, three for nobody; another line is not touched."""
    bill = Bill().add("0.0000000004", 0, 1, "vol-1").add("1", resource="s3")

    found, rest = on_volumes(priced(bill.of_day()), rows(VOLUME_HOURLY, hour_of("p", 15)))

    named = found.rows.join(found.recipients.with_row_index("recipient"), on="recipient")
    assert sorted(named.select("namespace", "workload", "reason", "effective").rows()) == [
        ("__unmounted__", "db/data", "unmounted", 300),
        ("db", "p", "workload", 100),
    ]
    assert rest["resource_id"].to_list() == ["s3"]
    assert found.kind == "volume"

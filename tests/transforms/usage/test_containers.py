"""Usage per container and hour, from samples as receivers send them."""

from typing import Any

import polars as pl
import pytest

from tests.transforms.usage.one_pod import AT, CLUSTER, CONTAINER, LABELS, POD
from transforms.usage import containers


def hours(frame: pl.DataFrame, column: str) -> list[float]:
    """Give a column in order of the hour."""
    return [round(value, 6) for value in frame.sort("usage_hour")[column].to_list()]


def test_a_counter_counts_its_increases(telemetry: Any) -> None:
    """Cumulative seconds become core-seconds of each hour; the last hour ends with the pod."""
    telemetry.add("k8s.pod.phase", POD, [(0, 2), (1, 2), (2, 2)])
    telemetry.add("container.cpu.time", CONTAINER, [(0, 100), (1, 460), (2, 1000)], "counter")

    assert hours(telemetry.usage(), "cpu_usage_core_seconds") == [360, 540]


def test_a_counter_that_falls_counts_from_zero(telemetry: Any) -> None:
    """After a restart the new value is the increase; nothing is negative."""
    telemetry.add("k8s.pod.phase", POD, [(0, 2), (1, 2), (2, 2)])
    telemetry.add("container.cpu.time", CONTAINER, [(0, 900), (1, 1000), (2, 30)], "counter")

    assert hours(telemetry.usage(), "cpu_usage_core_seconds") == [100, 30]


def test_a_new_start_time_is_a_reset_even_if_the_value_rose(telemetry: Any) -> None:
    """A counter that was restarted and overtook its old value counts from zero too."""
    telemetry.add("k8s.pod.phase", POD, [(0, 2), (1, 2), (2, 2)])
    telemetry.add(
        "container.cpu.time",
        CONTAINER,
        [(0, 10), (1, 20), (2, 500)],
        "counter",
        starts=[-5, -5, 1.25],
    )

    assert hours(telemetry.usage(), "cpu_usage_core_seconds") == [10, 500]


def test_a_counter_that_stands_still_counts_nothing(telemetry: Any) -> None:
    """The same value again is no reset: nothing in the first hour, 30 in the second."""
    telemetry.add("k8s.pod.phase", POD, [(0, 2), (1, 2), (2, 2)])
    telemetry.add("container.cpu.time", CONTAINER, [(0, 100), (1, 100), (2, 130)], "counter")

    assert hours(telemetry.usage(), "cpu_usage_core_seconds") == [0, 30]


@pytest.mark.parametrize(("start", "used"), [(0, 20), (1 / 3600, 30)])
def test_a_start_at_the_sample_before_is_no_reset(
    telemetry: Any, start: float, used: float
) -> None:
    """Said to have begun at its last sample it goes on, from 10 to 30; a second later it is new."""
    telemetry.add("k8s.pod.phase", POD, [(0, 2), (1, 2)])
    telemetry.add(
        "container.cpu.time", CONTAINER, [(0, 10), (1, 30)], "counter", starts=[-5, start]
    )

    assert hours(telemetry.usage(), "cpu_usage_core_seconds") == [used]


def test_a_counter_bridges_a_gap_in_proportion(telemetry: Any) -> None:
    """An increase belongs to the time between its samples: a fifth before the hour's border."""
    telemetry.add("k8s.pod.phase", POD, [(0.5, 2), (3, 2)])
    telemetry.add("container.cpu.time", CONTAINER, [(0.5, 0), (3, 1000)], "counter")

    assert hours(telemetry.usage(), "cpu_usage_core_seconds") == [200, 400, 400]


def test_delta_sums_are_added(telemetry: Any) -> None:
    """A delta belongs to the time from its start to its own time."""
    telemetry.add("k8s.pod.phase", POD, [(0, 2), (1, 2), (2, 2)])
    telemetry.add(
        "container.cpu.time",
        CONTAINER,
        [(1, 7), (2, 5)],
        "counter",
        temporality="delta",
        starts=[0, 1],
    )

    assert hours(telemetry.usage(), "cpu_usage_core_seconds") == [7, 5]


@pytest.mark.parametrize("kind", ["gauge", "sum"])
def test_a_gauge_and_a_sum_that_may_fall_are_weighed_by_time(telemetry: Any, kind: str) -> None:
    """A sample holds until the next: 10 for half an hour and 30 for half an hour are 20."""
    telemetry.add("k8s.pod.phase", POD, [(0, 2), (1, 2)])
    telemetry.add("container.memory.working_set", CONTAINER, [(0, 10), (0.5, 30), (1, 99)], kind)

    assert hours(telemetry.usage(), "memory_usage_byte_seconds") == [20 * 3600]


def test_a_gauge_holds_three_intervals_and_no_more(telemetry: Any) -> None:
    """With samples each quarter, silence from 0:45 on is bridged until 1:30."""
    at = [(0, 4), (0.25, 4), (0.5, 4), (0.75, 4), (5, 4)]
    telemetry.add("k8s.pod.phase", POD, at and [(hour, 2) for hour, _ in at])
    telemetry.add("container.memory.working_set", CONTAINER, at)

    assert hours(telemetry.usage(), "memory_usage_byte_seconds") == [4 * 3600, 4 * 1800, 0, 0, 0]


def test_one_source_gives_a_fact_and_others_are_counted(telemetry: Any) -> None:
    """Three sources of the same request make one core, not two or three."""
    at = [(0, 1), (1, 1)]
    prometheus = {"resource": "cpu", "unit": "core"}
    telemetry.add("k8s.pod.phase", POD, [(0, 2), (1, 2)])
    telemetry.add("k8s.container.cpu_request", CONTAINER, at)
    telemetry.add("k8s.container.cpu.request.current", CONTAINER, [(0, 4), (1, 4)])
    telemetry.add("kube_pod_container_resource_requests", CONTAINER, at, labels=prometheus)

    frame = telemetry.usage()

    assert hours(frame, "cpu_request_core_seconds") == [4 * 3600]
    assert frame["duplicate_source_count"].to_list() == [2]


def test_use_reported_per_pod_counts_only_without_containers(telemetry: Any) -> None:
    """Pod rows include what containers already told; they stand in where those are missing."""
    telemetry.add("k8s.pod.phase", POD, [(0, 2), (1, 2)])
    telemetry.add("k8s.pod.cpu.time", POD, [(0, 0), (1, 900)], "counter")

    alone = telemetry.usage()
    telemetry.add("container.cpu.time", CONTAINER, [(0, 0), (1, 600)], "counter")
    both = telemetry.usage()

    assert hours(alone, "cpu_usage_core_seconds") == [900]
    assert both["cpu_usage_core_seconds"].sum() == 600


@pytest.mark.parametrize(
    "name",
    [
        "container.cpu.usage",
        "container_cpu_usage",
        "container.cpu.utilization",
    ],
)
def test_every_generation_of_names_is_known(telemetry: Any, name: str) -> None:
    """A gauge of cores becomes core-seconds, whatever it is called."""
    telemetry.add("k8s.pod.phase", POD, [(0, 2), (1, 2)])
    telemetry.add(name, CONTAINER, [(0, 0.5), (1, 0.5)])

    assert hours(telemetry.usage(), "cpu_usage_core_seconds") == [1800]


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


def test_the_days_beside_lend_one_point_each(telemetry: Any) -> None:
    """Of a neighbour day only the point next to midnight is kept, and a counter still bridges."""
    at = [(-5, 0), (-1, 100), (1, 300), (25, 400), (30, 999)]
    telemetry.add("container.cpu.time", CONTAINER, at, "counter")

    samples = telemetry.samples()

    assert samples["value"].to_list() == [100.0, 300.0, 400.0]
    assert isinstance(samples, pl.DataFrame)

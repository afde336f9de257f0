"""Names of every generation tell the same facts."""

from typing import Any

import pytest

from tests.transforms.usage.one_pod import AT, CLUSTER, CONTAINER, LABELS
from transforms.usage import containers
from transforms.usage.facts import NAMES


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

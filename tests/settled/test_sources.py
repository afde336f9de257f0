"""Settled: sources of a fact; see docs/reference/settled.md."""

from typing import Any

import pytest

CONTAINER = {
    "k8s.cluster.name": "c",
    "k8s.namespace.name": "shop",
    "k8s.pod.name": "p",
    "k8s.pod.uid": "u-1",
    "k8s.container.name": "main",
    "k8s.node.name": "n",
}
CONVENTION, RECEIVER, PROMETHEUS = (
    "container.cpu.time",
    "container.cpu.utilization",
    "container_cpu_usage_seconds_total",
)
"""One name of each generation for the use of CPU, in the order in which they count."""


def uses(telemetry: Any, name: str, cores: int, hours: int = 1) -> None:
    """Let a name say that so many cores are busy: a gauge, or a counter of seconds."""
    is_gauge = name == RECEIVER
    at = [(hour, cores if is_gauge else hour * cores * 3600) for hour in range(hours + 1)]
    telemetry.add(name, CONTAINER, at, "gauge" if is_gauge else "counter")


@pytest.mark.parametrize("sent", [3, 2, 1])
def test_settled_names_count_in_the_order_conventions_receivers_prometheus(
    telemetry: Any, sent: int
) -> None:
    """Of 3, 2 and 1 cores by three names the first name that is sent gives all of it."""
    named = [(CONVENTION, 3), (RECEIVER, 2), (PROMETHEUS, 1)][-sent:]
    telemetry.add("k8s.pod.phase", CONTAINER, [(0, 2), (1, 2)])
    for name, cores in reversed(named):
        uses(telemetry, name, cores)

    row = telemetry.usage().row(0, named=True)

    first, cores = named[0]
    assert (row["cpu_usage_source"], row["cpu_usage_core_seconds"]) == (first, cores * 3600)
    assert row["duplicate_source_count"] == sent - 1


def test_settled_a_source_counts_per_pod_container_and_hour(telemetry: Any) -> None:
    """The convention's name is sent for one hour of two: the second hour is Prometheus'."""
    telemetry.add("k8s.pod.phase", CONTAINER, [(0, 2), (1, 2), (2, 2)])
    uses(telemetry, CONVENTION, 1)
    uses(telemetry, PROMETHEUS, 2, hours=2)

    frame = telemetry.usage().sort("usage_hour")

    assert frame.select("cpu_usage_source", "cpu_usage_core_seconds").rows() == [
        (CONVENTION, 3600),
        (PROMETHEUS, 7200),
    ]

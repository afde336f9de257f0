"""What workloads weigh, as it is kept; tests/meterbook/test_recipe.py walks it."""

from typing import Any

from transforms.ledger import evidence
from warehouse.tables.evidence import TRAFFIC_HOURLY, WEIGHT_HOURLY


def test_weights_are_whole_numbers(telemetry: Any) -> None:
    """An hour of 2 cores asked and half a core used, of 1 GiB, of one GPU; 0.5 cores by use."""
    telemetry.node("n", 4, 16, [0, 1], gpus=1)
    telemetry.pod("p", "n", "shop", 0, 1, request=2, use=[0.5], gib=1, gpus=1)
    usage = telemetry.usage().lazy()

    by_max = WEIGHT_HOURLY.check(evidence.weight_hourly(usage, "max").collect())
    by_use = WEIGHT_HOURLY.check(evidence.weight_hourly(usage, "usage").collect())

    weights = ("cpu_weight", "memory_weight", "gpu_weight")
    assert by_max.select(weights).rows() == [
        (2 * 3600 * 10**6, 2**20 * 3600, 3600 * 10**6),
    ]
    assert by_use["cpu_weight"].to_list() == [1800 * 10**6]


def test_bytes_of_a_workload_are_added(telemetry: Any) -> None:
    """Two pods of no controller send 10 and 20 bytes in an hour: a row each, by class."""
    for name, count in (("p", 10), ("q", 20)):
        telemetry.pod(name, "n", "shop", 0, 1, request=1)
        pod = {
            "k8s.cluster.name": "c", "k8s.namespace.name": "shop", "k8s.pod.name": name,
            "k8s.pod.uid": f"uid-{name}", "k8s.node.name": "n",
        }  # fmt: skip
        labels = {"interface": "eth0", "direction": "transmit"}
        telemetry.add("k8s.pod.network.io", pod, [(0, 0), (1, count)], "counter", labels)

    made = TRAFFIC_HOURLY.check(evidence.traffic_hourly(telemetry.network().lazy()).collect())

    assert made.select("workload", "class", "bytes").rows() == [
        ("p-app", "unknown", 10),
        ("q-app", "unknown", 20),
    ]

"""Bytes of pods: which counters are traffic, and which of several that tell the same counts."""

from typing import Any

import pytest

from tests.transforms.conftest import DAY, Telemetry
from transforms.usage.network import network_hourly, received_daily
from warehouse.tables.core_usage import NETWORK_HOURLY, RECEIVED_DAILY

CADVISOR = "container_network_transmit_bytes_total"
EXPORTER = "kubecost_pod_network_egress_bytes_total"


def counts(
    telemetry: Any, metric: str, total: float, job: str = "", end: float = 1, **labels: str
) -> None:
    """Let a source count the bytes of pod `web` from nothing to the total by an hour."""
    resource = {"k8s.cluster.name": "c", "service.name": job}
    labels = {"namespace": "shop", "pod": "web", **labels}
    telemetry.add(metric, resource, [(0, 0), (end, total)], "counter", labels)


def test_loopback_is_no_traffic(telemetry: Any) -> None:
    """What a pod sends to itself over `lo` never leaves it; 12 bytes of eth0 and 5 of eth1 do."""
    telemetry.pod("web", "n", "shop", 0, 1)
    for interface, total in (("lo", 900), ("eth0", 12), ("eth1", 5)):
        counts(telemetry, CADVISOR, total, interface=interface)

    assert telemetry.network().select("pod", "bytes").rows() == [("web", 17)]


def test_loopback_alone_is_no_row(telemetry: Any) -> None:
    """A pod that talks to itself only sent nothing."""
    telemetry.pod("web", "n", "shop", 0, 1)
    counts(telemetry, CADVISOR, 900, interface="lo")

    assert telemetry.network().is_empty()


@pytest.mark.parametrize(
    ("internet", "zone", "region", "traffic"),
    [
        ("true", "true", "true", "internet"),
        ("false", "true", "false", "cross_region"),
        ("false", "false", "true", "cross_zone"),
        ("false", "true", "true", "internal"),
        ("", "", "", "unknown"),
    ],
)
def test_each_class_of_traffic(
    telemetry: Any, internet: str, zone: str, region: str, traffic: str
) -> None:
    """The farthest that the exporter tells: internet, another region, another zone, none."""
    telemetry.pod("web", "n", "shop", 0, 1)
    counts(telemetry, EXPORTER, 40, internet=internet, same_zone=zone, same_region=region)

    assert telemetry.network().select("class", "bytes").rows() == [(traffic, 40)]


def test_the_first_name_counts_though_another_lasts_longer(telemetry: Any) -> None:
    """The exporter's 40 bytes of half an hour stand before cAdvisor's 900 of the whole hour."""
    telemetry.pod("web", "n", "shop", 0, 1)
    counts(telemetry, CADVISOR, 900, interface="eth0")
    counts(telemetry, EXPORTER, 40, internet="true", end=0.5)

    assert telemetry.network().select("class", "bytes").rows() == [("internet", 40)]


def test_of_two_of_a_name_the_longer_counts(telemetry: Any) -> None:
    """A scraper that came for an hour stands before one that came for half of it."""
    telemetry.pod("web", "n", "shop", 0, 1)
    counts(telemetry, CADVISOR, 900, "a", 0.5, interface="eth0")
    counts(telemetry, CADVISOR, 12, "b", interface="eth0")

    assert telemetry.network()["bytes"].to_list() == [12]


def test_of_two_as_long_the_first_name_counts(telemetry: Any) -> None:
    """Less than half a minute of difference is none: then `a` stands before `b`."""
    telemetry.pod("web", "n", "shop", 0, 1)
    counts(telemetry, CADVISOR, 12, "a", 1 - 20 / 3600, interface="eth0")
    counts(telemetry, CADVISOR, 900, "b", interface="eth0")

    assert telemetry.network()["bytes"].to_list() == [12]


def test_the_hour_and_day_of_the_bytes(telemetry: Any) -> None:
    """A counter's rise belongs to the time between its samples: 30 and 10 of 40 by 1:20."""
    telemetry.pod("web", "n", "shop", 0, 2)
    counts(telemetry, CADVISOR, 40, end=4 / 3, interface="eth0")

    rows = telemetry.network().sort("usage_hour")

    assert rows["usage_hour"].dt.hour().to_list() == [0, 1]
    assert rows["bytes"].to_list() == [30, 10]
    assert set(rows["usage_date"]) == {rows["usage_hour"][0].date()}


def test_pods_of_a_workload_received_their_bytes_together(telemetry: Any) -> None:
    """Two pods of one deployment, 30 and 12 bytes in two hours: one row of 42 a day.

    What they sent is no part of it.
    """
    for pod, total in (("web-a", 30), ("web-b", 12)):
        who = {
            "k8s.cluster.name": "c", "k8s.namespace.name": "shop", "k8s.pod.name": pod,
            "k8s.pod.uid": pod, "k8s.deployment.name": "web",
        }  # fmt: skip
        telemetry.add("k8s.pod.phase", who, [(0, 2), (2, 2)])
        for direction, count in (("receive", total), ("transmit", 900)):
            labels = {"direction": direction, "interface": "eth0"}
            telemetry.add("k8s.pod.network.io", who, [(0, 0), (2, count)], "counter", labels)

    made = RECEIVED_DAILY.check(received_daily(telemetry.observed(), DAY).collect())

    assert made.select("workload", "bytes").rows() == [("web", 42)]


def test_a_day_without_traffic_is_empty() -> None:
    """No pods, or pods of which nobody counts bytes: no rows, in the declared types."""
    for telemetry in (Telemetry(), Telemetry().pod("web", "n", "shop", 0, 1)):
        observed = telemetry.observed()
        assert NETWORK_HOURLY.check(network_hourly(observed, DAY).collect()).is_empty()
        assert RECEIVED_DAILY.check(received_daily(observed, DAY).collect()).is_empty()

"""Bill lines that pay for traffic: whose they are, and who bears them."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transforms.conftest import Bill
from tests.transforms.ledger.machines import node, nodes_of
from tests.transforms.rows import rows
from transforms.ledger.lines import priced
from transforms.ledger.network_lines import on_network, traffic_lines
from warehouse.tables.evidence import TRAFFIC_HOURLY

OUT: dict[str, Any] = {"sku_meter": "EUW1-DataTransfer-Out-Bytes", "consumed_unit": "GB"}
ZONE: dict[str, Any] = {"sku_meter": "EUW1-DataTransfer-Regional-Bytes", "consumed_unit": "GB"}
METRIC = "k8s.pod.network.io"


def pod(name: str, node: str = "n") -> dict[str, str]:
    """Give who a pod is, as kubeletstats tells it."""
    return {
        "k8s.cluster.name": "c",
        "k8s.namespace.name": "shop",
        "k8s.pod.name": name,
        "k8s.pod.uid": f"uid-{name}",
        "k8s.node.name": node,
    }


def sends(telemetry: Any, name: str, sent: int, node: str = "n", metric: str = METRIC) -> None:
    """Let a pod run for the first hour, send so much, and receive a hundred times as much."""
    telemetry.pod(name, node, "shop", 0, 1, request=1)
    for direction, count in (("transmit", sent), ("receive", 100 * sent + 1)):
        labels = {"interface": "eth0", "direction": direction}
        telemetry.add(metric, pod(name, node), [(0, 7), (1, 7 + count)], "counter", labels)


def test_traffic_of_a_node_is_shared_by_bytes_sent(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """Three quarters and a quarter of a dollar; what pods receive does not count."""
    telemetry.node("n", 4, 16, [0])
    sends(telemetry, "web", 3000)
    sends(telemetry, "api", 1000)
    bill.add("1", 0, 1, "i-n", **OUT)

    frame = ledger(bill, telemetry)

    assert by(frame, "workload") == {"web-app": Decimal("0.75"), "api-app": Decimal("0.25")}
    assert set(frame["node"]) == {"-"}


def test_a_line_of_the_cluster_is_shared_by_all_its_nodes(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """A daily line that its provider's tag puts into the cluster; an empty hour is no one's."""
    telemetry.node("n", 4, 16, [0]).node("m", 4, 16, [0])
    sends(telemetry, "web", 30)
    sends(telemetry, "api", 10, "m")
    bill.add("4", 0, 24, None, x_cluster="c", **ZONE)
    bill.add("2", 5, 1, None, x_cluster="c", **ZONE)

    got = by(ledger(bill, telemetry), "workload")

    assert got == {"web-app": 3, "api-app": 1, "__no_telemetry__": 2}


def test_classes_of_the_exporter_weigh_their_own_lines(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """Only web sent to the internet; kubeletstats' sum of all does not count beside the classes."""
    telemetry.node("n", 4, 16, [0])
    for name, internet in (("web", "true"), ("api", "false")):
        sends(telemetry, name, 50)
        labels = {"internet": internet, "same_zone": "false", "same_region": "true"}
        telemetry.add(
            "kubecost_pod_network_egress_bytes_total",
            {"k8s.cluster.name": "c"},
            [(0, 0), (1, 40)],
            "counter",
            labels | {"namespace": "shop", "pod_name": name},
        )
    bill.add("1", 0, 1, "i-n", **OUT)

    assert by(ledger(bill, telemetry), "workload") == {"web-app": 1}
    assert telemetry.network().select("pod", "class", "bytes").rows() == [
        ("api", "cross_zone", 40),
        ("web", "internet", 40),
    ]


def test_pods_on_the_nodes_network_are_left_out(telemetry: Any) -> None:
    """Their counter is the node's."""
    sends(telemetry, "web", 3)
    sends(telemetry, "agent", 900)
    labels = {"namespace": "shop", "pod": "agent", "uid": "uid-agent", "host_network": "true"}
    telemetry.add("kube_pod_info", {"k8s.cluster.name": "c"}, labels=labels)

    assert telemetry.network().select("pod", "bytes").rows() == [("web", 3)]


def test_what_pods_received_is_counted_apart(telemetry: Any) -> None:
    """A hundred times what was sent and one; of what two metrics tell of a pod one counts.

    Neither changes what is sent, by which traffic is shared; the node's network is left out.
    """
    sends(telemetry, "web", 3)
    sends(telemetry, "agent", 900)
    agent = {"namespace": "shop", "pod": "agent", "uid": "uid-agent", "host_network": "true"}
    telemetry.add("kube_pod_info", {"k8s.cluster.name": "c"}, labels=agent)
    labels = {"namespace": "shop", "container": "POD", "interface": "eth0"}
    for name, count in (("web", 9), ("old", 44)):
        telemetry.pod(name, "n", "shop", 0, 1)
        telemetry.add(
            "container_network_receive_bytes_total",
            {"k8s.cluster.name": "c", "service.name": "cadvisor"},
            [(0, 0), (1, count)],
            "counter",
            labels | {"pod": name},
        )

    received = telemetry.received().select("cluster", "namespace", "workload", "bytes").rows()
    assert received == [("c", "shop", "old-app", 44), ("c", "shop", "web-app", 301)]
    assert telemetry.network().select("pod", "bytes").rows() == [("web", 3)]


def test_names_of_cadvisor(telemetry: Any) -> None:
    """Its network counters stand at the pod's sandbox; what two scrapers tell counts once."""
    telemetry.pod("web", "n", "shop", 0, 1)
    for job in ("a", "b"):
        labels = {"namespace": "shop", "pod": "web", "container": "POD", "interface": "eth0"}
        telemetry.add(
            "container_network_transmit_bytes_total",
            {"k8s.cluster.name": "c", "service.name": job},
            [(0, 0), (1, 12)],
            "counter",
            labels,
        )

    assert telemetry.network().select("pod", "workload", "bytes").rows() == [("web", "web-app", 12)]


def test_without_bytes_traffic_stays_with_its_node(telemetry: Any, bill: Any, ledger: Any) -> None:
    """A cluster that tells no bytes shares the line as it shares the node."""
    telemetry.node("n", 1, 0, [0]).pod("web", "n", "shop", 0, 1, request=1)
    bill.add("1", 0, 1, "i-n", **OUT)

    frame = ledger(bill, telemetry)

    assert set(frame["node"]) == {"n"}
    assert frame["effective_cost"].sum() == 1


@settings(
    deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sent=st.lists(st.integers(0, 10**12), min_size=1, max_size=4),
    lines=st.lists(
        st.tuples(
            st.sampled_from([(0, 1), (3, 1), (0, 24)]),
            st.decimals(-50, 900, places=12),
            st.sampled_from(["i-n", None]),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_traffic_costs_what_its_lines_cost(
    telemetry: Any, bill: Any, ledger: Any, sent: Any, lines: Any
) -> None:
    """Per line the ledger is the bill, whatever was sent."""
    telemetry, bill = type(telemetry)(), type(bill)()
    telemetry.node("n", 4, 16, [0])
    for number, count in enumerate(sent):
        sends(telemetry, f"p{number}", count)
    for (start, hours), amount, resource in lines:
        bill.add(str(amount), start, hours, resource, x_cluster="c", **OUT)

    frame = ledger(bill, telemetry)

    got = frame.group_by("x_line_hash").agg(pl.col("effective_cost").sum()).sort("x_line_hash")
    assert got["effective_cost"].to_list() == [amount for _, amount, _ in lines]


def sent(*bytes_sent: tuple[str, int], cluster: str = "c", on: str = "n") -> pl.DataFrame:
    """Give bytes of unknown class that workloads sent in the first hour."""
    place = {"cluster": cluster, "node": on, "namespace": "shop", "class": "unknown"}
    return rows(
        TRAFFIC_HOURLY, *({**place, "workload": name, "bytes": count} for name, count in bytes_sent)
    )


@pytest.mark.parametrize(
    ("facts", "place"),
    [
        ({"resource": "i-n"}, ("c", "n", "internet")),
        ({"resource_name": "N"}, ("c", "n", "internet")),
        ({"resource": "nat-1", "x_cluster": "c"}, ("c", "", "internet")),
        ({"resource": "i-n", "consumed_unit": None}, ("c", "n", "internet")),
        ({"resource": "i-n", "consumed_unit": "GiB"}, ("c", "n", "internet")),
        ({"resource": "i-n", "consumed_unit": "Bytes"}, ("c", "n", "internet")),
        ({"resource": "i-n", "consumed_unit": "Hrs"}, None),
        ({"resource": "i-n", "sku_meter": "BoxUsage:m5.large"}, None),
        ({"resource": "i-n", "sku_meter": None, "charge_description": "egress"},
         ("c", "n", "internet")),
        ({"resource": "nat-1"}, None),
        ({"resource": "nat-1", "x_cluster": "silent"}, None),
    ],
)  # fmt: skip
def test_a_line_is_of_traffic_by_meter_unit_and_place(
    facts: dict[str, Any], place: tuple[str, str, str] | None
) -> None:
    """Of a node by its resource or name, of a cluster by the provider's tag; else it is no traffic.

    A unit that is no size, or a cluster that tells no bytes, leaves the line to others.
    """
    bill = Bill().add("1", 0, 1, **(OUT | facts))

    found = traffic_lines(priced(bill.of_day()), nodes_of(node()), sent(("web", 1)))

    assert found.select("cluster", "node", "class").rows() == ([place] if place else [])


def test_rows_of_traffic_stand_at_no_node() -> None:
    """One workload on two nodes sends 1 and 3 of 4 bytes: one row of the whole cluster's line."""
    traffic = pl.concat([sent(("web", 1)), sent(("web", 3), on="m")])
    bill = Bill().add("4", 0, 24, None, x_cluster="c", **OUT).add("1", resource="s3")

    found, rest = on_network(priced(bill.of_day()), nodes_of(node()), traffic)

    assert found.rows["effective"].to_list() == [4 * 10**12]
    assert found.recipients["node"].to_list() == ["-"]
    assert found.items is not None
    assert found.items["line_item"].to_list() == ["internet"]
    assert rest["resource_id"].to_list() == ["s3"]


def test_a_line_of_a_node_says_which() -> None:
    """Its item is the class and the node; what another node sent does not count."""
    bill = Bill().add("4", 0, 1, "i-n", **ZONE)

    found, _ = on_network(
        priced(bill.of_day()), nodes_of(node(), node("m")),
        pl.concat([sent(("web", 1)), sent(("api", 9), on="m")]),
    )  # fmt: skip

    assert found.items is not None
    assert found.items["line_item"].to_list() == ["cross_zone of n"]
    assert found.recipients["workload"].to_list() == ["web"]

"""A world whose bill arises in every way, published: for tests of what explains it.

Gives    a home with a snapshot of one day: nodes with and without GPUs, volumes, traffic, a
         balancer, lines that a provider has divided, lines outside clusters, odd amounts
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from meterbook.answers.rules import ownership_files
from meterbook.base.home import Home
from meterbook.base.settings import OwnershipSettings
from tests.transforms.conftest import DAY, START, Bill, Telemetry
from transforms.ledger import allocation, cost, evidence, pools
from transforms.owners.ownership import parse_ownership
from warehouse.store.snapshot import publish
from warehouse.store.store import Store
from warehouse.tables.core import COST_LEDGER, COST_LINE, NODE_HOURLY
from warehouse.tables.core_pool import POOL_WEIGHT_DAILY
from warehouse.tables.core_usage import BALANCER_HOURLY, VOLUME_HOURLY
from warehouse.tables.evidence import OWNERSHIP_FILE, TRAFFIC_HOURLY, WEIGHT_HOURLY
from warehouse.tables.mart_cost import (
    COST_DAILY_SERVICE,
    COST_DAILY_TEAM,
    RECONCILIATION_DAILY,
)

TEAMS = "version: 1\nteams: [{id: a}, {id: b}, {id: c}]\n"
RULES = TEAMS + (
    "rules:\n"
    "  - {id: find, match: {namespace: find}, team: a}\n"
    '  - {id: shop, match: {namespace: shop}, teams: {a: "0.35", b: "0.65"}}\n'
    "  - {id: mesh, match: {namespace: mesh}, team: __shared__/mesh}\n"
    "  - {id: rest, match: '*', team: c}\n"
    "shared:\n"
    "  - {id: mesh, pool: {bucket: __shared__/mesh}, to: {teams: all}, split: proportional,"
    " weight: direct_cost, zero_weight: even}\n"
    "  - {id: logs, pool: {service: Logs}, to: {teams: all}, split: metric,"
    " weight: {metric: logs.written, agg: increase}, zero_weight: even}\n"
)
POLICIES = {
    "separate": "",
    "to an owner": "idle: {show: {owner: b}}\n",
    "shared by node": "idle: {show: share, scope: node}\n",
    "shared by cluster": "idle: {show: share, scope: cluster}\n",
    "shared by pool": "idle: {show: share, scope: pool}\n",
    "aws": "node_split: {mode: aws_9_1}\n",
    "per family": (
        'node_split: {mode: per_family, per_family: {"g4dn.*": {cpu_core_hour: "0.02", '
        'ram_gib_hour: "0.003", gpu_hour: "0.7"}, "r6g.*": {cpu_core_hour: "0.0255"}}}\n'
    ),
    "allocatable": "node_split: {capacity: allocatable}\n",
    "allocatable, shared by node": (
        "node_split: {capacity: allocatable}\nidle: {show: share, scope: node}\n"
    ),
    "by request": "workload: {basis: request}\n",
    "provider ignored": "workload: {provider_split_lines: ignore}\n",
}


def world() -> tuple[Telemetry, Bill]:
    """Give two nodes, one with GPUs, volumes, traffic, counters, and a bill of odd amounts."""
    reported, bill = Telemetry(), Bill()
    pool = {"karpenter.sh/nodepool": "gpu"}
    reported.node("n", 4, 16, range(25)).node("g", 8, 32, range(25), gpus=4, labels=pool)
    reported.node("q", 2, 8, [0, 1])
    at = [(hour, 3.5) for hour in range(25)]
    of_node = {"k8s.cluster.name": "c", "k8s.node.name": "n"}
    reported.add("k8s.node.allocatable_cpu", of_node, at)
    reported.pod("cart", "n", "shop", 0, 24, request=1, use=[0.7] * 24, gib=3)
    reported.pod("cart-2", "n", "shop", 1, 7, use=[0.3] * 6, gib=1)
    reported.pod("index", "n", "find", 0, 13, request=0.5, use=[1.7] * 13, gib=5)
    reported.pod("train", "g", "find", 2, 9, request=3, gib=11, gpus=1)
    reported.pod("draw", "g", "shop", 4, 9, request=1, gib=2, gpus=2)
    reported.pod("proxy", "g", "mesh", 0, 24, request=0.1, gib=0.3)
    _volumes(reported)
    _traffic(reported)
    _balancer(reported)
    for space, total in (("shop", 700), ("find", 301), ("other", 52)):
        of = {"k8s.cluster.name": "c", "k8s.namespace.name": space, "service.name": "x"}
        reported.add("logs.written", of, [(0, 0), (12, total / 3), (23, total)], "counter")
    return reported, _bill(bill)


def _volumes(reported: Telemetry) -> None:
    sender = {"k8s.cluster.name": "c"}
    labels = {"namespace": "shop", "persistentvolumeclaim": "data", "volumename": "pvc-7"}
    seen = [(hour, 1) for hour in range(20)]
    reported.add("kube_persistentvolumeclaim_info", sender, seen, labels=labels)
    disk = {"persistentvolume": "pvc-7", "csi_volume_handle": "vol-7"}
    reported.add("kube_persistentvolume_info", sender, seen, labels=disk)
    for pod, start, end in (("cart-2", 1, 7), ("draw", 4, 9), ("late", 10.25, 11)):
        if pod == "late":
            reported.pod("late", "n", "shop", start, end, request=0.1)
        resource = {
            **sender, "k8s.namespace.name": "shop", "k8s.pod.name": pod,
            "k8s.pod.uid": f"uid-{pod}", "k8s.persistentvolumeclaim.name": "data",
        }  # fmt: skip
        reported.add("k8s.volume.capacity", resource, [(start, 1), (end, 1)])


def _traffic(reported: Telemetry) -> None:
    kinds = {"internet": ("true", "false", "false"), "cross_zone": ("false", "true", "false")}
    for pod, space, node, factor in (("cart", "shop", "n", 701), ("index", "find", "n", 397),
                                     ("proxy", "mesh", "g", 89)):  # fmt: skip
        for number, (internet, region, zone) in enumerate(kinds.values(), start=1):
            resource = {
                "k8s.cluster.name": "c", "k8s.namespace.name": space, "k8s.pod.name": pod,
                "k8s.pod.uid": f"uid-{pod}", "k8s.node.name": node,
            }  # fmt: skip
            labels = {"internet": internet, "same_region": region, "same_zone": zone}
            at = [(hour, float(hour * factor * number)) for hour in range(13)]
            reported.add("kubecost_pod_network_egress_bytes_total", resource, at, "counter", labels)


def _balancer(reported: Telemetry) -> None:
    sender, hours = {"k8s.cluster.name": "c"}, [(hour, 1) for hour in range(20)]
    web = {"namespace": "shop", "service": "web", "uid": "0b5a1c9e-1111", "type": "LoadBalancer"}
    reported.add("kube_service_spec_type", sender, hours, labels=web)
    for pod in ("cart", "cart-2", "late"):
        target = {"namespace": "shop", "endpointslice": "web-x7k2p", "ready": "true"}
        labels = target | {"targetref_kind": "Pod", "targetref_name": pod}
        reported.add("kube_endpointslice_endpoints", sender, hours, labels=labels)


def _bill(bill: Bill) -> Bill:
    hours: dict[str, Any] = {"consumed_unit": "Hrs", "consumed_quantity": Decimal(1)}
    out, zone = "EUC1-DataTransfer-Out-Bytes", "EUC1-DataTransfer-Regional-Bytes"
    bill.add("7.400000000007", 0, 24, "i-n", sku_meter="EUC1-BoxUsage:r6g.xlarge")
    bill.add("-0.300000000001", 0, 24, "i-n")
    for hour in range(12):
        meter = "USE1-BoxUsage:g4dn.12xlarge"
        bill.add("3.912345678901", hour, 1, "i-g", sku_meter=meter, **hours)
    bill.add("0.7", 5, 1, "i-g", sku_meter="Nvidia Tesla T4 GPU attached to VMs")
    bill.add("0.111111111111", 5, 1, "i-g", sku_meter="N1 Instance Ram running in Frankfurt")
    bill.add("0.000000000001", 6, 1, "i-g")
    bill.add("0.3", 7, 1, "i-n", sku_meter="Nvidia Tesla T4 GPU attached to VMs")
    bill.add("0.25", 8, 1, "i-q").add("0.5", 23, 1, "i-n").add("0.9", 0, 24, "vol-7").add(
        "0.040000000003", 10, 1, "vol-7"
    )
    bill.add("0.07", 21, 1, "vol-7")
    bill.add("1.300000000009", 0, 24, "nat-1", x_cluster="c", sku_meter=out, consumed_unit="GB")
    bill.add("0.2", 3, 1, "i-n", x_cluster="c", sku_meter=zone, consumed_unit="GB")
    bill.add("0.01", 20, 1, "i-g", x_cluster="c", sku_meter=zone, consumed_unit="GB")
    for start, hours_ in ((0, 24), (10, 1), (23, 1), (19, 1)):
        tags = {"kubernetes.io/service-name": "shop/web"}
        bill.add("0.600000000011", start, hours_, "lb-1", tags, x_cluster="c")
    bill.add("0.02", tags={"kubernetes.io/service-name": "shop/gone"}, x_cluster="c")
    both = {"k8s-azure-service": "shop/web,shop/gone"}
    bill.add("0.030000000001", 5, 1, "ip-1", both, x_cluster="c")
    bill.add("5.000000000003", service_name="Logs").add("-1", service_name="Logs")
    bill.add("61.000000000013", -24, 24 * 31, "db", service_name="Database")
    bill.add("0.8", 2, 1, "i-gone", x_cluster="c")
    unused = [{"key": "split_line_item_unused_cost", "value": "0.3"},
              {"key": "split_line_item_split_cost", "value": "0.4"}]  # fmt: skip
    bill.add("0.700000000001", 2, 1, "pod-1", x_cluster="c", x_namespace="shop", x_extra=unused)
    return bill


def facts() -> dict[str, Any]:
    """Read the world's telemetry."""
    reported, bill = world()
    return {
        "told": reported, "bill": bill, "usage": reported.usage(), "nodes": reported.nodes(),
        "volumes": reported.volumes(), "network": reported.network(),
        "balancers": reported.balancers(),
    }  # fmt: skip


def published(known: dict[str, Any], text: str, home: Home) -> None:
    """Build the day under an ownership file and publish it."""
    ownership = parse_ownership(text)
    reported, bill, usage = known["told"], known["bill"], known["usage"].lazy()
    weights = pools.pool_weights(reported.series, reported.points, usage, ownership, DAY).collect()
    ledger = allocation.ledger(
        bill.of_day(), usage, known["nodes"].lazy(), ownership, day=DAY, now=START,
        volumes=known["volumes"].lazy(), weights=weights.lazy(),
        network=known["network"].lazy(), balancers=known["balancers"].lazy(),
    ).collect()  # fmt: skip
    (home.root / "ownership.yaml").write_text(text, encoding="utf-8")
    days = bill.lines.select(pl.col("charge_period_start").dt.date().unique()).collect()
    made = {
        COST_LEDGER: ledger,
        COST_LINE: pl.concat(
            cost.cost_line(bill.lines, day).collect() for day in days["charge_period_start"]
        ),
        NODE_HOURLY: known["nodes"],
        VOLUME_HOURLY: known["volumes"],
        BALANCER_HOURLY: known["balancers"],
        POOL_WEIGHT_DAILY: weights,
        WEIGHT_HOURLY: evidence.weight_hourly(usage, ownership.basis).collect(),
        TRAFFIC_HOURLY: evidence.traffic_hourly(known["network"].lazy()).collect(),
        OWNERSHIP_FILE: ownership_files(OwnershipSettings(rules="ownership.yaml"), home.root),
        COST_DAILY_TEAM: cost.cost_daily_team(ledger.lazy()).collect(),
        COST_DAILY_SERVICE: cost.cost_daily_service(ledger.lazy()).collect(),
        RECONCILIATION_DAILY: cost.reconciliation_daily(bill.of_day(), ledger.lazy()).collect(),
    }
    with Store(home.warehouse) as store:
        with store.change() as change:
            for table, frame in made.items():
                change.replace(table, frame)
        publish(store, home.serving, now=datetime(2026, 10, 3, tzinfo=UTC), keep=1)

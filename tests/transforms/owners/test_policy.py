"""How nodes are split: weights, GPUs, what the system keeps, what becomes of idle."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterbook.base.errors import ConfigError
from tests.transforms.conftest import DAY
from transforms.exact.cents import apportion, rounded
from transforms.owners.ownership import Ownership, parse_ownership
from transforms.owners.policy import Policy, Weights, read_policy
from transforms.usage.nodes import node_hourly
from transforms.usage.subject import known_series

HOURLY: dict[str, Any] = {"consumed_unit": "Hrs", "consumed_quantity": Decimal(1)}
CPU_ONLY = {"sku_meter": "N2 Instance Core running in Frankfurt"}
RAM_ONLY = {"sku_meter": "N2 Instance Ram running in Frankfurt"}
PLAIN = "teams: [{id: t}]\nrules: [{id: rest, match: '*', team: t}]\n"
SHARE_NODE = PLAIN + "idle: {show: share, scope: node}\n"
SHARE_POOL = PLAIN + "idle: {show: share, scope: pool}\n"
SHARE_CLUSTER = PLAIN + "idle: {show: share, scope: cluster}\n"
OTHERS = ("gpu", "pv", "network", "lb")


def near(got: Mapping[str, Decimal], want: Mapping[str, str]) -> bool:
    """Compare to a millionth, as the examples are printed."""
    return all(
        abs(got.get(key, Decimal(0)) - Decimal(want.get(key, "0"))) <= Decimal("0.000001")
        for key in got.keys() | want.keys()
    )


def per_resource(example: Mapping[str, Any], telemetry: Any, bill: Any) -> None:
    """Make OpenCost's example: a unit of CPU or memory costs a dollar, in one hour.

    What a pod costs besides memory is asked for as CPU, so that every dollar is allocated.
    """
    nodes: dict[str, dict[str, Any]] = {}
    for number, it in enumerate(example["input"]["allocations"]):
        node = nodes.setdefault(it["node"], {"cluster": it["cluster"], "cpu": 0.0, "ram": 0.0})
        cores = float(it["cpu"]) + sum(float(it[name]) for name in OTHERS)
        telemetry.pod(
            f"{it['pod']}-{number}", it["node"], it["namespace"], 0, 1, request=cores,
            gib=float(it["ram"]), labels=it["labels"], annotations=it["annotations"],
            cluster=it["cluster"],
        )  # fmt: skip
        node["cpu"] += cores
        node["ram"] += float(it["ram"])
    for it in example["input"]["idle"]:
        node = next(found for found in nodes.values() if found["cluster"] == it["cluster"])
        node["cpu"] += float(it["cpu"])
        node["ram"] += float(it["ram"])
    for name, node in nodes.items():
        telemetry.node(name, node["cpu"], node["ram"], [0], cluster=node["cluster"])
        bill.add(str(node["cpu"]), 0, 1, f"i-{name}", **HOURLY, **CPU_ONLY)
        bill.add(str(node["ram"]), 0, 1, f"i-{name}", **HOURLY, **RAM_ONLY)


@pytest.fixture
def example(telemetry: Any, bill: Any, ledger: Any, case: Any) -> Callable[..., Any]:
    """Give the ledger of an OpenCost example under an ownership file."""

    def make(name: str, text: str = PLAIN) -> tuple[pl.DataFrame, dict[str, Any]]:
        found = case("allocation", name)
        per_resource(found, telemetry, bill)
        return ledger(bill, telemetry, parse_ownership(text)), found["expected"]

    return make


NAMESPACES = """
teams: [{id: namespace1}, {id: namespace2}, {id: namespace3}]
rules:
  - {id: one, match: {namespace: namespace1}, team: namespace1}
  - {id: two, match: {namespace: namespace2}, team: namespace2}
  - {id: three, match: {namespace: namespace3}, team: namespace3}
"""


def test_c01_namespaces_with_idle_apart(example: Any, by: Any) -> None:
    """OpenCost's case 1b: three namespaces and 30 dollars of idle."""
    got, want = example("c01")

    costs = by(got, "namespace")

    assert near({**costs, "total": sum(costs.values())}, want)


BY_TWO = (
    "{label: app=app1, tag: env=env1}, team: app1/env1"
    "|{label: app=app2, tag: env=env2}, team: app2/env2"
    "|{label: app=app2}, team: app2/__unallocated__"
)


@pytest.mark.parametrize(
    ("key", "rules"),
    [
        ("label:app", "{tag: app=app1}, team: app1|{tag: app=app2}, team: app2"),
        ("annotation:team", "{annotation: team=team1}, team: team1|{tag: team=team2}, team: team2"),
        ("label:app,label:env", BY_TWO),
    ],
)
def test_c02_labels_annotations_and_nobody(example: Any, by: Any, key: str, rules: str) -> None:
    """OpenCost's cases 1h, 1j and 2d: what bears none is `__unallocated__`."""
    lines = [f"{{id: r{n}, match: {rule}}}" for n, rule in enumerate(rules.split("|"))]
    teams = [f"{{id: {rule.rpartition(' ')[2]}}}" for rule in rules.split("|")]
    text = f"teams: [{', '.join(teams)}]\nrules: [{', '.join(lines)}]\n"

    got, want = example("c02", text)

    nobody = {"__unallocated__/__unallocated__": "__unallocated__"}
    wanted = {nobody.get(name, name): cost for name, cost in want[key].items()}
    assert near(by(got, "team"), wanted)


def test_c04_a_namespace_shared_evenly(example: Any, by: Any) -> None:
    """OpenCost's case 4a: namespace3 goes to the two others by halves."""
    pool = "shared: [{id: p, pool: {namespace: namespace3}, split: even, "
    to = "to: {teams: [namespace1, namespace2]}}]\n"

    got, want = example("c04", NAMESPACES + pool + to)

    costs = by(got, "team")
    assert near({**costs, "total": sum(costs.values())}, want)


def test_c06_a_label_shared_evenly(example: Any, by: Any) -> None:
    """OpenCost's case 4c: 16 dollars by thirds, exact to the atom; a statement's cents add up."""
    pool = "shared: [{id: p, pool: {tag: 'app=app1'}, split: even, to: {teams: all}}]\n"

    got, want = example("c06", NAMESPACES + pool)

    costs = by(got, "team")
    assert near(costs, want["exact"])
    assert sum(costs.values()) * 100 == want["total_cents"]
    exact = {team: int(cost.scaleb(12)) for team, cost in costs.items()}
    assert apportion(exact, rounded(sum(exact.values()))) == want["statement_cents"]


def test_c09_a_filter_is_a_view(example: Any, by: Any) -> None:
    """Idle shared over clusters: namespace2 bears the same whatever else is looked at."""
    got, want = example("c09", SHARE_CLUSTER)

    seen = by(got.filter(pl.col("namespace") == "namespace2"), "namespace")

    assert near(seen, want["share_idle"])
    assert by(got, "namespace")["namespace2"] == seen["namespace2"]


@pytest.mark.parametrize(
    ("key", "pool"),
    [
        (
            "share_namespace1_proportional_idle_separate",
            "{namespace: namespace1}, to: {teams: [namespace2, namespace3]}",
        ),
        ("idle_separate_overhead_7_per_hour", "{service: Overhead}, to: {teams: all}"),
    ],
)
def test_c09_what_is_shared_in_proportion(
    example: Any, bill: Any, ledger: Any, telemetry: Any, by: Any, key: str, pool: str
) -> None:
    """28 dollars go 36 to 18, and 168 of overhead 28 to 36 to 18: idle takes no part.

    What idle adds to namespace2, by itself and in the pool, is what a filter gives it of the idle.
    """
    text = f"{NAMESPACES}shared: [{{id: p, pool: {pool}, split: proportional}}]\n"
    if "overhead" in key:
        bill.add("168", 0, 24, service_name="Overhead")

    got, want = example("c09", text)
    shared = parse_ownership(text + "idle: {show: share, scope: cluster}\n")
    all_borne = by(ledger(bill, telemetry, shared), "team")["namespace2"]

    borne = by(got, "team")["namespace2"]
    assert near({"namespace2": borne, "__idle__": all_borne - borne}, want[key])


@pytest.mark.parametrize(
    ("mode", "text"), [("separate", PLAIN), ("by_node", SHARE_NODE), ("by_cluster", SHARE_CLUSTER)]
)
def test_c22_idle_by_node_and_by_cluster(
    telemetry: Any, bill: Any, ledger: Any, case: Any, by: Any, mode: str, text: str
) -> None:
    """Four on one node and one on another: who bears what stood idle."""
    found = case("allocation", "c22")
    for node in found["input"]["nodes"]:
        telemetry.node(node["node"], node["units"], 0, [0])
        bill.add(str(node["units"]), 0, 1, f"i-{node['node']}", **HOURLY, **CPU_ONLY)
        for name in node["workloads"]:
            telemetry.pod(name, node["node"], name, 0, 1, request=1)

    got = ledger(bill, telemetry, parse_ownership(text))

    assert near(by(got, "namespace"), found["expected"][mode])
    shared = got.filter(pl.col("reason") == "idle_share")
    assert bool(shared.height) == (mode != "separate")


def test_idle_by_pool(telemetry: Any, bill: Any, ledger: Any, by: Any) -> None:
    """Two nodes of 6 with three and one at work bear 8 idle by 4; two others are pools of theirs.

    A node without a label shares with nobody, its workload too; one idle alone stays idle.
    """
    gke, eks = "cloud.google.com/gke-nodepool", "eks.amazonaws.com/nodegroup"
    pools = {"n1": {gke: "a"}, "n2": {gke: "a"}, "n3": {eks: "b"}, "n4": {}, "n5": {gke: "e"}}
    for node, labels in pools.items():
        telemetry.node(node, 6, 0, [0], labels=labels)
        bill.add("6", 0, 1, f"i-{node}", **HOURLY, **CPU_ONLY)
    for name, node in (("w1", "n1"), ("w2", "n1"), ("w3", "n1"), ("w4", "n2"), ("w5", "n3")):
        telemetry.pod(name, node, name, 0, 1, request=1)
    telemetry.pod("w6", "n4", "w6", 0, 1, request=2)

    got = by(ledger(bill, telemetry, parse_ownership(SHARE_POOL)), "namespace")

    assert got == {"w1": 3, "w2": 3, "w3": 3, "w4": 3, "w5": 6, "w6": 6, "__idle__": 6}


def test_a_workload_in_two_pools_bears_idle_of_both(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """Half of one pool's 4 idle beside b, all of the other's 3; the pool by the scraped label."""
    about = {"k8s.cluster.name": "c", "k8s.node.name": "exporter"}
    for node, pool in (("n1", "x"), ("n2", "y")):
        telemetry.node(node, 6 if pool == "x" else 4, 0, [0])
        labels = {"node": node, "label_karpenter_sh_nodepool": pool}
        telemetry.add("kube_node_labels", about, [(0, 1)], labels=labels)
        bill.add("6" if pool == "x" else "4", 0, 1, f"i-{node}", **HOURLY, **CPU_ONLY)
        pod = {
            "k8s.cluster.name": "c", "k8s.namespace.name": "a", "k8s.pod.name": f"a-{node}",
            "k8s.pod.uid": node, "k8s.node.name": node, "k8s.deployment.name": "a",
        }  # fmt: skip
        telemetry.add("k8s.pod.phase", pod, [(0, 2), (1, 2)])
        container = pod | {"k8s.container.name": "main"}
        telemetry.add("k8s.container.cpu_request", container, [(0, 1), (1, 1)])
    telemetry.pod("b", "n1", "b", 0, 1, request=1)

    frame = ledger(bill, telemetry, parse_ownership(SHARE_POOL))

    assert by(frame, "workload") == {"a": 1 + 2 + 1 + 3, "b-app": 1 + 2}
    pools = telemetry.nodes().select("node", "node_pool").rows()
    assert dict(pools) == {"n1": "x", "n2": "y"}


def test_a_pool_may_be_named_by_labels_of_ones_own(telemetry: Any) -> None:
    """The first of one's own labels counts before the provider's, sent or scraped by any name."""
    own = ("example.com/nodePool", "team-pool")
    gke = {"cloud.google.com/gke-nodepool": "gke"}
    telemetry.node("both", 1, 1, [0], labels=gke | {"team-pool": "t", "example.com/nodePool": "e"})
    telemetry.node("second", 1, 1, [0], labels=gke | {"team-pool": "t"})
    telemetry.node("none", 1, 1, [0], labels=gke)
    telemetry.node("scraped", 1, 1, [0])
    about = {"k8s.cluster.name": "c", "k8s.node.name": "exporter"}
    labels = {"node": "scraped", "label_example_com_node_pool": "e2", "label_agentpool": "aks"}
    telemetry.add("kube_node_labels", about, [(0, 1)], labels=labels)

    known = known_series(telemetry.series, own)
    nodes = node_hourly(known, telemetry.samples().lazy(), DAY).collect()

    pools = dict(nodes.select("node", "node_pool").rows())
    assert pools == {"both": "e", "second": "t", "none": "gke", "scraped": "e2"}


def test_c24_the_bill_replaces_the_estimate(bill: Any, case: Any, by: Any, request: Any) -> None:
    """A list price of 8 and a bill of 6: the adjustment goes by the same shares."""
    found = case("allocation", "c24")
    asked, want = found["input"], found["expected"]
    telemetry, ledger = (request.getfixturevalue(name) for name in ("telemetry", "ledger"))
    telemetry.node("n", 4, 0, [0])
    for pod in asked["pods"]:
        telemetry.pod(pod["ns"], "n", pod["ns"], 0, 1, request=float(pod["share"]) * 4)
    listed = Decimal(asked["list_cpu_cost"]) * (1 - Decimal(asked["discount"]))
    other = type(bill)().add(str(listed), 0, 1, "i-n", **HOURLY, **CPU_ONLY)
    bill.add(asked["bill_for_node_cpu"], 0, 1, "i-n", **HOURLY, **CPU_ONLY)

    estimate, final = (by(ledger(it, telemetry), "namespace") for it in (other, bill))

    assert near(estimate, want["estimate"])
    assert near({key: final[key] - estimate[key] for key in final}, want["adjustment"])
    assert near({**final, "total": sum(final.values())}, want["final"])


@pytest.mark.parametrize(("mode", "text"), [("redistribute", SHARE_NODE), ("idle_separate", PLAIN)])
def test_c34_a_provider_has_divided_the_line(
    telemetry: Any, bill: Any, ledger: Any, case: Any, by: Any, mode: str, text: str
) -> None:
    """The loader moved the parent's cost to its children; they count once, and not by telemetry."""
    found = case("allocation", "c34")
    telemetry.node("n", 4, 0, [0]).pod("z", "n", "z", 0, 1, request=4)
    for it in found["input"]["bill"]:
        if it.get("kind") == "parent":
            bill.add("0", 0, 1, "i-n", **HOURLY)
            continue
        cost = Decimal(it["split_cost"]) + Decimal(it["unused_cost"])
        extra = {f"split_line_item_{key}": it[key] for key in ("split_cost", "unused_cost")}
        bill.add(
            str(cost), 0, 1, f"pod-{it['id']}", x_namespace=it["ns"], x_cluster="c",
            x_extra=[{"key": key, "value": value} for key, value in sorted(extra.items())],
        )  # fmt: skip

    costs = by(ledger(bill, telemetry, parse_ownership(text)), "namespace")

    assert near({**costs, "total": sum(costs.values())}, found["expected"][mode])


def test_what_the_provider_calls_idle_and_overhead_is_no_team_s(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """GKE's special namespaces are buckets, whatever the rules say."""
    everything = "teams: [{id: t}]\nrules: [{id: all, match: '*', team: t}]\n"
    for cost, space in (("1", "shop"), ("2", "__idle__"), ("4", "__overhead__")):
        bill.add(cost, 0, 1, x_namespace=space, x_cluster="c")

    got = by(ledger(bill, telemetry, parse_ownership(everything)), "team")

    assert got == {"t": 1, "__idle__": 2, "__system__": 4}


def test_component_prices_are_scaled_to_the_node_s(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """GPU 30, CPU 30 and memory 10 of a node of 35: 15, 15 and 5 (OpenCost, appendix A)."""
    one = "{cpu_core_hour: '1', ram_gib_hour: '1', gpu_hour: '1'}"
    telemetry.node("n", 30, 10, [0], gpus=30)
    telemetry.pod("c", "n", "cpu", 0, 1, request=30)
    telemetry.pod("m", "n", "memory", 0, 1, gib=10)
    telemetry.pod("g", "n", "gpu", 0, 1, gpus=30)
    bill.add("35", 0, 1, "i-n", **HOURLY)

    got = by(
        ledger(bill, telemetry, parse_ownership(PLAIN + f"node_split: {{weights: {one}}}\n")),
        "namespace",
    )

    assert got == {"cpu": 15, "memory": 5, "gpu": 15, "__idle__": 0}


def test_c11_cores_weigh_nine_times_a_gigabyte(
    telemetry: Any, bill: Any, ledger: Any, case: Any, by: Any
) -> None:
    """AWS' 36 to 16 of 52: what all cores, all memory, one core and one GiB of a dollar cost."""
    want = case("allocation", "c11")["expected"]["aws_9_1"]
    telemetry.node("n", 4, 16, [0]).pod("core", "n", "cost_per_vcpu_hour", 0, 1, request=1)
    telemetry.pod("gib", "n", "cost_per_gb_hour", 0, 1, gib=1)
    telemetry.pod("cores", "n", "cores", 0, 1, request=3).pod("gibs", "n", "gibs", 0, 1, gib=15)
    bill.add("1", 0, 1, "i-n", **HOURLY)

    split = f"{PLAIN}node_split: {{mode: aws_9_1}}\n"
    got = by(ledger(bill, telemetry, parse_ownership(split)), "namespace")

    core, gib = got["cost_per_vcpu_hour"], got["cost_per_gb_hour"]
    parts = {"cpu_cost": core + got["cores"], "ram_cost": gib + got["gibs"]}
    assert near({"cost_per_vcpu_hour": core, "cost_per_gb_hour": gib, **parts}, want)


@pytest.mark.parametrize(
    ("split", "cores", "gib"),
    [
        ("{mode: aws_9_1}", "0.692308", "0.307692"),
        (
            "{mode: per_family, per_family: {'r6g.*': {cpu_core_hour: '3', ram_gib_hour: '1'}}}",
            "0.428571",
            "0.571429",
        ),
    ],
)
def test_weights_by_mode_and_family(
    telemetry: Any, bill: Any, ledger: Any, by: Any, split: str, cores: str, gib: str
) -> None:
    """4 cores and 16 GiB: AWS' 36 to 16 of 52; a family's 12 to 16 of 28."""
    telemetry.node("n", 4, 16, [0])
    telemetry.pod("c", "n", "cpu", 0, 1, request=4)
    telemetry.pod("m", "n", "memory", 0, 1, gib=16)
    bill.add("1", 0, 1, "i-n", **HOURLY, sku_meter="EUC1-BoxUsage:r6g.large")

    got = by(ledger(bill, telemetry, parse_ownership(f"{PLAIN}node_split: {split}\n")), "namespace")

    assert near(got, {"cpu": cores, "memory": gib})


def test_what_the_system_keeps_is_not_idle(telemetry: Any, bill: Any, ledger: Any, by: Any) -> None:
    """Of 4 cores pods may take 3: a quarter is the system's, a half was asked for."""
    telemetry.node("n", 4, 0, [0]).pod("a", "n", "a", 0, 1, request=2)
    node = {"k8s.cluster.name": "c", "k8s.node.name": "n"}
    telemetry.add("kube_node_status_allocatable", node, [(0, 3)], labels={"resource": "cpu"})
    bill.add("8", 0, 1, "i-n", **HOURLY, **CPU_ONLY)
    text = PLAIN + "node_split: {capacity: allocatable}\n"

    got = by(ledger(bill, telemetry, parse_ownership(text)), "team")

    assert got == {"t": 4, "__system__": 2, "__idle__": 2}


def test_idle_has_an_owner_who_is_named(telemetry: Any, bill: Any, ledger: Any, by: Any) -> None:
    """Who answers for the nodes bears what stood idle."""
    telemetry.node("n", 4, 0, [0]).pod("a", "n", "a", 0, 1, request=1)
    bill.add("4", 0, 1, "i-n", **HOURLY, **CPU_ONLY)

    text = "teams: [{id: t}, {id: u}]\nrules: [{id: all, match: '*', team: u}]\n"

    got = ledger(bill, telemetry, parse_ownership(text + "idle: {show: {owner: t}}\n"))

    assert by(got, "team") == {"u": 1, "t": 3}
    assert set(got.filter(pl.col("team") == "t")["reason"]) == {"idle"}


def test_every_finding_names_its_key() -> None:
    """A policy is read as a whole: what is wrong is said at once."""
    wrong = """
teams: [{id: t}]
node_split: {mode: guess, capacity: all, weights: {cpu: "1", gpu_hour: 2}}
workload: {provider_split_lines: maybe}
idle: {show: {owner: nobody}, scope: galaxy}
"""

    with pytest.raises(ConfigError) as caught:
        parse_ownership(wrong)

    assert {finding.key for finding in caught.value.findings} >= {
        "node_split.mode", "node_split.capacity", "node_split.weights.cpu",
        "node_split.weights.gpu_hour", "workload.provider_split_lines", "idle.scope",
        "idle.show.owner",
    }  # fmt: skip


POLICIES = [
    parse_ownership(PLAIN + text)
    for text in (
        "",
        "idle: {show: share, scope: node}\n",
        "idle: {show: share, scope: cluster}\n",
        "idle: {show: share, scope: pool}\n",
        "idle: {show: {owner: t}}\n",
        "node_split: {mode: aws_9_1, capacity: allocatable}\n",
        "node_split: {capacity: allocatable}\nidle: {show: share, scope: cluster}\n",
    )
]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(0, 5), st.floats(0, 9), st.integers(0, 2)),
        max_size=7,
    ),
    st.lists(
        st.tuples(
            st.integers(0, 3), st.decimals(-9, 9, places=11), st.sampled_from([HOURLY, CPU_ONLY])
        ),
        max_size=6,
    ),
    st.sampled_from(POLICIES),
)
@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_policy_keeps_every_atom(
    ledger: Any, by: Any, request: Any, pods: Any, lines: Any, policy: Ownership
) -> None:
    """Whatever becomes of idle, the ledger is the bill, and only what nobody shares stays idle."""
    make_telemetry, make_bill = (
        type(request.getfixturevalue(name)) for name in ("telemetry", "bill")
    )
    telemetry, bill = make_telemetry(), make_bill()
    for number in range(3):
        telemetry.node(f"n{number}", 4, 8, [0], gpus=number)
    for number, (node, cores, gib, gpus) in enumerate(pods):
        telemetry.pod(
            f"p{number}", f"n{node}", f"s{number % 3}", 0, 1, request=cores, gib=gib, gpus=gpus
        )
    for node, cost, facts in lines:
        bill.add(str(cost), 0, 1, f"i-n{node}", **facts)

    got = ledger(bill, telemetry, policy)  # holds the ledger against the bill

    if policy.policy.idle == "share" and policy.policy.idle_scope == "cluster" and pods:
        assert by(got, "reason").get("idle", 0) == 0
    asked = bill.of_day().collect()
    wanted = dict(zip(asked["x_line_hash"], asked["effective_cost"], strict=True))
    costs = by(got, "x_line_hash")
    assert {key: cost for key, cost in costs.items() if cost} == {
        key: cost for key, cost in wanted.items() if cost
    }


def test_idle_of_a_node_reaches_all_who_share_a_workload(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """Half of a dollar is idle; the one workload is of two teams, one to three: so is its idle."""
    rules = "teams: [{id: a}, {id: b}]\nidle: {show: share, scope: node}\nrules:\n"
    rules += '  - {id: both, match: {namespace: shop}, teams: {a: "0.25", b: "0.75"}}\n'
    telemetry.node("n", 4, 16, [0, 1]).pod("p", "n", "shop", 0, 1, request=2, gib=8)
    bill.add("1", 0, 1, "i-n", **HOURLY)

    frame = ledger(bill, telemetry, parse_ownership(rules))

    assert by(frame, "team") == {"a": Decimal("0.25"), "b": Decimal("0.75")}
    assert by(frame, "reason") == {"workload": Decimal("0.5"), "idle_share": Decimal("0.5")}


def test_a_gpu_that_no_telemetry_tells_of_is_billed_all_the_same(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """A line for GPUs on a node that is not known to have any: nobody asked, so it is idle."""
    telemetry.node("n", 4, 16, [0, 1]).pod("p", "n", "shop", 0, 1, request=2, gib=8)
    bill.add("1", 0, 1, "i-n", sku_meter="Nvidia Tesla T4 GPU running in Frankfurt")

    assert by(ledger(bill, telemetry), "namespace") == {"__idle__": 1}


def test_what_a_file_does_not_say_is_the_default() -> None:
    """Empty sections are OpenCost's weights, capacity, idle apart; AWS has weights beside a GPU."""
    found: list[tuple[str, str]] = []

    def read(document: dict[str, Any]) -> Policy:
        return read_policy(document, lambda text, _: Decimal(text), lambda *it: found.append(it))

    aws = read({"node_split": {"mode": "aws_9_1", "weights": {"gpu_hour": "7"}}})

    assert read({}) == read({"node_split": None, "idle": {}}) == Policy()
    assert aws.weights == Weights.of(("9", "1", "0"))
    assert aws.with_gpu == Weights.of(("0.9", "0.1", "9"))
    assert found == []

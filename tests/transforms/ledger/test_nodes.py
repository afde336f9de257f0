"""Lines that pay for a node, shared among the workloads on it and what stood idle."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.conftest import Bill
from tests.transforms.ledger.machines import CORES, HOURLY, asks, node, nodes_of, usage_of
from transforms.ledger import allocation
from transforms.ledger.lines import priced
from transforms.ledger.nodes import known_nodes, node_lines, on_nodes
from transforms.owners.ownership import Ownership, parse_ownership

CPU_ONLY: dict[str, Any] = {"sku_meter": CORES}
TEAMS = "teams: [{id: a}]\n"


def shared(
    bill: Bill, nodes: pl.DataFrame, usage: pl.DataFrame, text: str = ""
) -> dict[tuple[str, str], int]:
    """Give what each workload and reason bears, in atoms."""
    found, _ = on_nodes(priced(bill.of_day()), nodes, usage, parse_ownership(TEAMS + text))
    named = found.rows.join(found.recipients.with_row_index("recipient"), on="recipient")
    sums = named.group_by("workload", "reason").agg(pl.col("effective").sum()).sort("workload")
    return {(name, reason): amount for name, reason, amount in sums.rows()}


@pytest.mark.parametrize(
    ("node", "line"),
    [
        ("aws:///eu-west-1a/i-0ab", "i-0ab"),
        ("aws:///eu-west-1a/i-0ab", "arn:aws:ec2:eu-west-1:000000000001:instance/i-0AB"),
        ("gce://p/z/gke-1", "//compute.googleapis.com/projects/p/zones/z/instances/gke-1"),
        (
            "azure:///subscriptions/S/resourceGroups/g/virtualMachines/vm-1",
            "/subscriptions/s/resourcegroups/G/virtualMachines/vm-1",
        ),
    ],
)
def test_a_node_is_known_by_its_id_at_the_provider(node: str, line: str) -> None:
    """The cluster's spelling of an id and the bill's lead to the same key."""
    keys = pl.DataFrame({"id": [node, line]}).select(allocation.provider_key(pl.col("id")))

    assert keys.to_series().n_unique() == 1


def test_a_daily_node_line_is_spread_over_the_hours_seen(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """Three hours were heard of: each bears a third, to the atom."""
    telemetry.node("n", 4, 0, [0, 1, 5])
    bill.add("1.000000000001", 0, 24, "i-n", **CPU_ONLY)

    frame = ledger(bill, telemetry)

    assert by(frame, "charge_hour").keys() == set(frame["charge_hour"])
    assert sorted(frame["effective_cost"]) == [
        Decimal("0.333333333333"),
        Decimal("0.333333333334"),
        Decimal("0.333333333334"),
    ]


def test_a_node_is_shared_by_request_over_capacity() -> None:
    """4 cores, 1 and 2 asked for: a quarter, a half, and a quarter that stood idle, of 400."""
    bill = Bill().add("0.000000000400", 0, 1, "i-n", **HOURLY, **CPU_ONLY)
    usage = usage_of(asks("web", 1), asks("api", 2))

    assert shared(bill, nodes_of(node()), usage) == {
        ("__idle__", "idle"): 100, ("api", "workload"): 200, ("web", "workload"): 100,
    }  # fmt: skip


@pytest.mark.parametrize("cores", [4, 6])
def test_idle_is_never_negative(cores: int) -> None:
    """All 4 cores, or 6 of 4, are used: the whole line is theirs, by weight, and idle bears 0."""
    bill = Bill().add("0.000000000400", 0, 1, "i-n", **HOURLY, **CPU_ONLY)
    usage = usage_of(asks("web", cores / 2), asks("api", cores / 2))

    assert shared(bill, nodes_of(node()), usage) == {
        ("__idle__", "idle"): 0, ("api", "workload"): 200, ("web", "workload"): 200,
    }  # fmt: skip


def test_an_hour_in_which_the_node_was_not_observed_is_silent() -> None:
    """Hour 1 was billed and not observed: it is no team's, and not idle."""
    bill = Bill().add("0.000000000100", 0, 1, "i-n", **HOURLY)
    bill.add("0.000000000007", 1, 1, "i-n", **HOURLY)

    assert shared(bill, nodes_of(node()), usage_of()) == {
        ("__idle__", "idle"): 100, ("__no_telemetry__", "no_telemetry"): 7,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "alone", "web", "api"),
    [("node", 400, 50, 150), ("pool", 400, 50, 150), ("cluster", 0, 150, 450)],
)
def test_shared_idle_goes_to_the_node_the_pool_or_the_cluster(
    scope: str, alone: int, web: int, api: int
) -> None:
    """Node n of pool p has 400 with 1 and 3 of 8 cores asked: 50, 150, and 200 that stood idle.

    By 1 to 3 those are 50 and 150. Node m of pool q, 400, is empty: only the cluster shares that,
    200 + 400 by 1 to 3.
    """
    bill = Bill().add("0.000000000400", 0, 1, "i-n", **HOURLY, **CPU_ONLY)
    bill.add("0.000000000400", 0, 1, "i-m", **HOURLY, **CPU_ONLY)
    nodes = nodes_of(node("n", cores=8, node_pool="p"), node("m", cores=8, node_pool="q"))
    usage = usage_of(asks("web", 1), asks("api", 3))

    got = shared(bill, nodes, usage, f"idle: {{show: share, scope: {scope}}}")

    assert got == {
        ("web", "workload"): 50, ("api", "workload"): 150,
        ("web", "idle_share"): web, ("api", "idle_share"): api,
        **({("__idle__", "idle"): alone} if alone else {}),
    }  # fmt: skip


def test_lines_of_no_node_are_left_in_their_order() -> None:
    """A disk and a machine of another cluster; the node's lines are gone from them."""
    bill = Bill().add("1", resource="vol").add("2", 0, 1, "i-n").add("3", resource="i-other")

    found, rest = on_nodes(priced(bill.of_day()), nodes_of(node()), usage_of(), Ownership.default())

    assert rest["resource_id"].to_list() == ["vol", "i-other"]
    assert found.rows["effective"].sum() == 2 * 10**12
    assert found.kind == "node"


def test_a_node_is_known_by_its_id_and_else_by_its_name() -> None:
    """Of two nodes with one id the first counts; a name is known without case."""
    nodes = nodes_of(
        node("a", provider_id="aws:///zone/I-1"), node("b", provider_id="i-1"),
        node("Lone", provider_id=""),
    )  # fmt: skip

    known = known_nodes(nodes)

    assert sorted(known.select("key", "node").rows()) == [
        ("a", "a"), ("b", "b"), ("i-1", "a"), ("lone", "Lone"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "name", "want"),
    [("i-n", None, 1), (None, "N", 1), ("i-gone", "n", 0), (None, None, 0)],
)
def test_a_line_names_its_node_by_resource_before_name(
    resource: str | None, name: str | None, want: int
) -> None:
    """The name counts only where no resource is given: an unknown resource is another machine."""
    bill = Bill().add("1", 0, 1, resource, resource_name=name)

    assert node_lines(priced(bill.of_day()), nodes_of(node())).height == want


def test_what_cpu_and_gpus_cost_is_told_beside() -> None:
    """A line for cores alone: all of it is CPU, of workloads and of idle; memory is the rest."""
    bill = Bill().add("0.000000000400", 0, 1, "i-n", **HOURLY, **CPU_ONLY)

    found, _ = on_nodes(
        priced(bill.of_day()), nodes_of(node(gib=16)), usage_of(asks("web", 1)), Ownership.default()
    )

    assert found.paid.select("workload", "currency", "cpu", "gpu").rows() == [
        ("__idle__", "USD", 300, 0), ("web", "USD", 100, 0),
    ]  # fmt: skip


costs = st.lists(
    st.tuples(
        st.sampled_from(["i-n", "i-m"]), st.integers(-(10**14), 10**14), st.sampled_from([1, 24])
    ),
    min_size=1,
    max_size=4,
)
work = st.lists(
    st.tuples(
        st.sampled_from(["web", "api"]), st.integers(0, 5), st.integers(0, 9), st.booleans(),
        st.integers(0, 2),
    ),
    max_size=5,
)  # fmt: skip
POLICIES = ["", *(f"idle: {{show: share, scope: {it}}}" for it in ("node", "pool", "cluster"))]


@settings(deadline=None, max_examples=20)
@given(costs, work, st.sampled_from(POLICIES))
def test_matches_are_the_line_to_the_atom(bill_lines: Any, running: Any, text: str) -> None:
    """Per line, whatever ran and whatever becomes of idle; each match bears its line's sign."""
    bill = Bill()
    for resource, atoms, hours in bill_lines:
        bill.add(str(Decimal(atoms).scaleb(-12)), 0, hours, resource)
    pods = [
        asks(name, cores, gib, on="n" if is_n else "m", hour=hour, pod=str(number))
        for number, (name, cores, gib, is_n, hour) in enumerate(running)
    ]
    nodes = nodes_of(*(node(name, hour, 4, 16, node_pool=name) for name in "nm" for hour in (0, 2)))
    lines = priced(bill.of_day())

    found, _ = on_nodes(lines, nodes, usage_of(*pods), parse_ownership(TEAMS + text))

    sums = found.rows.group_by("line").agg(pl.col("effective", "billed").sum())
    whole = lines.select("line", "effective", "billed").filter(pl.col("effective") != 0)
    assert sums.filter(pl.col("effective") != 0).sort("line").rows() == whole.sort("line").rows()
    signed = found.rows.join(lines.select("line", of="effective"), on="line")
    assert (signed["effective"].sign() * signed["of"].sign() >= 0).all()

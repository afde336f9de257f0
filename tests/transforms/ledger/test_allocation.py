"""The ledger: every bill line explained downward, by worked examples and by properties."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.ledger import allocation, cost
from transforms.owners.ownership import parse_ownership
from warehouse.tables.core import COST_LEDGER

HOURLY: dict[str, Any] = {"consumed_unit": "Hrs", "consumed_quantity": Decimal(1)}
CPU_ONLY = {"sku_meter": "N2 Instance Core running in Frankfurt"}


def near(got: dict[str, Decimal], want: dict[str, str]) -> bool:
    """Compare to a millionth, as the examples are printed; nothing else may be there."""
    wanted = {key: Decimal(value) for key, value in want.items()}
    return all(
        abs(got.get(key, Decimal(0)) - wanted.get(key, Decimal(0))) <= Decimal("0.000001")
        for key in got.keys() | wanted.keys()
    )


def test_node_split_by_price_ratio(telemetry: Any, bill: Any, ledger: Any, case: Any) -> None:
    """A dollar of a node of 4 cores and 16 GiB: whoever takes all cores pays the CPU part."""
    example = case("allocation", "c11")
    node, want = example["input"]["node"], example["expected"]["opencost_default"]
    telemetry.node("n", node["cpu"], node["ram_gib"], [0])
    telemetry.pod("p", "n", "a", 0, 1, request=node["cpu"])
    bill.add(node["cost"], 0, 1, "i-n", **HOURLY)

    got = ledger(bill, telemetry)

    costs = dict(zip(got["namespace"], got["effective_cost"], strict=True))
    assert near(costs, {"a": want["cpu_cost"], "__idle__": want["ram_cost"]})


def test_greater_of_request_and_use_by_the_hour(
    telemetry: Any, bill: Any, ledger: Any, case: Any, by: Any
) -> None:
    """Not over the whole window; who asks for nothing pays for what it uses."""
    example = case("allocation", "c13")
    given, want = example["input"], example["expected"]
    hours, node = given["hours"], given["node"]
    averaged = want.pop("wrong_if_averaged_over_window_a")
    telemetry.node("n", node["cores"], 0, range(hours))
    for pod in given["containers"]:
        request = None if pod["cpu_request"] is None else float(pod["cpu_request"])
        use = [float(cores) for cores in pod["cpu_usage"]]
        telemetry.pod(pod["ns"], "n", pod["ns"], 0, hours, request=request, use=use)
    for hour in range(hours):
        bill.add(node["hourly_cpu_cost"], hour, 1, "i-n", **HOURLY, **CPU_ONLY)

    got = by(ledger(bill, telemetry), "namespace")

    assert near(got | {"total": sum(got.values())}, want)
    assert not near({"a": got["a"]}, {"a": averaged})


def test_node_joins_mid_hour(telemetry: Any, bill: Any, ledger: Any, case: Any, by: Any) -> None:
    """Half an hour is billed, so capacity is that of half an hour; a quarter of it is taken."""
    example = case("allocation", "c15")
    node, want = example["input"]["node"], example["expected"]
    start, end = node["start_s"] / 3600, node["end_s"] / 3600
    telemetry.node("n", node["cores"], node["ram_gib"], [start])
    for pod in example["input"]["containers"]:
        times = (pod["start_s"] / 3600, pod["end_s"] / 3600)
        telemetry.pod("a", "n", pod["ns"], *times, request=float(pod["cpu_request"]))
    billed = Decimal(str(end - start))
    bill.add(node["bill"], 0, 1, "i-n", consumed_unit="Hrs", consumed_quantity=billed)

    got = by(ledger(bill, telemetry), "namespace")

    assert near(got | {"total": sum(got.values())}, want)


def test_an_hour_without_telemetry_has_its_own_bucket(
    telemetry: Any, bill: Any, ledger: Any, case: Any, by: Any
) -> None:
    """Billed, but not heard of: never idle."""
    example = case("allocation", "c17")
    node, want = example["input"]["node"], example["expected"]
    for pod in example["input"]["containers"]:
        start = pod["hour"]
        end = start + 0.999_999_98  # a sample at the hour's end would be of the next one
        telemetry.node("n", node["cores"], 0, [start])
        telemetry.pod("a", "n", pod["ns"], start, end, request=float(pod["cpu_alloc"]))
    for line in node["bill_hours"]:
        bill.add(line["cost"], line["hour"], 1, "i-n", **HOURLY)

    got = by(ledger(bill, telemetry), "namespace")

    total = sum(got.values())
    percent = (total - got["__no_telemetry__"]) * 100 / total
    assert near(got | {"total": total, "coverage_percent_of_cost": percent}, want)


OWNERSHIP = """
teams: [{id: payments}, {id: search}, {id: platform}]
tags:
  keys: [team, owner]
  values: {aliases: {pay: payments}}
  invalid: [none]
rules:
  - {id: sys, match: {namespace: ["kube-*"]}, team: __shared__/cluster}
  - {id: label, match: {tag: "*"}, team: $tag}
  - {id: old, match: {namespace: moved}, team: search, until: 2026-09-30}
  - {id: new, match: {namespace: moved}, team: payments, from: 2026-10-01}
  - {id: half, match: {namespace: both}, teams: {payments: "0.6", search: "0.4"}}
  - {id: acct, match: {account: "000000000001"}, team: platform}
shared:
  - {id: fee, pool: {bucket: __shared__/cluster}, to: {teams: all}, split: proportional}
  - {id: support, pool: {service: ["Support*"]}, to: {teams: all}, split: even}
  - {id: tax, pool: {charge_category: Tax}, to: none, show_as: __shared__/tax}
"""


def test_lines_that_match_no_node(
    telemetry: Any, bill: Any, ledger: Any, case: Any, by: Any
) -> None:
    """Credits follow their node with their sign; the rest goes to tags, pools or nobody."""
    example = case("allocation", "c18")
    want = example["expected"]
    telemetry.node("1", 10, 0, [0])
    for pod in example["input"]["usage"]:
        telemetry.pod(pod["ns"], "1", pod["ns"], 0, 1, request=float(pod["share"]) * 10)
    for line in example["input"]["bill"]:
        is_tax = line["type"] == "tax"
        hours = 1 if line["resource"] == "i-1" else 24
        bill.add(
            line["cost"],
            0,
            hours,
            line["resource"],
            line.get("tags"),
            service_name="Support" if line["type"] == "support" else "Compute",
            charge_category="Tax" if is_tax else "Usage",
            **(HOURLY | CPU_ONLY if hours == 1 else {}),
        )

    frame = ledger(bill, telemetry, parse_ownership(OWNERSHIP))

    places = by(frame.filter(pl.col("node") == "1"), "namespace")
    assert near(places, {key: want[key] for key in ("a", "b", "__idle__")})
    teams = by(frame.filter(pl.col("node") == "-"), "team")
    assert teams["__shared__/tax"] == Decimal(want["__shared__/tax"])
    assert teams["__unallocated__"] == Decimal(want["__unallocated__/disk"])
    support = frame.filter(pl.col("pool") == "support")
    assert support["effective_cost"].sum() == Decimal(want["__shared__/support"])
    assert teams["payments"] - support.filter(pl.col("team") == "payments")[
        "effective_cost"
    ].sum() == Decimal(want["team:payments"])
    assert frame["effective_cost"].sum() == Decimal(want["total"])


def test_a_pool_follows_the_direct_cost_of_the_day(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """Two teams of 1 and 3 dollars share 8 dollars of the cluster's own; idle takes no part."""
    telemetry.node("n", 16, 0, [0])
    telemetry.pod("a", "n", "shop", 0, 1, request=1, labels={"team": "payments"})
    telemetry.pod("b", "n", "find", 0, 1, request=3, labels={"owner": " SEARCH "})
    telemetry.pod("k", "n", "kube-system", 0, 1, request=8)
    bill.add("16", 0, 1, "i-n", **HOURLY, **CPU_ONLY)

    frame = ledger(bill, telemetry, parse_ownership(OWNERSHIP))

    assert by(frame, "team") == {
        "payments": Decimal(1) + 2,
        "search": Decimal(3) + 6,
        "platform": Decimal(0),
        "__idle__": Decimal(4),
    }
    mart = cost.cost_daily_namespace(frame.lazy()).collect()
    assert by(mart, "namespace")["kube-system"] == 8
    teams = cost.cost_daily_team(frame.lazy()).collect()
    assert by(teams.with_columns(effective_cost="shared_cost"), "team")["search"] == 6


def test_dated_rules_and_fixed_splits(telemetry: Any, bill: Any, ledger: Any, by: Any) -> None:
    """A rule counts from its first day on; a fixed split is exact."""
    telemetry.node("n", 2, 0, [0])
    telemetry.pod("m", "n", "moved", 0, 1, request=1)
    telemetry.pod("s", "n", "both", 0, 1, request=1)
    bill.add("2", 0, 1, "i-n", **HOURLY, **CPU_ONLY)

    frame = ledger(bill, telemetry, parse_ownership(OWNERSHIP))

    assert by(frame, "rule_id") == {"new": Decimal(1), "half": Decimal(1), "": Decimal(0)}
    assert by(frame.filter(pl.col("rule_id") == "half"), "team") == {
        "payments": Decimal("0.6"),
        "search": Decimal("0.4"),
    }


def test_tags_outside_clusters(telemetry: Any, bill: Any, ledger: Any) -> None:
    """Aliases, invalid values, unknown teams and accounts each have their reason."""
    account = {"sub_account_id": "000000000001"}
    bill.add("1", resource="alias", tags={"user_Team": "Pay"})
    bill.add("1", resource="next-key", tags={"team": "none", "OWNER": "search"})
    bill.add("1", resource="account", tags={"team": "none"}, **account)
    bill.add("1", resource="unknown", tags={"team": "nobody"}, **account)
    bill.add("1", resource="bare")

    frame = ledger(bill, telemetry, parse_ownership(OWNERSHIP)).sort("workload")

    assert frame.select("workload", "team", "rule_id", "reason").rows() == [
        ("account", "platform", "acct", "line"),
        ("alias", "payments", "label", "line"),
        ("bare", "__unallocated__", "", "no_rule"),
        ("next-key", "search", "label", "line"),
        ("unknown", "__unallocated__", "label", "unknown_team"),
    ]


worlds = st.lists(
    st.tuples(
        st.integers(0, 2),  # node
        st.sampled_from(["shop", "find", "kube-system", "both"]),
        st.floats(0, 6),
        st.integers(0, 2),  # first hour
    ),
    max_size=6,
)
costs_of_lines = st.lists(
    st.tuples(st.integers(0, 3), st.decimals(-50, 900, places=10), st.sampled_from([1, 24, 48])),
    min_size=1,
    max_size=6,
)


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pods=worlds, lines=costs_of_lines)
def test_ledger_equals_bill_whatever_the_world(
    telemetry: Any, bill: Any, ledger: Any, pods: Any, lines: Any
) -> None:
    """Per line the ledger is the bill, and each row bears the sign of its line."""
    telemetry, bill = type(telemetry)(), type(bill)()
    for node in range(3):
        telemetry.node(str(node), 4, 16, [0, 1, 2])
    for number, (node, namespace, cores, start) in enumerate(pods):
        telemetry.pod(f"p{number}", str(node), namespace, start, start + 1, request=cores)
    for node, amount, hours in lines:
        bill.add(str(amount), 0, hours, f"i-{node}", **(HOURLY if hours == 1 else {}))

    frame = ledger(bill, telemetry, parse_ownership(OWNERSHIP))

    of_day = bill.of_day().collect()
    per_line = frame.group_by("x_line_hash").agg(pl.col("effective_cost", "billed_cost").sum())
    joined = of_day.join(per_line, on="x_line_hash", how="full", suffix="_ledger")
    assert (joined["effective_cost"] == joined["effective_cost_ledger"]).all()
    assert (joined["billed_cost"] == joined["billed_cost_ledger"]).all()
    signs = frame.join(of_day.select("x_line_hash", line="effective_cost"), on="x_line_hash")
    assert (signs["effective_cost"].cast(pl.Float64) * signs["line"].cast(pl.Float64) >= 0).all()


EVEN = OWNERSHIP.replace("split: proportional", "split: even")
"""A pool by direct cost looks at the whole bill of the day; the other rules look at a line."""


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pods=worlds, lines=costs_of_lines, seed=st.integers(0, 99), cut=st.integers(0, 6))
def test_order_and_partition_change_nothing(
    telemetry: Any, bill: Any, pods: Any, lines: Any, seed: int, cut: int
) -> None:
    """Rows in another order, and the bill in two parts: the same ledger, row for row."""
    telemetry, bill = type(telemetry)(), type(bill)()
    for node in range(3):
        telemetry.node(str(node), 4, 16, [0, 1, 2])
    for number, (node, namespace, cores, start) in enumerate(pods):
        telemetry.pod(f"p{number}", str(node), namespace, start, start + 1, request=cores)
    for node, amount, hours in lines:
        bill.add(str(amount), 0, hours, f"i-{node}", **(HOURLY if hours == 1 else {}))
    asked, used, nodes = bill.of_day().collect(), telemetry.usage(), telemetry.nodes()

    def explain(part: pl.DataFrame, seed: int) -> pl.DataFrame:
        mixed = [it.sample(fraction=1, shuffle=True, seed=seed) for it in (part, used, nodes)]
        one, two, three = (it.lazy() for it in mixed)
        rules, day = parse_ownership(EVEN), date(2026, 10, 1)
        now = datetime(2026, 10, 2, tzinfo=UTC)
        return allocation.ledger(one, two, three, rules, day=day, now=now).collect()

    whole = explain(asked, seed)

    assert explain(asked, seed + 1).equals(whole)
    parts = [explain(part, seed) for part in (asked[:cut], asked[cut:])]
    key = COST_LEDGER.key
    assert pl.concat(parts).sort(key, nulls_last=False).equals(whole)

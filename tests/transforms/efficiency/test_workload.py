"""What workloads asked for, used and cost, and how well they used it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.transforms.conftest import DAY, START, Telemetry
from tests.transforms.rows import rows as rows_of
from transforms.efficiency import workload
from transforms.ledger.allocation import ledger_with_parts
from transforms.ledger.evidence import weight_hourly
from transforms.owners.ownership import Ownership
from warehouse.tables.core import COST_LEDGER, NODE_HOURLY, USAGE_HOURLY
from warehouse.tables.evidence import WEIGHT_HOURLY
from warehouse.tables.mart_workload import CONTAINER_HOURLY, EFFICIENCY, WORKLOAD_DAILY

NOW = datetime(2026, 10, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
GIB = 2.0**30
WEB = {"cluster": "c", "namespace": "shop", "workload": "web"}
PARTS = {
    **dict.fromkeys(("cluster", "namespace", "workload", "currency"), pl.String()),
    "cpu_cost": pl.Decimal(38, 12),
    "gpu_cost": pl.Decimal(38, 12),
}


def daily(days: int, **facts: object) -> pl.LazyFrame:
    """Give a row of mart_workload_daily for so many days; each cost a dollar of CPU."""
    row = {**WORKLOAD_DAILY.sample(1).to_dicts()[0], "workload": "app"}
    row |= {"cpu_cost": Decimal(1), "memory_cost": Decimal(0), **facts}
    rows = [{**row, "charge_date": DAY + timedelta(days=n)} for n in range(days)]
    return pl.LazyFrame(rows, schema=WORKLOAD_DAILY.schema)


@pytest.mark.parametrize(("days", "first"), [(6, 2), (7, 1), (8, 1)])
def test_so_many_days_with_the_last_one(days: int, first: int) -> None:
    """Of seven days the last six begin on the second, the last seven on the first."""
    made = workload.last_days(daily(7), "charge_date", days).collect()

    assert made["charge_date"].min() == date(2026, 10, first)
    assert made["charge_date"].max() == date(2026, 10, 7)


def test_the_last_days_of_nothing() -> None:
    """Without rows there is no last day, and no rows."""
    assert workload.last_days(daily(0), "charge_date", 7).collect().is_empty()


def efficiency(**facts: object) -> dict[str, Any]:
    """Give mart_workload_efficiency of one day."""
    made = workload.workload_efficiency(daily(1, **facts), days=1).collect()
    return EFFICIENCY.check(made).row(0, named=True)


def test_a_workload_that_costs_nothing_has_no_efficiency() -> None:
    """The parts are weighted by cost: without any the sum is 0, not nothing by nothing."""
    row = efficiency(cpu_cost=Decimal(0), cpu_request_core_hours=1.0, cpu_usage_core_hours=1.0)

    assert (row["cpu_efficiency"], row["efficiency"]) == (1.0, 0.0)


def test_more_used_than_asked_for_leaves_nothing_unused() -> None:
    """Twice the request is an efficiency of 2; what was not used is nothing, not less."""
    row = efficiency(cpu_request_core_hours=1.0, cpu_usage_core_hours=2.0)

    assert row["cpu_efficiency"] == 2.0
    assert row["unused_cost"] == 0


def of_days(*days: dict[str, Any]) -> pl.LazyFrame:
    """Give mart_workload_daily of a workload in dollars."""
    plain = {**WEB, "currency": "USD"}
    return rows_of(WORKLOAD_DAILY, *({**plain, **day} for day in days)).lazy()


def of_day(
    ledger: list[dict[str, Any]],
    parts: list[tuple[str, str, str, str, str, str]] | None = None,
    nodes: list[dict[str, Any]] | None = None,
    weights: list[dict[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Give mart_workload_daily, checked."""
    paid = [(*one[:4], Decimal(one[4]), Decimal(one[5])) for one in parts or []]
    lines = [{**WEB, "line_kind": "node", "currency": "USD", **row} for row in ledger]
    made = workload.workload_daily(
        USAGE_HOURLY.empty().lazy(),
        rows_of(NODE_HOURLY, *(nodes or [])).lazy(),
        rows_of(WEIGHT_HOURLY, *(weights or [])).lazy(),
        rows_of(COST_LEDGER, *lines).lazy(),
        pl.LazyFrame(paid, schema=PARTS, orient="row"),
    )
    return WORKLOAD_DAILY.check(made.collect()).to_dicts()


def test_an_autoscaler_is_flagged(telemetry: Any) -> None:
    """A workload that an HPA names as target is flagged, another one is not."""
    hours = [float(n) for n in range(3)]
    telemetry.node("n", 4, 16, hours).pod("a", "n", "shop", 0, 2, request=1, use=[0.5, 0.5])
    telemetry.pod("b", "n", "shop", 0, 2, request=1, use=[0.5, 0.5])
    hpa = {"k8s.namespace.name": "shop", "k8s.hpa.name": "a-app"}
    telemetry.add("k8s.hpa.current_replicas", hpa)

    made = workload.container_hourly(telemetry.usage().lazy(), telemetry.series).collect()

    CONTAINER_HOURLY.check(made)
    flags = dict(made.select("workload", "is_autoscaled").unique().rows())
    assert flags == {"a-app": True, "b-app": False}


def test_kubecosts_efficiency() -> None:
    """CPU of $20 used to 25 %, memory of $1 used to 50 %: 5.5 / 21 = 26 %; $15.50 were not used."""
    day = {
        "cpu_cost": Decimal(20) / 8, "cpu_request_core_hours": 4.0, "cpu_usage_core_hours": 1.0,
        "memory_cost": Decimal(1) / 8, "memory_request_gib_hours": 2.0,
        "memory_usage_gib_hours": 1.0,
    }  # fmt: skip
    rows = of_days(*({**day, "charge_date": DAY + timedelta(days=n)} for n in range(8)))

    row = EFFICIENCY.check(workload.workload_efficiency(rows, days=14).collect()).to_dicts()[0]

    assert row["efficiency"] == pytest.approx(5.5 / 21)
    assert round(row["efficiency"], 2) == 0.26
    assert row["unused_cost"] == Decimal("15.5")


def test_no_request_is_efficient_and_nothing_is_not() -> None:
    """Use without a request is 1, neither is 0."""
    frame = pl.DataFrame({"u": [1.0, 0.0, 1.0], "r": [0.0, 0.0, 4.0]})

    got = frame.select(workload.efficiency("u", "r").alias("e"))

    assert got["e"].to_list() == [1.0, 0.0, 0.25]


def split(bill: Any, telemetry: Any) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Give the ledger, and what of it was for CPU and GPUs."""
    rows, parts = ledger_with_parts(
        bill.of_day(), telemetry.usage().lazy(), telemetry.nodes().lazy(), Ownership.default(),
        day=DAY, now=NOW,
    )  # fmt: skip
    return rows, parts


def test_costs_of_workloads_are_the_ledgers(telemetry: Any, bill: Any) -> None:
    """CPU and memory costs add up to the ledger, idle included; parts by 0.031611 : 0.004237."""
    hours = [float(n) for n in range(25)]
    telemetry.node("n", 4, 16, hours).pod("a", "n", "shop", 0, 23, request=1, use=[0.5] * 23)
    rows, parts = split(bill.add("2.400000000007", 0, 24, "i-n"), telemetry)
    used = telemetry.usage().lazy()

    made = workload.workload_daily(
        used, telemetry.nodes().lazy(), weight_hourly(used, "max"), rows, parts
    ).collect()

    WORKLOAD_DAILY.check(made)
    key = ["namespace", "workload"]
    got = made.select(*key, (pl.col("cpu_cost") + pl.col("memory_cost")).alias("cost"))
    want = rows.group_by(key).agg(pl.col("effective_cost").sum().alias("cost")).collect()
    assert_frame_equal(got.sort(key), want.sort(key), check_dtypes=False)
    idle = made.filter(pl.col("workload") == "__idle__").row(0, named=True)
    price = Decimal("0.031611") * Decimal(idle["cpu_alloc_core_hours"])
    memory = Decimal("0.004237") * Decimal(idle["memory_alloc_gib_hours"])
    part = price / (price + memory) * (idle["cpu_cost"] + idle["memory_cost"])
    assert abs(part - idle["cpu_cost"]) < Decimal("0.000001")


def test_a_workload_with_a_gpu_pays_for_it(telemetry: Any, bill: Any) -> None:
    """All of a node for an hour, a GPU too: 4 x 0.031611 : 16 x 0.004237 : 0.95 of $1.144236."""
    telemetry.node("n", 4, 16, [0, 1], gpus=1)
    telemetry.pod("a", "n", "shop", 0, 1, request=4, gib=16, gpus=1)
    rows, parts = split(bill.add("1.144236", 0, 1, "i-n"), telemetry)
    used = telemetry.usage().lazy()

    made = workload.workload_daily(
        used, telemetry.nodes().lazy(), weight_hourly(used, "max"), rows, parts
    ).collect()

    row = made.filter(pl.col("workload") == "a-app").row(0, named=True)
    assert row["gpu_alloc_gpu_hours"] == 1.0
    costs = (row["cpu_cost"], row["memory_cost"], row["gpu_cost"])
    want = (Decimal("0.126444"), Decimal("0.067792"), Decimal("0.95"))
    assert all(abs(a - b) < Decimal("0.00000001") for a, b in zip(costs, want, strict=True))
    assert sum(costs) == Decimal("1.144236")


def test_a_workload_is_the_team_s_that_bears_most_of_it() -> None:
    """7 of a and 3 of b: a, with 10; of 5 and 5 the first by name; a pool stands for its teams."""
    cost = {name: Decimal(name) for name in "3578"}
    ledger: list[dict[str, Any]] = [
        {"workload": "most", "team": "b", "effective_cost": cost["3"]},
        {"workload": "most", "team": "a", "effective_cost": cost["7"]},
        {"workload": "tie", "team": "b", "effective_cost": cost["5"]},
        {"workload": "tie", "team": "a", "effective_cost": cost["5"], "is_estimated": True},
        {"workload": "pool", "team": "a", "effective_cost": cost["8"], "pool": "mesh"},
        {"workload": "pool", "team": "b", "effective_cost": cost["7"], "pool": "mesh"},
    ]

    made = {row["workload"]: row for row in of_day(ledger)}

    assert {name: row["team"] for name, row in made.items()} == {
        "most": "a", "tie": "a", "pool": "__shared__/mesh",
    }  # fmt: skip
    assert [made[name]["memory_cost"] for name in ("most", "tie", "pool")] == [10, 10, 15]
    assert [made[name]["is_estimated"] for name in ("most", "tie")] == [False, True]


def test_only_what_nodes_cost_counts() -> None:
    """A volume's line, and hours that were not observed, are none of it; CPU and GPUs come apart.

    10 on nodes, of which 6 for CPU and 1 for GPUs: 3 for memory. Another currency is another row.
    """
    ledger: list[dict[str, Any]] = [
        {"effective_cost": Decimal(10)},
        {"effective_cost": Decimal(4), "line_kind": "volume"},
        {"effective_cost": Decimal(5), "reason": "no_telemetry"},
        {"effective_cost": Decimal(2), "currency": "EUR"},
    ]

    made = of_day(ledger, [("c", "shop", "web", "USD", "6", "1")])

    costs = [
        (row["currency"], row["cpu_cost"], row["gpu_cost"], row["memory_cost"]) for row in made
    ]
    assert costs == [("EUR", 0, 0, 2), ("USD", 6, 1, 3)]


def test_idle_is_what_was_left_hour_by_hour() -> None:
    """4 cores, 1 taken in the first hour and 6 in the second: 3 and 0 core-hours, never minus 2.

    16 GiB, 4 taken in the first hour: 12 and 16; no GPU.
    """
    node = {
        "cluster": "c", "node": "n", "run_seconds": 3600.0, "cpu_capacity_cores": 4.0,
        "memory_capacity_bytes": 16 * GIB,
    }  # fmt: skip
    core = 3600 * 10**6
    on_node = {**WEB, "node": "n"}
    weights: list[dict[str, Any]] = [
        {**on_node, "usage_hour": START, "cpu_weight": core, "memory_weight": 4 * 2**20 * 3600},
        {**on_node, "usage_hour": START + HOUR, "cpu_weight": 6 * core},
    ]
    nodes = [{**node, "usage_hour": START + n * HOUR} for n in range(2)]
    idle = {"namespace": "__idle__", "workload": "__idle__", "effective_cost": Decimal(1)}

    (row,) = of_day([idle], nodes=nodes, weights=weights)

    assert (row["cpu_alloc_core_hours"], row["memory_alloc_gib_hours"]) == (3.0, 28.0)
    assert row["gpu_alloc_gpu_hours"] == 0


def test_the_largest_replica_of_an_hour_counts() -> None:
    """One ran half the hour with 1 core-second a second, one all of it with half: 1 and 2 replicas.

    One that did not run is none.
    """
    base = {**WEB, "container": "main", "usage_hour": START}
    usage = rows_of(
        USAGE_HOURLY,
        {**base, "pod": "a", "run_seconds": 1800.0, "cpu_usage_core_seconds": 1800.0},
        {**base, "pod": "b", "run_seconds": 3600.0, "cpu_usage_core_seconds": 1800.0,
         "cpu_request_core_seconds": 7200.0},
        {**base, "pod": "c", "run_seconds": 0.0, "cpu_request_core_seconds": 9.0},
    )  # fmt: skip

    made = workload.container_hourly(usage.lazy(), Telemetry().series).collect()

    row = CONTAINER_HOURLY.check(made).row(0, named=True)
    assert (row["replica_count"], row["run_hours"]) == (2, 1.5)
    assert (row["cpu_peak_cores"], row["cpu_request_cores"]) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("metric", "resource", "labels", "is_scaled"),
    [
        ("k8s.hpa.max_replicas", {"k8s.namespace.name": "shop", "k8s.hpa.name": "x",
                                  "k8s.hpa.scaletargetref.name": "web"}, {}, True),
        ("k8s.hpa.max_replicas", {"k8s.namespace.name": "shop", "k8s.hpa.name": "web"}, {}, True),
        ("kube_horizontalpodautoscaler_spec_max_replicas", {},
         {"namespace": "shop", "horizontalpodautoscaler": "web"}, True),
        ("kube_horizontalpodautoscaler_spec_max_replicas", {},
         {"namespace": "monitoring", "exported_namespace": "shop", "scaletargetref_name": "web",
          "horizontalpodautoscaler": "x"}, True),
        ("k8s.hpa.max_replicas", {"k8s.namespace.name": "pay", "k8s.hpa.name": "web"}, {}, False),
        ("k8s.pod.phase", {"k8s.namespace.name": "shop", "k8s.hpa.name": "web"}, {}, False),
    ],
)  # fmt: skip
def test_an_autoscaler_names_its_target(
    metric: str, resource: dict[str, str], labels: dict[str, str], is_scaled: object
) -> None:
    """By target, else by its own name; of the same namespace, and of its own metrics alone."""
    series = Telemetry().add(metric, resource, labels=labels).series
    usage = rows_of(USAGE_HOURLY, {**WEB, "run_seconds": 3600.0})

    made = workload.container_hourly(usage.lazy(), series).collect()

    assert made["is_autoscaled"].to_list() == [is_scaled]


def test_the_last_days_are_those_of_the_table() -> None:
    """Two days back from the last with cost, whatever today is: the third is too old.

    Kind and team are those of the last day; idle has no efficiency.
    """
    days = [
        {"charge_date": DAY + timedelta(days=n), "cpu_cost": Decimal(n), "team": f"t{n}"}
        for n in (1, 2, 3)
    ]
    idle = {"charge_date": DAY, "workload": "__idle__", "cpu_cost": Decimal(9)}

    made = workload.workload_efficiency(of_days(*days, idle), days=2).collect()

    assert made.select("workload", "team", "cpu_cost", "first_day", "last_day").rows() == [
        ("web", "t3", Decimal(5), DAY + timedelta(days=2), DAY + timedelta(days=3))
    ]

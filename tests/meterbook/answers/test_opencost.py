"""OpenCost's shape: its names, its windows, and the ledger's sum."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterbook.answers import opencost
from meterbook.answers.opencost import Window, window_of
from meterbook.answers.opencost_parts import PARTS, by_part
from meterbook.base.errors import ConfigError
from meterbook.base.home import Home
from warehouse.store.snapshot import publish
from warehouse.store.store import Store
from warehouse.table import USD, Table
from warehouse.tables.core import COST_LEDGER
from warehouse.tables.core_usage import RECEIVED_DAILY, VOLUME_HOURLY
from warehouse.tables.evidence import TRAFFIC_HOURLY
from warehouse.tables.mart_workload import WORKLOAD_DAILY

WEDNESDAY = date(2026, 11, 25)
DAY = date(2026, 10, 5)
ROWS = (
    ("node", "", "shop", "cart", "pay", "", "workload", "3"),
    ("node", "", "shop", "cart", "find", "mesh", "pool_share", "1"),
    ("node", "", "__idle__", "__idle__", "__idle__", "", "idle", "4"),
    ("other", "", "-", "arn:db", "pay", "", "line", "10"),
    *(("other", "", name, name, name, "", "no_telemetry", "0.5") for name in ("__no_telemetry__",)),
)
MORE = (
    ("node", "", "train", "deep", "find", "", "workload", "10.000000000003"),
    ("volume", "shop/data", "shop", "cart", "pay", "", "workload", "0.700000000001"),
    ("volume", "shop/data", "__unmounted__", "shop/data", "__unmounted__", "", "unmounted", "0.2"),
    ("traffic", "internet", "shop", "cart", "pay", "", "workload", "0.9"),
    ("traffic", "cross_zone of n", "shop", "cart", "pay", "", "workload", "0.04"),
    ("balancer", "service shop/web", "shop", "cart", "pay", "", "workload", "0.3"),
    ("divided", "", "shop", "pod-1", "pay", "", "provider_split", "0.005"),
)


def rows(table: Table, given: list[dict[str, Any]]) -> pl.DataFrame:
    """Give sample rows with these facts."""
    blank = table.sample(1).to_dicts()[0]
    return pl.DataFrame([{**blank, **row} for row in given], schema=table.schema)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give a book of a day: $18.50, of them $4 of workload cart, 3 : 1 between CPU and memory."""
    return book(Home(tmp_path_factory.mktemp("few")), ROWS)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give the same with a GPU node, a volume, traffic, a balancer and a provider's split."""
    return book(Home(tmp_path_factory.mktemp("full")), (*ROWS, *MORE))


def book(home: Home, given: Sequence[tuple[str, ...]]) -> Home:
    """Give a published book of a day with these rows of the ledger."""
    ledger = [
        {
            "x_line_hash": str(number), "charge_date": DAY, "currency": "USD",
            "cluster": "-" if namespace == "-" else "c",
            "node": "n" if kind == "node" else "-", "line_kind": kind, "line_item": item,
            "namespace": namespace, "workload": workload, "team": team, "pool": pool,
            "reason": reason, "effective_cost": Decimal(cost),
        }
        for number, (kind, item, namespace, workload, team, pool, reason, cost) in enumerate(given)
    ]  # fmt: skip
    use = {
        "charge_date": DAY, "currency": "USD", "cluster": "c", "namespace": "shop",
        "workload": "cart", "workload_kind": "Deployment", "team": "pay",
        "cpu_request_core_hours": 48.0, "cpu_usage_core_hours": 12.0, "cpu_alloc_core_hours": 48.0,
        "memory_request_gib_hours": 24.0, "memory_usage_gib_hours": 24.0,
        "memory_alloc_gib_hours": 24.0, "cpu_cost": Decimal(3), "memory_cost": Decimal(1),
        "gpu_cost": Decimal(0), "gpu_alloc_gpu_hours": 0.0,
    }  # fmt: skip
    deep = use | {
        "namespace": "train", "workload": "deep", "team": "find", "cpu_cost": Decimal(1),
        "memory_cost": Decimal("1.000000000001"), "gpu_cost": Decimal("8.000000000002"),
        "gpu_alloc_gpu_hours": 12.0,
    }  # fmt: skip
    mount = {
        "usage_date": DAY, "cluster": "c", "namespace": "shop", "claim": "data", "workload": "cart",
        "usage_hour": datetime(2026, 10, 5, 3, tzinfo=UTC), "mounted_seconds": 3600.0,
        "capacity_bytes": 1000.0,
    }  # fmt: skip
    sent = {
        "usage_date": DAY, "cluster": "c", "namespace": "shop", "workload": "cart", "bytes": 77,
    }  # fmt: skip
    with Store(home.warehouse) as store:
        with store.change() as change:
            change.replace(COST_LEDGER, rows(COST_LEDGER, ledger))
            change.replace(WORKLOAD_DAILY, rows(WORKLOAD_DAILY, [use, deep]))
            change.replace(
                VOLUME_HOURLY, rows(VOLUME_HOURLY, [mount | {"pod": "a"}, mount | {"pod": "b"}])
            )
            change.replace(TRAFFIC_HOURLY, rows(TRAFFIC_HOURLY, [sent]))
            change.replace(RECEIVED_DAILY, rows(RECEIVED_DAILY, [sent | {"bytes": 5}]))
        publish(store, home.serving, now=datetime(2026, 11, 1, tzinfo=UTC), keep=3)
    return home


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("today", date(2026, 11, 25), date(2026, 11, 25)),
        ("yesterday", date(2026, 11, 24), date(2026, 11, 24)),
        ("week", date(2026, 11, 23), date(2026, 11, 25)),
        ("lastweek", date(2026, 11, 16), date(2026, 11, 22)),
        ("month", date(2026, 11, 1), date(2026, 11, 25)),
        ("lastmonth", date(2026, 10, 1), date(2026, 10, 31)),
        ("7d", date(2026, 11, 19), date(2026, 11, 25)),
        ("2026-10-01T00:00:00Z,2026-10-03T00:00:00Z", date(2026, 10, 1), date(2026, 10, 2)),
        ("1790812800,1790985600", date(2026, 10, 1), date(2026, 10, 2)),
    ],
)
def test_windows_are_opencosts(text: str, first: date, last: date) -> None:
    """Words, numbers of days, RFC 3339 and unix pairs; ends are exclusive."""
    assert window_of(text, WEDNESDAY) == Window(first, last)


@pytest.mark.parametrize("text", ["soon", "3h", "2026-10-01T05:00:00Z,2026-10-03T00:00:00Z", "0d"])
def test_other_windows_are_refused(text: str) -> None:
    """What cannot be answered by whole days is not answered."""
    with pytest.raises(ConfigError, match="--window"):
        window_of(text, WEDNESDAY)


def answer(home: Home, aggregate: str) -> dict[str, Any]:
    """Give the one set of the day, through JSON."""
    sets = opencost.allocations(home, Window(DAY, DAY), aggregate, by_day=False)
    document = json.loads(opencost.as_json(sets))
    assert document["code"] == 200
    found: dict[str, Any] = document["data"][0]
    return found


@pytest.mark.parametrize("aggregate", opencost.AGGREGATES)
def test_totals_are_the_ledger(home: Home, aggregate: str) -> None:
    """By every dimension the totals are $18.50, and each is the sum of its parts."""
    made = answer(home, aggregate)

    assert sum(one["totalCost"] for one in made.values()) == 18.5
    for one in made.values():
        parts = ("cpuCost", "ramCost", "externalCost", "sharedCost", "pvCost", "networkCost")
        assert sum(one[part] for part in parts) == pytest.approx(one["totalCost"])


COSTS = (
    *("cpuCost", "ramCost", "gpuCost", "pvCost", "networkCost", "loadBalancerCost"),
    *("externalCost", "sharedCost"),
)


@pytest.mark.parametrize("aggregate", opencost.AGGREGATES)
def test_costs_add_up_to_the_last_digit(full: Home, aggregate: str) -> None:
    """By every dimension: parts are the total, totals the ledger, as decimals of the JSON."""
    sets = opencost.allocations(full, Window(DAY, DAY), aggregate, by_day=False)

    (made,) = json.loads(opencost.as_json(sets), parse_float=Decimal)["data"]

    ledger = sum(Decimal(row[-1]) for row in (*ROWS, *MORE))
    assert sum(one["totalCost"] for one in made.values()) == ledger
    for one in made.values():
        assert sum(one[part] for part in COSTS) == one["totalCost"]


def test_what_is_attached_by_hand(full: Home) -> None:
    """GPUs take 8 of 10; a volume of 1000 bytes for an hour, its two pods alike; traffic, balancer.

    What no pod had of the volume stands apart; what the provider split is CPU unless it says else.
    """
    sets = opencost.allocations(full, Window(DAY, DAY), "namespace", by_day=False)
    made = json.loads(opencost.as_json(sets), parse_float=Decimal)["data"][0]
    shop, train = made["shop"], made["train"]

    assert (train["gpuCost"], train["gpuHours"]) == (Decimal("8.000000000002"), 12)
    assert train["cpuCost"] + train["ramCost"] == Decimal("2.000000000001")
    assert shop["cpuCost"] == Decimal("3.005")
    assert (shop["pvCost"], shop["pvByteHours"]) == (Decimal("0.700000000001"), 1000)
    assert shop["pvs"] == {"cluster=c:name=shop/data": {"cost": Decimal("0.700000000001")}}
    assert made["__unmounted__"]["pvCost"] == Decimal("0.2")
    names = ("networkCost", "networkInternetCost", "networkCrossZoneCost", "networkTransferBytes")
    assert [shop[name] for name in names] == [Decimal("0.94"), Decimal("0.9"), Decimal("0.04"), 77]
    assert shop["networkReceiveBytes"] == 5
    assert shop["loadBalancerCost"] == Decimal("0.3")
    assert shop["lbAllocations"] == {"cluster=c:name=service shop/web": {"cost": Decimal("0.3")}}


@given(
    costs=st.lists(st.decimals(-50, 50, places=12), min_size=1, max_size=5),
    cpu=st.decimals(-50, 50, places=12),
    gpu=st.decimals(0, 50, places=12),
)
def test_a_workloads_parts_are_shared_without_loss(
    costs: list[Decimal], cpu: Decimal, gpu: Decimal
) -> None:
    """Whoever shares a workload: CPU and GPUs add up to its own, each row to its cost."""
    rows = pl.DataFrame(
        [
            {
                "charge_date": DAY, "cluster": "c", "namespace": "shop", "workload": "w",
                "currency": "USD", "team": f"t{number}", "pool": "", "line_kind": "node",
                "line_item": "", "meter": "", "workload_kind": "", "cost": cost, "cpu": cpu,
                "gpu": gpu,
            }
            for number, cost in enumerate(costs)
        ],
        schema_overrides=dict.fromkeys(("cost", "cpu", "gpu"), USD),
    )  # fmt: skip

    made = by_part(rows)

    assert (made["cpu"].sum(), made["gpu"].sum()) == (cpu, gpu)
    parts = made.select(pl.sum_horizontal(PARTS).cast(USD).alias("sum"), "cost")
    assert parts["sum"].equals(parts["cost"], check_names=False)


def test_csv_has_the_parts_exactly(full: Home) -> None:
    """Each of the export's cost columns is the ledger's, and the amounts stand beside them."""
    read = list(csv.DictReader(io.StringIO(opencost.as_csv(full, Window(DAY, DAY)))))
    cart = next(row for row in read if row["ControllerName"] == "cart")

    costs = {name: Decimal(cart[name]) for name in ("PVCost", "NetworkCost", "GPUCost")}
    assert costs == {
        "PVCost": Decimal("0.700000000001"), "NetworkCost": Decimal("0.94"), "GPUCost": 0,
    }  # fmt: skip
    assert cart["NetworkReceiveBytes"] == "5.0"
    assert (cart["NetworkTransferBytes"], float(cart["PVBytes"])) == ("77.0", 1000 / 24)
    assert sum(Decimal(row["GPUCost"]) for row in read) == Decimal("8.000000000002")
    total = sum(Decimal(row[-1]) for row in (*ROWS, *MORE))
    assert sum(Decimal(row["TotalCost"]) for row in read) == total


def test_a_namespace_by_hand(home: Home) -> None:
    """Shop: $4 before pools, 3 : 1; 12 of 48 core hours used, all memory: (3/4 + 1) / 4."""
    made = answer(home, "namespace")
    shop = made["shop"]

    assert set(made) == {"shop", "__idle__", "__external__", "__no_telemetry__"}
    assert (shop["cpuCost"], shop["ramCost"], shop["totalCost"]) == (3.0, 1.0, 4.0)
    assert (shop["cpuCores"], shop["cpuCoreUsageAverage"], shop["minutes"]) == (2.0, 0.5, 1440.0)
    assert shop["ramBytes"] == 2**30
    assert shop["totalEfficiency"] == pytest.approx((3 * 0.25 + 1) / 4)
    assert shop["properties"]["controllerKind"] == "Deployment"
    assert shop["start"] == "2026-10-05T00:00:00Z"
    assert made["__external__"]["externalCost"] == 10.0


def test_a_team_by_hand(home: Home) -> None:
    """A part of a pool is sharedCost; a database outside clusters externalCost."""
    made = answer(home, "team")

    assert made["find"]["sharedCost"] == 1.0
    assert (made["pay"]["externalCost"], made["pay"]["totalCost"]) == (10.0, 13.0)


def test_csv_has_opencosts_columns(home: Home) -> None:
    """The columns of OpenCost's export; totals are the ledger's, exactly."""
    read = list(csv.DictReader(io.StringIO(opencost.as_csv(home, Window(DAY, DAY)))))

    assert tuple(read[0]) == opencost.COLUMNS
    assert sum(Decimal(row["TotalCost"]) for row in read) == Decimal("18.5")
    cart = next(row for row in read if row["ControllerName"] == "cart")
    assert (cart["ControllerKind"], cart["CPUCoreRequestAverage"]) == ("Deployment", "2.0")

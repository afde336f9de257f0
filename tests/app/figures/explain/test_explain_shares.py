"""The shares of a line, by hand: what each took and of how much, for every kind of line."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from app.figures.explain.explain_shares import shares
from app.kit.choices import first_look
from app.kit.figure import Figure, figure
from app.kit.reader import Reader
from meterbook.base.home import Home
from warehouse.store.snapshot import current, publish
from warehouse.store.store import Store
from warehouse.table import Table
from warehouse.tables.core import COST_LEDGER, NODE_HOURLY
from warehouse.tables.core_usage import BALANCER_HOURLY, VOLUME_HOURLY
from warehouse.tables.evidence import TRAFFIC_HOURLY, WEIGHT_HOURLY

DAY = date(2026, 11, 20)
HOUR = datetime(2026, 11, 20, 5, tzinfo=UTC)
LINES = {
    "node": ("", HOUR),
    "volume": ("shop/data", HOUR),
    "traffic": ("internet of n", HOUR),
    "balancer": ("service shop/web", None),
    "divided": ("", HOUR),
    "other": ("", None),
}
AT: dict[str, Any] = {"usage_date": DAY, "usage_hour": HOUR, "cluster": "c", "namespace": "shop"}


def rows(table: Table, given: list[dict[str, Any]]) -> pl.DataFrame:
    """Give sample rows with these facts."""
    blank = table.sample(1).to_dicts()[0]
    return pl.DataFrame([{**blank, **row} for row in given], schema=table.schema)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Give a snapshot of a day: a line of each kind, shared by the workloads a and b."""
    home = Home(tmp_path_factory.mktemp("shares"))
    ledger = [
        {
            "x_line_hash": kind, "charge_date": DAY, "charge_hour": hour, "cluster": "c",
            "node": "n" if kind == "node" else "-", "namespace": "shop", "workload": name,
            "team": name, "pool": "", "rule_id": "r", "reason": "workload", "currency": "USD",
            "effective_cost": Decimal(cost), "line_kind": kind, "line_item": item,
        }
        for kind, (item, hour) in LINES.items()
        for name, cost in (("a", "0.75"), ("b", "0.25"))
    ]  # fmt: skip
    on_node = AT | {"node": "n"}
    weights = [
        on_node | {"workload": name, "cpu_weight": cores * 3600 * 10**6,
                   "memory_weight": 2**20 * 3600, "gpu_weight": gpus * 3600 * 10**6}
        for name, cores, gpus in (("a", 3, 1), ("b", 1, 0))
    ]  # fmt: skip
    node = on_node | {
        "run_seconds": 3600.0, "cpu_capacity_cores": 8.0, "gpu_capacity_count": 2.0,
        "memory_capacity_bytes": 2.0**34,
    }  # fmt: skip
    mounts = [
        AT | {"claim": "data", "workload": name, "pod": name, "mounted_seconds": seconds}
        for name, seconds in (("a", 2700.0), ("b", 900.0))
    ]
    sent = [
        on_node | {"workload": name, "class": kind, "bytes": count}
        for name, kind, count in (
            ("a", "internet", 3 * 10**9), ("b", "internet", 10**9), ("b", "internal", 10**12),
        )
    ]  # fmt: skip
    behind = [
        AT | {"kind": "service", "balancer": "shop/web", "workload": name, "pod": name,
              "overlap_seconds": seconds}
        for name, seconds in (("a", 2700.0), ("b", 900.0))
    ]  # fmt: skip
    made = {
        COST_LEDGER: ledger, WEIGHT_HOURLY: weights, NODE_HOURLY: [node], VOLUME_HOURLY: mounts,
        TRAFFIC_HOURLY: sent, BALANCER_HOURLY: behind,
    }  # fmt: skip
    with Store(home.warehouse) as store:
        with store.change() as change:
            for table, given in made.items():
                change.replace(table, rows(table, given))
        publish(store, home.serving, now=HOUR, keep=1)
    return Reader(current(home.serving))


def shown(reader: Reader, kind: str) -> Figure:
    """Give the figure of the line of a kind."""
    return figure(shares, reader, first_look(reader), DAY.isoformat(), kind)


@pytest.mark.parametrize(
    ("kind", "own", "room"),
    [("volume", (0.75, 0.25), 1.0), ("traffic", (3.0, 1.0), 4.0), ("balancer", (0.75, 0.25), 1.0)],
)
def test_what_is_attached_shows_who_took_how_much(
    reader: Reader, kind: str, own: tuple[float, float], room: float
) -> None:
    """Three quarters and one: of the hours mounted, of the gigabytes to the internet, of time."""
    made = shown(reader, kind)

    assert made.data.select("workload", "own", "room").rows() == [
        ("a", own[0], room),
        ("b", own[1], room),
    ]
    assert [column.name for column in made.shown if column.name in {"own", "room"}] == [
        *("own", "room")
    ]


def test_a_node_shows_cpu_memory_and_gpus(reader: Reader) -> None:
    """3 and 1 of 8 core hours, 1 of 16 GiB hours each, 1 and no GPU hour of 2."""
    made = shown(reader, "node")

    names = ("cpu_core_hours", "cpu_room_core_hours", "memory_gib_hours", "memory_room_gib_hours")
    assert made.data.select(*names, "gpu_hours", "gpu_room_hours").rows() == [
        (3.0, 8.0, 1.0, 16.0, 1.0, 2.0),
        (1.0, 8.0, 1.0, 16.0, None, 2.0),
    ]


@pytest.mark.parametrize("kind", LINES)
def test_the_sql_gives_the_rows_and_they_add_up(reader: Reader, kind: str) -> None:
    """Whatever a line pays for: its rows are its dollar, and the text shown gives them again."""
    made = shown(reader, kind)

    assert made.data["cost"].sum() == 1
    assert reader.ask(made.sql).frame.equals(made.data)
    assert "USD are shared in 2 rows; a bears most" in made.finding

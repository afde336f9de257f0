"""Rightsizing, by worked examples and by hand."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from transforms.efficiency import rightsizing
from warehouse.tables.mart_workload import (
    CONTAINER_HOURLY,
    RIGHTSIZING,
    WORKLOAD_DAILY,
)

DAY = date(2026, 10, 1)
NOW = datetime(2026, 10, 2, tzinfo=UTC)
GIB = 2.0**30
MIB = 2.0**20


def daily(**facts: object) -> pl.LazyFrame:
    """Give a row of mart_workload_daily for each of 8 days."""
    row = {**WORKLOAD_DAILY.sample(1).to_dicts()[0], "workload": "app", **facts}
    rows = [{**row, "charge_date": DAY + timedelta(days=n)} for n in range(8)]
    return pl.LazyFrame(rows, schema=WORKLOAD_DAILY.schema)


def hourly(days: int, **facts: object) -> pl.LazyFrame:
    """Give 24 hours a day: 0.2 cores and 300 MiB, and 0.8 cores in one hour of each day."""
    row = {**CONTAINER_HOURLY.sample(1).to_dicts()[0], "workload": "app", **facts}
    start = datetime(2026, 10, 1, tzinfo=UTC)
    rows = [
        {
            **row,
            "cpu_request_cores": 2.0,
            "memory_request_bytes": GIB,
            "memory_peak_bytes": 300 * MIB,
            "run_hours": 1.0,
            "replica_count": 1,
            "usage_hour": start + timedelta(hours=n),
            "usage_date": (start + timedelta(hours=n)).date(),
            "cpu_peak_cores": 0.8 if n % 24 == 0 else 0.2,
            **facts,
        }
        for n in range(24 * days)
    ]
    return pl.LazyFrame(rows, schema=CONTAINER_HOURLY.schema)


def test_worked_example_of_three_tools(case: Any) -> None:
    """KRR's and Kubecost's example: p95 640 m and 300 MiB; 800 m / 0.7."""
    example = case("allocation", "c29")
    pods = example["input"]["replicas"]
    facts = pl.LazyFrame(
        {
            "cpu_p95_cores": [max(example["input"]["cpu_p95_m"].values()) / 1000],
            "cpu_max_cores": [max(pod["cpu_peak_m"] for pod in pods) / 1000],
            "memory_max_bytes": [max(pod["mem_peak_mib"] for pod in pods) * MIB],
        }
    )

    rows = {row["profile"]: row for row in rightsizing.wanted(facts).collect().to_dicts()}

    for profile, name in (("lean", "krr_simple_p95_mem15"), ("safe", "kubecost_max_target_0.7")):
        want = example["expected"][name]
        assert rows[profile]["cpu_wanted_cores"] * 1000 == pytest.approx(float(want["cpu_m"]))
        assert rows[profile]["memory_wanted_bytes"] / MIB == pytest.approx(float(want["mem_mib"]))
    floors = example["expected"]["floors"]
    assert rightsizing.CPU_FLOOR * 1000 == floors["krr_cpu_min_m"] == floors["kubecost_cpu_min_m"]
    assert rightsizing.MEMORY_FLOORS["lean"] == floors["krr_mem_min_mb"] * 10**6
    assert rightsizing.MEMORY_FLOORS["safe"] == floors["kubecost_mem_min_mib"] * MIB


def sized(days: int, **facts: object) -> dict[str, dict[str, Any]]:
    """Give the recommendation per profile; the workload paid $1 a core hour, $0.5 a GiB hour."""
    paid = daily(
        cluster="name-0", namespace="name-0",
        cpu_cost=Decimal(48), cpu_alloc_core_hours=48.0,
        memory_cost=Decimal(12), memory_alloc_gib_hours=24.0,
    )  # fmt: skip
    made = rightsizing.rightsizing(
        hourly(days, **facts), paid, days=14, minimum_days=7, minimum_points=100
    ).collect()
    return {row["profile"]: row for row in RIGHTSIZING.check(made).to_dicts()}


def test_requests_are_rounded_up_and_priced() -> None:
    """One hour of 24 is above p95; so lean wants 0.2 cores, safe 0.8 / 0.7 up to 1.15.

    Memory 300 MiB * 1.15 = 345, up to 352 MiB. Saved a month: 1.8 cores * 720 h * $1 and
    (1 - 352/1024) GiB * 720 h * $0.5.
    """
    rows = sized(8)

    assert rows["lean"]["cpu_wanted_cores"] == pytest.approx(0.2)
    assert rows["balanced"]["cpu_wanted_cores"] == pytest.approx(0.23)
    assert rows["safe"]["cpu_wanted_cores"] == pytest.approx(1.15)
    assert rows["lean"]["memory_wanted_bytes"] == 352 * MIB
    want = Decimal(1296) + Decimal(672) / 1024 * 360
    assert abs(rows["lean"]["saved_cost"] - want) < Decimal("0.0001")


def test_floors_hold() -> None:
    """What does nothing wants 10 millicores, and 100 MB in whole 16 MiB: 96; safe 20 MiB: 32."""
    row = sized(8, cpu_peak_cores=0.0, memory_peak_bytes=MIB)

    assert row["lean"]["cpu_wanted_cores"] == 0.01
    assert row["lean"]["memory_wanted_bytes"] == 96 * MIB
    assert row["safe"]["memory_wanted_bytes"] == 32 * MIB


def test_too_little_history_recommends_nothing() -> None:
    """Six days are less than seven: nothing wanted, nothing saved, and it says so."""
    row = sized(6)["balanced"]

    assert row["state"] == "too_little_history"
    assert row["cpu_wanted_cores"] is None
    assert row["saved_cost"] is None


def lean_cores(peaks: list[float]) -> float | None:
    """Give what `lean` wants of a container with these peaks, one an hour."""
    seen = hourly(2, cluster="name-0", namespace="name-0").head(len(peaks))
    seen = seen.with_columns(cpu_peak_cores=pl.lit(pl.Series(peaks)))
    paid = daily(cluster="name-0", namespace="name-0")
    made = rightsizing.rightsizing(seen, paid, days=14, minimum_days=1, minimum_points=1)
    return made.filter(pl.col("profile") == "lean").collect()["cpu_wanted_cores"].item()


@pytest.mark.parametrize(("count", "place"), [(20, 20), (21, 20), (22, 21), (40, 39), (41, 39)])
def test_the_percentile_is_a_peak_that_was_seen(count: int, place: int) -> None:
    """Of n peaks in order the one at 1 + 0.95 * (n - 1), rounded up: no mean of two neighbours.

    Of 21 it is the 20th and of 41 the 39th exactly; of 20 it is 19.05 and so the 20th.
    """
    peaks = [number / 10 for number in range(1, count + 1)]

    assert lean_cores(peaks[::-1]) == pytest.approx(place / 10)


@pytest.mark.parametrize(
    ("minimum_days", "minimum_points", "state"),
    [
        (8, 192, "ready"),
        (9, 192, "too_little_history"),
        (8, 193, "too_little_history"),
    ],
)
def test_as_much_history_as_asked_for_is_enough(
    minimum_days: int, minimum_points: int, state: str
) -> None:
    """Eight days of 24 points are 192: one more of either is not there."""
    made = rightsizing.rightsizing(
        hourly(8), daily(cluster="name-0", namespace="name-0"), days=14,
        minimum_days=minimum_days, minimum_points=minimum_points,
    )  # fmt: skip

    assert set(made.collect()["state"]) == {state}


def test_a_point_is_a_replica_in_an_hour() -> None:
    """Three replicas for 24 hours are 72 points."""
    made = rightsizing.rightsizing(
        hourly(1, replica_count=3), daily(cluster="name-0", namespace="name-0"), days=14,
        minimum_days=1, minimum_points=72,
    )  # fmt: skip

    assert set(made.collect()["state"]) == {"ready"}


def test_what_stands_on_a_step_is_not_rounded_up() -> None:
    """0.2 cores are 20 steps of 10 millicores, 0.201 are 21; 320 MiB / 1.15 wants 320 MiB."""
    row = sized(8, cpu_peak_cores=0.2, memory_peak_bytes=320 * MIB / 1.15)["lean"]

    assert row["cpu_wanted_cores"] == pytest.approx(0.2)
    assert row["memory_wanted_bytes"] == 320 * MIB
    assert lean_cores([0.201]) == pytest.approx(0.21)


def test_nothing_is_saved_where_nothing_was_asked_for() -> None:
    """Without a request there is nothing to give back; with just what is wanted, neither."""
    without = sized(8, cpu_request_cores=0.0, memory_request_bytes=0.0)["lean"]
    just = sized(8, cpu_request_cores=0.2, memory_request_bytes=352 * MIB)["lean"]

    assert without["saved_cost"] == 0
    assert abs(just["saved_cost"]) < Decimal("0.000001")


def test_more_is_wanted_than_asked_for() -> None:
    """A request of 0.1 cores where 0.2 are needed costs $72 a month more: 0.1 * 720 h * $1."""
    row = sized(8, cpu_request_cores=0.1, memory_request_bytes=352 * MIB)["lean"]

    assert abs(row["saved_cost"] + 72) < Decimal("0.000001")


def test_the_latest_request_counts() -> None:
    """A request that was cut to 0.5 cores in the last hour is the one that is compared."""
    seen = hourly(8).with_columns(
        pl.when(pl.col("usage_hour") == pl.col("usage_hour").max())
        .then(0.5)
        .otherwise("cpu_request_cores")
        .alias("cpu_request_cores")
    )

    made = rightsizing.rightsizing(
        seen.reverse(), daily(cluster="name-0", namespace="name-0"), days=14, minimum_days=7,
        minimum_points=100,
    )  # fmt: skip

    assert set(made.collect()["cpu_request_cores"]) == {0.5}

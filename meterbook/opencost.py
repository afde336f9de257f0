"""Costs in the shape of OpenCost's `/allocation`, so that scripts written for it go on working.

Reads    core_cost_ledger, mart_workload_daily of the current snapshot
Gives    JSON `{code, data: [{name: allocation}]}`, or CSV with the columns of OpenCost's export
Units    costs as numbers in the ledger's currency, like OpenCost's; core hours, byte hours, minutes
Holds    the totalCost of all allocations are the ledger's cost of the window

What runs on nodes is in cpuCost and ramCost; a team's part of shared pools is its sharedCost; lines
outside clusters are externalCost, under `__external__` unless summed by team. What was billed in
hours without telemetry keeps its own name, `__no_telemetry__`: it is neither idle nor unallocated.
"""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import polars as pl

from meterbook.errors import ConfigError, Finding
from meterbook.period import month_of
from meterbook.settings import Settings
from warehouse.snapshot import current, open_snapshot

AGGREGATES: Final = {
    "cluster": "cluster",
    "namespace": "namespace",
    "controller": "workload",
    "controllerKind": "workload_kind",
    "team": "team",
}
GIB: Final = 2**30
MINUTES_OF_DAY: Final = 1440

SQL: Final = """
WITH cost AS (
  SELECT charge_date, cluster, namespace, workload, team, pool, reason, node, currency,
         sum(effective_cost) AS cost
  FROM core_cost_ledger
  WHERE charge_date BETWEEN $first AND $last GROUP BY ALL
)
SELECT c.charge_date, c.cluster, c.namespace, c.workload, coalesce(w.workload_kind, '') AS
         workload_kind, c.team, c.pool, c.currency, c.node <> '-' AS on_node,
       c.namespace = '-' AS is_external, sum(c.cost) AS cost,
       any_value(w.cpu_cost::DOUBLE / nullif(w.cpu_cost + w.memory_cost, 0)::DOUBLE) AS cpu_part
FROM cost c LEFT JOIN mart_workload_daily w USING (charge_date, cluster, namespace, workload,
                                                   currency)
GROUP BY ALL ORDER BY ALL
"""
USE: Final = """
SELECT charge_date, cluster, namespace, workload, workload_kind, team, currency,
       cpu_request_core_hours, cpu_usage_core_hours, cpu_alloc_core_hours,
       memory_request_gib_hours, memory_usage_gib_hours, memory_alloc_gib_hours
FROM mart_workload_daily WHERE charge_date BETWEEN $first AND $last ORDER BY ALL
"""
COLUMNS: Final = (
    "Date", "Namespace", "ControllerKind", "ControllerName", "Pod", "Container",
    "CPUCoreUsageAverage", "CPUCoreRequestAverage", "RAMBytesUsageAverage",
    "RAMBytesRequestAverage", "NetworkReceiveBytes", "NetworkTransferBytes", "GPUs", "PVBytes",
    "CPUCost", "RAMCost", "NetworkCost", "PVCost", "GPUCost", "TotalCost",
)  # fmt: skip
ZERO: Final = (
    "cpuCostAdjustment", "gpuHours", "gpuCost", "gpuCostAdjustment", "networkTransferBytes",
    "networkReceiveBytes", "networkCost", "networkCrossZoneCost", "networkCrossRegionCost",
    "networkInternetCost", "networkCostAdjustment", "loadBalancerCost",
    "loadBalancerCostAdjustment", "pvBytes", "pvByteHours", "pvCost", "pvCostAdjustment",
    "ramCostAdjustment",
)  # fmt: skip


@dataclass(frozen=True)
class Window:
    """First and last day, inclusive."""

    first: date
    last: date

    @property
    def start(self) -> str:
        """Give the start as OpenCost writes it."""
        return f"{self.first}T00:00:00Z"

    @property
    def end(self) -> str:
        """Give the end, exclusive."""
        return f"{self.last + timedelta(days=1)}T00:00:00Z"

    @property
    def days(self) -> int:
        """Give the number of days."""
        return (self.last - self.first).days + 1


def window_of(text: str, today: date) -> Window:
    """Read a window: a word, `7d`, or two days or instants at midnight. Errors: ConfigError."""
    yesterday, monday = today - timedelta(days=1), today - timedelta(days=today.weekday())
    month = today.replace(day=1)
    before = month - timedelta(days=1)
    words = {
        "today": (today, today),
        "yesterday": (yesterday, yesterday),
        "week": (monday, today),
        "lastweek": (monday - timedelta(days=7), monday - timedelta(days=1)),
        "month": (month, today),
        "lastmonth": month_of(f"{before:%Y-%m}", "--window"),
    }
    if text in words:
        return Window(*words[text])
    if match := re.fullmatch(r"([1-9]\d{0,3})([dw])", text):
        days = int(match[1]) * (7 if match[2] == "w" else 1)
        return Window(today - timedelta(days=days - 1), today)
    return _pair(text)


def _pair(text: str) -> Window:
    wanted = "want today, yesterday, week, lastweek, month, lastmonth, 7d, 2w or start,end"
    try:
        start, end = (_instant(part) for part in text.split(","))
    except ValueError:
        raise ConfigError([Finding("--window", f"'{text}' is no window; {wanted}")]) from None
    if {start.time(), end.time()} != {time()} or start >= end:
        raise ConfigError([
            Finding("--window", f"'{text}': want whole UTC days, start before the exclusive end")
        ])  # fmt: skip
    return Window(start.date(), (end - timedelta(days=1)).date())


def _instant(text: str) -> datetime:
    if text.strip().isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def allocations(
    settings: Settings, window: Window, aggregate: str, *, by_day: bool
) -> Sequence[tuple[Window, Mapping[str, dict[str, Any]]]]:
    """Give one set of allocations per window, by name. Errors: ConfigError for two currencies."""
    costs, use = _read(settings, window)
    steps = [window]
    if by_day:
        days = (window.first + timedelta(days=n) for n in range(window.days))
        steps = [Window(day, day) for day in days]
    made = []
    for step in steps:
        inside = pl.col("charge_date").is_between(step.first, step.last)
        made.append((step, _set(costs.filter(inside), use.filter(inside), step, aggregate)))
    return made


def _read(settings: Settings, window: Window) -> tuple[pl.DataFrame, pl.DataFrame]:
    params = {"first": window.first, "last": window.last}
    with closing(open_snapshot(current(settings.serving))) as con:
        costs, use = (con.cursor().sql(sql, params=params).pl() for sql in (SQL, USE))
    currencies = costs["currency"].unique().sort().to_list()
    if len(currencies) > 1:
        text = f"{' and '.join(currencies)} cannot be added; `meterbook statement` keeps them apart"
        raise ConfigError([Finding("--window", text)])
    part = pl.when("on_node").then(pl.col("cpu_part").fill_null(1.0)).otherwise(0.0)
    own = pl.when((pl.col("pool") == "") & ~pl.col("is_external")).then("cost").otherwise(0)
    money = pl.Decimal(38, 12)
    return costs.with_columns(
        (own.cast(pl.Float64) * part).cast(money).alias("cpu"), own.cast(money).alias("own")
    ), use


def _names(frame: pl.DataFrame, aggregate: str) -> pl.DataFrame:
    """Name each row; buckets keep their names, and what lies outside clusters has one."""
    name = pl.col(AGGREGATES[aggregate])
    bucket = pl.col("namespace").str.starts_with("__")
    by_place = pl.when(bucket).then("namespace").when(name == "").then(pl.lit("__unallocated__"))
    named = name if aggregate == "team" else by_place.otherwise(name)
    if "is_external" in frame.columns and aggregate != "team":
        named = pl.when("is_external").then(pl.lit("__external__")).otherwise(named)
    return frame.with_columns(named.alias("name"))


def _set(
    costs: pl.DataFrame, use: pl.DataFrame, window: Window, aggregate: str
) -> dict[str, dict[str, Any]]:
    is_pool = pl.col("pool") != ""
    is_shared = is_pool if aggregate == "team" else pl.lit(value=False)
    own = pl.when(is_pool).then("cost").otherwise("own") if aggregate != "team" else pl.col("own")
    ready = _names(costs, aggregate).with_columns(
        pl.when(is_pool & (aggregate != "team") & pl.col("on_node"))
        .then((pl.col("cost").cast(pl.Float64) * pl.col("cpu_part").fill_null(1.0)).cast(
            pl.Decimal(38, 12)
        ))
        .otherwise("cpu")
        .alias("cpu"),
        pl.when(is_shared).then("cost").otherwise(0).alias("shared"),
        pl.when(pl.col("is_external")).then(0).otherwise(own).alias("own"),
    )  # fmt: skip
    sums = ready.group_by("name").agg(
        pl.col("cpu", "own", "shared", "cost").sum(),
        *(pl.col(name).unique().alias(name) for name in ("cluster", "namespace", "workload",
                                                         "workload_kind", "team")),
    )  # fmt: skip
    numbers = [name for name in use.columns if name.endswith("_hours")]
    used = _names(use, aggregate).group_by("name").agg(pl.col(numbers).sum())
    rows = sums.join(used, on="name", how="left", validate="1:1").sort("name")
    return {row["name"]: _allocation(row, window) for row in rows.to_dicts()}


def _allocation(row: Mapping[str, Any], window: Window) -> dict[str, Any]:
    """Give one allocation; averages are over the window, as OpenCost's are over its minutes."""
    hours = window.days * 24
    cpu, ram = row["cpu"], row["own"] - row["cpu"]
    external = row["cost"] - row["own"] - row["shared"]
    core = {kind: row[f"cpu_{kind}_core_hours"] or 0.0 for kind in ("request", "usage", "alloc")}
    byte = {
        kind: (row[f"memory_{kind}_gib_hours"] or 0.0) * GIB
        for kind in ("request", "usage", "alloc")
    }
    cpu_efficiency, ram_efficiency = _efficiency(core), _efficiency(byte)
    both = float(cpu) * cpu_efficiency + float(ram) * ram_efficiency
    whole = float(cpu + ram)
    return {
        "name": row["name"],
        "properties": _properties(row),
        "window": {"start": window.start, "end": window.end},
        "start": window.start,
        "end": window.end,
        "minutes": float(window.days * MINUTES_OF_DAY),
        "cpuCores": core["alloc"] / hours,
        "cpuCoreRequestAverage": core["request"] / hours,
        "cpuCoreUsageAverage": core["usage"] / hours,
        "cpuCoreHours": core["alloc"],
        "cpuCost": float(cpu),
        "cpuEfficiency": cpu_efficiency,
        "gpuCount": 0.0,
        **dict.fromkeys(ZERO, 0.0),
        "pvs": None,
        "ramBytes": byte["alloc"] / hours,
        "ramByteRequestAverage": byte["request"] / hours,
        "ramByteUsageAverage": byte["usage"] / hours,
        "ramByteHours": byte["alloc"],
        "ramCost": float(ram),
        "ramEfficiency": ram_efficiency,
        "externalCost": float(external),
        "sharedCost": float(row["shared"]),
        "totalCost": float(row["cost"]),
        "totalEfficiency": both / whole if whole else 0.0,
        "rawAllocationOnly": None,
        "lbAllocations": None,
    }


def _efficiency(amount: Mapping[str, float]) -> float:
    if amount["request"]:
        return amount["usage"] / amount["request"]
    return 1.0 if amount["usage"] else 0.0


def _properties(row: Mapping[str, Any]) -> dict[str, str]:
    """Give the properties that all rows of an allocation share."""
    names = {"cluster": "cluster", "namespace": "namespace", "workload": "controller",
             "workload_kind": "controllerKind", "team": "team"}  # fmt: skip
    return {
        name: row[column][0]
        for column, name in names.items()
        if len(row[column]) == 1 and row[column][0] not in {"", "-"}
    }


def as_json(sets: Sequence[tuple[Window, Mapping[str, dict[str, Any]]]]) -> str:
    """Write the answer of `/allocation`."""
    return json.dumps({"code": 200, "data": [by_name for _, by_name in sets]}, indent=1)


def as_csv(settings: Settings, window: Window) -> str:
    """Write OpenCost's export: a row per day and controller, not per pod."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    costs, use = _read(settings, window)
    key = ["charge_date", "namespace", "workload_kind", "workload"]
    on_node = pl.col("on_node").cast(pl.Int8)
    sums = costs.group_by(key).agg(
        pl.col("cost").sum(),
        (pl.col("cost").cast(pl.Float64) * pl.col("cpu_part").fill_null(1.0) * on_node)
        .sum()
        .alias("cpu"),
        (pl.col("cost").cast(pl.Float64) * on_node).sum().alias("on_node"),
    )
    numbers = [name for name in use.columns if name.endswith("_hours")]
    used = use.group_by(key).agg(pl.col(numbers).sum())
    for row in sums.join(used, on=key, how="left", validate="1:1").sort(key).to_dicts():
        writer.writerow(_csv_row(row))
    return buffer.getvalue()


def _csv_row(row: Mapping[str, Any]) -> list[object]:
    averages = [
        (row[name] or 0.0) * size / 24
        for name, size in (
            ("cpu_usage_core_hours", 1), ("cpu_request_core_hours", 1),
            ("memory_usage_gib_hours", GIB), ("memory_request_gib_hours", GIB),
        )
    ]  # fmt: skip
    names = [_harmless(row[name]) for name in ("namespace", "workload_kind", "workload")]
    costs = [row["cpu"], row["on_node"] - row["cpu"], 0, 0, 0, format(row["cost"], "f")]
    return [f"{row['charge_date']}T00:00:00Z", *names, "", "", *averages, 0, 0, 0, 0, *costs]


def _harmless(text: str) -> str:
    is_formula = text[:1] in set("=+-@\t\r") and text != "-"
    return f"'{text}" if is_formula else text

"""Costs in the shape of OpenCost's `/allocation`, so that scripts written for it go on working.

Takes    what allocations cost and used (meterbook.answers.opencost_parts), a window
Gives    JSON `{code, data: [{name: allocation}]}`, or CSV with the columns of OpenCost's export
Units    costs as numbers in the ledger's currency, like OpenCost's; core hours, byte hours, minutes
Holds    the totalCost of all allocations are the ledger's cost of the window; the costs of an
         allocation add up to its totalCost, to the last digit

A team's part of shared pools is its sharedCost; lines outside clusters are externalCost, under
`__external__` unless summed by team. What was billed in hours without telemetry keeps its own name,
`__no_telemetry__`: it is neither idle nor unallocated.
"""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import polars as pl

from meterbook.answers.opencost_parts import PARTS, read
from meterbook.base.errors import ConfigError, Finding
from meterbook.base.home import Home
from meterbook.base.period import month_of
from warehouse.table import USD

AGGREGATES: Final = {
    "cluster": "cluster",
    "namespace": "namespace",
    "controller": "workload",
    "controllerKind": "workload_kind",
    "team": "team",
}
GIB: Final = 2**30
MINUTES_OF_DAY: Final = 1440

COLUMNS: Final = (
    "Date", "Namespace", "ControllerKind", "ControllerName", "Pod", "Container",
    "CPUCoreUsageAverage", "CPUCoreRequestAverage", "RAMBytesUsageAverage",
    "RAMBytesRequestAverage", "NetworkReceiveBytes", "NetworkTransferBytes", "GPUs", "PVBytes",
    "CPUCost", "RAMCost", "NetworkCost", "PVCost", "GPUCost", "TotalCost",
)  # fmt: skip
ZERO: Final = (
    "cpuCostAdjustment", "gpuCostAdjustment", "networkCostAdjustment",
    "loadBalancerCostAdjustment", "pvCostAdjustment", "ramCostAdjustment",
)  # fmt: skip
CLASSES: Final = {
    "networkCrossZoneCost": "cross_zone",
    "networkCrossRegionCost": "cross_region",
    "networkInternetCost": "internet",
}


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
    home: Home, window: Window, aggregate: str, *, by_day: bool
) -> Sequence[tuple[Window, Mapping[str, dict[str, Any]]]]:
    """Give one set of allocations per window, by name. Errors: ConfigError for two currencies."""
    costs, amounts = read(home, window.first, window.last)
    steps = [window]
    if by_day:
        days = (window.first + timedelta(days=n) for n in range(window.days))
        steps = [Window(day, day) for day in days]
    made = []
    for step in steps:
        inside = pl.col("charge_date").is_between(step.first, step.last)
        made.append((step, _set(costs.filter(inside), amounts.filter(inside), step, aggregate)))
    return made


def _names(frame: pl.DataFrame, aggregate: str) -> pl.DataFrame:
    """Name each row; buckets keep their names, and what lies outside clusters has one."""
    name, space = pl.col(AGGREGATES[aggregate]), pl.col("namespace")
    by_place = (
        pl.when(space == "-")
        .then(pl.lit("__external__"))
        .when(space.str.starts_with("__"))
        .then(space)
        .when(name == "")
        .then(pl.lit("__unallocated__"))
        .otherwise(name)
    )
    by_team = pl.when(name == "").then(pl.lit("__unallocated__")).otherwise(name)
    return frame.with_columns((by_team if aggregate == "team" else by_place).alias("name"))


def _set(
    costs: pl.DataFrame, amounts: pl.DataFrame, window: Window, aggregate: str
) -> dict[str, dict[str, Any]]:
    """Sum by name. By team a part of a pool is shared cost; else it stands where it arose."""
    is_shared = (pl.col("pool") != "") & (aggregate == "team")
    ready = _names(costs, aggregate).with_columns(
        *(pl.when(is_shared).then(0).otherwise(part).cast(USD).alias(part) for part in PARTS),
        pl.when(is_shared).then("cost").otherwise(0).cast(USD).alias("shared"),
    )
    network = pl.col("network")
    sums = ready.group_by("name").agg(
        pl.col(*PARTS, "shared", "cost").sum(),
        *(
            network.filter(pl.col("line_item").str.starts_with(kind)).sum().alias(key)
            for key, kind in CLASSES.items()
        ),
        *(pl.col(name).unique().alias(name) for name in ("cluster", "namespace", "workload",
                                                         "workload_kind", "team")),
    )  # fmt: skip
    items = {kind: _items(ready, kind) for kind in ("pv", "lb")}
    numbers = pl.selectors.numeric()
    used = _names(amounts, aggregate).group_by("name").agg(numbers.sum())
    rows = sums.join(used, on="name", how="left", validate="1:1").sort("name")
    rows = rows.with_columns(pl.col(used.select(numbers).columns).fill_null(0))
    return {
        row["name"]: _allocation(
            row, window, {kind: it.get(row["name"]) for kind, it in items.items()}
        )
        for row in rows.to_dicts()
    }


def _items(ready: pl.DataFrame, part: str) -> dict[str, dict[str, Decimal]]:
    """Give per allocation what each of its volumes or balancers cost."""
    mine = (
        ready.filter(pl.col(part) != 0)
        .group_by("name", "cluster", "line_item")
        .agg(pl.col(part).sum())
    )
    found: dict[str, dict[str, Decimal]] = {}
    for name, cluster, item, cost in mine.sort("name", "cluster", "line_item").rows():
        found.setdefault(name, {})[f"cluster={cluster}:name={item}"] = cost
    return found


def _allocation(
    row: Mapping[str, Any], window: Window, items: Mapping[str, Mapping[str, Decimal] | None]
) -> dict[str, Any]:
    """Give one allocation; averages are over the window, as OpenCost's are over its minutes."""
    hours = window.days * 24
    core = {kind: row[f"cpu_{kind}_core_hours"] for kind in ("request", "usage", "alloc")}
    byte = {kind: row[f"memory_{kind}_gib_hours"] * GIB for kind in ("request", "usage", "alloc")}
    cpu_efficiency, ram_efficiency = _efficiency(core), _efficiency(byte)
    both = float(row["cpu"]) * cpu_efficiency + float(row["ram"]) * ram_efficiency
    whole = float(row["cpu"] + row["ram"])
    volumes, balancers = items["pv"], items["lb"]
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
        "cpuCost": row["cpu"],
        "cpuEfficiency": cpu_efficiency,
        "gpuCount": row["gpu_hours"] / hours,
        "gpuHours": row["gpu_hours"],
        "gpuCost": row["gpu"],
        **dict.fromkeys(ZERO, 0.0),
        "networkReceiveBytes": row["received_bytes"],
        "networkTransferBytes": row["sent_bytes"],
        "networkCost": row["network"],
        **{key: row[key] for key in CLASSES},
        "loadBalancerCost": row["lb"],
        "pvBytes": row["volume_byte_hours"] / hours,
        "pvByteHours": row["volume_byte_hours"],
        "pvCost": row["pv"],
        "pvs": volumes and {name: {"cost": cost} for name, cost in volumes.items()},
        "ramBytes": byte["alloc"] / hours,
        "ramByteRequestAverage": byte["request"] / hours,
        "ramByteUsageAverage": byte["usage"] / hours,
        "ramByteHours": byte["alloc"],
        "ramCost": row["ram"],
        "ramEfficiency": ram_efficiency,
        "externalCost": row["external"],
        "sharedCost": row["shared"],
        "totalCost": row["cost"],
        "totalEfficiency": both / whole if whole else 0.0,
        "rawAllocationOnly": None,
        "lbAllocations": balancers and {name: {"cost": cost} for name, cost in balancers.items()},
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
    """Write the answer of `/allocation`; money is a number with all its digits."""
    document = {"code": 200, "data": [by_name for _, by_name in sets]}
    return _MARKED.sub(r"\1", json.dumps(document, indent=1, default=_marked))


_MARKED: Final = re.compile(r'"\\u0000(-?[0-9.]+)\\u0000"')
"""A text with the sign NUL, which no name has, around digits."""


def _marked(cost: object) -> str:
    if not isinstance(cost, Decimal):
        raise TypeError(f"{type(cost)} in an allocation")
    return f"\0{cost:f}\0"


def as_csv(home: Home, window: Window) -> str:
    """Write OpenCost's export: a row per day and controller, not per pod."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    costs, amounts = read(home, window.first, window.last)
    key = ["charge_date", "namespace", "workload_kind", "workload"]
    sums = costs.group_by(key).agg(pl.col(*PARTS, "cost").sum())
    numbers = pl.selectors.numeric()
    used = amounts.group_by(key).agg(numbers.sum())
    rows = sums.join(used, on=key, how="left", validate="1:1").sort(key)
    for row in rows.with_columns(pl.col(used.select(numbers).columns).fill_null(0)).to_dicts():
        writer.writerow(_csv_row(row))
    return buffer.getvalue()


def _csv_row(row: Mapping[str, Any]) -> list[object]:
    averages = [
        row[name] * size / 24
        for name, size in (
            ("cpu_usage_core_hours", 1), ("cpu_request_core_hours", 1),
            ("memory_usage_gib_hours", GIB), ("memory_request_gib_hours", GIB),
        )
    ]  # fmt: skip
    names = [_harmless(row[name]) for name in ("namespace", "workload_kind", "workload")]
    amounts = [
        row["received_bytes"],
        row["sent_bytes"],
        row["gpu_hours"] / 24,
        row["volume_byte_hours"] / 24,
    ]
    costs = [format(row[name], "f") for name in ("cpu", "ram", "network", "pv", "gpu", "cost")]
    return [f"{row['charge_date']}T00:00:00Z", *names, "", "", *averages, *amounts, *costs]


def _harmless(text: str) -> str:
    is_formula = text[:1] in set("=+-@\t\r") and text != "-"
    return f"'{text}" if is_formula else text

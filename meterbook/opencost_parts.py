"""What each allocation of OpenCost's shape cost, by what was paid for, and what it used.

Reads    core_cost_ledger, core_cost_line, mart_workload_daily, core_volume_hourly,
         core_traffic_hourly of the current snapshot
Gives    costs per day, place, team and pool in columns PARTS; amounts per day and workload
Units    costs Decimal(38, 12) in the ledger's one currency; hours, bytes, byte hours
Holds    the parts of a row add up to its cost, exactly

CPU, memory and GPUs of a node's cost are parted by price weight, memory takes the rest. A volume's
byte hours are its size times the time that pods had it mounted, alike for all that had it at once.
"""

from contextlib import closing
from datetime import date
from typing import Final

import polars as pl

from meterbook.errors import ConfigError, Finding
from meterbook.settings import Settings
from warehouse.snapshot import current, open_snapshot
from warehouse.table import USD

PARTS: Final = ("cpu", "ram", "gpu", "pv", "network", "lb", "external")
PLACE: Final = ("charge_date", "cluster", "namespace", "workload")

_COSTS: Final = """
WITH cost AS (
  SELECT l.charge_date, l.cluster, l.namespace, l.workload, l.team, l.pool, l.currency,
         l.line_kind, l.line_item,
         if(l.line_kind = 'divided', lower(coalesce(c.sku_meter, '')), '') AS meter,
         sum(l.effective_cost) AS cost
  FROM core_cost_ledger l LEFT JOIN core_cost_line c
    ON l.line_kind = 'divided' AND c.x_line_hash = l.x_line_hash
  WHERE l.charge_date BETWEEN $first AND $last GROUP BY ALL
)
SELECT c.*, coalesce(w.workload_kind, '') AS workload_kind,
       w.cpu_cost::DOUBLE AS cpu_weight, w.gpu_cost::DOUBLE AS gpu_weight,
       w.memory_cost::DOUBLE AS ram_weight
FROM cost c LEFT JOIN mart_workload_daily w USING (charge_date, cluster, namespace, workload,
                                                   currency)
ORDER BY ALL
"""
_AMOUNTS: Final = """
WITH used AS (
  SELECT charge_date, cluster, namespace, workload, workload_kind, team,
         cpu_request_core_hours, cpu_usage_core_hours, cpu_alloc_core_hours,
         memory_request_gib_hours, memory_usage_gib_hours, memory_alloc_gib_hours,
         gpu_alloc_gpu_hours AS gpu_hours
  FROM mart_workload_daily WHERE charge_date BETWEEN $first AND $last
), sent AS (
  SELECT usage_date AS charge_date, cluster, namespace, workload, sum(bytes)::DOUBLE AS sent_bytes
  FROM core_traffic_hourly WHERE usage_date BETWEEN $first AND $last GROUP BY ALL
), mounted AS (
  SELECT usage_date, cluster, namespace, workload, pod, mounted_seconds, capacity_bytes,
         sum(mounted_seconds) OVER (PARTITION BY usage_hour, cluster, namespace, claim) AS whole
  FROM core_volume_hourly WHERE usage_date BETWEEN $first AND $last
), held AS (
  SELECT usage_date AS charge_date, cluster, namespace, workload,
         sum(capacity_bytes * mounted_seconds / greatest(whole, 3600)) AS volume_byte_hours
  FROM mounted WHERE pod <> '' GROUP BY ALL
)
SELECT * FROM used FULL JOIN sent USING (charge_date, cluster, namespace, workload)
FULL JOIN held USING (charge_date, cluster, namespace, workload) ORDER BY ALL
"""


def read(settings: Settings, first: date, last: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give costs and amounts of the days. Errors: ConfigError for two currencies."""
    params = {"first": first, "last": last}
    with closing(open_snapshot(current(settings.serving))) as con:
        costs, amounts = (con.cursor().sql(sql, params=params).pl() for sql in (_COSTS, _AMOUNTS))
    currencies = costs["currency"].unique().sort().to_list()
    if len(currencies) > 1:
        text = f"{' and '.join(currencies)} cannot be added; `meterbook statement` keeps them apart"
        raise ConfigError([Finding("--window", text)])
    texts = pl.col("team", "workload_kind")
    return parted(costs), amounts.with_columns(
        texts.fill_null(""), pl.selectors.numeric().fill_null(0)
    )


def parted(costs: pl.DataFrame) -> pl.DataFrame:
    """Give each row's cost in one column per part."""
    kind, cost = pl.col("line_kind"), pl.col("cost").cast(USD)
    is_external = pl.col("namespace") == "-"
    weights = pl.sum_horizontal("cpu_weight", "gpu_weight", "ram_weight")
    on_node = (kind == "node") & ~is_external

    def of_node(name: str, fallback: float) -> pl.Expr:
        ratio = pl.when(weights == 0).then(fallback).otherwise(pl.col(f"{name}_weight") / weights)
        part = cost.cast(pl.Float64) * ratio.fill_null(fallback)
        return pl.when(on_node).then(part.cast(USD)).otherwise(0).cast(USD)

    meter = pl.col("meter")
    divided = {
        "gpu": meter.str.contains("gpu"),
        "ram": meter.str.contains(r"gb-hours|memory|\bram\b"),
    }
    is_divided = (kind == "divided") & ~is_external
    whole = {
        "gpu": is_divided & divided["gpu"],
        "ram": is_divided & divided["ram"] & ~divided["gpu"],
        "pv": (kind == "volume") & ~is_external,
        "network": (kind == "traffic") & ~is_external,
        "lb": (kind == "balancer") & ~is_external,
        "external": is_external,
    }

    def all_of(name: str) -> pl.Expr:
        return pl.when(whole[name]).then(cost).otherwise(0).cast(USD)

    rest = {"pv", "network", "lb", "external"}
    found = costs.with_columns(
        (of_node("cpu", 1.0)).alias("cpu"),
        (of_node("gpu", 0.0) + all_of("gpu")).alias("gpu"),
        *(all_of(name).alias(name) for name in sorted(rest)),
        all_of("ram").alias("ram"),
    )
    left = cost - pl.sum_horizontal(PARTS)
    to_ram = pl.when(on_node).then(left).otherwise(0).cast(USD)
    to_cpu = pl.when(on_node).then(0).otherwise(left).cast(USD)
    return found.with_columns(
        (pl.col("ram") + to_ram).alias("ram"), (pl.col("cpu") + to_cpu).alias("cpu"), cost
    ).drop("cpu_weight", "gpu_weight", "ram_weight", "meter")

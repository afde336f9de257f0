"""What each allocation of OpenCost's shape cost, by what was paid for, and what it used.

Reads    core_cost_ledger, core_cost_line, mart_workload_daily, core_volume_hourly,
         core_traffic_hourly, core_received_daily of the current snapshot
Gives    costs per day, place, team and pool in columns PARTS; amounts per day and workload
Units    costs Decimal(38, 12) in the ledger's one currency; hours, bytes, byte hours
Holds    the parts of a row add up to its cost, exactly

CPU, memory and GPUs of a node's cost are what the ledger shared of each (mart_workload_daily), to
the last digit per day and workload; teams and pools that share a workload have them in proportion
to what they bear of it. A volume's byte hours are its size times the time that pods had it mounted,
alike for all that had it at once.
"""

from contextlib import closing
from datetime import date
from typing import Final

import polars as pl

from meterbook.base.errors import ConfigError, Finding
from meterbook.base.home import Home
from transforms.exact.money import atoms, money, split
from warehouse.store.ask import ask
from warehouse.store.snapshot import current, open_snapshot
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
SELECT c.*, coalesce(w.workload_kind, '') AS workload_kind, w.cpu_cost AS cpu, w.gpu_cost AS gpu
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
), received AS (
  SELECT usage_date AS charge_date, cluster, namespace, workload, bytes::DOUBLE AS received_bytes
  FROM core_received_daily WHERE usage_date BETWEEN $first AND $last
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
FULL JOIN received USING (charge_date, cluster, namespace, workload)
FULL JOIN held USING (charge_date, cluster, namespace, workload) ORDER BY ALL
"""


def read(home: Home, first: date, last: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give costs and amounts of the days. Errors: ConfigError for two currencies."""
    with closing(open_snapshot(current(home.serving))) as con:
        costs, amounts = (ask(con, sql, first=first, last=last) for sql in (_COSTS, _AMOUNTS))
    currencies = costs["currency"].unique().sort().to_list()
    if len(currencies) > 1:
        text = f"{' and '.join(currencies)} cannot be added; `meterbook statement` keeps them apart"
        raise ConfigError([Finding("--window", text)])
    texts = pl.col("team", "workload_kind")
    return by_part(costs), amounts.with_columns(
        texts.fill_null(""), pl.selectors.numeric().fill_null(0)
    )


def by_part(costs: pl.DataFrame) -> pl.DataFrame:
    """Give each row's cost in one column per part."""
    kind, meter, cost = pl.col("line_kind"), pl.col("meter"), pl.col("cost").cast(USD)
    is_external = pl.col("namespace") == "-"
    is_divided = (kind == "divided") & ~is_external
    is_gpu = is_divided & meter.str.contains("gpu")
    whole = {
        "gpu": is_gpu,
        "ram": is_divided & meter.str.contains(r"gb-hours|memory|\bram\b") & ~is_gpu,
        "pv": (kind == "volume") & ~is_external,
        "network": (kind == "traffic") & ~is_external,
        "lb": (kind == "balancer") & ~is_external,
        "external": is_external,
    }
    is_one = pl.any_horizontal(*whole.values())
    on_node = (kind == "node") & pl.col("cpu").is_not_null() & ~is_external
    others = costs.filter(~on_node).with_columns(
        pl.when(~is_one).then(cost).otherwise(0).cast(USD).alias("cpu"),
        *(
            pl.when(own).then(cost).otherwise(0).cast(USD).alias(part)
            for part, own in whole.items()
        ),
    )
    rows = pl.concat([others, _of_nodes(costs.filter(on_node))], how="diagonal")
    return rows.with_columns(pl.col(*PARTS).fill_null(0).cast(USD), cost).drop("meter")


def _of_nodes(rows: pl.DataFrame) -> pl.DataFrame:
    """Share the CPU and GPU cost of a day's workload among its rows; memory takes the rest."""
    amounts = ("cpu", "gpu")
    group = (*PLACE, "currency")
    ready = rows.with_columns(atoms(pl.col(*amounts)), atoms(pl.col("cost")).abs().alias("weight"))
    shared = split(
        ready.lazy(), amounts, "weight", group=group, order=("team", "pool", "line_item")
    )
    left = pl.col("cost") - pl.col("cpu") - pl.col("gpu")
    return (
        shared.with_columns(money(pl.col(name)).alias(name) for name in amounts)
        .with_columns(left.cast(USD).alias("ram"))
        .drop("weight")
        .collect()
    )

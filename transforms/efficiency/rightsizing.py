"""What containers should ask for, and what that would save.

Reads    core_container_hourly, mart_workload_daily
Writes   mart_rightsizing
Units    cores, bytes; saved_cost a month of 30 days, at the price the workload paid

Formulas, over the last days, of the largest replica of each hour:
    lean       CPU p95, memory max * 1.15           (as Robusta KRR's simple strategy)
    balanced   CPU p95 * 1.15, memory max * 1.15
    safe       CPU max / 0.7, memory max / 0.7      (as Kubecost's default)
never below the floors, rounded up to 10 millicores and 16 MiB. Where fewer days or points were seen
than asked for, nothing is recommended. What is saved becomes idle until nodes shrink.
"""

from typing import Final

import polars as pl

from transforms.efficiency.workload import PLACE, last_days
from transforms.exact.money import atoms, money
from transforms.exact.steady import steady_sum
from warehouse.tables.mart_workload import RIGHTSIZING

MIB: Final = 2**20
CPU_STEP: Final = 0.01
MEMORY_STEP: Final = 16 * MIB
CPU_FLOOR: Final = 0.01
MEMORY_FLOORS: Final = {"lean": 100e6, "balanced": 100e6, "safe": 20.0 * MIB}
MONTH_DAYS: Final = 30
PART: Final = 10**9


def rightsizing(
    hourly: pl.LazyFrame,
    daily: pl.LazyFrame,
    *,
    days: int,
    minimum_days: int,
    minimum_points: int,
) -> pl.LazyFrame:
    """Give mart_rightsizing of the last days seen."""
    seen = last_days(hourly, "usage_date", days)
    ready = (pl.col("day_count") >= minimum_days) & (pl.col("point_count") >= minimum_points)
    facts = _facts(seen).join(
        _prices(last_days(daily, "charge_date", days)), on=PLACE, how="inner", validate="m:m"
    )
    made = wanted(facts).with_columns(
        pl.when(ready).then(pl.lit("ready")).otherwise(pl.lit("too_little_history")).alias("state")
    )
    names = ("cpu_wanted_cores", "memory_wanted_bytes")
    rounded = made.with_columns(
        pl.when(ready).then(_up("cpu_wanted_cores", CPU_STEP, CPU_FLOOR)).alias(names[0]),
        pl.when(ready)
        .then(
            _up(
                "memory_wanted_bytes",
                MEMORY_STEP,
                pl.col("profile").replace_strict(MEMORY_FLOORS, return_dtype=pl.Float64),
            )
        )
        .alias(names[1]),
    )
    return (
        rounded.with_columns(_saved().alias("saved_cost"))
        .select(RIGHTSIZING.schema.names())
        .cast(RIGHTSIZING.schema)
        .sort(RIGHTSIZING.key)
    )


def wanted(facts: pl.LazyFrame) -> pl.LazyFrame:
    """Give three rows per container: what each profile wants, before rounding and floors."""
    p95, peak, memory = pl.col("cpu_p95_cores"), pl.col("cpu_max_cores"), pl.col("memory_max_bytes")
    rules = {
        "lean": (p95, memory * 1.15),
        "balanced": (p95 * 1.15, memory * 1.15),
        "safe": (peak / 0.7, memory / 0.7),
    }
    return pl.concat(
        [
            facts.with_columns(
                pl.lit(name).alias("profile"),
                cpu.alias("cpu_wanted_cores"),
                room.alias("memory_wanted_bytes"),
            )
            for name, (cpu, room) in rules.items()
        ]
    )


def _facts(hourly: pl.LazyFrame) -> pl.LazyFrame:
    """Give what was seen of each container; its request is the latest."""
    return (
        hourly.sort("usage_hour")
        .group_by(*PLACE, "container")
        .agg(
            pl.col("workload_kind", "cpu_request_cores", "memory_request_bytes").last(),
            pl.col("is_autoscaled").any(),
            pl.col("usage_date").n_unique().cast(pl.Int64).alias("day_count"),
            pl.col("replica_count").sum().alias("point_count"),
            steady_sum(pl.col("run_hours")),
            pl.col("cpu_peak_cores").quantile(0.95, "higher").alias("cpu_p95_cores"),
            pl.col("cpu_peak_cores").max().alias("cpu_max_cores"),
            pl.col("memory_peak_bytes").max().alias("memory_max_bytes"),
        )
    )


def _prices(daily: pl.LazyFrame) -> pl.LazyFrame:
    """Give what each workload paid for what it was charged by, and for how many days."""
    return (
        daily.sort("charge_date")
        .group_by(*PLACE, "currency")
        .agg(
            pl.col("team").last(),
            pl.col("charge_date").n_unique().alias("_days"),
            pl.col("cpu_cost", "memory_cost").sum(),
            steady_sum(pl.col("cpu_alloc_core_hours", "memory_alloc_gib_hours")),
        )
    )


def _up(column: str, step: float, floor: float | pl.Expr) -> pl.Expr:
    """Round up to a step, the floor too; a billionth of a step too much is none."""
    least = pl.max_horizontal(column, floor if isinstance(floor, pl.Expr) else pl.lit(floor))
    return (least / step - 1e-9).ceil() * step


def _saved() -> pl.Expr:
    """Give (now - wanted) * hours * price a month; without a request nothing can be saved."""

    def part(cost: str, charged: str, now: pl.Expr, then: pl.Expr) -> pl.Expr:
        freed = pl.when(now > 0).then(now - then).otherwise(0.0) * pl.col("run_hours")
        charge = pl.col(charged)
        ratio = pl.when(charge > 0).then(freed / charge).otherwise(0.0)
        of_month = (ratio * MONTH_DAYS / pl.col("_days") * PART).round(0).cast(pl.Int128)
        return atoms(pl.col(cost)) * of_month // PART

    gib = 2.0**30
    return money(
        part("cpu_cost", "cpu_alloc_core_hours",
             pl.col("cpu_request_cores"), pl.col("cpu_wanted_cores"))
        + part("memory_cost", "memory_alloc_gib_hours",
               pl.col("memory_request_bytes") / gib, pl.col("memory_wanted_bytes") / gib)
    )  # fmt: skip

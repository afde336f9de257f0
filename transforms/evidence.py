"""How each part of a bill line came about: the numbers a person needs to recompute it.

Reads    core_usage_hourly of a day; core_cost_line, core_node_hourly, core_weight_hourly
Writes   core_weight_hourly    what each workload weighs on its node in an hour, in whole numbers
Units    amounts in atoms (1e-12 of the currency), Int128; never a float
Holds    every step is result = sign * (|amount| * weight // denominator + atom); the last results
         add up to the ledger's rows

It stands beside the engine, not in it: the ledger keeps results, this derives the way to them.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl

from transforms.allocation import IDLE, day_lines, provider_key
from transforms.money import atoms
from transforms.ownership import Ownership
from warehouse.tables.evidence import WEIGHT_HOURLY

LINE: Final = ("x_line_hash", "charge_hour")
NODE: Final = ("cluster", "node", "charge_hour")
KIB: Final = 1024


def weight_hourly(usage: pl.LazyFrame, basis: str) -> pl.LazyFrame:
    """Give core_weight_hourly: microcore-seconds and KiB-seconds per workload, node and hour."""

    def whole(name: str, unit: str, scale: float) -> pl.Expr:
        request, use = (pl.col(f"{name}_{kind}_{unit}_seconds") for kind in ("request", "usage"))
        chosen = {"max": pl.max_horizontal(request, use), "request": request, "usage": use}
        return (chosen[basis] * scale).round(0, mode="half_to_even").cast(pl.Int64)

    return (
        usage.with_columns(
            whole("cpu", "core", 1e6).alias("cpu_weight"),
            whole("memory", "byte", 1 / KIB).alias("memory_weight"),
        )
        .group_by(WEIGHT_HOURLY.key)
        .agg(pl.col("usage_date").first(), pl.col("cpu_weight", "memory_weight").sum())
        .select(WEIGHT_HOURLY.schema.names())
        .sort(WEIGHT_HOURLY.key)
    )


def line_days(lines: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give the lines of a day with their whole cost, and which of how many days it is."""
    first = pl.col("charge_period_start").dt.date()
    whole = lines.select("x_line_hash", atoms(pl.col("effective_cost")).alias("line_atoms"))
    many = (pl.col("charge_period_end") - pl.col("charge_period_start")) > pl.duration(days=1)
    end = (pl.col("charge_period_end") - pl.duration(microseconds=1)).dt.date()
    return (
        day_lines(lines, day)
        .join(whole, on="x_line_hash", how="inner", validate="1:1")
        .with_columns(
            atoms(pl.col("effective_cost")).alias("day_atoms"),
            pl.when(many).then((end - first).dt.total_days() + 1).otherwise(1).alias("day_count"),
            pl.when(many)
            .then((pl.lit(day) - first).dt.total_days())
            .otherwise(0)
            .alias("day_place"),
        )
    )


def node_hours(lines: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Give the lines that pay for a node by the hour: amount, and the hours it was spread over."""
    own = nodes.filter(pl.col("provider_id") != "").select(
        "cluster", "node", provider_key(pl.col("provider_id")).alias("key")
    )
    named = nodes.select("cluster", "node", pl.col("node").str.to_lowercase().alias("key"))
    known = pl.concat([own.unique("key", keep="first", maintain_order=True).sort("key"), named])
    known = known.unique("key", keep="first", maintain_order=True)
    key = pl.coalesce(
        provider_key(pl.col("resource_id")), pl.col("resource_name").str.to_lowercase()
    )
    found = lines.with_columns(key.alias("key")).join(known, on="key", how="inner", validate="m:1")
    hours = nodes.select("cluster", "node", pl.col("usage_hour").alias("_hour"))
    daily = found.filter(pl.col("charge_hour").is_null()).join(
        hours, on=["cluster", "node"], how="inner", validate="m:m"
    )
    hourly = found.filter(pl.col("charge_hour").is_not_null())
    hourly = hourly.with_columns(pl.col("charge_hour").alias("_hour"))
    both = pl.concat([hourly, daily.select(hourly.columns)])
    even = both.with_columns(
        pl.col("_hour").alias("charge_hour"),
        pl.col("day_atoms").alias("amount"),
        pl.lit(1, pl.Int128).alias("weight"),
    ).drop("_hour")
    spread = traced(even, group=["x_line_hash"], order=["charge_hour"])
    single = pl.col("x_line_hash").is_in(hourly["x_line_hash"].implode())
    return spread.with_columns(
        pl.when(single).then("day_atoms").otherwise("result").alias("hour_atoms"),
        pl.when(single).then(1).otherwise("denominator").alias("hour_count"),
        pl.when(single).then(0).otherwise("atom").alias("hour_atom"),
    ).drop("amount", "weight", "denominator", "rank", "left", "atom", "result")


def parts(hours: pl.DataFrame, nodes: pl.DataFrame, ownership: Ownership) -> pl.DataFrame:
    """Part node hours that were heard into CPU and memory: numerator, denominator, capacity."""
    heard = nodes.rename({"usage_hour": "charge_hour"}).drop(
        "usage_date", "provider_id", "sample_count"
    )
    seen = hours.join(heard, on=NODE, how="inner", validate="m:1")
    text = pl.coalesce("sku_meter", "charge_description", pl.lit("")).str.to_lowercase()
    only_cpu = text.str.contains(r"\bcore\b|\bvcpu\b")
    only_memory = text.str.contains(r"\bram\b|\bmemory\b") & ~only_cpu
    cpu_price, memory_price = prices(ownership)
    cpu = (pl.col("cpu_capacity_cores") * 1000).round(0).cast(pl.Int128) * cpu_price * 1024
    memory = (pl.col("memory_capacity_bytes") / 2**20).round(0).cast(pl.Int128) * (
        memory_price * 1000
    )
    one = pl.lit(1, pl.Int128)
    no_price = cpu + memory == 0
    numerator = pl.when(only_cpu | no_price).then(one).when(only_memory).then(0).otherwise(cpu)
    whole = pl.when(only_cpu | only_memory | no_price).then(one).otherwise(cpu + memory)
    is_hours = pl.col("consumed_unit").str.to_lowercase().is_in(["hrs", "hours", "hour", "h"])
    is_part = pl.col("consumed_quantity").is_between(0, 1)
    seconds = (
        pl.when(is_hours & ~only_cpu & ~only_memory & is_part)
        .then((pl.col("consumed_quantity").cast(pl.Float64) * 3600).clip(0, 3600))
        .otherwise(pl.col("run_seconds"))
    )
    ready = seen.with_columns(
        numerator.alias("cpu_numerator"),
        whole.alias("part_denominator"),
        (pl.col("cpu_capacity_cores") * seconds * 1e6).round(0).cast(pl.Int128).alias("_cpu"),
        (pl.col("memory_capacity_bytes") / KIB * seconds).round(0).cast(pl.Int128).alias("_mem"),
    )
    size, sign = pl.col("hour_atoms").abs(), pl.col("hour_atoms").sign()
    cpu_atoms = sign * (size * pl.col("cpu_numerator") // pl.col("part_denominator"))
    return pl.concat(
        [
            ready.with_columns(
                pl.lit(part).alias("part"), amount.alias("amount"), pl.col(room).alias("capacity")
            ).drop("_cpu", "_mem")
            for part, amount, room in (
                ("cpu", cpu_atoms, "_cpu"),
                ("memory", pl.col("hour_atoms") - cpu_atoms, "_mem"),
            )
        ]
    )


def prices(ownership: Ownership) -> tuple[int, int]:
    """Give the price weights of a core hour and a GiB hour as whole numbers of one scale."""
    pair = (ownership.cpu_weight, ownership.memory_weight)
    exponent = max(-int(weight.as_tuple().exponent) for weight in pair)
    return int(pair[0] * 10**exponent), int(pair[1] * 10**exponent)


def uses(parted: pl.DataFrame, weights: pl.DataFrame) -> pl.DataFrame:
    """Share each part by weight over max(capacity, sum of weights); idle takes part."""
    place = ["namespace", "workload", "labels"]
    long = pl.concat(
        [
            weights.select(
                "cluster",
                "node",
                pl.col("usage_hour").alias("charge_hour"),
                *place,
                pl.lit(part).alias("part"),
                pl.col(f"{part}_weight").cast(pl.Int128).alias("weight"),
            )
            for part in ("cpu", "memory")
        ]
    )
    group = [*LINE, "cluster", "node", "part"]
    shared = parted.join(long, on=[*NODE, "part"], how="inner", validate="m:m")
    used = shared.group_by(group).agg(pl.col("weight").sum().alias("_used"))
    idle = (
        parted.join(used, on=group, how="left", validate="1:1")
        .with_columns(
            *(pl.lit(IDLE).alias(name) for name in ("namespace", "workload")),
            pl.lit("").alias("labels"),
            pl.max_horizontal(
                pl.lit(0, pl.Int128), pl.col("capacity") - pl.col("_used").fill_null(0)
            ).alias("weight"),
        )
        .drop("_used")
    )
    rows = pl.concat([shared, idle.select(shared.columns)])
    return traced(rows, group=group, order=place)


def traced(rows: pl.DataFrame, *, group: Sequence[str], order: Sequence[str]) -> pl.DataFrame:
    """Split `amount` by `weight` as transforms.money does, and keep what it was done with.

    Adds denominator, rank (of the remainder), left (atoms over), atom (1 if it got one), result.
    """
    total = pl.col("weight").sum().over(group)
    even = pl.when(total == 0).then(pl.lit(1, pl.Int128)).otherwise("weight")
    product = pl.col("amount").abs() * pl.col("weight")
    rest = pl.col("_rest").rank("ordinal", descending=True).over(group)
    return (
        rows.sort([*group, *order], nulls_last=True)
        .with_columns(even.alias("weight"))
        .with_columns(pl.col("weight").sum().over(group).alias("denominator"))
        .with_columns(
            (product // pl.col("denominator")).alias("_floor"),
            (product % pl.col("denominator")).alias("_rest"),
        )
        .with_columns(
            rest.cast(pl.Int64).alias("rank"),
            (pl.col("amount").abs() - pl.col("_floor").sum().over(group)).alias("left"),
        )
        .with_columns((pl.col("rank") <= pl.col("left")).cast(pl.Int8).alias("atom"))
        .with_columns(
            (pl.col("amount").sign() * (pl.col("_floor") + pl.col("atom"))).alias("result")
        )
        .drop("_floor", "_rest")
    )

"""What a node's cost pays for: CPU, memory, GPUs.

Reads    lines of nodes with what the node offers; the policy of the ownership file
Gives    per part its share of both costs, its capacity and what of it the system keeps
Units    atoms; microcore-seconds, KiB-seconds and micro-GPU-seconds, whole numbers
Holds    the parts of a line add up to it

Formula. Price weight times capacity, as a part of their sum (OpenCost's specification, appendix A);
a line whose words name one part pays for that alone.
"""

import fnmatch
from collections.abc import Mapping
from typing import Final

import polars as pl

from transforms.exact.units import KIB
from transforms.owners.ownership import Ownership

PARTS: Final = ("cpu", "memory", "gpu")


def _prices(ownership: Ownership) -> list[pl.Expr]:
    """Give the three weights of a line as whole numbers on one scale."""
    policy = ownership.policy
    every = [policy.weights, *(family.weights for family in policy.families)]
    every += [policy.with_gpu] if policy.with_gpu else []
    numbers = [number for weights in every for number in (weights.cpu, weights.memory, weights.gpu)]
    scale = 10 ** max(-int(number.as_tuple().exponent) for number in numbers)
    kind = pl.coalesce("sku_meter", pl.lit("")).str.extract(r"([a-z][a-z0-9-]*\.[a-z0-9-]+)$", 1)

    def price(name: str) -> pl.Expr:
        found = pl.lit(int(getattr(policy.weights, name) * scale), pl.Int128)
        if policy.with_gpu:
            beside = pl.lit(int(getattr(policy.with_gpu, name) * scale), pl.Int128)
            found = pl.when(pl.col("gpu_capacity_count") > 0).then(beside).otherwise(found)
        for family in reversed(policy.families):  # the first of the file wins
            own = pl.lit(int(getattr(family.weights, name) * scale), pl.Int128)
            is_family = kind.str.contains(fnmatch.translate(family.pattern).replace(r"\Z", "$"))
            found = pl.when(is_family).then(own).otherwise(found)
        return found

    return [price(name) for name in PARTS]


def by_part(lines: pl.DataFrame, ownership: Ownership) -> pl.DataFrame:
    """Part each line and hour into CPU, memory and GPUs, with the capacity of each part.

    `cpu`, `memory` and `gpu` are what they were parted by; `only_part` names the one that a line
    pays for alone.
    """
    text = pl.coalesce("sku_meter", "charge_description", pl.lit("")).str.to_lowercase()
    only = {"gpu": text.str.contains(r"\bgpu\b")}
    only["cpu"] = text.str.contains(r"\bcore\b|\bvcpu\b") & ~only["gpu"]
    only["memory"] = text.str.contains(r"\bram\b|\bmemory\b") & ~only["cpu"] & ~only["gpu"]
    is_one = pl.any_horizontal(*only.values())
    millicores = (pl.col("cpu_capacity_cores") * 1000).round(0).cast(pl.Int128)
    mebibytes = (pl.col("memory_capacity_bytes") / 2**20).round(0).cast(pl.Int128)
    milligpus = (pl.col("gpu_capacity_count") * 1000).round(0).cast(pl.Int128)
    prices = dict(zip(PARTS, _prices(ownership), strict=True))
    # Lazily, so that what many columns are made from is found once.
    worth = lines.lazy().with_columns(
        (millicores * prices["cpu"] * 1024).alias("cpu"),
        (mebibytes * prices["memory"] * 1000).alias("memory"),
        (milligpus * prices["gpu"] * 1024).alias("gpu"),
    )
    amounts = [
        part.alias(f"{name}_{amount}")
        for amount in ("effective", "billed")
        for name, part in _amounts(amount, only, is_one).items()
    ]
    alone = pl.coalesce(pl.when(only[name]).then(pl.lit(name)) for name in PARTS)
    capacities = _capacities(is_one, ownership)
    return worth.with_columns(*amounts, *capacities, alone.alias("only_part")).collect()


def _amounts(amount: str, only: Mapping[str, pl.Expr], is_one: pl.Expr) -> dict[str, pl.Expr]:
    """Part an amount by worth: memory takes the rest, or the last part that is worth something."""
    size, sign = pl.col(amount).abs(), pl.col(amount).sign()
    whole = pl.sum_horizontal(PARTS)
    some = pl.max_horizontal(whole, pl.lit(1, pl.Int128))
    cpu = pl.when(whole == 0).then(size).otherwise(size * pl.col("cpu") // some)
    by_worth = size * pl.col("gpu") // some
    gpu = (
        pl.when((pl.col("memory") == 0) & (pl.col("gpu") > 0)).then(size - cpu).otherwise(by_worth)
    )
    shares = {"cpu": cpu, "gpu": gpu, "memory": size - cpu - gpu}
    return {
        name: sign
        * pl.when(only[name]).then(size).when(is_one).then(pl.lit(0, pl.Int128)).otherwise(share)
        for name, share in shares.items()
    }


def _capacities(is_one: pl.Expr, ownership: Ownership) -> list[pl.Expr]:
    """Give what each part offers in the seconds billed, and what of it the system keeps."""
    is_hours = pl.col("consumed_unit").str.to_lowercase().is_in(["hrs", "hours", "hour", "h"])
    billed = (pl.col("consumed_quantity").cast(pl.Float64) * 3600).clip(0, 3600)
    is_reported = is_hours & ~is_one & pl.col("consumed_quantity").is_between(0, 1)
    seconds = pl.when(is_reported).then(billed).otherwise(pl.col("run_seconds"))
    columns = {
        "cpu": ("cpu_capacity_cores", "cpu_allocatable_cores", 1e6),
        "memory": ("memory_capacity_bytes", "memory_allocatable_bytes", 1 / KIB),
        "gpu": ("gpu_capacity_count", "", 1e6),
    }
    found = []
    for part, (capacity, allocatable, scale) in columns.items():
        offered = pl.col(capacity)
        system = pl.lit(0.0)
        if allocatable and ownership.policy.is_allocatable:
            reported = pl.col(allocatable)
            system = (
                pl.when(reported > 0).then((offered - reported).clip(lower_bound=0)).otherwise(0.0)
            )
        for name, value in ((f"{part}_capacity", offered), (f"{part}_system", system)):
            found.append((value * scale * seconds).round(0).cast(pl.Int128).alias(name))
    return found

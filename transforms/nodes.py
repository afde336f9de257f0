"""Bill lines that pay for a node, shared among the workloads on it and what stood idle.

Reads    the lines of a day (transforms.lines), core_node_hourly, core_usage_hourly
Gives    claims and seats (see transforms.receivers)
Units    atoms; microcore-seconds and KiB-seconds, whole numbers
Holds    per line and hour the claims add up to the line; idle takes part and is never negative

Formulas. A node's cost is parted between CPU and memory by price weight times capacity (OpenCost's
specification, appendix A). Each part is shared by a = max(request, usage) over
D = max(capacity * seconds, sum of a); what is left is `__idle__`.
"""

from typing import Final

import polars as pl

from transforms.money import parts, split
from transforms.ownership import Ownership
from transforms.receivers import IDLE, NO_TELEMETRY, SEAT, Claims

KIB: Final = 1024
PLACE: Final = ("cluster", "node", "namespace", "workload", "labels")
HOUR: Final = ("cluster", "node", "usage_hour")
PARTS: Final = ("cpu", "memory")


def provider_key(text: pl.Expr) -> pl.Expr:
    """Give a resource's id as node and bill share it.

    `aws:///zone/i-0a`, an ARN that ends in `/i-0a` and `i-0a` are one; Google's
    `gce://project/zone/name` and `//compute.googleapis.com/projects/…/instances/name` too; Azure's
    paths are compared whole.
    """
    lower = text.str.to_lowercase()
    path = lower.str.replace(r"^[a-z]+://", "").str.strip_chars_start("/")
    last = lower.str.extract(r"([^/:]+)/?$", 1)
    return pl.when(lower.str.contains("subscriptions/", literal=True)).then(path).otherwise(last)


def on_nodes(
    lines: pl.DataFrame, nodes: pl.DataFrame, usage: pl.DataFrame, ownership: Ownership
) -> tuple[Claims, pl.DataFrame]:
    """Give the claims on lines that pay for a node, and the lines that do not."""
    found = node_lines(lines, nodes)
    rest = lines.join(found.select("line").unique(), on="line", how="anti", maintain_order="left")
    heard = nodes.drop("usage_date", "sample_count").sort(HOUR).with_row_index("place")
    placed = found.join(
        heard.select("place", *HOUR),
        left_on=["cluster", "node", "charge_hour"],
        right_on=list(HOUR),
        how="left",
        validate="m:1",
    ).sort("line", "charge_hour")
    seats = _seats(usage, placed)
    silent = placed.filter(pl.col("place").is_null()).join(
        seats.filter(pl.col("reason") == "no_telemetry").select("cluster", "node", "seat"),
        on=["cluster", "node"],
        how="left",
        validate="m:1",
    )
    billed = placed.filter(pl.col("place").is_not_null()).with_row_index("group")
    shared = _shared(billed, heard, _entries(usage, heard, seats, ownership), ownership)
    keep = ["line", "charge_hour", "seat", "effective", "billed"]
    rows = pl.concat([shared.select(keep), silent.select(keep)])
    return Claims(rows, seats.select(SEAT)), rest


def node_lines(lines: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Give the lines that pay for a node, by the hour; daily ones spread over the hours seen."""
    known = (
        nodes.filter(pl.col("provider_id") != "")
        .select("cluster", "node", provider_key(pl.col("provider_id")).alias("key"))
        .unique("key", keep="first", maintain_order=True)
        .sort("key")
    )
    by_name = nodes.select("cluster", "node", pl.col("node").str.to_lowercase().alias("key"))
    known = pl.concat([known, by_name]).unique("key", keep="first", maintain_order=True)
    keyed = lines.with_columns(
        pl.coalesce(
            provider_key(pl.col("resource_id")), pl.col("resource_name").str.to_lowercase()
        ).alias("key")
    )
    found = keyed.join(known, on="key", how="inner", validate="m:1").drop("key")
    hours = nodes.select("cluster", "node", "usage_hour")
    hourly = found.filter(pl.col("charge_hour").is_not_null())
    daily = found.filter(pl.col("charge_hour").is_null()).drop("charge_hour")
    spread = daily.join(hours, on=["cluster", "node"], how="inner", validate="m:m").rename(
        {"usage_hour": "charge_hour"}
    )
    spread = split(
        spread.with_columns(pl.lit(1, pl.Int64).alias("_one")).lazy(),
        ["effective", "billed"],
        "_one",
        group=["line"],
        order=["charge_hour"],
    ).collect()
    return pl.concat([hourly, spread.drop("_one").select(hourly.columns)])


def _seats(usage: pl.DataFrame, placed: pl.DataFrame) -> pl.DataFrame:
    """Give a number to all that can bear a node's cost: workloads, idle, hours not heard."""
    used = usage.select(PLACE).unique().with_columns(pl.lit("workload").alias("reason"))
    node = placed.select("cluster", "node").unique()

    def bucket(name: str, reason: str) -> pl.DataFrame:
        text = [pl.lit(name).alias("namespace"), pl.lit(name).alias("workload")]
        return node.with_columns(*text, labels=pl.lit(""), reason=pl.lit(reason))

    every = pl.concat([used, bucket(IDLE, "idle"), bucket(NO_TELEMETRY, "no_telemetry")])
    blank = ("account", "service", "resource", "charge_category")
    return (
        every.sort(*PLACE, "reason")
        .with_columns(pl.lit("").alias(name) for name in blank)
        .with_row_index("seat")
    )


def _entries(
    usage: pl.DataFrame, heard: pl.DataFrame, seats: pl.DataFrame, ownership: Ownership
) -> pl.DataFrame:
    """Give per node-hour and seat the whole-number weights; idle stands there without one."""
    numbered = seats.filter(pl.col("reason") == "workload").select("seat", *PLACE)
    places = heard.select("place", *HOUR)
    weights = (
        usage.lazy()
        .join(numbered.lazy(), on=list(PLACE), how="inner", validate="m:1")
        .join(places.lazy(), on=list(HOUR), how="inner", validate="m:1")
        .select(
            "place",
            "seat",
            _whole("cpu", "core", 1e6, ownership).alias("cpu"),
            _whole("memory", "byte", 1 / KIB, ownership).alias("memory"),
        )
        .group_by("place", "seat")
        .agg(pl.col(PARTS).cast(pl.Int128).sum())
        .collect()
    )
    idle = seats.filter(pl.col("reason") == "idle").select("seat", "cluster", "node")
    stood = heard.join(idle, on=["cluster", "node"], how="inner", validate="m:1").select(
        "place", "seat", *(pl.lit(None, pl.Int128).alias(name) for name in PARTS)
    )
    return pl.concat([weights, stood]).sort("place", "seat")


def _whole(name: str, unit: str, scale: float, ownership: Ownership) -> pl.Expr:
    """Give the amount that a container claims of an hour, as a whole number."""
    request, use = (pl.col(f"{name}_{kind}_{unit}_seconds") for kind in ("request", "usage"))
    chosen = {"max": pl.max_horizontal(request, use), "request": request, "usage": use}
    return (chosen[ownership.basis] * scale).round(0, mode="half_to_even").cast(pl.Int64)


def _shared(
    billed: pl.DataFrame, heard: pl.DataFrame, entries: pl.DataFrame, ownership: Ownership
) -> pl.DataFrame:
    """Split each line and hour among the entries of its node, part by part."""
    priced = _parted(billed.join(heard, on="place", how="left", validate="m:1"), ownership)
    rows = priced.select("group", "line", "charge_hour", "place").join(
        entries, on="place", how="inner", validate="m:m", maintain_order="left_right"
    )
    group = rows["group"]
    found = [
        _both(priced, part, _with_idle(rows[part], group, priced[f"{part}_capacity"]), group)
        for part in PARTS
    ]
    rows = rows.with_columns(
        sum((effective for effective, _ in found[1:]), start=found[0][0]).alias("effective"),
        sum((billed for _, billed in found[1:]), start=found[0][1]).alias("billed"),
    )
    is_idle = rows["cpu"].is_null()
    return rows.filter((pl.col("effective") != 0) | (pl.col("billed") != 0) | is_idle)


def _both(
    priced: pl.DataFrame, part: str, weight: pl.Series, group: pl.Series
) -> tuple[pl.Series, pl.Series]:
    """Split both costs of a part; where they are equal, or nothing is billed, one split does."""
    effective, billed = priced[f"{part}_effective"], priced[f"{part}_billed"]
    first = parts(effective, weight, group)
    is_other = (billed != effective) & (billed != 0)
    second = first.zip_with((billed != 0).gather(group), first.clear(first.len()).fill_null(0))
    if not is_other.any():
        return first, second
    rows = is_other.gather(group)
    number = is_other.cast(pl.UInt32).cum_sum() - 1
    split_again = parts(
        billed.filter(is_other), weight.filter(rows), number.gather(group.filter(rows))
    )
    return first, second.scatter(rows.arg_true(), split_again)


def _with_idle(weight: pl.Series, group: pl.Series, capacity: pl.Series) -> pl.Series:
    """Put what is left of the capacity where idle stands."""
    used = (
        pl.DataFrame({"group": group, "used": weight}).group_by("group").agg(pl.col("used").sum())
    )
    left = (capacity - used.sort("group")["used"]).clip(lower_bound=0)
    return weight.zip_with(weight.is_not_null(), left.gather(group))


def _parted(lines: pl.DataFrame, ownership: Ownership) -> pl.DataFrame:
    """Part each line and hour into CPU and memory, with the capacity of each part."""
    text = pl.coalesce("sku_meter", "charge_description", pl.lit("")).str.to_lowercase()
    only_cpu = text.str.contains(r"\bcore\b|\bvcpu\b")
    only_memory = text.str.contains(r"\bram\b|\bmemory\b") & ~only_cpu
    exponent = max(
        -int(weight.as_tuple().exponent)
        for weight in (ownership.cpu_weight, ownership.memory_weight)
    )
    cpu_price, memory_price = (
        int(weight * 10**exponent) for weight in (ownership.cpu_weight, ownership.memory_weight)
    )
    millicores = (pl.col("cpu_capacity_cores") * 1000).round(0).cast(pl.Int128)
    mebibytes = (pl.col("memory_capacity_bytes") / 2**20).round(0).cast(pl.Int128)
    cpu = millicores * cpu_price * 1024
    memory = mebibytes * memory_price * 1000
    whole = cpu + memory
    is_hours = pl.col("consumed_unit").str.to_lowercase().is_in(["hrs", "hours", "hour", "h"])
    billed_seconds = (pl.col("consumed_quantity").cast(pl.Float64) * 3600).clip(0, 3600)
    seconds = (
        pl.when(is_hours & ~only_cpu & ~only_memory & pl.col("consumed_quantity").is_between(0, 1))
        .then(billed_seconds)
        .otherwise(pl.col("run_seconds"))
    )

    def part_of(amount: str) -> pl.Expr:
        size, sign = pl.col(amount).abs(), pl.col(amount).sign()
        by_price = (
            pl.when(whole > 0).then(size * cpu // pl.max_horizontal(whole, 1)).otherwise(size)
        )
        return sign * (pl.when(only_cpu).then(size).when(only_memory).then(0).otherwise(by_price))

    return lines.with_columns(
        part_of("effective").alias("cpu_effective"),
        part_of("billed").alias("cpu_billed"),
        (pl.col("cpu_capacity_cores") * seconds * 1e6)
        .round(0)
        .cast(pl.Int128)
        .alias("cpu_capacity"),
        (pl.col("memory_capacity_bytes") / KIB * seconds)
        .round(0)
        .cast(pl.Int128)
        .alias("memory_capacity"),
    ).with_columns(
        (pl.col("effective") - pl.col("cpu_effective")).alias("memory_effective"),
        (pl.col("billed") - pl.col("cpu_billed")).alias("memory_billed"),
    )

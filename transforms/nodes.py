"""Bill lines that pay for a node, shared among the workloads on it and what stood idle.

Reads    the lines of a day (transforms.lines), core_node_hourly, core_usage_hourly
Gives    claims and seats (see transforms.receivers)
Units    atoms; microcore-seconds and KiB-seconds, whole numbers
Holds    per line and hour the claims add up to the line; idle takes part and is never negative

Formulas. Each part of a node's cost (transforms.node_price) is shared by a = max(request, usage)
over D = max(capacity * seconds, sum of a); what is left is `__idle__`.
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

from transforms import idle
from transforms.money import parts, split, sums
from transforms.node_price import KIB, PARTS, parted
from transforms.ownership import Ownership
from transforms.policy import Policy
from transforms.receivers import IDLE, NO_TELEMETRY, SEAT, SYSTEM, Claims

PLACE: Final = ("cluster", "node", "namespace", "workload", "labels")
HOUR: Final = ("cluster", "node", "usage_hour")
WORK, IDLES, TAKEN = 0, 1, 2
"""Kinds of entries: a workload, what stood idle, what the system keeps for itself."""
ENTRY: Final = (pl.col("place").cast(pl.UInt64) * 2**32 + pl.col("seat")).alias("entry")
"""Node-hour and seat in one number: sorted and grouped in a third of the time."""
ROWS: Final = ("line", "charge_hour", "seat", "effective", "billed")


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
    is_pooled = ownership.policy.idle_scope == "pool"
    heard = (
        nodes.drop("usage_date", "sample_count")
        .with_columns(pl.col("node_pool" if is_pooled else "cluster").alias("pool"))
        .sort(HOUR)
        .with_row_index("place")
    )
    placed = found.join(
        heard.select("place", *HOUR),
        left_on=["cluster", "node", "charge_hour"],
        right_on=list(HOUR),
        how="left",
        validate="m:1",
    ).sort("line", "charge_hour")
    seats = _seats(usage, placed, ownership.policy)
    silent = placed.filter(pl.col("place").is_null()).join(
        seats.filter(pl.col("reason") == "no_telemetry").select("cluster", "node", "seat"),
        on=["cluster", "node"],
        how="left",
        validate="m:1",
    )
    billed = placed.filter(pl.col("place").is_not_null()).with_row_index("group")
    entries = _entries(usage, heard, seats, ownership)
    shared = _shared(billed, heard, entries, seats, ownership)
    items = found.select("line").unique().with_columns(line_item=pl.lit(""))
    rows = pl.concat([shared, silent.select(ROWS)])
    return Claims(rows, seats.select(SEAT), "node", items), rest


def node_lines(lines: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Give the lines that pay for a node, by the hour; daily ones spread over the hours seen."""
    keyed = lines.with_columns(
        pl.coalesce(
            provider_key(pl.col("resource_id")), pl.col("resource_name").str.to_lowercase()
        ).alias("key")
    )
    found = keyed.join(known_nodes(nodes), on="key", how="inner", validate="m:1").drop("key")
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


def known_nodes(nodes: pl.DataFrame) -> pl.DataFrame:
    """Give what a line may call a node: its id at the provider, else its name."""
    known = (
        nodes.filter(pl.col("provider_id") != "")
        .select("cluster", "node", provider_key(pl.col("provider_id")).alias("key"))
        .unique("key", keep="first", maintain_order=True)
        .sort("key")
    )
    by_name = nodes.select("cluster", "node", pl.col("node").str.to_lowercase().alias("key"))
    return pl.concat([known, by_name]).unique("key", keep="first", maintain_order=True)


def _seats(usage: pl.DataFrame, placed: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Give a number to all that can bear a node's cost: workloads, idle, hours not heard."""
    used = usage.select(PLACE).unique().with_columns(pl.lit("workload").alias("reason"))
    node = placed.select("cluster", "node").unique()

    def bucket(name: str, reason: str) -> pl.DataFrame:
        text = [pl.lit(name).alias("namespace"), pl.lit(name).alias("workload")]
        return node.with_columns(*text, labels=pl.lit(""), reason=pl.lit(reason))

    every = [used, bucket(IDLE, "idle"), bucket(NO_TELEMETRY, "no_telemetry")]
    if policy.is_allocatable:
        every.append(bucket(SYSTEM, "system"))
    if policy.idle == "share":
        node_of = pl.col("node") if policy.idle_scope == "node" else pl.lit("-").alias("node")
        shares = used.with_columns(node_of, pl.lit(idle.IDLE_SHARE).alias("reason"))
        every.append(shares.unique())
    blank = ("account", "service", "resource", "charge_category")
    return (
        pl.concat(every)
        .sort(*PLACE, "reason")
        .with_columns(pl.lit("").alias(name) for name in blank)
        .with_row_index("seat")
    )


def _entries(
    usage: pl.DataFrame, heard: pl.DataFrame, seats: pl.DataFrame, ownership: Ownership
) -> pl.DataFrame:
    """Give per node-hour and seat the whole-number weights; buckets stand there without any."""
    numbered = seats.filter(pl.col("reason") == "workload").select("seat", *PLACE)
    places = heard.select("place", *HOUR)
    gpu = (pl.col("gpu_request_gpu_seconds") * 1e6).round(0).cast(pl.Int64)
    claimed = (
        usage.lazy()
        .join(numbered.lazy(), on=list(PLACE), how="inner", validate="m:1")
        .join(places.lazy(), on=list(HOUR), how="inner", validate="m:1")
        .select(
            ENTRY,
            _whole("cpu", "core", 1e6, ownership).alias("cpu"),
            _whole("memory", "byte", 1 / KIB, ownership).alias("memory"),
            gpu.alias("gpu"),
            pl.lit(WORK, pl.Int8).alias("kind"),
        )
        .collect()
    )
    kinds = {"idle": IDLES, "system": TAKEN}
    kind = pl.col("reason").replace_strict(kinds, return_dtype=pl.Int8).alias("kind")
    buckets = (
        seats.filter(pl.col("reason").is_in(list(kinds)))
        .join(heard, on=["cluster", "node"], how="inner", validate="m:m")
        .select(ENTRY, *(pl.lit(None, pl.Int64).alias(name) for name in PARTS), kind)
    )
    ordered = pl.concat([claimed, buckets]).sort("entry")
    if (ordered["entry"] == ordered["entry"].shift(1)).any():  # several containers of a workload
        whole = pl.col(PARTS).sum(), pl.col("kind").first()
        ordered = ordered.group_by("entry", maintain_order=True).agg(*whole)
    place, seat = pl.col("entry") // 2**32, pl.col("entry") % 2**32
    return ordered.select(
        place.cast(pl.UInt32).alias("place"), seat.cast(pl.UInt32).alias("seat"), *PARTS, "kind"
    )


def _whole(name: str, unit: str, scale: float, ownership: Ownership) -> pl.Expr:
    """Give the amount that a container claims of an hour, as a whole number."""
    request, use = (pl.col(f"{name}_{kind}_{unit}_seconds") for kind in ("request", "usage"))
    chosen = {"max": pl.max_horizontal(request, use), "request": request, "usage": use}
    return (chosen[ownership.basis] * scale).round(0, mode="half_to_even").cast(pl.Int64)


def _shared(
    billed: pl.DataFrame,
    heard: pl.DataFrame,
    entries: pl.DataFrame,
    seats: pl.DataFrame,
    ownership: Ownership,
) -> pl.DataFrame:
    """Split each line and hour among the entries of its node, part by part."""
    priced = parted(billed.join(heard, on="place", how="left", validate="m:1"), ownership)
    rows = priced.select("group", "line", "charge_hour", "place").join(
        entries, on="place", how="inner", validate="m:m", maintain_order="left_right"
    )
    group = rows["group"]
    on_gpus = ("gpu_capacity", "gpu_effective", "gpu_billed")
    has_gpus = any((priced[name] != 0).any() for name in on_gpus)
    used = [part for part in PARTS if part != "gpu" or has_gpus]
    weights = {part: _with_buckets(rows, part, priced) for part in used}
    found = {part: _both(priced, part, weights[part], group) for part in used}

    def total(number: int) -> pl.Series:
        columns = [both[number] for both in found.values()]
        return sum(columns[1:], start=columns[0])

    taken = rows.with_columns(total(0).alias("effective"), total(1).alias("billed"))
    if ownership.policy.idle == "share":
        if ownership.policy.idle_scope != "node":
            return _idle_of_cluster(taken, found, priced, _takers(entries, heard, seats))
        return _idle_of_node(taken, found, weights, seats)
    is_kept = (pl.col("effective") != 0) | (pl.col("billed") != 0) | (pl.col("kind") == IDLES)
    return taken.filter(is_kept).select(ROWS)


def _with_buckets(rows: pl.DataFrame, part: str, priced: pl.DataFrame) -> pl.Series:
    """Give weights with what the system keeps, and with what is left where idle stands."""
    group, kind = rows["group"], rows["kind"]
    kept = priced[f"{part}_system"].gather(group)
    weight = rows[part].zip_with(kind != TAKEN, kept)
    used = sums(weight.fill_null(0), group.rle().struct.field("len"))
    left = (priced[f"{part}_capacity"] - used).clip(lower_bound=0)
    if part == "gpu":  # billed, though no telemetry tells of any: nobody asked for it
        left = left.zip_with((used != 0) | (left != 0), left.clear(left.len()).fill_null(1))
    return weight.zip_with(kind != IDLES, left.gather(group))


def _idle_of_node(
    rows: pl.DataFrame,
    found: Mapping[str, tuple[pl.Series, pl.Series]],
    weights: Mapping[str, pl.Series],
    seats: pl.DataFrame,
) -> pl.DataFrame:
    """Give what workloads took, and beside it their part of what stood idle on their node."""
    is_idle, group = rows["kind"] == IDLES, rows["group"]
    shares = [
        rows.with_columns(
            idle.on_node(both[n].filter(is_idle), weights[part], is_idle, group).alias(name)
            for n, name in enumerate(("effective", "billed"))
        ).select(ROWS)
        for part, both in found.items()
    ]
    own = rows.filter(pl.col("kind") != IDLES).select(ROWS)
    # A claim stands once: what several receivers share is split as a whole.
    moved = (
        _seated(pl.concat(shares), seats, node=True)
        .group_by(ROWS[:3])
        .agg(pl.col("effective", "billed").sum())
    )
    return idle.shown([own, moved.sort(ROWS[:3])])


def _idle_of_cluster(
    rows: pl.DataFrame,
    found: Mapping[str, tuple[pl.Series, pl.Series]],
    priced: pl.DataFrame,
    takers: pl.DataFrame,
) -> pl.DataFrame:
    """Give what workloads took, and beside it the idle of their cluster or pool in that hour."""
    is_idle = rows["kind"] == IDLES
    stood = rows.filter(is_idle).select("line", "charge_hour", "seat")
    facts = priced.select(
        "line", "charge_hour", "cluster", "pool", currency="billing_currency"
    ).unique()
    left = pl.concat(
        stood.with_columns(
            both[0].filter(is_idle).alias("effective"),
            both[1].filter(is_idle).alias("billed"),
            pl.lit(part).alias("part"),
        )
        for part, both in found.items()
    ).join(facts, on=["line", "charge_hour"], how="left", validate="m:1")
    scope = ["cluster", "pool", "charge_hour", "part"]
    alone = left.join(takers.select(scope).unique(), on=scope, how="anti")
    own = rows.filter(~is_idle).select(ROWS)
    return idle.shown([own, idle.in_cluster(left, takers), alone.select(ROWS)])


def _takers(entries: pl.DataFrame, heard: pl.DataFrame, seats: pl.DataFrame) -> pl.DataFrame:
    """Give what each workload weighs in a cluster or pool in an hour, on whichever node."""
    work = _seated(entries.filter(pl.col("kind") == WORK), seats, node=False).join(
        heard.select("place", "cluster", "pool", charge_hour="usage_hour"),
        on="place",
        how="inner",
        validate="m:1",
    )
    long = work.unpivot(
        PARTS,
        index=["cluster", "pool", "charge_hour", "seat"],
        variable_name="part",
        value_name="weight",
    )
    key = ("cluster", "pool", "charge_hour", "part", "seat")
    return long.group_by(key).agg(pl.col("weight").sum())


def _seated(rows: pl.DataFrame, seats: pl.DataFrame, *, node: bool) -> pl.DataFrame:
    """Move workloads to their seats for shared idle; others keep theirs."""
    key = list(PLACE) if node else [name for name in PLACE if name != "node"]
    work = seats.filter(pl.col("reason") == "workload").select("seat", *key)
    share = seats.filter(pl.col("reason") == idle.IDLE_SHARE).select(
        *key, pl.col("seat").alias("share")
    )
    moved = work.join(share, on=key, how="inner", validate="m:1").select("seat", "share")
    return (
        rows.join(moved, on="seat", how="left", validate="m:1")
        .with_columns(pl.coalesce("share", "seat").alias("seat"))
        .drop("share")
    )


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

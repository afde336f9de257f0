"""Bill lines that pay for a node, shared among the workloads on it and what stood idle.

Reads    the lines of a day (transforms.ledger.lines), core_node_hourly, core_usage_hourly
Gives    matches and recipients (see transforms.ledger.receivers)
Units    atoms; microcore-seconds and KiB-seconds, whole numbers
Holds    per line and hour the matches add up to the line; idle takes part and is never negative

Formulas. Each part of a node's cost (`node_price`) is shared by a = max(request, usage)
over D = max(capacity * seconds, sum of a); what is left is `__idle__`.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import polars as pl

from transforms.exact.money import Groups, compact, parts, split
from transforms.exact.numbers import numbered
from transforms.ledger import idle
from transforms.ledger.node_price import PARTS, by_part
from transforms.ledger.node_weights import (
    HOUR,
    IDLES,
    PLACE,
    TAKEN,
    WORK,
    entries_of,
    recipients_of,
)
from transforms.ledger.receivers import RECIPIENT, Matches
from transforms.owners.ownership import Ownership

ROWS: Final = ("line", "charge_hour", "recipient", "effective", "billed")


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
) -> tuple[Matches, pl.DataFrame]:
    """Give the matches on lines that pay for a node, and the lines that do not."""
    found = node_lines(lines, nodes)
    rest = lines.join(found.select("line").unique(), on="line", how="anti", maintain_order="left")
    is_pooled = ownership.policy.idle_scope == "pool"
    observed = (
        nodes.drop("usage_date", "sample_count")
        .with_columns(pl.col("node_pool" if is_pooled else "cluster").alias("pool"))
        .sort(HOUR)
        .with_row_index("place")
    )
    placed = found.join(
        observed.select("place", *HOUR),
        left_on=["cluster", "node", "charge_hour"],
        right_on=list(HOUR),
        how="left",
        validate="m:1",
    ).sort("line", "charge_hour")
    workloads, number = numbered(usage, PLACE)
    recipients = recipients_of(workloads, placed, ownership.policy)
    silent = placed.filter(pl.col("place").is_null()).join(
        recipients.filter(pl.col("reason") == "no_telemetry").select(
            "cluster", "node", "recipient"
        ),
        on=["cluster", "node"],
        how="left",
        validate="m:1",
    )
    billed = placed.filter(pl.col("place").is_not_null()).with_row_index("group")
    entries = entries_of(usage, number, observed, recipients, ownership.basis)
    shared, paid = _shared(billed, observed, entries, recipients, ownership)
    items = found.select("line").unique().with_columns(line_item=pl.lit(""))
    rows = pl.concat([shared, silent.select(ROWS)])
    return Matches(
        rows, recipients.select(RECIPIENT), "node", items, _placed(paid, recipients)
    ), rest


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
    nodes = nodes.select("cluster", "node", "provider_id").unique(maintain_order=True)
    known = (
        nodes.filter(pl.col("provider_id") != "")
        .select("cluster", "node", provider_key(pl.col("provider_id")).alias("key"))
        .unique("key", keep="first", maintain_order=True)
        .sort("key")
    )
    by_name = nodes.select("cluster", "node", pl.col("node").str.to_lowercase().alias("key"))
    return pl.concat([known, by_name]).unique("key", keep="first", maintain_order=True)


def _shared(
    billed: pl.DataFrame,
    observed: pl.DataFrame,
    entries: pl.DataFrame,
    recipients: pl.DataFrame,
    ownership: Ownership,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split each line and hour among the entries of its node, part by part; tell CPU and GPUs."""
    priced = by_part(billed.join(observed, on="place", how="left", validate="m:1"), ownership)
    rows = _laid_out(priced, entries)
    groups = Groups(rows["group"])
    on_gpus = ("gpu_capacity", "gpu_effective", "gpu_billed")
    has_gpus = any((priced[name] != 0).any() for name in on_gpus)
    used = [part for part in PARTS if part != "gpu" or has_gpus]

    def split_part(part: str) -> tuple[pl.Series, tuple[pl.Series, pl.Series]]:
        weight = _with_buckets(rows, part, priced, groups)
        return weight, _both(priced, part, weight, groups)

    # Series are reckoned with outside Python's lock: each part takes a core of its own.
    with ThreadPoolExecutor(len(used)) as pool:
        done = dict(zip(used, pool.map(split_part, used), strict=True))
    weights = {part: weight for part, (weight, _) in done.items()}
    found = {part: both for part, (_, both) in done.items()}

    def total(number: int) -> pl.Series:
        columns = [both[number] for both in found.values()]
        return sum(columns[1:], start=columns[0])

    taken = rows.with_columns(total(0).alias("effective"), total(1).alias("billed"))
    reported = {part: both[0] for part, both in found.items() if part != "memory"}
    own = rows.select("recipient", "kind", **reported).with_columns(
        groups.each(priced["billing_currency"].cast(pl.Categorical())).alias("currency")
    )
    if ownership.policy.idle == "share":
        own = own.filter(pl.col("kind") != IDLES)
        if ownership.policy.idle_scope != "node":
            recipients = _recipients(entries, observed, recipients)
            shared, moved = _idle_of_cluster(taken, found, priced, recipients)
        else:
            shared, moved = _idle_of_node(taken, found, weights, recipients, groups)
        of_line = priced.select("line", currency="billing_currency").unique()
        moved = moved.join(of_line, on="line", how="left", validate="m:1")
        return shared, _paid([own, moved])
    is_kept = (taken["effective"] != 0) | (taken["billed"] != 0) | (taken["kind"] == IDLES)
    shown = taken.select(ROWS)
    return shown if is_kept.all() else shown.filter(is_kept), _paid([own])


def _paid(found: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Give per recipient and currency what was for CPU and GPUs; memory is the rest."""
    sums = [
        rows.group_by("recipient", "currency")
        .agg(pl.col("^(cpu|gpu)$").sum())
        .with_columns(pl.col("currency").cast(pl.String))
        for rows in found
    ]
    blank = pl.DataFrame(schema={"cpu": pl.Int128(), "gpu": pl.Int128()})
    return pl.concat([blank, *sums], how="diagonal")


def _placed(paid: pl.DataFrame, recipients: pl.DataFrame) -> pl.DataFrame:
    """Sum to cluster, namespace, workload and currency."""
    key = ("cluster", "namespace", "workload", "currency")
    return (
        paid.join(
            recipients.select("recipient", *key[:3]), on="recipient", how="inner", validate="m:1"
        )
        .group_by(key)
        .agg(pl.col("cpu", "gpu").sum())
        .sort(key)
    )


def _laid_out(priced: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Give each line and hour (`group`) the entries of its node-hour, in recipients' order."""
    intervals = entries["place"].rle().struct.unnest().rename({"value": "place"})
    ends = intervals.with_columns(pl.col("len").cum_sum().alias("end"))
    entry = pl.int_ranges(pl.col("end") - pl.col("len"), "end", dtype=pl.UInt32).alias("entry")
    rows = (
        priced.select("group", "line", "charge_hour", "place")
        .join(ends, on="place", how="inner", validate="m:1", maintain_order="left")
        .select("group", "line", "charge_hour", entry)
        .explode("entry")
    )
    return pl.concat([rows.drop("entry"), entries.drop("place")[rows["entry"]]], how="horizontal")


def _with_buckets(rows: pl.DataFrame, part: str, priced: pl.DataFrame, groups: Groups) -> pl.Series:
    """Give weights with what the system keeps, and with what is left where idle stands."""
    kind, weight = rows["kind"], rows[part]
    is_taken = kind == TAKEN
    if is_taken.any():
        weight = weight.zip_with(~is_taken, groups.each(priced[f"{part}_system"]))
    weight = compact(weight, groups.longest)
    used = groups.sums(weight)
    left = (compact(priced[f"{part}_capacity"]) - used).clip(lower_bound=0)
    if part == "gpu":  # billed, though no telemetry tells of any: nobody asked for it
        left = left.zip_with((used != 0) | (left != 0), left.clear(left.len()).fill_null(1))
    return weight.zip_with(kind != IDLES, groups.each(left))


def _idle_of_node(
    rows: pl.DataFrame,
    found: Mapping[str, tuple[pl.Series, pl.Series]],
    weights: Mapping[str, pl.Series],
    recipients: pl.DataFrame,
    groups: Groups,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give what workloads took, and beside it their part of what stood idle on their node.

    Gives what was moved by part (line, recipient, and an amount of that name), too.
    """
    is_idle = rows["kind"] == IDLES
    shares = {
        part: rows.with_columns(
            idle.on_node(both[n].filter(is_idle), weights[part], is_idle, groups).alias(name)
            for n, name in enumerate(("effective", "billed"))
        ).select(ROWS)
        for part, both in found.items()
    }
    numbered = {
        part: _with_recipients(share, recipients, node=True) for part, share in shares.items()
    }
    own = rows.filter(pl.col("kind") != IDLES).select(ROWS)
    # A match stands once: what several receivers share is split as a whole.
    moved = pl.concat(numbered.values()).group_by(ROWS[:3]).agg(pl.col("effective", "billed").sum())
    return idle.shown([own, moved.sort(ROWS[:3])]), _by_part(numbered)


def _by_part(moved: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Give amounts of CPU and GPUs under their names."""
    named = [
        rows.select("line", "recipient", pl.col("effective").alias(part))
        for part, rows in moved.items()
        if part != "memory"
    ]
    return pl.concat(named, how="diagonal")


def _idle_of_cluster(
    rows: pl.DataFrame,
    found: Mapping[str, tuple[pl.Series, pl.Series]],
    priced: pl.DataFrame,
    recipients: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give what workloads took, and beside it the idle of their cluster or pool in that hour.

    Gives what was moved by part, too, as `_idle_of_node` does.
    """
    is_idle = rows["kind"] == IDLES
    stood = rows.filter(is_idle).select("line", "charge_hour", "recipient")
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
    alone = left.join(recipients.select(scope).unique(), on=scope, how="anti")
    own = rows.filter(~is_idle).select(ROWS)
    moved = {part: idle.in_cluster(left.filter(part=part), recipients) for part in found}
    stayed = {part: alone.filter(part=part).select(ROWS) for part in found}
    key = ROWS[:3]
    taken = pl.concat(moved.values()).group_by(key).agg(pl.col("effective", "billed").sum())
    both = {part: pl.concat([moved[part], stayed[part]]) for part in found}
    return idle.shown([own, taken.sort(key), alone.select(ROWS)]), _by_part(both)


def _recipients(
    entries: pl.DataFrame, observed: pl.DataFrame, recipients: pl.DataFrame
) -> pl.DataFrame:
    """Give what each workload weighs in a cluster or pool in an hour, on whichever node."""
    work = _with_recipients(entries.filter(pl.col("kind") == WORK), recipients, node=False).join(
        observed.select("place", "cluster", "pool", charge_hour="usage_hour"),
        on="place",
        how="inner",
        validate="m:1",
    )
    long = work.unpivot(
        PARTS,
        index=["cluster", "pool", "charge_hour", "recipient"],
        variable_name="part",
        value_name="weight",
    )
    key = ("cluster", "pool", "charge_hour", "part", "recipient")
    return long.group_by(key).agg(pl.col("weight").sum())


def _with_recipients(rows: pl.DataFrame, recipients: pl.DataFrame, *, node: bool) -> pl.DataFrame:
    """Move workloads to their recipients for shared idle; others keep theirs."""
    key = list(PLACE) if node else [name for name in PLACE if name != "node"]
    work = recipients.filter(pl.col("reason") == "workload").select("recipient", *key)
    share = recipients.filter(pl.col("reason") == idle.IDLE_SHARE).select(
        *key, pl.col("recipient").alias("share")
    )
    moved = work.join(share, on=key, how="inner", validate="m:1").select("recipient", "share")
    return (
        rows.join(moved, on="recipient", how="left", validate="m:1")
        .with_columns(pl.coalesce("share", "recipient").alias("recipient"))
        .drop("share")
    )


def _both(
    priced: pl.DataFrame, part: str, weight: pl.Series, groups: Groups
) -> tuple[pl.Series, pl.Series]:
    """Split both costs of a part; where they are equal, or nothing is billed, one split does."""
    effective, billed = priced[f"{part}_effective"], priced[f"{part}_billed"]
    first = parts(effective, weight, groups)
    if billed.equals(effective):
        return first, first
    is_other = (billed != effective) & (billed != 0)
    second = first.zip_with(groups.each(billed != 0), first.clear(first.len()).fill_null(0))
    if not is_other.any():
        return first, second
    rows = groups.each(is_other)
    number = is_other.cast(pl.UInt32).cum_sum() - 1
    split_again = parts(
        billed.filter(is_other), weight.filter(rows), Groups(groups.each(number).filter(rows))
    )
    return first, second.scatter(rows.arg_true(), split_again)

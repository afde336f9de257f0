"""The ledger: every bill line of a day explained downward, to the last atom.

Reads    core_cost_line, core_usage_hourly, core_node_hourly of one UTC day; the ownership rules
Writes   core_cost_ledger    one row per bill line, hour (or day) and receiver
Units    effective_cost, billed_cost in the line's currency, Decimal(38, 12); never a float
Holds    per line and day: sum(ledger) == what the line costs on that day, exactly; the order of
         input rows changes nothing; idle takes part in every split and is never negative

Formulas. A node's cost is parted between CPU and memory by price weight times capacity (OpenCost's
specification, appendix A). Each part is shared by a = max(request, usage) over
D = max(capacity * seconds, sum of a); what is left is `__idle__`.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import polars as pl

from transforms.money import atoms, money, split
from transforms.ownership import Ownership
from transforms.owning import Judge, Owner, Thing
from warehouse.tables.core import COST_LEDGER

IDLE: Final = "__idle__"
NO_TELEMETRY: Final = "__no_telemetry__"
PARTS_SCALE: Final = 10**12
LINE: Final = ("x_line_hash", "charge_hour")
PLACE: Final = ("cluster", "node", "namespace", "workload")
LINE_FACTS: Final = ("billing_currency", "service_name", "provider_name", "sub_account_id")
KIB: Final = 1024


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


def day_lines(lines: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give the part of each line that falls on a day: `effective_cost` and `billed_cost` of it.

    A line of an hour or less keeps its hour in `charge_hour`; one of up to a day stays whole on the
    day it begins; a longer one is spread over the days of its charge period, largest remainder.
    """
    begins, ends = pl.col("charge_period_start"), pl.col("charge_period_end")
    first = begins.dt.date()
    last = pl.max_horizontal(first, (ends - timedelta(microseconds=1)).dt.date())
    is_long = (ends - begins) > timedelta(days=1)
    whole = pl.when(is_long).then((last - first).dt.total_days() + 1).otherwise(1)
    place = pl.when(is_long).then((pl.lit(day) - first).dt.total_days()).otherwise(0)
    is_here = pl.when(is_long).then(pl.lit(day).is_between(first, last)).otherwise(first == day)
    hour = pl.when((ends - begins) <= timedelta(hours=1)).then(begins.dt.truncate("1h"))
    ready = lines.filter(is_here).with_columns(whole.alias("_days"), place.alias("_place"))
    return ready.with_columns(
        _even_part("effective_cost"),
        _even_part("billed_cost"),
        hour.alias("charge_hour"),
        pl.lit(day).alias("charge_date"),
    ).drop("_days", "_place")


def _even_part(column: str) -> pl.Expr:
    """Give the day's part of a cost in equal parts: the first days bear the atoms left over."""
    whole, count = atoms(pl.col(column)), pl.col("_days").cast(pl.Int128)
    size = whole.abs()
    part = size // count + (pl.col("_place").cast(pl.Int128) < size % count).cast(pl.Int128)
    return money(whole.sign() * part).alias(column)


def ledger(  # noqa: PLR0913 - three tables, the rules, and three terms
    lines: pl.LazyFrame,
    usage: pl.LazyFrame,
    nodes: pl.LazyFrame,
    ownership: Ownership,
    *,
    day: date,
    now: datetime,
    final_hours: int = 48,
) -> pl.LazyFrame:
    """Give core_cost_ledger of a day. `lines` are those of `day_lines`."""
    judge = Judge(ownership, day)
    priced = lines.select(
        *LINE,
        *LINE_FACTS,
        "resource_id",
        "resource_name",
        "sku_meter",
        "charge_description",
        "charge_category",
        "tags",
        "x_cluster",
        "consumed_quantity",
        "consumed_unit",
        atoms(pl.col("effective_cost")).alias("effective"),
        atoms(pl.col("billed_cost")).alias("billed"),
    ).collect()
    nodes_, usage_ = nodes.collect(), usage.collect()
    on_node = _node_lines(priced, nodes_)
    clustered = _owned_workloads(_shared_by_use(on_node, nodes_, usage_, ownership), judge)
    others = priced.join(on_node.select("x_line_hash"), on="x_line_hash", how="anti")
    rows = pl.concat([clustered, _owned_lines(others, judge)], how="diagonal")
    rows = _pooled(rows, ownership, judge)
    return _finish(rows, priced, ownership, day, now, final_hours)


def _node_lines(lines: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
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
        group=["x_line_hash"],
        order=["charge_hour"],
    ).collect()
    return pl.concat([hourly, spread.drop("_one").select(hourly.columns)])


def _weights(usage: pl.DataFrame, ownership: Ownership) -> pl.DataFrame:
    """Give microcore-seconds and KiB-seconds per workload, node and hour, in whole numbers."""

    def whole(name: str, unit: str, scale: float) -> pl.Expr:
        request, use = (pl.col(f"{name}_{kind}_{unit}_seconds") for kind in ("request", "usage"))
        chosen = {"max": pl.max_horizontal(request, use), "request": request, "usage": use}
        return (chosen[ownership.basis] * scale).round(0, mode="half_to_even").cast(pl.Int64)

    return (
        usage.with_columns(
            whole("cpu", "core", 1e6).alias("cpu"), whole("memory", "byte", 1 / KIB).alias("memory")
        )
        .group_by("usage_hour", *PLACE, "labels")
        .agg(pl.col("cpu", "memory").sum())
    )


def _shared_by_use(
    lines: pl.DataFrame, nodes: pl.DataFrame, usage: pl.DataFrame, ownership: Ownership
) -> pl.DataFrame:
    """Split node lines to workloads and idle; hours that were not heard go to their bucket."""
    hour = {"usage_hour": "charge_hour"}
    place = ["cluster", "node", "charge_hour"]
    heard = nodes.rename(hour).drop("usage_date", "provider_id", "sample_count")
    with_node = lines.join(heard, on=place, how="left", validate="m:1")
    silent = with_node.filter(pl.col("run_seconds").is_null()).with_columns(
        pl.lit(NO_TELEMETRY).alias("namespace"),
        pl.lit(NO_TELEMETRY).alias("workload"),
        pl.lit("no_telemetry").alias("reason"),
    )
    seen = _parted(with_node.filter(pl.col("run_seconds").is_not_null()), ownership)
    weights = _weights(usage, ownership).rename(hour)
    long = pl.concat(
        [
            weights.select(
                *place, "namespace", "workload", "labels", pl.col(part).alias("weight")
            ).with_columns(pl.lit(part).alias("part"))
            for part in ("cpu", "memory")
        ]
    )
    group = [*LINE, "cluster", "node", "part"]
    shared = seen.join(long, on=[*place, "part"], how="inner", validate="m:m")
    used = shared.group_by(group).agg(pl.col("weight").cast(pl.Int128).sum().alias("used"))
    idle = (
        seen.join(used, on=group, how="left", validate="1:1", nulls_equal=True)
        .with_columns(
            pl.max_horizontal(
                pl.lit(0, pl.Int128), pl.col("capacity") - pl.col("used").fill_null(0)
            ).alias("weight"),
            pl.lit(IDLE).alias("namespace"),
            pl.lit(IDLE).alias("workload"),
            pl.lit("").alias("labels"),
        )
        .drop("used")
    )
    rows = pl.concat(
        [shared.with_columns(pl.col("weight").cast(pl.Int128)), idle.select(shared.columns)],
        how="vertical_relaxed",
    )
    done = split(
        rows.lazy(),
        ["effective", "billed"],
        "weight",
        group=group,
        order=["namespace", "workload", "labels"],
    )
    keep = [*LINE, *PLACE, "labels"]
    summed = (
        done.group_by(keep)
        .agg(pl.col("effective", "billed").sum())
        .with_columns(
            pl.when(pl.col("namespace") == IDLE)
            .then(pl.lit("idle"))
            .otherwise(pl.lit("workload"))
            .alias("reason")
        )
        .filter((pl.col("effective") != 0) | (pl.col("billed") != 0) | (pl.col("reason") == "idle"))
        .collect()
    )
    silent = silent.with_columns(pl.lit("").alias("labels")).select(summed.columns)
    return pl.concat([summed, silent])


def _parted(lines: pl.DataFrame, ownership: Ownership) -> pl.DataFrame:
    """Part each node line into CPU and memory, with the capacity of the part."""
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

    with_parts = lines.with_columns(
        part_of("effective").alias("_effective"),
        part_of("billed").alias("_billed"),
        (pl.col("cpu_capacity_cores") * seconds * 1e6).round(0).cast(pl.Int128).alias("_cpu"),
        (pl.col("memory_capacity_bytes") / KIB * seconds).round(0).cast(pl.Int128).alias("_memory"),
    )
    keep = [*LINE, "cluster", "node"]
    return pl.concat(
        [
            with_parts.select(
                *keep,
                pl.lit("cpu").alias("part"),
                pl.col("_effective").alias("effective"),
                pl.col("_billed").alias("billed"),
                pl.col("_cpu").alias("capacity"),
            ),
            with_parts.select(
                *keep,
                pl.lit("memory").alias("part"),
                pl.col("effective") - pl.col("_effective"),
                pl.col("billed") - pl.col("_billed"),
                pl.col("_memory").alias("capacity"),
            ),
        ]
    )


def _owners(things: pl.DataFrame, judge: Judge, reason: str) -> pl.DataFrame:
    """Judge distinct things; give a row per thing and receiver, with whole-number parts."""
    names = [name for name in Thing.__dataclass_fields__ if name in things.columns]
    rows = []
    for row in things.select(names).to_dicts():
        owner: Owner = judge.owner(Thing(**{k: v or "" for k, v in row.items()}), reason)
        for team, part in owner.shares:
            rows.append(
                {
                    **row,
                    "team": team,
                    "part": int(part * PARTS_SCALE),
                    "rule_id": owner.rule_id,
                    "reason": owner.reason,
                    "pool": owner.pool,
                }
            )
    schema = {name: things.schema[name] for name in names} | {
        "team": pl.String(),
        "part": pl.Int64(),
        "rule_id": pl.String(),
        "reason": pl.String(),
        "pool": pl.String(),
    }
    return pl.DataFrame(rows, schema=schema)


def _owned_workloads(rows: pl.DataFrame, judge: Judge) -> pl.DataFrame:
    """Give what ran in clusters its owners; buckets pass no rules."""
    key = ["cluster", "namespace", "workload", "labels"]
    buckets = rows.filter(pl.col("reason") != "workload").with_columns(
        pl.col("namespace").alias("team"),
        pl.lit(1, pl.Int64).alias("part"),
        pl.lit("").alias("rule_id"),
        pl.lit("").alias("pool"),
    )
    owned = rows.filter(pl.col("reason") == "workload").drop("reason")
    owners = _owners(owned.select(key).unique(maintain_order=True).sort(key), judge, "workload")
    joined = owned.join(owners, on=key, how="inner", validate="m:m")
    return pl.concat(
        [joined.select(sorted(joined.columns)), buckets.select(sorted(joined.columns))]
    )


def _owned_lines(lines: pl.DataFrame, judge: Judge) -> pl.DataFrame:
    """Give lines outside clusters their owners, by tags, account, service and resource."""
    entries = pl.col("tags").list.eval(pl.element().struct.json_encode())
    described = lines.with_columns(
        pl.lit("-").alias("cluster"),
        pl.lit("-").alias("node"),
        pl.lit("-").alias("namespace"),
        pl.col("resource_id").fill_null(pl.col("service_name")).alias("workload"),
        entries.list.join(",").fill_null("").alias("_tags"),
        pl.col("sub_account_id").fill_null("").alias("account"),
        pl.col("service_name").alias("service"),
        pl.col("resource_id").fill_null("").alias("resource"),
    )
    unseen = described.filter(pl.col("x_cluster").is_not_null() & _is_machine())
    silent = unseen.with_columns(
        pl.col("x_cluster").alias("cluster"),
        *(pl.lit(NO_TELEMETRY).alias(name) for name in ("namespace", "workload", "team")),
        pl.lit("no_telemetry").alias("reason"),
        pl.lit(1, pl.Int64).alias("part"),
        pl.lit("").alias("rule_id"),
        pl.lit("").alias("pool"),
        pl.lit("").alias("labels"),
    )
    rest = described.join(unseen.select("x_line_hash"), on="x_line_hash", how="anti")
    texts = rest.select("_tags", "tags").unique("_tags", keep="first", maintain_order=True)
    labels = pl.DataFrame(
        {
            "_tags": texts["_tags"],
            "labels": [_json(tags) for tags in texts["tags"].to_list()],
        },
        schema={"_tags": pl.String(), "labels": pl.String()},
    )
    rest = rest.join(labels, on="_tags", how="left", validate="m:1")
    key = ["cluster", "namespace", "labels", "account", "service", "resource", "charge_category"]
    owners = _owners(rest.select(key).unique(maintain_order=True).sort(key), judge, "line")
    joined = rest.join(owners, on=key, how="inner", validate="m:m")
    keep = [*LINE, *PLACE, "labels", "team", "part", "rule_id", "reason", "pool"]
    keep += ["effective", "billed"]
    return pl.concat([joined.select(keep), silent.select(keep)])


def _is_machine() -> pl.Expr:
    return pl.col("charge_category") == "Usage"


def _json(tags: list[dict[str, str]] | None) -> str:
    import json  # noqa: PLC0415

    return json.dumps({tag["key"]: tag["value"] for tag in tags or ()}, sort_keys=True)


def _pooled(rows: pl.DataFrame, ownership: Ownership, judge: Judge) -> pl.DataFrame:
    """Split each row to its receivers; proportional pools are weighed by the day's direct cost."""
    key = [*LINE, *PLACE, "labels", "rule_id", "reason", "pool"]
    shared = pl.col("reason") == "pool_share"
    direct = _split_to_teams(rows.filter(~shared), key)
    sums = (
        direct.filter(pl.col("team").is_in(list(ownership.team_ids)) & (pl.col("pool") == ""))
        .group_by("team")
        .agg(pl.col("effective").sum())
    )
    weights = {
        team: max(0, amount) for team, amount in zip(sums["team"], sums["effective"], strict=True)
    }
    proportional = [pool.id for pool in judge.pools if pool.split == "proportional"]
    weighed = rows.filter(shared).with_columns(
        pl.when(pl.col("pool").is_in(proportional))
        .then(
            pl.col("team").replace_strict(
                weights,
                default=0,
                return_dtype=pl.Int128,
            )
        )
        .otherwise(pl.col("part").cast(pl.Int128))
        .alias("part")
    )
    return pl.concat([direct, _split_to_teams(weighed, key)])


def _split_to_teams(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    ready = rows.with_columns(pl.col("part").cast(pl.Int128)).lazy()
    done = split(ready, ["effective", "billed"], "part", group=key, order=["team"])
    return done.drop("part").select(*key, "team", "effective", "billed").collect()


def _finish(  # noqa: PLR0913, PLR0917 - the rows, and what stands on each of them
    rows: pl.DataFrame,
    lines: pl.DataFrame,
    ownership: Ownership,
    day: date,
    now: datetime,
    final_hours: int,
) -> pl.LazyFrame:
    """Sum to the ledger's key and add what stands on every row."""
    end = datetime.combine(day, time(), UTC) + timedelta(days=1, hours=final_hours)
    facts = lines.group_by("x_line_hash").agg(
        pl.col(*LINE_FACTS).first(), pl.col("effective").sum().alias("_whole")
    )
    key = ["charge_hour" if name == "charge_hour" else name for name in COST_LEDGER.key]
    key.remove("charge_date")
    summed = rows.lazy().group_by(key).agg(pl.col("effective", "billed").sum())
    whole = pl.when(pl.col("_whole") == 0).then(1).otherwise(pl.col("_whole")).cast(pl.Float64)
    return (
        summed.join(facts.lazy(), on="x_line_hash", how="left", validate="m:1")
        .with_columns(
            pl.lit(day).alias("charge_date"),
            (pl.col("effective").cast(pl.Float64) / whole).alias("share"),
            money(pl.col("effective")).alias("effective_cost"),
            money(pl.col("billed")).alias("billed_cost"),
            pl.lit(ownership.config_hash).alias("config_hash"),
            pl.lit(end > now).alias("is_estimated"),
            pl.col("provider_name", "sub_account_id").fill_null(""),
        )
        .rename({"billing_currency": "currency"})
        .select(COST_LEDGER.schema.names())
        .cast(COST_LEDGER.schema)
        .sort(COST_LEDGER.key, nulls_last=False)
    )

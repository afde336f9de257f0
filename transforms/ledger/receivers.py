"""From matches to receivers: which team bears what each recipient took, by which rule.

Takes    matches: per line and hour what a recipient took, in atoms; recipients: what can be
         owned, or a bucket
Gives    rows with team, rule, reason and pool; several where a recipient is shared
Holds    the rows of a match add up to it; the same recipient has the same owner on the same day

Each recipient finds its owner once, and both are joined by number: a day has few of them and many
matches.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from transforms.exact.money import split
from transforms.owners.model import Pool
from transforms.owners.owning import Matcher, Resource

IDLE: Final = "__idle__"
NO_TELEMETRY: Final = "__no_telemetry__"
SYSTEM: Final = "__system__"
BUCKETS: Final = ("idle", "system", "no_telemetry", "unmounted")
"""Reasons of recipients that are nobody's, whatever the rules say."""
PARTS_SCALE: Final = 10**12
OWNED: Final = (
    "cluster", "namespace", "workload", "labels", "account", "service", "resource",
    "charge_category",
)  # fmt: skip
RECIPIENT: Final = ("cluster", "node", *OWNED[1:], "reason")
OWNER: Final = ("team", "rule_id", "reason", "pool")
MATCH: Final = ("line", "charge_hour", "recipient")


@dataclass(frozen=True)
class Matches:
    """`rows`: line, charge_hour, recipient, effective, billed; `recipients` by number.

    `kind` and `items` (line, line_item) tell what of a cluster the lines pay for; `paid` what of
    nodes' cost was for CPU and GPUs (transforms.ledger.nodes).
    """

    rows: pl.DataFrame
    recipients: pl.DataFrame
    kind: str = "other"
    items: pl.DataFrame | None = None
    paid: pl.DataFrame = field(default_factory=pl.DataFrame)


def labelled(lines: pl.DataFrame) -> pl.DataFrame:
    """Add `labels`: the tags of each line as a JSON object, as workloads have theirs."""
    entries = pl.col("tags").list.eval(pl.element().struct.json_encode())
    keyed = lines.with_columns(entries.list.join(",").fill_null("").alias("_tags"))
    texts = keyed.select("_tags", "tags").unique("_tags", keep="first", maintain_order=True)
    labels = pl.DataFrame(
        {"_tags": texts["_tags"], "labels": [_json(tags) for tags in texts["tags"].to_list()]},
        schema={"_tags": pl.String(), "labels": pl.String()},
    )
    return keyed.join(labels, on="_tags", how="left", validate="m:1", maintain_order="left").drop(
        "_tags"
    )


def _json(tags: list[dict[str, str]] | None) -> str:
    return json.dumps({tag["key"]: tag["value"] for tag in tags or ()}, sort_keys=True)


def joined(found: Sequence[Matches]) -> Matches:
    """Join matches, their recipients numbered on."""
    rows, offset = [], 0
    for matches in found:
        rows.append(matches.rows.with_columns(pl.col("recipient").cast(pl.UInt32) + offset))
        offset += matches.recipients.height
    return Matches(pl.concat(rows), pl.concat([matches.recipients for matches in found]))


def paid_for(found: Sequence[Matches]) -> pl.DataFrame:
    """Give per line what it pays for: `line_kind`, and which of that kind in `line_item`."""
    reported = []
    for matches in found:
        items = matches.items
        if items is None:
            items = matches.rows.select("line").unique().with_columns(line_item=pl.lit(""))
        reported.append(items.select("line", pl.lit(matches.kind).alias("line_kind"), "line_item"))
    return pl.concat(reported).unique("line")


def received(
    matches: Matches, matcher: Matcher, weights: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the matches their receivers, and what the receivers' numbers stand for.

    Gives rows (line, charge_hour, recipient, owner, effective, billed) and owners (team, rule_id,
    reason, pool), numbered in their order. `weights` are those of pools that a metric splits.
    """
    shares = _shares(matches.recipients, matcher)
    owners = shares.select(OWNER).unique().sort(OWNER).with_row_index("owner")
    numbered = shares.join(owners, on=OWNER, how="left", validate="m:1").select(
        "recipient", "owner", "team", "part", "pool"
    )
    rows = matches.rows.with_columns(
        _sole_owner(matches.recipients, numbered).gather(matches.rows["recipient"])
    )
    single = rows.drop_nulls("owner")
    many = matches.rows.filter(rows["owner"].is_null()).join(
        numbered, on="recipient", how="inner", validate="m:m"
    )
    is_pooled = pl.col("pool") != ""
    direct = pl.concat([single, _split(many.filter(~is_pooled)).select(single.columns)])
    weighed = _weighed(many.filter(is_pooled), direct, owners, matcher)
    weighed = _measured(weighed, matcher, weights)
    return pl.concat([direct, _split(weighed).select(single.columns)]), owners.drop("owner")


def _sole_owner(recipients: pl.DataFrame, numbered: pl.DataFrame) -> pl.Series:
    """Give per recipient the number of its owner; null where several share it."""
    sole = numbered.filter(pl.len().over("recipient") == 1).select("recipient", "owner")
    every = recipients.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("recipient"))
    return every.join(sole, on="recipient", how="left", validate="1:1", maintain_order="left")[
        "owner"
    ]


def _shares(recipients: pl.DataFrame, matcher: Matcher) -> pl.DataFrame:
    """Find who owns recipients that are no bucket: a row per recipient and receiver, its part."""
    numbered = recipients.with_row_index("recipient")
    is_bucket = pl.col("reason").is_in(BUCKETS)
    owner = matcher.ownership.policy.idle_owner
    bucket = pl.col("namespace")
    team = pl.when((pl.col("reason") == "idle") & (owner != "")).then(pl.lit(owner))
    buckets = numbered.filter(is_bucket).select(
        "recipient",
        team.otherwise(bucket).alias("team"),
        pl.lit(PARTS_SCALE, pl.Int64).alias("part"),
        pl.lit("").alias("rule_id"),
        "reason",
        pl.lit("").alias("pool"),
    )
    owned = numbered.filter(~is_bucket)
    # A line is judged by what it says, not by the resource that stands where a workload would.
    owned = owned.with_columns(
        pl.when(pl.col("reason") == "line").then(pl.lit("")).otherwise("workload").alias("workload")
    )
    key = [*OWNED, "reason"]
    resources = owned.select(key).unique().sort(key)
    rated = owned.select("recipient", *key).join(
        _rated(resources, matcher), on=key, how="inner", validate="m:m"
    )
    found = rated.select(
        "recipient", "team", "part", "rule_id", pl.col("why").alias("reason"), "pool"
    )
    return pl.concat([buckets, found])


def _rated(resources: pl.DataFrame, matcher: Matcher) -> pl.DataFrame:
    """Give a row per resource and receiver, with whole-number parts."""
    rows = []
    for row in resources.to_dicts():
        resource = Resource(**{name: row[name] or "" for name in OWNED})
        owner = matcher.owner(resource, row["reason"])
        for team, part in owner.shares:
            facts = {"rule_id": owner.rule_id, "why": owner.reason, "pool": owner.pool}
            rows.append({**row, "team": team, "part": int(part * PARTS_SCALE), **facts})
    text = dict.fromkeys((*OWNED, "reason", "team", "rule_id", "why", "pool"), pl.String())
    return pl.DataFrame(rows, schema={**text, "part": pl.Int64()})


def _weighed(
    rows: pl.DataFrame, direct: pl.DataFrame, owners: pl.DataFrame, matcher: Matcher
) -> pl.DataFrame:
    """Weigh proportional pools by the day's direct cost of their teams, before idle."""
    proportional = [pool.id for pool in matcher.pools if pool.split == "proportional"]
    weights = _direct_costs(direct, owners, matcher) if proportional else {}
    by_cost = pl.col("team").replace_strict(weights, default=0, return_dtype=pl.Int128)
    is_by_cost = pl.col("pool").is_in(proportional)
    return rows.with_columns(
        pl.when(is_by_cost).then(by_cost).otherwise(pl.col("part").cast(pl.Int128)).alias("part")
    )


def _direct_costs(direct: pl.DataFrame, owners: pl.DataFrame, matcher: Matcher) -> dict[str, int]:
    """Give what each team bears of the day by itself, before idle; a negative sum weighs zero."""
    is_direct = pl.col("team").is_in(list(matcher.ownership.team_ids)) & (pl.col("pool") == "")
    is_own = ~pl.col("reason").is_in(["idle", "idle_share"])
    sums = (
        direct.group_by("owner")
        .agg(pl.col("effective").sum())
        .join(owners, on="owner", how="left", validate="1:1")
        .filter(is_direct & is_own)
        .group_by("team")
        .agg(pl.col("effective").sum())
    )
    return {
        team: max(0, amount) for team, amount in zip(sums["team"], sums["effective"], strict=True)
    }


def _measured(rows: pl.DataFrame, matcher: Matcher, weights: pl.DataFrame) -> pl.DataFrame:
    """Weigh pools of a metric by what their teams measured; nobody anything: in equal parts."""
    part = pl.col("part")
    for pool in matcher.pools:
        if pool.split == "metric":
            by_team = weights_of(pool, weights)
            measured = pl.col("team").replace_strict(by_team, default=0, return_dtype=pl.Int128)
            part = pl.when(pl.col("pool") == pool.id).then(measured).otherwise(part)
    return rows.with_columns(part.alias("part"))


def weights_of(pool: Pool, weights: pl.DataFrame) -> dict[str, int]:
    """Give what each target weighs in a pool of `split: metric`; 0 without telemetry."""
    mine = weights.filter((pl.col("metric") == pool.metric) & (pl.col("agg") == pool.agg))
    found = dict(zip(mine["team"], mine["weight"], strict=True))
    return {team: int(found.get(team, 0)) for team, _ in pool.targets}


def _split(rows: pl.DataFrame) -> pl.DataFrame:
    """Split each match to its receivers."""
    whole = rows.with_columns(pl.col("part").cast(pl.Int128)).lazy()
    return split(whole, ["effective", "billed"], "part", group=MATCH, order=["team"]).collect()

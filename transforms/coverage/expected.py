"""What is expected to be seen: the inventory of services, and what each should send.

Reads    the catalogue, core_workload_daily, core_cost_line
Writes   core_service
Holds    a source that has gone silent keeps its members: silence never shrinks what is expected
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import polars as pl

from meterbook.base.settings import InventorySettings
from transforms.coverage.identity import IDENTITY, UNALLOCATED, matched
from warehouse.tables.core import SERVICE
from warehouse.tables.mart_coverage import INVENTORY_SOURCE

HISTORY: Final = timedelta(days=30)


@dataclass(frozen=True)
class Expectations:
    """What is expected of services: signals by kind, how fresh, how many of them."""

    signals: Mapping[str, tuple[str, ...]]
    weights: Mapping[int, int]
    environments: tuple[str, ...]
    freshness_hours: int
    period_hours: int
    target: Decimal
    least_continuity: Decimal

    @classmethod
    def of(cls, chosen: InventorySettings) -> "Expectations":
        """Read them from the settings, which were validated."""
        signals = dict(pair.split("=", 1) for pair in chosen.expected_signals)
        weights = dict(pair.split("=", 1) for pair in chosen.tier_weights)
        return cls(
            signals={kind: tuple(names.split("+")) for kind, names in signals.items()},
            weights={int(tier): int(weight) for tier, weight in weights.items()},
            environments=chosen.environments,
            freshness_hours=chosen.freshness_hours,
            period_hours=chosen.cronjob_period_hours,
            target=Decimal(chosen.target_ratio),
            least_continuity=Decimal(chosen.least_continuity),
        )


def services(
    catalogue: pl.LazyFrame,
    workloads: pl.LazyFrame,
    billed: pl.LazyFrame,
    *,
    environments: Sequence[str],
) -> pl.LazyFrame:
    """Give core_service: everything named by the catalogue, a workload or a tagged bill line.

    `billed` has the identity, `first_seen_at` and `last_seen_at` of services named by bill lines.
    A name without a namespace is taken for the one service that bears it, if there is just one.
    """
    known = _catalogued(catalogue)
    running = matched(_running(workloads), known)
    expected = _with(known, running, "service")
    everything = _with(expected, matched(billed.collect(), expected), "service")
    return (
        everything.lazy()
        .filter(pl.col("environment").is_in(list(environments)))
        .with_columns(
            pl.when(pl.col("team") == "").then(pl.lit(UNALLOCATED)).otherwise("team").alias("team")
        )
        .select(SERVICE.schema.names())
        .cast(SERVICE.schema)
        .sort(SERVICE.key)
    )


def _catalogued(catalogue: pl.LazyFrame) -> pl.DataFrame:
    """Give each service of the files once: the first that names it decides, all are noted."""
    rest = [
        name
        for name in SERVICE.schema
        if name not in {*IDENTITY, "sources", "first_seen_at", "last_seen_at"}
    ]
    never = pl.lit(None, SERVICE.schema["first_seen_at"])
    return (
        catalogue.group_by(IDENTITY, maintain_order=True)
        .agg(
            pl.col(rest).first(),
            pl.col("source").unique(maintain_order=True).str.join("+").alias("sources"),
        )
        .with_columns(never.alias("first_seen_at"), never.alias("last_seen_at"))
        .collect()
    )


def _running(workloads: pl.LazyFrame) -> pl.DataFrame:
    """Give each workload of the last 30 days of its cluster."""
    is_cron = pl.col("workload_kind").is_in(["CronJob", "Job"])
    return (
        workloads.filter(pl.col("day") > pl.col("day").max().over("cluster") - HISTORY)
        .group_by(service_namespace="namespace", service_name="workload", environment="environment")
        .agg(
            pl.when(is_cron.min())
            .then(pl.lit("cronjob"))
            .otherwise(pl.lit("service"))
            .alias("kind"),
            pl.col("team").max(),
            pl.col("first_event_at").min().alias("first_seen_at"),
            pl.col("last_event_at").max().alias("last_seen_at"),
            (pl.lit("workload:") + pl.col("cluster").unique().sort())
            .str.join("+")
            .alias("sources"),
        )
        .sort(IDENTITY)
        .collect()
    )


def _with(known: pl.DataFrame, seen: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Add what was seen: times and sources to the known service it is, else a new service."""
    again = (
        seen.filter(pl.col("known_name").is_not_null())
        .group_by(
            service_namespace="known_namespace",
            service_name="known_name",
            environment="environment",
        )
        .agg(
            pl.col("first_seen_at").min().alias("first"),
            pl.col("last_seen_at").max().alias("last"),
            pl.col("sources").unique().sort().str.join("+").alias("more"),
        )
    )
    named = known.join(again, on=IDENTITY, how="left", validate="1:1").with_columns(
        pl.min_horizontal("first_seen_at", "first").alias("first_seen_at"),
        pl.max_horizontal("last_seen_at", "last").alias("last_seen_at"),
        pl.concat_str("sources", "more", separator="+", ignore_nulls=True).alias("sources"),
    )
    new = seen.filter(pl.col("matched_by") == "")
    given = {"kind": pl.lit(kind), "team": pl.lit("")}
    given = {name: value for name, value in given.items() if name not in new.columns}
    ready = new.with_columns(
        pl.lit(3, pl.Int32).alias("tier"),
        pl.lit("").alias("exempt_reason"),
        pl.lit(None, pl.Date).alias("exempt_until"),
        pl.lit("").alias("aliases"),
        pl.lit(None, pl.Int32).alias("period_hours"),
        **given,
    )
    names = SERVICE.schema.names()
    return pl.concat([named.select(names), ready.select(names)])


def sources(
    ages: pl.LazyFrame,
    workloads: pl.LazyFrame,
    billed: pl.LazyFrame,
    *,
    chosen: InventorySettings,
    now: datetime,
) -> pl.LazyFrame:
    """Give core_inventory_source: each source with its age; one past its limit is stale."""
    source, at = pl.col("source"), pl.col("updated_at")
    limits = (
        (ages, chosen.catalogue_max_age_days * 24),
        (
            workloads.group_by((pl.lit("workload:") + pl.col("cluster")).alias("source")).agg(
                (pl.col("last_event_at").max() + pl.duration(hours=1)).alias("updated_at")
            ),
            chosen.workload_max_age_hours,
        ),
        (
            billed.group_by(source="sources").agg(pl.col("last_seen_at").max().alias("updated_at")),
            chosen.bill_max_age_hours,
        ),
    )
    every = [
        rows.select(source, at, pl.lit(hours, pl.Int64).alias("max_age_hours"))
        for rows, hours in limits
    ]
    age = pl.lit(now) - pl.min_horizontal(at, pl.lit(now))
    return (
        pl.concat(every)
        .filter(~source.is_in(list(chosen.retired_sources)))
        .with_columns(
            source.str.extract("^([^:]*):").alias("kind"),
            age.dt.total_hours().alias("age_hours"),
            (age > pl.duration(hours="max_age_hours")).alias("is_stale"),
        )
        .select(INVENTORY_SOURCE.schema.names())
        .cast(INVENTORY_SOURCE.schema)
        .sort(INVENTORY_SOURCE.key)
    )


def tagged_lines(lines: pl.LazyFrame, *, service_tag: str, now: datetime) -> pl.LazyFrame:
    """Give the bill lines of the last 30 days billed that name a service by a tag.

    Keys are compared without case, separators and the prefixes that exports put before them.
    """
    plain = r"[-_. :/]"
    key = pl.element().struct.field("key").str.to_lowercase()
    bare = key.str.replace(r"^(user[:_]|resource_tags_user_|aws:)", "").str.replace_all(plain, "")
    wanted = "".join(c for c in service_tag.lower() if c not in "-_. :/")
    tag = pl.col("tags").list.eval(pl.element().struct.field("value").filter(bare == wanted))
    start, last = pl.col("charge_period_start"), pl.col("charge_period_end").max()
    return (
        lines.filter(start > pl.min_horizontal(last, pl.lit(now)) - HISTORY)
        .select("x_line_hash", tag.list.first().alias("service_name"), start, "charge_period_end")
        .filter(pl.col("service_name").fill_null("") != "")
    )


def billed_services(tagged: pl.LazyFrame, *, service_tag: str, environment: str) -> pl.LazyFrame:
    """Give the services that tagged bill lines name, without namespace."""
    return (
        tagged.group_by("service_name")
        .agg(
            pl.col("charge_period_start").min().alias("first_seen_at"),
            pl.col("charge_period_end").max().alias("last_seen_at"),
        )
        .with_columns(
            pl.lit("").alias("service_namespace"),
            pl.lit(environment).alias("environment"),
            pl.lit(f"bill:{service_tag}").alias("sources"),
        )
        .sort("service_name")
    )

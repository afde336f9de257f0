"""Which services can be seen, and which are dark (M7).

Reads    raw_series, raw_signal (day steps); the catalogue, core_workload_daily, core_cost_line,
         core_signal_daily, core_cost_ledger (whole steps)
Writes   core_signal_daily, core_service, mart_coverage_service, mart_coverage_team
Time     freshness goes by the time of receipt; `now` is given
Holds    complete + partial + dark are all that is expected; an unregistered service is in neither
         numerator nor denominator; the organisation pools services, never percentages

A service is `dark` when none of its expected signals is fresh, also when all of them are stale:
in an incident of today neither can be seen.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

import polars as pl

from transforms.attributes import first_of, value_of
from transforms.facts import CONTROLLERS
from transforms.inventory import ABOUT_WORKLOADS, SIGNALS
from warehouse.tables.core import SERVICE, SIGNAL_DAILY
from warehouse.tables.mart_coverage import COVERAGE_SERVICE, COVERAGE_TEAM

UNALLOCATED: Final = "__unallocated__"
EVERYBODY: Final = "__all__"
IDENTITY: Final = ("service_namespace", "service_name", "environment")
UNKNOWN: Final = "unknown_service"
HISTORY: Final = timedelta(days=30)


def signals_seen(
    series: pl.LazyFrame,
    signals: pl.LazyFrame,
    day: date,
    *,
    infrastructure_scopes: Sequence[str],
    environment: str,
) -> pl.LazyFrame:
    """Give core_signal_daily: what services sent themselves.

    Metrics about workloads (by scope, glob patterns, or by name) cover nobody. Without a usable
    `service.name` the workload and its namespace stand in.
    """
    scopes = [pl.col("scope_name").str.contains(_pattern(name)) for name in infrastructure_scopes]
    about = pl.col("metric_name").str.contains(ABOUT_WORKLOADS)
    own = series.filter(~pl.any_horizontal(about, *scopes)).select(
        *_identity(environment),
        pl.lit("metrics").alias("signal"),
        pl.lit(1, pl.Int64).alias("item_count"),
        "received_at",
    )
    others = signals.select(*_identity(environment), "signal", "item_count", "received_at")
    key = [*IDENTITY, "signal"]
    return (
        pl.concat([own, others])
        .filter(pl.col("service_name") != "")
        .group_by(key)
        .agg(pl.col("item_count").sum(), pl.col("received_at").max().alias("last_received_at"))
        .with_columns(pl.lit(day).alias("day"))
        .select(SIGNAL_DAILY.schema.names())
        .cast(SIGNAL_DAILY.schema)
        .sort(SIGNAL_DAILY.key)
    )


def _pattern(glob: str) -> str:
    escaped = "".join(c if c.isalnum() or c in "*?" else "\\" + c for c in glob)
    return "^" + escaped.replace("*", ".*").replace("?", ".") + "$"


def _identity(environment: str) -> list[pl.Expr]:
    resource = "resource_attributes"
    name = value_of(resource, "service.name")
    usable = name.is_not_null() & (name != "") & ~name.str.starts_with(UNKNOWN)
    workload = first_of(*(value_of(resource, key) for _, key in CONTROLLERS))
    return [
        pl.when(usable)
        .then(first_of(value_of(resource, "service.namespace")))
        .otherwise(first_of(value_of(resource, "k8s.namespace.name")))
        .alias("service_namespace"),
        pl.when(usable).then(name).otherwise(workload).alias("service_name"),
        value_of(resource, "deployment.environment.name")
        .fill_null(environment)
        .alias("environment"),
    ]


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
    known = catalogue.unique(IDENTITY, keep="first", maintain_order=True).collect()
    seen = (
        workloads.group_by(
            service_namespace="namespace", service_name="workload", environment="environment"
        )
        .agg(
            pl.col("workload_kind").min(),
            pl.col("team").max(),
            pl.col("first_event_at").min().alias("first_seen_at"),
            pl.col("last_event_at").max().alias("last_seen_at"),
        )
        .collect()
    )
    running = _matched(seen, known)
    expected = _named(known, running)
    bill = _matched(billed.collect(), expected)
    return (
        _with_bill(expected, bill)
        .lazy()
        .filter(pl.col("environment").is_in(list(environments)))
        .select(SERVICE.schema.names())
        .cast(SERVICE.schema)
        .sort(SERVICE.key)
    )


def _matched(seen: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Give each seen row the identity of the known service it is, in columns `known_*`.

    Exact namespace and name first; then the bare name, when one side has no namespace and exactly
    one known service bears it in that environment. A bare name of several is ambiguous.
    """
    names = known.select(IDENTITY).with_columns(pl.lit(value=True).alias("is_exact"))
    exact = seen.join(names, on=IDENTITY, how="left", validate="m:1")
    bare = known.group_by("service_name", "environment").agg(
        pl.col("service_namespace").first().alias("known_namespace"), pl.len().alias("bearers")
    )
    loose = exact.join(bare, on=["service_name", "environment"], how="left", validate="m:1")
    own, theirs = pl.col("service_namespace"), pl.col("known_namespace")
    is_bare = (own == "") | (theirs == "")
    return loose.with_columns(
        pl.when(pl.col("is_exact"))
        .then(own)
        .when((pl.col("bearers") == 1) & is_bare)
        .then(theirs)
        .alias("known_namespace"),
        (pl.col("is_exact").is_null() & (pl.col("bearers") > 1) & (own == ""))
        .fill_null(value=False)
        .alias("is_ambiguous"),
    ).drop("is_exact", "bearers")


def _named(known: pl.DataFrame, running: pl.DataFrame) -> pl.DataFrame:
    """Join catalogue and workloads; a workload that the catalogue lacks is expected too."""
    times = (
        running.filter(pl.col("known_namespace").is_not_null())
        .group_by(
            service_namespace="known_namespace",
            service_name="service_name",
            environment="environment",
        )
        .agg(pl.col("first_seen_at").min(), pl.col("last_seen_at").max())
    )
    catalogued = known.join(times, on=IDENTITY, how="left", validate="1:1").with_columns(
        pl.when(pl.col("last_seen_at").is_null())
        .then(pl.lit("catalogue"))
        .otherwise(pl.lit("catalogue+workload"))
        .alias("sources")
    )
    is_cron = pl.col("workload_kind").is_in(["CronJob", "Job"])
    only_running = running.filter(pl.col("known_namespace").is_null()).select(
        *IDENTITY,
        pl.when(is_cron).then(pl.lit("cronjob")).otherwise(pl.lit("service")).alias("kind"),
        "team",
        pl.lit(3, pl.Int32).alias("tier"),
        pl.lit("").alias("exempt_reason"),
        pl.lit(None, pl.Date).alias("exempt_until"),
        "first_seen_at",
        "last_seen_at",
        pl.lit("workload").alias("sources"),
    )
    rows = pl.concat([catalogued.select(only_running.columns), only_running])
    return rows.with_columns(
        pl.when(pl.col("team") == "").then(pl.lit(UNALLOCATED)).otherwise("team").alias("team")
    )


def _with_bill(expected: pl.DataFrame, bill: pl.DataFrame) -> pl.DataFrame:
    """Add the services that tagged bill lines name."""
    known = (
        bill.filter(pl.col("known_namespace").is_not_null())
        .select(pl.col("known_namespace").alias("service_namespace"), *IDENTITY[1:])
        .unique()
        .with_columns(pl.lit("+bill").alias("more"))
    )
    named = expected.join(known, on=IDENTITY, how="left", validate="1:1").with_columns(
        pl.concat_str("sources", pl.col("more").fill_null("")).alias("sources")
    )
    unknown = pl.col("known_namespace").is_null() & ~pl.col("is_ambiguous")
    new = bill.filter(unknown).select(
        *IDENTITY,
        pl.lit("service").alias("kind"),
        pl.lit(UNALLOCATED).alias("team"),
        pl.lit(3, pl.Int32).alias("tier"),
        pl.lit("").alias("exempt_reason"),
        pl.lit(None, pl.Date).alias("exempt_until"),
        "first_seen_at",
        "last_seen_at",
        pl.lit("bill").alias("sources"),
    )
    return pl.concat([named.select(new.columns), new])


def billed_services(
    lines: pl.LazyFrame, *, service_tag: str, environment: str, now: datetime
) -> pl.LazyFrame:
    """Give the services that bill lines of the last 30 days name by a tag, without namespace."""
    key = pl.element().struct.field("key").str.to_lowercase()
    bare = key.str.replace(r"^(user[:_]|resource_tags_user_)", "")
    tag = pl.col("tags").list.eval(
        pl.element().struct.field("value").filter(bare == service_tag.lower())
    )
    return (
        lines.filter(pl.col("charge_period_start") > now - HISTORY)
        .select(tag.list.first().alias("service_name"), "charge_period_start", "charge_period_end")
        .filter(pl.col("service_name").fill_null("") != "")
        .group_by("service_name")
        .agg(
            pl.col("charge_period_start").min().alias("first_seen_at"),
            pl.col("charge_period_end").max().alias("last_seen_at"),
        )
        .with_columns(
            pl.lit("").alias("service_namespace"), pl.lit(environment).alias("environment")
        )
    )


def coverage_service(  # noqa: PLR0913 - three tables and three terms
    inventory: pl.LazyFrame,
    signals: pl.LazyFrame,
    costs: pl.LazyFrame,
    *,
    environments: Sequence[str],
    now: datetime,
    freshness_hours: int,
) -> pl.LazyFrame:
    """Give mart_coverage_service. `costs` has `service_namespace service_name monthly_cost`."""
    known = inventory.collect()
    matched = _matched(_fresh(signals, now, freshness_hours), known)
    own = matched.filter(pl.col("known_namespace").is_not_null()).select(
        pl.col("known_namespace").alias("service_namespace"), *IDENTITY[1:], *_HAS, "last_seen_at"
    )
    own = own.group_by(IDENTITY).agg(pl.col(_HAS).any(), pl.col("last_seen_at").max())
    is_live = pl.col("exempt_until") >= now.date()
    listed = (
        known.drop("last_seen_at")
        .join(own, on=IDENTITY, how="left", validate="1:1")
        .with_columns(
            pl.col(_HAS).fill_null(value=False),
            (is_live & (pl.col("exempt_reason") != "")).fill_null(value=False).alias("is_exempt"),
        )
    )
    rows = pl.concat(
        [_stated(listed), _unregistered(matched, environments)], how="diagonal_relaxed"
    )
    costs_ = costs.collect()
    where = ["service_namespace", "service_name"]
    return _ranked(rows.join(costs_, on=where, how="left", validate="m:1"))


_HAS: Final = ["has_logs", "has_metrics", "has_traces"]


def _fresh(signals: pl.LazyFrame, now: datetime, hours: int) -> pl.DataFrame:
    """Merge the days: which signals of each service were received within the window."""
    since = now - timedelta(hours=hours)
    last = pl.col("last_received_at")
    return (
        signals.group_by(*IDENTITY, "signal")
        .agg(last.max())
        .group_by(IDENTITY)
        .agg(
            *(
                ((pl.col("signal") == name) & (last >= since)).any().alias(f"has_{name}")
                for name in ("logs", "metrics", "traces")
            ),
            last.max().alias("last_seen_at"),
        )
        .sort(IDENTITY)
        .collect()
    )


def _stated(listed: pl.DataFrame) -> pl.DataFrame:
    """Give each expected service its state by the signals its kind should send."""
    lacks = [
        pl.when(
            pl.col("kind").is_in([kind for kind, wanted in SIGNALS.items() if signal in wanted])
            & ~pl.col(f"has_{signal}")
        )
        .then(pl.lit(signal))
        .otherwise(None)
        for signal in ("logs", "metrics", "traces")
    ]
    wanted = pl.col("kind").replace_strict(
        {kind: len(signals) for kind, signals in SIGNALS.items()}, return_dtype=pl.Int64
    )
    missing = pl.concat_list(lacks).list.drop_nulls()
    return (
        listed.with_columns(missing.alias("missing"), wanted.alias("wanted"))
        .with_columns(pl.col("missing").list.len().cast(pl.Int64).alias("missing_count"))
        .with_columns(
            pl.col("missing").list.join("+").alias("missing_signals"),
            pl.when("is_exempt")
            .then(pl.lit("exempt"))
            .when(pl.col("missing_count") == 0)
            .then(pl.lit("complete"))
            .when(pl.col("missing_count") == pl.col("wanted"))
            .then(pl.lit("dark"))
            .otherwise(pl.lit("partial"))
            .alias("state"),
        )
    )


def _unregistered(matched: pl.DataFrame, environments: Sequence[str]) -> pl.DataFrame:
    """Give what was heard within the window and nobody expects."""
    heard = pl.any_horizontal(_HAS)
    return matched.filter(
        pl.col("known_namespace").is_null()
        & ~pl.col("is_ambiguous")
        & heard
        & pl.col("environment").is_in(list(environments))
    ).select(
        *IDENTITY,
        *_HAS,
        "last_seen_at",
        pl.lit("unregistered").alias("state"),
        pl.lit(UNALLOCATED).alias("team"),
        pl.lit("service").alias("kind"),
        pl.lit(3, pl.Int32).alias("tier"),
        pl.lit("telemetry").alias("sources"),
        pl.lit("").alias("missing_signals"),
        pl.lit(0, pl.Int64).alias("missing_count"),
    )


def _ranked(rows: pl.DataFrame) -> pl.LazyFrame:
    """Add what fixing each would gain, and the order: fewest missing, then tier, then cost."""
    lacking = pl.col("state").is_in(["partial", "dark"])
    expected = pl.col("state").is_in(["complete", "partial", "dark"]).sum()
    ordered = rows.sort(
        ["missing_count", "tier", "monthly_cost", *IDENTITY],
        descending=[False, False, True, False, False, False],
        nulls_last=True,
    )
    return (
        ordered.lazy()
        .with_columns(
            pl.when(lacking).then(1 / expected).otherwise(0.0).alias("gain"),
            pl.when(lacking).then(lacking.cum_sum()).cast(pl.Int32).alias("fix_rank"),
        )
        .select(COVERAGE_SERVICE.schema.names())
        .cast(COVERAGE_SERVICE.schema)
        .sort(COVERAGE_SERVICE.key)
    )


def coverage_team(coverage: pl.LazyFrame) -> pl.LazyFrame:
    """Give mart_coverage_team, with the pooled organisation as `__all__`."""
    everybody = coverage.with_columns(pl.lit(EVERYBODY).alias("team"))

    def count(state: str) -> pl.Expr:
        return (pl.col("state") == state).sum().cast(pl.Int64).alias(f"{state}_count")

    expected = pl.col("complete_count") + pl.col("partial_count") + pl.col("dark_count")
    return (
        pl.concat([coverage, everybody])
        .group_by("team")
        .agg(count(state) for state in ("complete", "partial", "dark", "unregistered", "exempt"))
        .with_columns(expected.alias("expected_count"))
        .with_columns(
            pl.when(pl.col("expected_count") > 0)
            .then(pl.col("complete_count") / pl.col("expected_count"))
            .alias("coverage_ratio")
        )
        .select(COVERAGE_TEAM.schema.names())
        .cast(COVERAGE_TEAM.schema)
        .sort("team")
    )


def short_of_target(complete: int, expected: int, target_percent: int) -> int:
    """Give how many services must become complete to meet a target, in whole numbers."""
    return max(0, (target_percent * expected + 99) // 100 - complete)

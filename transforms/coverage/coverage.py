"""Which services can be seen, and which are dark (M7).

Reads    core_service, core_signal_daily, mart_service_cost
Writes   mart_coverage_service, mart_coverage_team
Time     freshness goes by the time of receipt; `now` is given
Holds    complete + partial + dark are all that is expected; an unregistered service is in neither
         numerator nor denominator; the organisation pools services, never percentages; more
         telemetry never lowers M7; an exemption leaves the expected set and touches nothing else

A service is `dark` when none of its expected signals is fresh, also when all of them are stale:
in an incident of today neither can be seen.
"""

from datetime import datetime
from typing import Final

import polars as pl

from meterbook.base.signals import SIGNALS
from transforms.coverage.continuity import observed_hours, steadiness
from transforms.coverage.expected import Expectations
from transforms.coverage.identity import IDENTITY, UNALLOCATED, is_unknown, matched
from transforms.coverage.service_cost import one_cost
from warehouse.tables.mart_coverage import COVERAGE_SERVICE, COVERAGE_TEAM
from warehouse.tables.values import COVERAGE_STATES, EXPECTED_STATES

EVERYBODY: Final = "__all__"
PARTS: Final = 6
"""A whole that halves and thirds divide: credit for signals is counted in these."""

_HAS: Final = [f"has_{signal}" for signal in SIGNALS]
LAST: Final = [f"last_{signal}" for signal in SIGNALS]


def coverage_service(
    inventory: pl.LazyFrame,
    signals: pl.LazyFrame,
    costs: pl.LazyFrame,
    *,
    now: datetime,
    terms: Expectations,
) -> pl.LazyFrame:
    """Give mart_coverage_service. `costs` is mart_service_cost."""
    known = inventory.collect()
    seen = latest(signals, known)
    is_live = (pl.col("exempt_until") >= now.date()) & (pl.col("exempt_reason") != "")
    listed = expected_of(seen, known, terms).with_columns(
        is_live.fill_null(value=False).alias("is_exempt"), *_fresh(now)
    )
    observed = observed_hours(signals, seen, now=now, kinds=SIGNALS)
    steady = steadiness(
        _stated(listed, terms).join(observed, on=IDENTITY, how="left", validate="1:1"),
        now=now,
        kinds=SIGNALS,
        least=terms.least_continuity,
    )
    others = _unregistered(unexpected_of(seen, terms), now, terms)
    rows = pl.concat([steady, others], how="diagonal_relaxed")
    priced = rows.join(one_cost(costs), on=IDENTITY, how="left", validate="1:1")
    return _ranked(priced, terms)


def expected_of(seen: pl.DataFrame, known: pl.DataFrame, terms: Expectations) -> pl.DataFrame:
    """Give each known service when each signal was last received, and for how long that is fresh.

    `seen` is what `latest` gives.
    """
    own = (
        seen.filter(pl.col("known_name").is_not_null())
        .group_by(_known_identity())
        .agg(
            pl.col(LAST).max(), pl.col("matched_by").unique().sort().str.join("+").alias("matched")
        )
    )
    return (
        known.drop("last_seen_at")
        .join(own, on=IDENTITY, how="left", validate="1:1")
        .with_columns(
            pl.col("matched").fill_null("").alias("matched_by"),
            _window(terms).alias("window_hours"),
            _period(terms).alias("every_hours"),
        )
    )


def unexpected_of(seen: pl.DataFrame, terms: Expectations) -> pl.DataFrame:
    """Give what was received of nobody known, and for how long that is fresh."""
    return seen.filter(pl.col("matched_by") == "").with_columns(
        pl.lit(terms.freshness_hours).alias("window_hours")
    )


def _known_identity() -> list[pl.Expr]:
    space, name = pl.col("known_namespace"), pl.col("known_name")
    return [space.alias("service_namespace"), name.alias("service_name"), pl.col("environment")]


def latest(signals: pl.LazyFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Merge the days: when each signal was last received, and of which known service it is."""
    last = pl.col("last_received_at")
    parts = [last.filter(pl.col("signal") == name).max().alias(f"last_{name}") for name in SIGNALS]
    return matched(signals.group_by(IDENTITY).agg(parts).sort(IDENTITY).collect(), known)


def _window(terms: Expectations) -> pl.Expr:
    """Give for how many hours a receipt is fresh: 2 periods for what runs now and then."""
    return pl.coalesce(_period(terms) * 2, pl.lit(terms.freshness_hours)).cast(pl.Int64)


def _period(terms: Expectations) -> pl.Expr:
    """Give how often it runs, in hours; null for what runs all the time."""
    default = pl.when(pl.col("kind") == "cronjob").then(terms.period_hours)
    return pl.coalesce("period_hours", default)


def _fresh(now: datetime) -> list[pl.Expr]:
    since = pl.lit(now) - pl.duration(hours="window_hours")
    return [
        *(
            (pl.col(f"last_{name}") >= since).fill_null(value=False).alias(f"has_{name}")
            for name in SIGNALS
        ),
        *(
            pl.when(pl.col(f"last_{name}") >= since)
            .then(pl.lit("fresh"))
            .when(pl.col(f"last_{name}").is_not_null())
            .then(pl.lit("stale"))
            .otherwise(pl.lit("never"))
            .alias(f"{name}_state")
            for name in SIGNALS
        ),
        pl.max_horizontal(LAST).alias("last_seen_at"),
    ]


def _stated(listed: pl.DataFrame, terms: Expectations) -> pl.DataFrame:
    """Give each expected service its state by the signals its kind should send."""

    def wants(signal: str) -> pl.Expr:
        return pl.col("kind").is_in(
            [kind for kind, all_ in terms.signals.items() if signal in all_]
        )

    def named(condition: str) -> pl.Expr:
        parts = [
            pl.when(wants(name) & (pl.lit(condition == "all") | ~pl.col(f"has_{name}"))).then(
                pl.lit(name)
            )
            for name in SIGNALS
        ]
        return pl.concat_list(parts).list.drop_nulls()

    missing, wanted = pl.col("missing_count"), pl.col("wanted_count")
    return (
        listed.with_columns(named("all").alias("wanted"), named("missing").alias("missing"))
        .with_columns(
            pl.col("wanted").list.join("+").alias("wanted_signals"),
            pl.col("missing").list.join("+").alias("missing_signals"),
            pl.col("wanted").list.len().cast(pl.Int64).alias("wanted_count"),
            pl.col("missing").list.len().cast(pl.Int64).alias("missing_count"),
        )
        .with_columns(
            pl.when("is_exempt")
            .then(pl.lit("exempt"))
            .when(missing == 0)
            .then(pl.lit("complete"))
            .when(missing == wanted)
            .then(pl.lit("dark"))
            .otherwise(pl.lit("partial"))
            .alias("state"),
        )
    )


def _unregistered(seen: pl.DataFrame, now: datetime, terms: Expectations) -> pl.DataFrame:
    """Give what was heard within the window and nobody expects."""
    return (
        seen.with_columns(_fresh(now))
        .filter(
            ~is_unknown(pl.col("service_name"))
            & pl.any_horizontal(_HAS)
            & pl.col("environment").is_in(list(terms.environments))
        )
        .select(
            *IDENTITY,
            *_HAS,
            *(f"{name}_state" for name in SIGNALS),
            "last_seen_at",
            "matched_by",
            pl.lit("unregistered").alias("state"),
            pl.lit(UNALLOCATED).alias("team"),
            pl.lit("service").alias("kind"),
            pl.lit(3, pl.Int32).alias("tier"),
            pl.lit("telemetry").alias("sources"),
            pl.lit("").alias("missing_signals"),
            pl.lit("").alias("wanted_signals"),
            pl.lit(0, pl.Int64).alias("missing_count"),
            pl.lit(0, pl.Int64).alias("wanted_count"),
        )
    )


def _ranked(rows: pl.DataFrame, terms: Expectations) -> pl.LazyFrame:
    """Add weights, what fixing each would gain, and the order: fewest missing, tier, cost.

    Costs are held against those of their own currency only: the dearest of each comes first.
    """
    lacking = pl.col("state").is_in(["partial", "dark"])
    expected = pl.col("state").is_in(EXPECTED_STATES).sum()
    weight = pl.col("tier").replace_strict(dict(terms.weights), default=1, return_dtype=pl.Int64)
    alike = [lacking, "missing_count", "tier", "currency"]
    place = pl.col("monthly_cost").rank("min", descending=True).over(alike)
    everybody = pl.col("state").is_null()  # never: one group, so that a column divides a column
    complete = (pl.col("state") == "complete").sum()

    def after(*within: str) -> pl.Expr:
        """Give how many are complete when a service and all before it are fixed."""
        fixed = lacking.cast(pl.Int64).cum_sum()
        return complete.over(within) + fixed.over(within) if within else complete + fixed

    ordered = rows.sort([~lacking, "missing_count", "tier", place, *IDENTITY], nulls_last=True)
    return (
        ordered.lazy()
        .with_columns(
            weight.alias("tier_weight"),
            pl.when(lacking).then(1 / expected).otherwise(0.0).alias("gain"),
            pl.when(lacking).then(1 / expected.over("team")).otherwise(0.0).alias("team_gain"),
            pl.when(lacking).then(lacking.cum_sum()).cast(pl.Int32).alias("fix_rank"),
            pl.when(lacking).then(after() / expected.over(everybody)).alias("ratio_after"),
            pl.when(lacking).then(after("team") / expected.over("team")).alias("team_ratio_after"),
            pl.col("^(logs|metrics|traces|heard|expected)_hours$").fill_null(0),
            pl.col("has_gaps").fill_null(value=False),
        )
        .select(COVERAGE_SERVICE.schema.names())
        .cast(COVERAGE_SERVICE.schema)
        .sort(COVERAGE_SERVICE.key)
    )


def coverage_team(
    coverage: pl.LazyFrame, terms: Expectations, *, is_stale: bool = False
) -> pl.LazyFrame:
    """Give mart_coverage_team, with the pooled organisation as `__all__`."""
    everybody = coverage.with_columns(pl.lit(EVERYBODY).alias("team"))
    is_expected = pl.col("state").is_in(EXPECTED_STATES)
    weight = pl.col("tier_weight").filter(is_expected)
    have = pl.col("wanted_count") - pl.col("missing_count")
    credit = (pl.col("tier_weight") * have * PARTS // pl.col("wanted_count")).filter(is_expected)
    expected, weights = pl.col("expected_count"), pl.col("weight_sum") * PARTS
    complete = pl.col("complete_count")
    return (
        pl.concat([coverage, everybody])
        .group_by("team")
        .agg(
            *(
                (pl.col("state") == state).sum().cast(pl.Int64).alias(f"{state}_count")
                for state in COVERAGE_STATES
            ),
            is_expected.sum().cast(pl.Int64).alias("expected_count"),
            (is_expected & pl.all_horizontal(_HAS)).sum().cast(pl.Int64).alias("literal_count"),
            (is_expected & (pl.col("tier") == 1) & (pl.col("missing_count") > 0))
            .any()
            .alias("has_tier_1_gap"),
            (is_expected & pl.col("has_gaps")).sum().cast(pl.Int64).alias("gap_count"),
            pl.col("heard_hours").filter(is_expected).sum(),
            pl.col("expected_hours").filter(is_expected).sum(),
            weight.sum().alias("weight_sum"),
            credit.sum().alias("credit_sum"),
        )
        .with_columns(
            pl.when(expected > 0).then(complete / expected).alias("coverage_ratio"),
            pl.when(expected > 0).then(pl.col("literal_count") / expected).alias("literal_ratio"),
            pl.when(weights > 0).then(pl.col("credit_sum") / weights).alias("weighted_index"),
            pl.when(pl.col("expected_hours") > 0)
            .then(pl.col("heard_hours") / pl.col("expected_hours"))
            .alias("continuity_ratio"),
            (needed(expected, terms) - complete).clip(lower_bound=0).alias("short_count"),
            pl.lit(float(terms.target)).alias("target_ratio"),
            pl.lit(is_stale).alias("is_inventory_stale"),
        )
        .select(COVERAGE_TEAM.schema.names())
        .cast(COVERAGE_TEAM.schema)
        .sort("team")
    )


def needed(expected: pl.Expr, terms: Expectations) -> pl.Expr:
    """Give how many services must be complete to meet the target, in whole numbers."""
    part, whole = terms.target.as_integer_ratio()
    return (expected * part + (whole - 1)) // whole

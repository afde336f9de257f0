"""What stands between telemetry and the inventory: each with what to do about it.

Reads    core_service, core_signal_daily as matched, mart_coverage_service
Writes   mart_coverage_finding
Holds    a finding is in no figure: it covers nobody and takes nothing away
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from transforms.coverage.identity import IDENTITY, UNALLOCATED, candidates_of, is_unknown, matched
from warehouse.tables.mart_coverage import COVERAGE_FINDING
from warehouse.tables.values import AMBIGUOUS, EXPIRED, UNATTRIBUTED

SHOWN_DAYS: Final = 7
"""Telemetry of so many days is looked at."""

_ACTIONS: Final = {
    EXPIRED: "It counts again. Send what it misses, or give exempt_until a new last day.",
    AMBIGUOUS: "It covers nobody. Set service.namespace, or an alias at the one service it is.",
    UNATTRIBUTED: "It covers nobody. Set OTEL_SERVICE_NAME, or k8s attributes by a Collector's "
    "k8sattributes processor.",
}


def coverage_findings(
    inventory: pl.LazyFrame,
    signals: pl.LazyFrame,
    coverage: pl.LazyFrame,
    *,
    now: datetime,
    environments: Sequence[str],
) -> pl.LazyFrame:
    """Give mart_coverage_finding: exemptions that are over, telemetry that is nobody's."""
    known = inventory.collect()
    observed = _observed(signals, now).filter(pl.col("environment").is_in(list(environments)))
    seen = matched(observed.collect(), known)
    every = [
        _expired(known, coverage, now),
        _ambiguous(seen.filter(pl.col("matched_by") == AMBIGUOUS), known),
        _unattributed(seen.filter(is_unknown(pl.col("service_name")))),
    ]
    return (
        pl.concat(every, how="diagonal_relaxed")
        .with_columns(
            pl.col("finding").replace_strict(_ACTIONS).alias("action"),
            pl.col("signals", "detail").fill_null(""),
            pl.col("item_count").fill_null(0),
            pl.col("team").fill_null(UNALLOCATED),
        )
        .select(COVERAGE_FINDING.schema.names())
        .cast(COVERAGE_FINDING.schema)
        .sort(COVERAGE_FINDING.key)
    )


def _observed(signals: pl.LazyFrame, now: datetime) -> pl.LazyFrame:
    """Give each identity heard of late, with its signals."""
    return (
        signals.filter(pl.col("last_received_at") > now - timedelta(days=SHOWN_DAYS))
        .group_by(IDENTITY)
        .agg(
            pl.col("signal").unique().sort().str.join("+").alias("signals"),
            pl.col("item_count").sum(),
            pl.col("last_received_at").max().alias("last_seen_at"),
        )
        .sort(IDENTITY)
    )


def _expired(known: pl.DataFrame, coverage: pl.LazyFrame, now: datetime) -> pl.LazyFrame:
    """Give exemptions whose last day has passed."""
    over = known.lazy().filter(
        (pl.col("exempt_until") < now.date()) & (pl.col("exempt_reason") != "")
    )
    state = coverage.select(*IDENTITY, "state", "missing_signals")
    until = pl.col("exempt_until").dt.to_string("%Y-%m-%d")
    return over.join(state, on=IDENTITY, how="left", validate="1:1").select(
        *IDENTITY,
        "team",
        "exempt_until",
        "last_seen_at",
        pl.lit(EXPIRED).alias("finding"),
        pl.format("{}, until {}; now {}", "exempt_reason", until, "state").alias("detail"),
        pl.col("missing_signals").alias("signals"),
    )


def _ambiguous(seen: pl.DataFrame, known: pl.DataFrame) -> pl.LazyFrame:
    """Give telemetry whose name two services bear, with those services."""
    found = seen.lazy().join(
        candidates_of(known).lazy(), on=["service_name", "environment"], how="left", validate="m:1"
    )
    return found.select(
        *IDENTITY,
        "signals",
        "item_count",
        "last_seen_at",
        pl.lit(AMBIGUOUS).alias("finding"),
        (pl.lit("may be ") + pl.col("candidate_names")).alias("detail"),
    )


def _unattributed(seen: pl.DataFrame) -> pl.LazyFrame:
    """Give telemetry that says nothing about who sent it."""
    return seen.lazy().select(
        *IDENTITY,
        "signals",
        "item_count",
        "last_seen_at",
        pl.lit(UNATTRIBUTED).alias("finding"),
        pl.lit("has no service.name, and no workload").alias("detail"),
    )

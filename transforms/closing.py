"""Closed months: what was stated stays, and what changes later is stated in the open month.

Reads    core_closed_period, mart_cost_daily_team, mart_reconciliation_daily
Writes   mart_adjustment    one row per closed month, team, currency and reason that changed
Units    effective_cost, billed_cost in their currency, Decimal(38, 12)
Holds    per closed month, team and currency: what was closed plus all its adjustments is what the
         ledger says now, exactly; what was closed, adjustments too, never changes

Months are closed in order, so each one up to the last is closed, with cost or without. The open
month is the first after them that has cost. An adjustment's reason
compares digests: of the bill's days and of the rules in force on them, then and now.
"""

import hashlib
from datetime import date, datetime, timedelta
from typing import Final

import polars as pl

from warehouse.tables.closing import ADJUSTMENT, CLOSED_PERIOD

CLOSED: Final = "closed"
OWN: Final = ("original_period", "team", "currency")
COSTS: Final = ("effective_cost", "billed_cost")


def month(day: pl.Expr) -> pl.Expr:
    """Give the month of a day as `YYYY-MM`."""
    return day.dt.strftime("%Y-%m")


def digests(reconciliation: pl.LazyFrame) -> pl.DataFrame:
    """Give per month a digest of what its bill says and one of the rules in force."""
    day = pl.col("charge_date")
    amounts = ("bill_cost", "bill_billed_cost", "line_count")
    texts: dict[str, list[pl.Expr]] = {
        "bill_hash": [pl.col("currency"), *(pl.col(name).cast(pl.String) for name in amounts)],
        "config_hash": [pl.col("config_hash")],
    }
    said = reconciliation.select(
        month(day).alias("original_period"),
        *(
            pl.concat_str(day.cast(pl.String), *parts, separator=" ").alias(name)
            for name, parts in texts.items()
        ),
    ).collect()
    bills, rules = (
        _digested(said.select("original_period", said=name).unique(), name) for name in texts
    )
    return bills.join(rules, on="original_period", how="inner", validate="1:1")


def _digested(said: pl.DataFrame, name: str) -> pl.DataFrame:
    texts = said.sort("original_period", "said").group_by("original_period", maintain_order=True)
    joined = texts.agg(pl.col("said").str.join("\n"))
    hashes = [hashlib.sha256(text.encode()).hexdigest()[:12] for text in joined["said"].to_list()]
    return joined.select("original_period", pl.Series(name, hashes, dtype=pl.String))


def open_period(closed: pl.DataFrame, months: list[str]) -> str:
    """Give the month in whose statement changes stand now; empty while nothing is closed."""
    last = max(closed["period"].to_list(), default="")
    if not last:
        return ""
    after = date.fromisoformat(f"{last}-01") + timedelta(days=31)
    return next((m for m in sorted(months) if m > last), f"{after:%Y-%m}")


def adjustments(
    closed: pl.LazyFrame,
    team_daily: pl.LazyFrame,
    reconciliation: pl.LazyFrame,
) -> pl.LazyFrame:
    """Give mart_adjustment: those that were closed, and what has changed since."""
    known = closed.collect()
    now = _monthly(team_daily)
    stated = known.filter(pl.col("reason") != CLOSED).select(
        pl.col("period").alias("posted_period"), *OWN, "reason", *COSTS, "config_hash", "bill_hash",
        pl.lit(value=True).alias("is_closed"),
    )  # fmt: skip
    then = known.group_by(OWN).agg(pl.col(COSTS).sum())
    both = pl.concat([now.select(*OWN, *COSTS), then.with_columns(-pl.col(COSTS))])
    rest = (
        both.filter(pl.col("original_period") <= str(known["period"].max() or ""))
        .group_by(OWN)
        .agg(pl.col(COSTS).sum())
        .filter((pl.col("effective_cost") != 0) | (pl.col("billed_cost") != 0))
    )
    rows = rest.join(
        _reasons(known, digests(reconciliation)),
        on="original_period", how="left", validate="m:1",
    ).with_columns(
        pl.lit(open_period(known, now["original_period"].to_list())).alias("posted_period"),
        pl.lit(value=False).alias("is_closed"),
    )  # fmt: skip
    names = ADJUSTMENT.schema.names()
    made = pl.concat([stated.select(names), rows.select(names)], how="vertical_relaxed")
    return made.cast(ADJUSTMENT.schema).sort(ADJUSTMENT.key).lazy()


def _monthly(team_daily: pl.LazyFrame) -> pl.DataFrame:
    return (
        team_daily.with_columns(month(pl.col("charge_date")).alias("original_period"))
        .group_by(OWN)
        .agg(pl.col(COSTS).sum())
        .sort(OWN)
        .collect()
    )


def _reasons(closed: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Say per closed month what is other now than when it, or its last adjustment, was closed."""
    then = (
        closed.sort("closed_at", "period")
        .group_by("original_period", maintain_order=True)
        .agg(
            pl.col("bill_hash").last().alias("_bill"), pl.col("config_hash").last().alias("_rules")
        )
    )
    both = now.join(then, on="original_period", how="full", coalesce=True, validate="1:1")
    both = both.with_columns(pl.exclude("original_period").fill_null(""))
    bill = pl.col("bill_hash") != pl.col("_bill")
    rules = pl.col("config_hash") != pl.col("_rules")
    reason = (
        pl.when(bill & rules)
        .then(pl.lit("restatement and rules"))
        .when(bill)
        .then(pl.lit("restatement"))
        .when(rules)
        .then(pl.lit("rules"))
        .otherwise(pl.lit("recomputed"))
    )
    return both.select("original_period", "bill_hash", "config_hash", reason.alias("reason"))


def closing(
    period: str,
    closed: pl.LazyFrame,
    team_daily: pl.LazyFrame,
    reconciliation: pl.LazyFrame,
    *,
    now: datetime,
) -> pl.DataFrame:
    """Give the rows of core_closed_period by which a month is closed."""
    own = (
        _monthly(team_daily)
        .filter(pl.col("original_period") == period)
        .join(digests(reconciliation), on="original_period", how="left", validate="m:1")
        .with_columns(pl.lit(CLOSED).alias("reason"))
    )
    posted = (
        adjustments(closed, team_daily, reconciliation)
        .filter((pl.col("posted_period") == period) & ~pl.col("is_closed"))
        .collect()
    )
    names = [*OWN, "reason", *COSTS, "config_hash", "bill_hash"]
    return (
        pl.concat([own.select(names), posted.select(names)], how="vertical_relaxed")
        .with_columns(pl.lit(period).alias("period"), pl.lit(now).alias("closed_at"))
        .select(CLOSED_PERIOD.schema.names())
        .cast(CLOSED_PERIOD.schema)
        .sort(CLOSED_PERIOD.key)
    )

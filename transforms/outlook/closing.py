"""Closed months: what was stated stays, and what changes later is stated in the open month.

Reads    core_closed_period, mart_cost_daily_statement, mart_reconciliation_daily, core_service
Writes   mart_adjustment    one row per closed month, receiver and what changed of its cost:
         service, account, charge category, cluster, namespace and pool
Units    effective_cost, billed_cost in their currency, Decimal(38, 12)
Holds    per closed month, receiver and what it is for: what was closed plus all its adjustments is
         what the ledger says now, exactly; what was closed, adjustments too, never changes

Months are closed in order, so each one up to the last is closed, with cost or without. The open
month is the first after them that has cost. Why something changed is told by `causes`.
"""

from datetime import date, datetime, timedelta
from typing import Final

import polars as pl

from transforms.outlook.causes import JOINER, causes, digests
from warehouse.tables.closing import ADJUSTMENT, CELL, CLOSED_PERIOD
from warehouse.tables.values import ADJUSTED, CLOSED

OWN: Final = ("original_period", "team", "currency")
CELLS: Final = tuple(column.name for column in CELL)
COSTS: Final = ("effective_cost", "billed_cost")
UNREPORTED: Final = {name: "" if name in {"sub_account_id", "pool"} else "-" for name in CELLS}
"""What months have whose file knows teams only, as former versions wrote it."""
FOLDED: Final = {
    **UNREPORTED,
    "section": CLOSED,
    "environment": "-",
    "rule_id": "",
    **dict.fromkeys(("delivery_ids", "former_delivery_ids", "former_config_hash"), ""),
}


def month(day: pl.Expr) -> pl.Expr:
    """Give the month of a day as `YYYY-MM`."""
    return day.dt.strftime("%Y-%m")


def as_kept(frame: pl.DataFrame) -> pl.DataFrame:
    """Give what a file of a closed month says in today's columns."""
    lacking = {name: text for name, text in FOLDED.items() if name not in frame.columns}
    reported = frame.with_columns(pl.lit(text).alias(name) for name, text in lacking.items())
    return reported.select(CLOSED_PERIOD.schema.names()).cast(CLOSED_PERIOD.schema)


def open_period(closed: pl.DataFrame, months: list[str]) -> str:
    """Give the month in whose statement changes stand now; empty while nothing is closed."""
    last = max(closed["period"].to_list(), default="")
    if not last:
        return ""
    after = date.fromisoformat(f"{last}-01") + timedelta(days=31)
    return next((m for m in sorted(months) if m > last), f"{after:%Y-%m}")


def adjustments(
    closed: pl.LazyFrame, daily: pl.LazyFrame, reconciliation: pl.LazyFrame
) -> pl.LazyFrame:
    """Give mart_adjustment: those that were closed, and what has changed since."""
    known = closed.collect()
    if known.is_empty():
        return ADJUSTMENT.empty().lazy()
    last, known_digests = str(known["period"].max()), digests(reconciliation)
    of = month(pl.col("charge_date")).alias("original_period")
    now = _cells(daily.with_columns(of).filter(pl.col("original_period") <= last), known)
    then = known.group_by(*OWN, *CELLS).agg(pl.col(COSTS).sum(), _joined())
    rest = (
        now.join(then, on=[*OWN, *CELLS], how="full", coalesce=True, suffix="_then", validate="1:1")
        .with_columns(pl.col(pl.Decimal).fill_null(0), pl.col("^delivery_ids.*$").fill_null(""))
        .with_columns(pl.col(name) - pl.col(f"{name}_then") for name in COSTS)
        .filter((pl.col("effective_cost") != 0) | (pl.col("billed_cost") != 0))
    )
    stated = known.filter(pl.col("reason") != CLOSED).select(
        pl.col("period").alias("posted_period"), pl.lit(value=True).alias("is_closed"),
        pl.exclude("period"),
    )  # fmt: skip
    rows = causes(rest, known, known_digests).with_columns(
        pl.lit(open_period(known, known_digests["original_period"].to_list())).alias(
            "posted_period"
        ),
        pl.lit(value=False).alias("is_closed"),
    )
    names = ADJUSTMENT.schema.names()
    made = pl.concat([stated.select(names), rows.select(names)], how="vertical_relaxed")
    return made.cast(ADJUSTMENT.schema).sort(ADJUSTMENT.key).lazy()


def _joined() -> pl.Expr:
    """Join the deliveries of rows; each once, in order."""
    each = pl.col("delivery_ids").str.split(JOINER).explode(keep_nulls=False)
    return each.filter(each != "").unique().sort().str.join(JOINER).alias("delivery_ids")


def _cells(dated: pl.LazyFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Sum what closed months cost now, in what their file tells apart."""
    folded = known.filter(pl.col("section") == CLOSED)["original_period"].unique().implode()
    is_folded = pl.col("original_period").is_in(folded)
    return (
        dated.with_columns(
            pl.when(is_folded).then(pl.lit(text)).otherwise(name).alias(name)
            for name, text in UNREPORTED.items()
        )
        .group_by(*OWN, *CELLS)
        .agg(pl.col(COSTS).sum(), _deliveries())
        .collect()
    )


def _deliveries() -> pl.Expr:
    return pl.col("delivery_id").unique().sort().str.join(JOINER).alias("delivery_ids")


def placed(services: pl.LazyFrame) -> pl.LazyFrame:
    """Give the environment of each service of the inventory: `-` where there are several."""
    one = pl.col("environment").n_unique() == 1
    return services.group_by(namespace="service_namespace", workload="service_name").agg(
        pl.when(one).then(pl.col("environment").first()).otherwise(pl.lit("-")).alias("environment")
    )


def stated(daily: pl.LazyFrame, services: pl.LazyFrame) -> pl.DataFrame:
    """Sum days to months, as the lines of a statement name them."""
    key = [*OWN, "section", "environment", *CELLS, "rule_id"]
    return (
        daily.with_columns(month(pl.col("charge_date")).alias("original_period"))
        .join(placed(services), on=["namespace", "workload"], how="left", validate="m:1")
        .with_columns(pl.col("environment").fill_null("-"))
        .group_by(key)
        .agg(pl.col(COSTS).sum(), _deliveries())
        .sort(key)
        .collect()
    )


def closing(  # noqa: PLR0913 - four tables, a month and a time
    period: str,
    closed: pl.LazyFrame,
    daily: pl.LazyFrame,
    reconciliation: pl.LazyFrame,
    services: pl.LazyFrame,
    *,
    now: datetime,
) -> pl.DataFrame:
    """Give the rows of core_closed_period by which a month is closed."""
    of_month = daily.filter(month(pl.col("charge_date")) == period)
    none = pl.lit("")
    own = (
        stated(of_month, services)
        .join(digests(reconciliation), on="original_period", how="left", validate="m:1")
        .with_columns(
            pl.lit(CLOSED).alias("reason"),
            none.alias("former_config_hash"),
            none.alias("former_delivery_ids"),
        )
    )
    posted = (
        adjustments(closed, daily, reconciliation)
        .filter((pl.col("posted_period") == period) & ~pl.col("is_closed"))
        .with_columns(
            pl.lit(ADJUSTED).alias("section"),
            pl.lit("-").alias("environment"),
            none.alias("rule_id"),
        )
        .collect()
    )
    names = [n for n in CLOSED_PERIOD.schema.names() if n not in {"period", "closed_at"}]
    return (
        pl.concat([own.select(names), posted.select(names)], how="vertical_relaxed")
        .with_columns(pl.lit(period).alias("period"), pl.lit(now).alias("closed_at"))
        .select(CLOSED_PERIOD.schema.names())
        .cast(CLOSED_PERIOD.schema)
        .sort(CLOSED_PERIOD.key)
    )

"""Bill lines of a day: the part of each that falls on it, and what lies outside clusters.

Reads    raw_cost_line; the lines of a day that no node explains
Gives    lines of a day with `charge_hour`; matches and recipients (see transforms.ledger.receivers)
Units    effective_cost, billed_cost in the line's currency, Decimal(38, 12); atoms inside
Holds    over the days of a line its parts add up to it; no line is dropped
"""

from datetime import date, timedelta
from typing import Final

import polars as pl

from transforms.exact.money import atoms, money
from transforms.ledger.receivers import NO_TELEMETRY, RECIPIENT, Matches, labelled

LINE_FACTS: Final = ("billing_currency", "service_name", "provider_name", "sub_account_id")


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


def priced(lines: pl.LazyFrame) -> pl.DataFrame:
    """Give what the engine needs of a day's lines, numbered in the order of their names."""
    names = ("resource_id", "resource_name", "sku_meter", "charge_description", "charge_category")
    return (
        lines.select(
            "x_line_hash",
            "charge_hour",
            *LINE_FACTS,
            *names,
            "tags",
            "x_extra",
            "x_cluster",
            "x_namespace",
            "allocated_resource_id",
            "allocated_resource_name",
            "consumed_quantity",
            "consumed_unit",
            atoms(pl.col("effective_cost")).alias("effective"),
            atoms(pl.col("billed_cost")).alias("billed"),
        )
        .sort("x_line_hash", "charge_hour")
        .with_columns((pl.col("x_line_hash").rle_id()).alias("line"))
        .collect()
    )


def outside(lines: pl.DataFrame) -> Matches:
    """Give lines outside clusters to recipients of their own, by tags, account, service, resource.

    A machine that its provider's tag puts into a cluster, but that was not heard of, is
    `__no_telemetry__`.
    """
    is_silent = pl.col("x_cluster").is_not_null() & (pl.col("charge_category") == "Usage")
    described = labelled(lines).with_columns(is_silent.alias("is_silent"))

    def recipient(name: str, silent: pl.Expr | str, other: pl.Expr | str) -> pl.Expr:
        one, two = (pl.lit(it) if isinstance(it, str) else it for it in (silent, other))
        return pl.when("is_silent").then(one).otherwise(two).alias(name)

    bucket, resource = NO_TELEMETRY, pl.col("resource_id").fill_null("")
    seated = described.with_columns(
        recipient("cluster", pl.col("x_cluster"), "-"),
        pl.lit("-").alias("node"),
        recipient("namespace", bucket, "-"),
        recipient("workload", bucket, pl.col("resource_id").fill_null(pl.col("service_name"))),
        recipient("labels", "", pl.col("labels")),
        recipient("account", "", pl.col("sub_account_id").fill_null("")),
        recipient("service", "", pl.col("service_name")),
        recipient("resource", "", resource),
        recipient("charge_category", "", pl.col("charge_category")),
        recipient("reason", "no_telemetry", "line"),
    )
    recipients = seated.select(RECIPIENT).unique(maintain_order=True)
    numbered = recipients.with_row_index("recipient")
    rows = seated.join(
        numbered, on=RECIPIENT, how="left", validate="m:1", nulls_equal=True, maintain_order="left"
    )
    return Matches(
        rows.select("line", "charge_hour", "recipient", "effective", "billed"), recipients
    )

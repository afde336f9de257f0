"""What a new delivery says otherwise than the former one did.

Takes    the bill lines of both, as Parquet
Gives    core_restatement: a row per account, service, day and reason
Units    Decimal(38, 12) in the line's currency, never added across currencies
Holds    the deltas sum to the difference of the two deliveries, to the last digit; a line that both
         have is in no row
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from warehouse.table import USD
from warehouse.tables.core import RESTATEMENT
from warehouse.tables.raw import COST_LINE

GROUP: Final = ("account", "service_name", "first_day", "last_day", "kind", "currency")
ALMOST: Final = pl.duration(microseconds=1)


def restatement(
    former: Sequence[Path], new: Sequence[Path], *, ids: tuple[str, str], at: datetime
) -> pl.DataFrame:
    """Compare two deliveries of a period; `ids` are those of the new and the former one."""
    old, fresh = _lines(former), _lines(new)
    by_name = {"on": "x_line_hash", "how": "anti"}
    changed = pl.concat(
        [
            fresh.join(old, **by_name).with_columns(pl.lit(1).alias("sign")),  # type: ignore[arg-type]  # literals
            old.join(fresh, **by_name).with_columns(pl.lit(-1).alias("sign")),  # type: ignore[arg-type]
        ]
    )
    gone, come = pl.col("sign") < 0, pl.col("sign") > 0
    grouped = changed.group_by(GROUP).agg(
        come.sum().cast(pl.Int64).alias("added_count"),
        gone.sum().cast(pl.Int64).alias("removed_count"),
        *(_delta(name) for name in ("billed_cost", "effective_cost")),
    )
    return (
        grouped.with_columns(
            _reason().alias("reason"),
            pl.lit(ids[0]).alias("delivery_id"),
            pl.lit(ids[1]).alias("former_id"),
            pl.lit(at, dtype=pl.Datetime("us", "UTC")).alias("restated_at"),
        )
        .select(RESTATEMENT.schema.names())
        .sort(RESTATEMENT.key)
        .collect()
    )


def _lines(files: Sequence[Path]) -> pl.LazyFrame:
    lines = (
        pl.scan_parquet(list(files), hive_partitioning=False) if files else COST_LINE.empty().lazy()
    )
    begins, ends = pl.col("charge_period_start"), pl.col("charge_period_end")
    return lines.select(
        "x_line_hash",
        "billed_cost",
        "effective_cost",
        "service_name",
        pl.coalesce("sub_account_id", "billing_account_id").alias("account"),
        begins.dt.date().alias("first_day"),
        pl.max_horizontal(begins.dt.date(), (ends - ALMOST).dt.date()).alias("last_day"),
        _kind().alias("kind"),
        pl.col("billing_currency").alias("currency"),
    )


def _kind() -> pl.Expr:
    """Tell what a line is before both sides are seen."""
    category = pl.col("charge_category")
    is_refund = (pl.col("charge_class") == "Correction") | (pl.col("x_line_item_type") == "Refund")
    return (
        pl.when(category == "Tax")
        .then(pl.lit("tax"))
        .when(category == "Credit")
        .then(pl.lit("credit"))
        .when(is_refund.fill_null(value=False))
        .then(pl.lit("refund"))
        .otherwise(pl.lit("usage"))
    )


def _reason() -> pl.Expr:
    """Name the reason: the kind, and for use whether it came late, went, or was changed."""
    is_usage = pl.col("kind") == "usage"
    return (
        pl.when(is_usage & (pl.col("removed_count") == 0))
        .then(pl.lit("late_usage"))
        .when(is_usage & (pl.col("added_count") == 0))
        .then(pl.lit("withdrawn"))
        .when(is_usage)
        .then(pl.lit("changed"))
        .otherwise(pl.col("kind"))
    )


def _delta(name: str) -> pl.Expr:
    cost = pl.col(name)
    zero = pl.lit(0, dtype=USD)
    added = pl.when(pl.col("sign") > 0).then(cost).otherwise(zero).sum()
    removed = pl.when(pl.col("sign") < 0).then(cost).otherwise(zero).sum()
    return (added - removed).cast(USD).alias(f"{name}_delta")

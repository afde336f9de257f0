"""Sharing a bill line among what was seen of it: the frame that every such split gives.

Takes    lines (x_line_hash, charge_hour, what they are joined by, effective, billed in atoms) and
         receivers with a whole-number weight
Gives    rows: x_line_hash, charge_hour, receiver, reason, effective, billed
Holds    per line and hour the rows add up to the line; what nobody receives goes to a bucket
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

UNMOUNTED: Final = "__unmounted__"
NO_TELEMETRY: Final = "__no_telemetry__"
LINE: Final = ("x_line_hash", "charge_hour")
RECEIVER: Final = ("cluster", "node", "namespace", "workload", "labels")
ROW: Final = (*LINE, *RECEIVER, "reason", "effective", "billed")


def silence() -> list[pl.Expr]:
    """Give the receiver of hours in which nothing was heard of what a line pays for."""
    texts = {
        "node": "-",
        "namespace": NO_TELEMETRY,
        "workload": NO_TELEMETRY,
        "labels": "",
        "reason": "no_telemetry",
    }
    return [pl.lit(text).alias(name) for name, text in texts.items()]


def weighed(
    lines: pl.LazyFrame,
    receivers: pl.LazyFrame,
    *,
    on: Sequence[str],
    bucket: tuple[str, str],
) -> pl.LazyFrame:
    """Give each line with each of its receivers and what that weighs, before it is split.

    A line without any, or whose receivers weigh nothing, goes to `bucket` (name and reason) of its
    `cluster`, `node` and `workload`.
    """
    name, reason = bucket
    key = [*on, *(column for column in RECEIVER if column not in on)]
    weights = receivers.group_by(key).agg(pl.col("weight").cast(pl.Int128).sum())
    own = {column: f"own_{column}" for column in RECEIVER if column not in on}
    held = lines.rename({old: new for old, new in own.items() if old != "labels"}, strict=False)
    joined = held.join(
        weights.filter(pl.col("weight") > 0), on=list(on), how="left", validate="m:m"
    ).with_columns(pl.col("weight").is_null().alias("is_alone"))

    def fallen(column: str) -> pl.Expr:
        known = {"namespace": pl.lit(name), "labels": pl.lit("")}
        instead = known[column] if column in known else pl.col(own.get(column, column))
        return pl.when("is_alone").then(instead).otherwise(column).alias(column)

    return joined.with_columns(
        *(fallen(column) for column in RECEIVER),
        pl.col("weight").fill_null(1),
        pl.when("is_alone").then(pl.lit(reason)).otherwise(pl.lit("workload")).alias("reason"),
    )


def summed(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Sum rows of the same line, hour, receiver and reason."""
    key = ROW[:-2]
    return rows.group_by(key).agg(pl.col("effective", "billed").sum()).sort(key, nulls_last=True)

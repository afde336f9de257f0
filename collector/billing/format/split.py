"""Rows that say how another row's cost divides: AWS split cost allocation.

Takes    of each row: what it is, which resource and hour, what it costs, what it claims
Gives    per row of a node what it gives away, per row of a pod what it takes
Holds    what the nodes give is what the pods take, to the last digit; a pod whose node is not in
         the delivery takes nothing; memory is that of the split rows' resources and hours
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from collector.billing.format.mapping import MONEY, Split, sql

GIVEN: Final = "split_given"
TAKEN: Final = "split_taken"
IS_COVERED: Final = "split_is_covered"
KEY: Final = ("resource", "start")


@dataclass(frozen=True)
class Shares:
    """`wholes`: rows that give; `keys`: the resources and hours that have such a row."""

    wholes: pl.DataFrame
    keys: pl.DataFrame

    def join(self, full: pl.DataFrame, file: str, row: str) -> pl.DataFrame:
        """Add to rows what they give, what they take, and whether a commitment covers the node."""
        mine = self.wholes.filter(pl.col("file") == file).select(
            pl.col("row").alias(row), GIVEN, pl.col("is_covered").alias("_own")
        )
        keyed = full.with_columns(
            pl.col("split_line_item_parent_resource_id").alias("_resource"),
            pl.col("line_item_usage_start_date").alias("_start"),
        )
        joined = keyed.join(mine, on=row, how="left", validate="m:1", maintain_order="left").join(
            self.keys.rename({"resource": "_resource", "start": "_start"}),
            on=["_resource", "_start"],
            how="left",
            validate="m:1",
            maintain_order="left",
        )
        zero = pl.lit(0).cast(MONEY)
        return joined.with_columns(
            pl.col(GIVEN).fill_null(zero),
            pl.when(pl.col("is_covered").is_not_null())
            .then(pl.col("split").cast(MONEY))
            .otherwise(zero)
            .alias(TAKEN),
            pl.coalesce("_own", "is_covered", pl.lit(value=False)).alias(IS_COVERED),
        ).drop("_resource", "_start", "_own", "is_covered")


def facts(split: Split) -> list[pl.Expr]:
    """Give what must be known of each row."""
    return [
        pl.col("x_row_number").alias("row"),
        pl.col(split.parent).alias("parent"),
        pl.col(split.resource).alias("resource"),
        pl.col(split.start).alias("start"),
        pl.col(split.cost).cast(MONEY).alias("cost"),
        pl.col(split.parent_cost).cast(MONEY).alias("parent_cost"),
        sql(split.is_parent).fill_null(value=False).alias("is_parent"),
        sql(split.is_covered).fill_null(value=False).alias("is_covered"),
    ]


def shares(found: Sequence[tuple[str, pl.DataFrame]]) -> Shares | None:
    """Match the parts to their wholes: of several rows of a node's hour the dearest gives."""
    parts = [
        frame.filter(pl.col("parent").is_not_null()).select(
            pl.col("parent").alias("resource"), "start", "cost"
        )
        for _, frame in found
    ]
    if not any(part.height for part in parts):
        return None
    taken = pl.concat(parts).group_by(KEY).agg(pl.col("cost").sum().cast(MONEY).alias(GIVEN))
    wholes = [
        frame.filter("is_parent")
        .join(taken, on=KEY, how="inner", validate="m:1")
        .with_columns(pl.lit(file).alias("file"))
        for file, frame in found
    ]
    givers = (
        pl.concat(wholes)
        .sort("parent_cost", "file", "row", descending=[True, False, False])
        .unique(KEY, keep="first", maintain_order=True)
    )
    return Shares(
        givers.select("file", "row", GIVEN, "is_covered"),
        givers.select(*KEY, "is_covered"),
    )

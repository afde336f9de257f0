"""What a statement of a closed month is made from: what was closed, not what the ledger says now.

Takes    the ledger's rows of a month by receiver; the figures that were closed
Gives    rows that add up to what was closed, to the last digit, per receiver and currency
Holds    a receiver whose cost is still what was closed keeps its rows; any other has one row of the
         section `closed`; receivers that had nothing when the month was closed have none
"""

import polars as pl

SECTION = "closed"
OWN = ("currency", "team")
TOLD = ("environment", "service", "cluster", "namespace")


def as_closed(rows: pl.DataFrame, closed: pl.DataFrame) -> pl.DataFrame:
    """Give the rows of a month as closed. `closed` has currency, team, cost; empty: it is open."""
    if closed.is_empty():
        return rows
    now = rows.group_by(OWN).agg(pl.col("cost").sum().alias("now"))
    held = closed.select(*OWN, pl.col("cost").cast(rows.schema["cost"]).alias("then")).join(
        now, on=OWN, how="left", validate="1:1"
    )
    is_same = (pl.col("then") == pl.col("now")).fill_null(value=False)
    kept = rows.join(held.filter(is_same), on=OWN, how="semi")
    others = held.filter(~is_same).select(
        *OWN,
        pl.lit(SECTION).alias("section"),
        *(pl.lit("-").alias(name) for name in TOLD),
        *(pl.lit("").alias(name) for name in ("pool", "rule_id")),
        pl.col("then").alias("cost"),
    )
    made = pl.concat([kept.select(others.columns), others])
    return made.with_columns(pl.lit(value=False).alias("is_estimated")).sort(
        *OWN, "section", *TOLD, "pool", "rule_id"
    )

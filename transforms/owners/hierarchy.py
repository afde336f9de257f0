"""Cost by team, department and cost centre: one row that bears all three.

Reads    mart_cost_daily_team; the teams and departments of the ownership file
Writes   mart_cost_daily_hierarchy    one row per day, team and currency
Units    Decimal(38, 12) in the line's currency; currencies are never added
Holds    whichever level it is summed by, each day's sum is that of the teams, and so of the bill

Names and cost centres decide no cost: they are those of today's file on every day, and a change of
them builds no day anew.
"""

import polars as pl

from transforms.owners.model import Ownership
from warehouse.tables.mart_cost import COST_DAILY_HIERARCHY

NONE = "-"
"""A team without a department, or without a cost centre."""


def cost_daily_hierarchy(team: pl.LazyFrame, ownership: Ownership) -> pl.LazyFrame:
    """Give each team's day its department and cost centre; a bucket is its own on every level."""
    is_bucket = pl.col("team").str.starts_with("__")

    def placed(name: str, other: pl.Expr | str) -> pl.Expr:
        instead = pl.lit(other) if isinstance(other, str) else other
        return (
            pl.when(is_bucket)
            .then("team")
            .otherwise(pl.coalesce(pl.col(name), instead))
            .alias(name)
        )

    return (
        team.join(_teams(ownership), on="team", how="left", validate="m:1")
        .with_columns(
            placed("team_name", pl.col("team")),
            placed("department", NONE),
            placed("department_name", NONE),
            placed("cost_center", NONE),
        )
        .select(COST_DAILY_HIERARCHY.schema.names())
        .cast(COST_DAILY_HIERARCHY.schema)
        .sort(COST_DAILY_HIERARCHY.key)
    )


def _teams(ownership: Ownership) -> pl.LazyFrame:
    """Give a row per team; what the file leaves empty is null."""
    names = {department.id: department.name for department in ownership.departments}
    rows = [
        (
            team.id,
            team.name or None,
            team.department or None,
            names.get(team.department, team.department) or None,
            team.cost_center or None,
        )
        for team in ownership.teams
    ]
    columns = ("team", "team_name", "department", "department_name", "cost_center")
    return pl.LazyFrame(rows, schema=dict.fromkeys(columns, pl.String()), orient="row")

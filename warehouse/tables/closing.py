"""What was closed, and what has changed since."""

from typing import Final

import polars as pl

from warehouse.table import INSTANT, USD, Check, Column, Table
from warehouse.tables.core import BILLED, CURRENCY, EFFECTIVE, TEAM

ORIGINAL: Final = Column("original_period", pl.String(), "month whose cost it is, YYYY-MM")
REASON: Final = Column(
    "reason",
    pl.String(),
    "closed for a month's own cost; else restatement, rules, restatement and rules, or recomputed",
)

CLOSED_PERIOD: Final = Table(
    name="core_closed_period",
    text="Closed months as they were stated: own cost, and the adjustments stated with it.",
    grain="closed month, month whose cost it is, team, currency and reason",
    key=("period", "original_period", "team", "currency", "reason"),
    columns=(
        Column("period", pl.String(), "month that was closed, YYYY-MM"),
        ORIGINAL,
        TEAM,
        CURRENCY,
        REASON,
        EFFECTIVE,
        BILLED,
        Column("config_hash", pl.String(), "digest of the rules in force on the original's days"),
        Column("bill_hash", pl.String(), "digest of what the bill said of the original's days"),
        Column("closed_at", INSTANT, "when it was closed"),
    ),
)

ADJUSTMENT: Final = Table(
    name="mart_adjustment",
    text="What has changed in closed months, with the month in whose statement it stands.",
    grain="month of the statement, month it is about, team, currency and reason",
    key=("posted_period", "original_period", "team", "currency", "reason"),
    columns=(
        Column("posted_period", pl.String(), "month in whose statement it stands, YYYY-MM"),
        ORIGINAL,
        TEAM,
        CURRENCY,
        REASON,
        Column("effective_cost", USD, "FOCUS EffectiveCost, now less then", unit="currency"),
        Column("billed_cost", USD, "FOCUS BilledCost, now less then", unit="currency"),
        Column("config_hash", pl.String(), "digest of the rules in force on the original's days"),
        Column("bill_hash", pl.String(), "digest of what the bill says of the original's days"),
        Column("is_closed", pl.Boolean(), "true when its statement is closed too"),
    ),
    checks=(
        Check(
            "closed and adjustments are the ledger",
            "fail",
            """
            SELECT original_period, team, currency, sum(effective_cost) AS effective_cost,
                   sum(billed_cost) AS billed_cost
            FROM (
              SELECT strftime(charge_date, '%Y-%m') AS original_period, team, currency,
                     effective_cost, billed_cost
              FROM core_cost_ledger
              WHERE charge_date < (
                SELECT (max(period) || '-01')::DATE + INTERVAL 1 MONTH FROM core_closed_period)
              UNION ALL
              SELECT original_period, team, currency, -effective_cost, -billed_cost
              FROM core_closed_period WHERE reason = 'closed'
              UNION ALL
              SELECT original_period, team, currency, -effective_cost, -billed_cost
              FROM mart_adjustment
            )
            GROUP BY ALL HAVING sum(effective_cost) <> 0 OR sum(billed_cost) <> 0
            """,
        ),
    ),
)

ALL: Final = (CLOSED_PERIOD, ADJUSTMENT)

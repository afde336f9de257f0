"""What was closed, and what has changed since."""

from typing import Final

import polars as pl

from warehouse.table import INSTANT, USD, Check, Column, Table, choice
from warehouse.tables import values
from warehouse.tables.core import BILLED, CLUSTER, CURRENCY, EFFECTIVE, NAMESPACE, TEAM
from warehouse.tables.mart_cost import ACCOUNT, CHARGE, POOL, RULE

ORIGINAL: Final = Column("original_period", pl.String(), "month whose cost it is, YYYY-MM")
MEANINGS: Final = {
    "restatement": "the bill changed",
    "telemetry": "neither: samples that came late, or a newer program",
}
REASON: Final = choice(
    "reason",
    (values.CLOSED, *values.CHANGES),
    meanings={values.CLOSED: "a month's own cost", **MEANINGS},
)
SERVICE: Final = Column("service_name", pl.String(), "FOCUS ServiceName")
CELL: Final = (SERVICE, ACCOUNT, CHARGE, CLUSTER, NAMESPACE, POOL)
"""What a change is told of. Months that were closed without it have `-`, or nothing."""
CAUSES: Final = (
    Column("config_hash", pl.String(), "digest of the rules in force on the original's days"),
    Column("former_config_hash", pl.String(), "as it was stated before; empty if it is the same"),
    Column("bill_hash", pl.String(), "digest of what the bill said of the original's days"),
    Column("delivery_ids", pl.String(), "deliveries that a month's cost is of, or that brought "
           "the change; `+` joins several"),
    Column("former_delivery_ids", pl.String(), "deliveries that they replaced; empty if none"),
)  # fmt: skip

CLOSED_PERIOD: Final = Table(
    name="core_closed_period",
    text="Closed months as they were stated: own cost, and the adjustments stated with it.",
    grain="closed month, month whose cost it is, receiver, reason and line of the statement",
    key=(
        "period",
        "original_period",
        "team",
        "currency",
        "reason",
        "section",
        "environment",
        *(column.name for column in CELL),
        "rule_id",
    ),
    columns=(
        Column("period", pl.String(), "month that was closed, YYYY-MM"),
        ORIGINAL,
        TEAM,
        CURRENCY,
        REASON,
        choice(
            "section",
            (*values.SECTIONS, values.CLOSED, values.ADJUSTED),
            meanings={
                values.CLOSED: "by a version that kept no lines",
                values.ADJUSTED: "of another month",
            },
        ),
        Column("environment", pl.String(), "of the service when it was closed; `-` if not known"),
        *CELL,
        RULE,
        EFFECTIVE,
        BILLED,
        *CAUSES,
        Column("closed_at", INSTANT, "when it was closed"),
    ),
)

ADJUSTMENT: Final = Table(
    name="mart_adjustment",
    text="What has changed in closed months and why, with the month in whose statement it stands.",
    grain="month of the statement, month it is about, receiver, reason, and what changed",
    key=(
        "posted_period",
        "original_period",
        "team",
        "currency",
        "reason",
        *(column.name for column in CELL),
    ),
    columns=(
        Column("posted_period", pl.String(), "month in whose statement it stands, YYYY-MM"),
        ORIGINAL,
        TEAM,
        CURRENCY,
        choice("reason", values.CHANGES, meanings=MEANINGS),
        *CELL,
        Column("effective_cost", USD, "FOCUS EffectiveCost, now less then", unit="currency"),
        Column("billed_cost", USD, "FOCUS BilledCost, now less then", unit="currency"),
        *CAUSES,
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

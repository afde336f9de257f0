"""What every figure means: made from the declarations of the tables.

Reads    warehouse.tables
"""

from typing import Final

import polars as pl

from app.figure import Figure, Shown, build
from app.filters import Filters
from app.reader import Answer, Reader
from warehouse.tables import ALL


def columns(reader: Reader, filters: Filters) -> Figure:
    """Give every column of every mart, with its meaning and unit."""
    rows = [
        {
            "table_name": table.name,
            "column": column.name,
            "text": column.text,
            "unit": column.unit,
            "grain": table.grain,
        }
        for table in ALL
        if table.is_published
        for column in table.columns
        if not table.name.startswith("core_cost_line")
    ]
    frame = pl.DataFrame(rows)
    return build(
        reader,
        filters,
        Answer(frame, "SELECT * FROM duckdb_columns()", ("warehouse.tables",)),
        name="columns",
        title="Every table and column",
        finding=f"{frame['table_name'].n_unique()} tables; a row of each is one of its grain.",
        shown=(
            Shown("table_name", "Table", "code"),
            Shown("column", "Column", "code"),
            Shown("text", "Meaning", "prose"),
            Shown("unit", "Unit"),
            Shown("grain", "One row per"),
        ),
        is_tall=True,
    )


def rules(reader: Reader, filters: Filters) -> Figure:
    """Give by which reason and rule the cost of the period found its team."""
    answer = reader.ask(
        """
        SELECT reason, rule_id, config_hash, sum(effective_cost) AS cost, count(*) AS row_count,
               sum(effective_cost) / nullif(sum(sum(effective_cost)) OVER (), 0) AS share_ratio
        FROM core_cost_ledger
        WHERE currency = $currency AND charge_date BETWEEN $start AND $end
        GROUP BY ALL ORDER BY cost DESC, reason, rule_id, config_hash
        """,
        currency=filters.currency,
        start=filters.start,
        end=filters.end,
    )
    return build(
        reader,
        filters,
        answer,
        name="rules",
        title="Rules in force, and what each decided",
        finding=f"{answer.frame['rule_id'].n_unique()} rules decided in {filters.period_text}."
        if answer.frame.height
        else f"No ledger rows in {filters.period_text}.",
        shown=(
            Shown("reason", "Reason", "state"),
            Shown("rule_id", "Rule", "code"),
            Shown("cost", "Effective cost", "money"),
            Shown("share_ratio", "Share", "ratio"),
            Shown("row_count", "Ledger rows", "count"),
            Shown("config_hash", "Configuration", "code"),
        ),
        empty=f"No ledger rows in {filters.period_text}.",
        is_tall=True,
    )


TERMS: Final = (
    (
        "Effective cost",
        "FOCUS EffectiveCost: what a charge costs once commitments and fees are spread over what "
        "they cover. The default everywhere.",
    ),
    ("Billed cost", "FOCUS BilledCost: what the invoice says, on the day it says it."),
    (
        "Allocated",
        "cost that a team bears / all cost. A team bears its direct cost and its part of shared pools.",
    ),
    (
        "Bill − ledger",
        "sum of the bill's lines − sum of the ledger's rows, per day, in 12 decimals. It must be 0.",
    ),
    (
        "Forecast, month end",
        "expected cost of the whole month; see mart_budget. Burn = (spent / budget) / (elapsed days / "
        "days of the month).",
    ),
    (
        "Coverage M7",
        "services fresh on all expected signals / expected services. Expected are those of the "
        "inventory: catalogue, workloads and tagged bill lines, less live exemptions. Pooled, never a "
        "mean of teams; rounded down when shown; compared with its target in whole numbers.",
    ),
    (
        "Complete, partial, dark",
        "all, some, or none of the expected signals were received within 24 h, by time of receipt.",
    ),
    ("Unregistered", "seen, but not in the inventory: in no other count."),
    (
        "Active series",
        "distinct combinations of metric, resource and point attributes on one UTC day, by event time.",
    ),
    (
        "Saved without a label",
        "series − series that are left when the label is taken away, counted exactly.",
    ),
    (
        "Explains growth",
        "1 − (growth of series without the label / growth of series), since the day before.",
    ),
)
"""The words of the pages, with their formulas."""

RULES: Final = (
    "Every ledger row descends from one bill line. A node's cost is split by the greater of what was "
    "requested and what was used, per hour; what nobody asked for is idle, and stays a row of its own.",
    "What runs in a cluster is owned by labels of pod and namespace and by rules on cluster, namespace "
    "and workload. Lines outside clusters are owned by their tags, account, service and resource.",
    "Where a row matches two rules or pools, the first in the file wins.",
    "A tag that names no known team goes to Unallocated with the reason unknown team.",
    "A node's hour without one sample of it or of a pod on it is No telemetry.",
    "Shared pools are split per bill line by the teams' direct cost of the same day.",
)

ROUNDING: Final = (
    "Money is stored with 12 decimals and is never a floating point number before it reaches a chart. "
    "Splits are made in whole numbers by largest remainder, so that parts add up to the last digit.",
    "Cards show three significant figures, tables cents, the reconciliation every digit. Zero reads "
    "\u201c-\u201d, what is not known reads \u201cno data\u201d. Percentages of a target are rounded down.",
    "Days are UTC days. A day is estimated until 48 h after its end, or the provider's own final mark; "
    "estimated days are drawn lighter.",
    "Currencies are never added up.",
)

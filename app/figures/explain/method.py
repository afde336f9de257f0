"""What every figure means: made from the declarations of the tables.

Reads    warehouse.tables
"""

from typing import Final

import polars as pl

from app.kit.figure import Figure, Shown, build
from app.kit.filters import Filters
from app.kit.parameters import bill_days
from app.kit.reader import Answer, Reader
from warehouse.tables import ALL


def columns(reader: Reader, filters: Filters) -> Figure:
    """Give every column of every mart, with its meaning and unit."""
    frame = pl.DataFrame(_published_columns())
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


def _published_columns() -> list[dict[str, str]]:
    return [
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


_RULES: Final = """
    SELECT reason, rule_id, config_hash, sum(effective_cost) AS cost, count(*) AS row_count,
           sum(effective_cost) / nullif(sum(sum(effective_cost)) OVER (), 0) AS share_ratio
    FROM core_cost_ledger
    WHERE currency = $currency AND charge_date BETWEEN $start AND $end
    GROUP BY ALL ORDER BY cost DESC, reason, rule_id, config_hash
"""


def rules(reader: Reader, filters: Filters) -> Figure:
    """Give by which reason and rule the cost of the period found its team."""
    answer = reader.ask(_RULES, **bill_days(filters))
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

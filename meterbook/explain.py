"""From a figure back to the bill lines, shares and rules behind it.

Reads    core_cost_ledger, core_cost_line of the current snapshot
Gives    one row per ledger row of a team and day, with its bill line; they sum to the figure
"""

import json
from contextlib import closing
from datetime import date
from typing import Final

import polars as pl

from meterbook.plain import plain
from meterbook.settings import Settings
from warehouse.snapshot import current, open_snapshot

SQL: Final = """
SELECT l.charge_hour, l.cluster, l.node, l.namespace, l.workload, l.reason, l.rule_id, l.pool,
       l.share, l.effective_cost, l.billed_cost, l.currency,
       c.x_line_hash, c.x_file, c.x_row_number, c.service_name, c.resource_id,
       c.charge_description, c.effective_cost AS line_effective_cost, l.config_hash
FROM core_cost_ledger l JOIN core_cost_line c USING (x_line_hash)
WHERE l.team = $team AND l.charge_date = $day AND ($namespace IS NULL OR l.namespace = $namespace)
ORDER BY l.effective_cost DESC, c.x_line_hash, l.charge_hour, l.namespace, l.workload
"""
SHOWN: Final = 20


def explain(settings: Settings, team: str, day: date, namespace: str | None) -> pl.DataFrame:
    """Give the ledger rows behind a team's day, the dearest first."""
    with closing(open_snapshot(current(settings.serving))) as con:
        params = {"team": team, "day": day, "namespace": namespace}
        frame: pl.DataFrame = con.cursor().sql(SQL, params=params).pl()
    return frame


def as_json(frame: pl.DataFrame) -> str:
    """Give every row; money is text, so that no digit is lost."""
    return json.dumps(frame.to_dicts(), indent=1, default=plain)


def as_text(frame: pl.DataFrame, team: str, day: date) -> str:
    """Give the sum, the sums by reason and rule, and the dearest rows."""
    if frame.is_empty():
        return f"{team} has no cost on {day} in the current snapshot."
    by_reason = (
        frame.group_by("reason", "rule_id", "pool")
        .agg(pl.col("effective_cost").sum(), pl.len().alias("rows"))
        .sort("effective_cost", descending=True)
    )
    total = f"{frame['effective_cost'].sum()} {frame['currency'][0]}"
    origin = f"{frame.height} ledger rows of {frame['x_line_hash'].n_unique()} bill lines"
    lines = [
        f"{team} on {day}: {total} from {origin}",
        f"ownership configuration {frame['config_hash'][0]}",
        "",
        "by reason and rule:",
        *(
            f"  {row['effective_cost']:>24}  {row['rows']:>6} rows  {row['reason']}"
            f"{' by rule ' + row['rule_id'] if row['rule_id'] else ''}"
            f"{' from pool ' + row['pool'] if row['pool'] else ''}"
            for row in by_reason.to_dicts()
        ),
        "",
        f"the dearest {min(SHOWN, frame.height)} (all with --json):",
        *(_row(row) for row in frame.head(SHOWN).to_dicts()),
    ]
    return "\n".join(lines)


def _row(row: dict[str, object]) -> str:
    hour = f"{row['charge_hour']:%H:%M} " if row["charge_hour"] else "day   "
    receiver = f"{row['cluster']}/{row['namespace']}/{row['workload']}"
    return (
        f"  {row['effective_cost']:>20}  {hour}{receiver}"
        f"  = {row['share']:.6f} of {row['service_name']} {row['resource_id'] or ''}"
        f" ({row['x_file']} row {row['x_row_number']})"
    )

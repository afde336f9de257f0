"""The bill, and the Kubernetes allocation of it, as FOCUS Parquet.

Reads    core_cost_line, core_cost_ledger of the current snapshot
Gives    bill.parquet and allocation.parquet
Holds    both files sum to the bill, BilledCost and EffectiveCost, to the last digit; memory is that
         of a batch; a file is there whole or not at all
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb
import pyarrow.parquet as pq

from meterbook.base.home import Home
from warehouse.store import focus_views
from warehouse.store.snapshot import current, open_snapshot
from warehouse.table import USD, sql_type

ROWS: Final = 100_000

SPLIT: Final = (
    "list_cost", "contracted_cost", "consumed_quantity", "pricing_quantity",
    "commitment_discount_quantity", "pricing_currency_effective_cost",
)  # fmt: skip
"""What a line has only as a whole; its receivers get parts by their EffectiveCost."""

ORDER: Final = (
    "charge_date, charge_hour, cluster, node, namespace, workload, team, pool, rule_id, reason"
)


def export_focus(home: Home, version: str, out: Path) -> Sequence[Path]:
    """Write both files. Errors: NothingPublishedError."""
    con = open_snapshot(current(home.serving))
    out.mkdir(parents=True, exist_ok=True)
    bill = focus_views.select(version, "core_cost_line")
    shared = focus_views.select(version, f"({allocation()})", is_allocation=True)
    try:
        return [
            _write(con, f"{bill} ORDER BY x_line_hash", out / "bill.parquet"),
            _write(con, f"{shared} ORDER BY x_line_hash, nth", out / "allocation.parquet"),
        ]
    finally:
        con.close()


def allocation() -> str:
    """Give bill lines once per receiver, with its part of the money and the `Allocated*` columns.

    The first receiver of a line takes what the rounded parts of the others leave.
    """
    money = sql_type(USD)
    weight = "CASE WHEN total = 0 THEN 1.0 / receivers ELSE abs(effective_cost) / total END"
    parts = ", ".join(
        f"CASE WHEN nth = 1 THEN 0 ELSE round(c.{name}::DOUBLE * ({weight}), 6) END::{money} "
        f"AS part_{name}"
        for name in SPLIT
    ).replace("effective_cost) / total", "l.effective_cost)::DOUBLE / total::DOUBLE")
    whole = ", ".join(
        f"CASE WHEN nth = 1 THEN {name} - sum(part_{name}) OVER (PARTITION BY x_line_hash) "
        f"WHEN {name} IS NOT NULL THEN part_{name} END::{money} AS {name}"
        for name in SPLIT
    )
    return f"""
        WITH l AS (
            SELECT *, row_number() OVER (PARTITION BY x_line_hash ORDER BY {ORDER}) AS nth,
                   count(*) OVER (PARTITION BY x_line_hash) AS receivers,
                   sum(abs(effective_cost)) OVER (PARTITION BY x_line_hash) AS total
            FROM core_cost_ledger),
        p AS (
            SELECT c.* REPLACE (
                       l.billed_cost AS billed_cost, l.effective_cost AS effective_cost,
                       coalesce(l.charge_hour, l.charge_date::TIMESTAMP AT TIME ZONE 'UTC')
                           AS charge_period_start,
                       coalesce(l.charge_hour + INTERVAL 1 HOUR,
                                (l.charge_date + 1)::TIMESTAMP AT TIME ZONE 'UTC')
                           AS charge_period_end,
                       CASE WHEN {_IS_SHARED} THEN 'meterbook-' || l.reason
                            ELSE c.allocated_method_id END AS allocated_method_id,
                       CASE WHEN {_IS_SHARED} THEN {_DETAILS}
                            ELSE c.allocated_method_details END AS allocated_method_details,
                       CASE WHEN {_IS_SHARED}
                            THEN l.cluster || '/' || l.namespace || '/' || l.workload
                            ELSE c.allocated_resource_id END AS allocated_resource_id,
                       CASE WHEN {_IS_SHARED} THEN l.workload
                            ELSE c.allocated_resource_name END AS allocated_resource_name,
                       CASE WHEN {_IS_SHARED} THEN {_TAGS}
                            ELSE c.allocated_tags END AS allocated_tags),
                   nth, {parts}
            FROM l JOIN core_cost_line c USING (x_line_hash))
        SELECT * REPLACE ({whole}) FROM p
    """  # noqa: S608 - declared names


_IS_SHARED: Final = "l.cluster <> '-'"
_DETAILS: Final = (
    "to_json({'AllocatedRatio': l.share, 'Reason': l.reason, 'Rule': l.rule_id, "
    "'Pool': l.pool})::VARCHAR"
)
_TAGS: Final = (
    "[{'key': 'k8s.cluster.name', 'value': l.cluster}, "
    "{'key': 'k8s.namespace.name', 'value': l.namespace}, {'key': 'team', 'value': l.team}]"
)


def _write(con: duckdb.DuckDBPyConnection, sql: str, path: Path) -> Path:
    making = path.with_suffix(".making")
    reader = con.cursor().sql(sql).to_arrow_reader(ROWS)
    with pq.ParquetWriter(making, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
    making.replace(path)
    return path

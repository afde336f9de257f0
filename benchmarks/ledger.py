"""The ledger: rows per CPU second, beside DuckDB SQL that does the same exact split.

Container-hours of one day at a time, as the build runs them: nodes of 24 containers with requests
and use of CPU and memory. DuckDB does the largest remainder in HUGEINT by window functions; it does
less, as it neither finds owners nor splits pools.
"""

import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

import duckdb
import polars as pl
from peak import Measured, measured, table

from transforms.ledger import allocation
from transforms.owners.ownership import parse_ownership
from warehouse.table import INSTANT
from warehouse.tables.core import NODE_HOURLY, USAGE_HOURLY
from warehouse.tables.raw import COST_LINE

DAY: Final = date(2026, 10, 1)
START: Final = datetime(2026, 10, 1, tzinfo=UTC)
PER_NODE: Final = 24
QUICK: Final = ((200_000, 100_000, True),)
SIZES: Final = (
    (1_000_000, 333_000, True),
    (10_000_000, 333_000, True),
    (40_000_000, 333_000, False),
)
"""Container-hours, those of a day, and whether DuckDB does it too."""
OWNERSHIP: Final = """
teams: [{id: t0}, {id: t1}, {id: t2}, {id: t3}, {id: t4}, {id: t5}]
tags: {keys: [team]}
rules: [{id: label, match: {tag: "*"}, team: $tag}]
"""
SQL: Final = """
WITH part AS (
  SELECT l.line, u.node, u.hour, p.part, u.workload,
         CASE p.part WHEN 0 THEN u.cpu ELSE u.memory END AS weight,
         CASE p.part WHEN 0 THEN l.atoms * 650981 // 1000000
              ELSE l.atoms - l.atoms * 650981 // 1000000 END AS atoms,
         CASE p.part WHEN 0 THEN 28800000000::HUGEINT ELSE 120795955200::HUGEINT END AS capacity
  FROM line l JOIN usage u USING (node, hour) CROSS JOIN (VALUES (0), (1)) p(part)
), idle AS (
  SELECT * FROM part UNION ALL
  SELECT line, node, hour, part, '__idle__',
         greatest(0, any_value(capacity) - sum(weight)), any_value(atoms), any_value(capacity)
  FROM part GROUP BY line, node, hour, part
), floors AS (
  SELECT *, sum(weight) OVER g AS total FROM idle WINDOW g AS (PARTITION BY line, part)
), cut AS (
  SELECT *, atoms::HUGEINT * weight // total AS k, atoms::HUGEINT * weight % total AS f FROM floors
), ranked AS (
  SELECT *, atoms - sum(k) OVER (PARTITION BY line, part) AS rest,
         row_number() OVER (PARTITION BY line, part ORDER BY f DESC, workload) AS place FROM cut
)
SELECT sum(k + (place <= rest)::INT)::VARCHAR AS total, count(*) AS n FROM ranked
"""


def world(rows: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Make usage, nodes and day lines of one day with about so many container-hours."""
    node_count = max(1, rows // (24 * PER_NODE))
    hours = pl.DataFrame({"usage_hour": [START + timedelta(hours=h) for h in range(24)]})
    nodes = pl.DataFrame({"n": range(node_count)}).join(hours.cast(INSTANT), how="cross")
    node = nodes.select(
        pl.lit(DAY).alias("usage_date"),
        "usage_hour",
        pl.lit("c").alias("cluster"),
        pl.format("node-{}", "n").alias("node"),
        pl.format("i-{}", "n").alias("provider_id"),
        pl.lit("").alias("node_pool"),
        pl.lit(3600.0).alias("run_seconds"),
        pl.lit(8.0).alias("cpu_capacity_cores"),
        pl.lit(32.0 * 2**30).alias("memory_capacity_bytes"),
        pl.lit(0.0).alias("gpu_capacity_count"),
        pl.lit(8.0).alias("cpu_allocatable_cores"),
        pl.lit(32.0 * 2**30).alias("memory_allocatable_bytes"),
        pl.lit(60, pl.Int64).alias("sample_count"),
    ).select(NODE_HOURLY.schema.names())
    pods = nodes.join(pl.DataFrame({"p": range(PER_NODE)}), how="cross")
    spread = (pl.col("n") * 7919 + pl.col("p") * 104729) % 997 / 997
    cpu, memory = spread * 0.6 * 3600, spread * 2 * 2**30 * 3600
    usage = pods.with_columns(
        pl.lit(DAY).alias("usage_date"),
        pl.lit("c").alias("cluster"),
        pl.format("ns-{}", pl.col("p") % 20).alias("namespace"),
        pl.format("app-{}", "p").alias("workload"),
        pl.lit("Deployment").alias("workload_kind"),
        pl.format("pod-{}-{}", "n", "p").alias("pod"),
        pl.lit("").alias("pod_uid"),
        pl.lit("main").alias("container"),
        pl.format("node-{}", "n").alias("node"),
        pl.format('{{"team":"t{}"}}', pl.col("p") % 6)
        .str.replace_many(["{{", "}}"], ["{", "}"])
        .alias("labels"),
        pl.lit(3600.0).alias("run_seconds"),
        cpu.alias("cpu_request_core_seconds"),
        (cpu * 0.7).alias("cpu_usage_core_seconds"),
        memory.alias("memory_request_byte_seconds"),
        (memory * 0.9).alias("memory_usage_byte_seconds"),
        pl.lit(0.0).alias("gpu_request_gpu_seconds"),
        pl.lit(0.0).alias("gpu_usage_gpu_seconds"),
        pl.lit("").alias("gpu_usage_source"),
        pl.lit("container.cpu.time").alias("cpu_usage_source"),
        pl.lit("container.memory.working_set").alias("memory_usage_source"),
        pl.lit(0, pl.Int32).alias("duplicate_source_count"),
    ).select(USAGE_HOURLY.schema.names())
    blank = {name: pl.lit(None, dtype) for name, dtype in COST_LINE.schema.items()}
    lines = nodes.select(
        **{
            **blank,
            "x_line_hash": pl.format("{}-{}", "n", pl.col("usage_hour").dt.hour()),
            "resource_id": pl.format("i-{}", "n"),
            "effective_cost": pl.lit(Decimal("0.3841234567")).cast(pl.Decimal(38, 12)),
            "billed_cost": pl.lit(Decimal("0.3841234567")).cast(pl.Decimal(38, 12)),
            "billing_currency": pl.lit("USD"),
            "charge_category": pl.lit("Usage"),
            "service_name": pl.lit("Compute"),
            "consumed_unit": pl.lit("Hrs"),
            "consumed_quantity": pl.lit(Decimal(1)).cast(pl.Decimal(38, 12)),
            "tags": pl.lit([], dtype=COST_LINE.schema["tags"]),
            "charge_hour": pl.col("usage_hour"),
        }
    )
    return usage.cast(USAGE_HOURLY.schema), node.cast(NODE_HOURLY.schema), lines


def ours(days: list[tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]]) -> tuple[str, int]:
    """Make the ledger of each day; give the sum in atoms and the rows."""
    total, rows = Decimal(0), 0
    ownership = parse_ownership(OWNERSHIP)
    for usage, node, lines in days:
        made = allocation.ledger(
            lines.lazy(), usage.lazy(), node.lazy(), ownership, day=DAY, now=START
        ).collect()
        total += Decimal(made["effective_cost"].sum())
        rows += made.height
    return str(int(total.scaleb(12))), rows


def partitions(rows: int, per_day: int) -> list[tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]]:
    """Give the same day as often as the rows need; frames are shared, so memory is one day's."""
    return [world(min(rows, per_day))] * max(1, rows // per_day)


def sql_ready(rows: int, per_day: int) -> tuple[duckdb.DuckDBPyConnection, int]:
    """Load one day into DuckDB as whole numbers."""
    usage, _, lines = world(min(rows, per_day))
    con = duckdb.connect()
    con.execute("SET threads = 2")
    weights = usage.select(
        "node",
        hour=pl.col("usage_hour").dt.hour(),
        workload="pod",
        cpu=(pl.max_horizontal("cpu_request_core_seconds", "cpu_usage_core_seconds") * 1e6)
        .round(0)
        .cast(pl.Int64),
        memory=(
            pl.max_horizontal("memory_request_byte_seconds", "memory_usage_byte_seconds") / 1024
        )
        .round(0)
        .cast(pl.Int64),
    )
    atoms = lines.select(
        line="x_line_hash",
        node=pl.col("resource_id").str.replace("i-", "node-"),
        hour=pl.col("charge_hour").dt.hour(),
        atoms=pl.lit(384123456700, pl.Int64),
    )
    for name, frame in (("usage", weights), ("line", atoms)):
        con.register("incoming", frame.to_arrow())
        con.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")
    return con, max(1, rows // per_day)


def in_sql(ready: tuple[duckdb.DuckDBPyConnection, int]) -> tuple[str, int]:
    """Run the split for each day."""
    con, days = ready
    total, count = 0, 0
    for _ in range(days):
        (found,) = con.cursor().sql(SQL).fetchall()
        total, count = total + int(found[0]), count + found[1]
    return str(total), count


def _row(name: str, rows: int, found: Measured) -> dict[str, object]:
    return {
        "what": name,
        "container-hours": f"{rows:,}",
        "wall s": f"{found.wall_seconds:.2f}",
        "CPU s": f"{found.cpu_seconds:.2f}",
        "rows per CPU s": f"{rows / found.cpu_seconds:,.0f}",
        "peak MiB": f"{found.peak_mib:.0f}",
    }


def run(*, quick: bool) -> list[dict[str, object]]:
    """Measure both at each size, one after the other; the largest shows our growth alone."""
    printed: list[dict[str, object]] = []
    for rows, per_day, has_peer in QUICK if quick else SIZES:
        mine = measured(partitions, ours, rows, per_day)
        printed.append(_row("ledger", rows, mine))
        if not has_peer:
            continue
        peer = measured(sql_ready, in_sql, rows, per_day)
        if mine.value[0] != peer.value[0]:
            raise SystemExit(f"sums differ: {mine.value[0]} and {peer.value[0]}")
        printed.append(_row("DuckDB SQL, split only", rows, peer))
    return printed


def main() -> None:
    """Print the figures."""
    table("Ledger: exact split, sums equal to the atom", run(quick="--quick" in sys.argv))


if __name__ == "__main__":
    main()

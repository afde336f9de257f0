"""Every table, declared once: `ALL` in the order of the layers."""

from typing import Final

from warehouse.table import Table
from warehouse.tables import (
    closing,
    core,
    core_pool,
    core_usage,
    evidence,
    mart_cardinality,
    mart_cost,
    mart_coverage,
    mart_outlook,
    mart_quality,
    mart_run,
    mart_score,
    mart_unit,
    mart_workload,
    raw,
    series,
    step,
)

ALL: Final[tuple[Table, ...]] = (
    *raw.ALL,
    *core.ALL,
    *step.ALL,
    *core_usage.ALL,
    *core_pool.ALL,
    *evidence.ALL,
    *mart_cost.ALL,
    *mart_quality.ALL,
    *closing.ALL,
    *mart_workload.ALL,
    *mart_outlook.ALL,
    *mart_unit.ALL,
    *mart_coverage.ALL,
    *mart_score.ALL,
    *mart_cardinality.ALL,
    *series.ALL,
    *mart_run.ALL,
)
BY_NAME: Final[dict[str, Table]] = {table.name: table for table in ALL}

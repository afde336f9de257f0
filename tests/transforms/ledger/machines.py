"""Hours of nodes and of containers on them, by hand, and the bill lines that pay for them."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import polars as pl

from tests.transforms.conftest import START
from tests.transforms.rows import rows
from warehouse.tables.core import NODE_HOURLY, USAGE_HOURLY

HOUR: Final = timedelta(hours=1)
HOURLY: Final[dict[str, Any]] = {"consumed_unit": "Hrs", "consumed_quantity": Decimal(1)}
CORES: Final = "N2 Instance Core running in Frankfurt"
"""A meter that pays for cores alone."""


def node(name: str = "n", hour: int = 0, cores: float = 4, gib: float = 0, **more: Any) -> Any:
    """Give an hour of a node, known to the bill as `i-` and its name."""
    sizes = {"cpu_capacity_cores": float(cores), "memory_capacity_bytes": gib * 2.0**30}
    names = {"cluster": "c", "node": name, "provider_id": f"i-{name}", "run_seconds": 3600.0}
    return {"usage_hour": START + hour * HOUR, **names, **sizes, **more}


def asks(
    workload: str,
    cores: float = 0,
    gib: float = 0,
    *,
    on: str = "n",
    hour: int = 0,
    gpus: float = 0,
    uses: float = 0,
    **more: Any,
) -> Mapping[str, Any]:
    """Give an hour of a container: what it asks for the whole hour, and the cores that it uses."""
    amounts = {
        "cpu_request_core_seconds": cores * 3600.0,
        "memory_request_byte_seconds": gib * 2.0**30 * 3600,
        "gpu_request_gpu_seconds": gpus * 3600.0,
        "cpu_usage_core_seconds": uses * 3600.0,
    }
    who = {"cluster": "c", "namespace": "shop", "workload": workload, "pod": workload, "node": on}
    return {"usage_hour": START + hour * HOUR, **who, "labels": "{}", **amounts, **more}


def nodes_of(*hours: Mapping[str, Any]) -> pl.DataFrame:
    """Give core_node_hourly."""
    return rows(NODE_HOURLY, *hours)


def usage_of(*hours: Mapping[str, Any]) -> pl.DataFrame:
    """Give core_usage_hourly."""
    return rows(USAGE_HOURLY, *hours)

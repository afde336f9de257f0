"""Which metrics gave the facts of the ledger."""

from typing import Final

import polars as pl

from warehouse.table import Column, Table, count
from warehouse.tables.core import CLUSTER, NAMESPACE

FACT_SOURCE: Final = Table(
    name="core_fact_source_daily",
    text="Which metric gave which fact about containers, and which only repeated it.",
    grain="day, cluster, namespace, fact, metric and sender",
    key=("usage_date", "cluster", "namespace", "fact", "source", "teller"),
    partition="usage_date",
    columns=(
        Column("usage_date", pl.Date(), "UTC day"),
        CLUSTER,
        NAMESPACE,
        Column("fact", pl.String(), "cpu_use, memory_use, gpu_use, or a …_request"),
        Column("source", pl.String(), "metric, by the name it stands for"),
        Column("teller", pl.String(), "who sent it: service.name (job) and scope, joined by `|`"),
        count("counted_hours", "container-hours it gave"),
        count("repeated_hours", "container-hours in which another source counted instead"),
    ),
)

ALL: Final[tuple[Table, ...]] = (FACT_SOURCE,)

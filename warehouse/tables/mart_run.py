"""What builds, checks and the collector did."""

from typing import Final

import polars as pl

from warehouse.table import INSTANT, Column, Table, choice, count
from warehouse.tables import values

RUN: Final = Table(
    name="mart_run",
    text="What each build did.",
    grain="build, step and partition",
    key=("run_id", "step", "partition"),
    columns=(
        Column("run_id", pl.String(), "build"),
        Column("step", pl.String(), "table that was made"),
        Column("partition", pl.String(), "day, or `all`"),
        Column("started_at", INSTANT, "start"),
        Column("wall_seconds", pl.Float64(), "how long it took", unit="s"),
        count("row_count", "rows written"),
        choice("state", values.RUN_STATES),
        Column("message", pl.String(), "error or warning; empty otherwise"),
    ),
)

CHECK: Final = Table(
    name="mart_check",
    text="Checks on data, kept and broken.",
    grain="build, table and check",
    key=("run_id", "table_name", "check_name"),
    columns=(
        Column("run_id", pl.String(), "build"),
        Column("table_name", pl.String(), "table"),
        Column("check_name", pl.String(), "the fact that must hold"),
        choice(
            "level",
            values.CHECK_LEVELS,
            meanings={"fail": "stops the write", "warn": "is shown"},
        ),
        count("broken_count", "rows that break it"),
        Column("sample", pl.String(), "the first of them; empty if none"),
    ),
)

COLLECTOR: Final = Table(
    name="mart_collector",
    text="What the collector had counted when the snapshot was built.",
    grain="counter and label",
    key=("counter", "label"),
    columns=(
        Column("counter", pl.String(), "accepted_requests, refused_requests, accepted_items, …"),
        Column("label", pl.String(), "signal, cause or empty"),
        count("value", "count since the collector's first start"),
        Column("observed_at", INSTANT, "when it was read"),
    ),
)

ALL: Final = (RUN, CHECK, COLLECTOR)

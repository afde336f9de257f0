"""What steps were last built from: by it a build finds what is due. Not published."""

from typing import Final

import polars as pl

from warehouse.table import INSTANT, Column, Table

PARTITION: Final = Table(
    name="core_partition",
    text="What each step of a day was last built from; it is not built again while that is so.",
    grain="day and step",
    key=("day", "step"),
    is_published=False,
    partition="day",
    columns=(
        Column("day", pl.Date(), "UTC day"),
        Column("step", pl.String(), "step of the graph"),
        Column(
            "inputs_digest",
            pl.String(),
            "telemetry and bill lines it was built from, and the versions of the steps",
        ),
        Column("terms_digest", pl.String(), "ownership rules and settings it was built from"),
        Column("built_at", INSTANT, "when"),
    ),
)

WHOLE_STEP: Final = Table(
    name="core_whole_step",
    text="What each step over all days was last built from, and until when that holds.",
    grain="step and what it makes",
    key=("step", "frame"),
    is_published=False,
    columns=(
        Column("step", pl.String(), "step of the graph"),
        Column("frame", pl.String(), "table that it makes, or what it hands on"),
        Column("inputs_digest", pl.String(), "what it was built from, and its version"),
        Column("terms_digest", pl.String(), "ownership file and settings it was built from"),
        Column("rows_digest", pl.String(), "the rows; empty where no step reads them"),
        Column("built_at", INSTANT, "when"),
        Column(
            "holds_until",
            INSTANT,
            "when the clock alone may change the rows; null when it never will",
            is_nullable=True,
        ),
    ),
)

MARKS: Final = (PARTITION, WHOLE_STEP)
ALL: Final = MARKS

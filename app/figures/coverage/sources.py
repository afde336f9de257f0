"""Figures of where facts about containers came from.

Reads    core_fact_source_daily
"""

from typing import Final

import polars as pl

from app.kit import words
from app.kit.figure import Figure, Shown, build_listed
from app.kit.filters import Filters
from app.kit.reader import Reader

_FACT_SOURCES: Final = """
    SELECT cluster, fact, source, teller, sum(counted_hours)::BIGINT AS counted_hours,
           sum(repeated_hours)::BIGINT AS repeated_hours, max(usage_date) AS usage_date
    FROM core_fact_source_daily
    WHERE usage_date = (SELECT max(usage_date) FROM core_fact_source_daily)
    GROUP BY cluster, fact, source, teller
    ORDER BY repeated_hours DESC, cluster, fact, source, teller
    LIMIT 200
"""


def fact_sources(reader: Reader, filters: Filters) -> Figure:
    """Give the metrics that told facts on the last day, those that were repeated first."""
    answer = reader.ask(_FACT_SOURCES)
    return build_listed(
        reader,
        filters,
        answer,
        _finding,
        name="fact_sources",
        title="Which metrics tell what containers use",
        shown=(
            Shown("cluster", "Cluster"),
            Shown("fact", "Fact", "code"),
            Shown("source", "Metric", "code"),
            Shown("teller", "Sender", "code"),
            Shown("counted_hours", "Counted hours", "count"),
            Shown("repeated_hours", "Repeated hours", "count"),
            Shown("usage_date", "Day", "day"),
        ),
        empty="No container has told anything yet.",
        is_tall=True,
    )


def _finding(frame: pl.DataFrame) -> str:
    repeated = int(frame["repeated_hours"].sum())
    if not repeated:
        return "No fact about a container is told twice."
    return f"{words.count(repeated)} container-hours were told again and counted once."

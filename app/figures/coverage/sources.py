"""Figures of where facts about containers came from.

Reads    core_fact_source_daily
"""

from app.kit import words
from app.kit.figure import Figure, Shown, build
from app.kit.filters import Filters
from app.kit.reader import Reader


def fact_sources(reader: Reader, filters: Filters) -> Figure:
    """Give the metrics that told facts on the last day, those that were repeated first."""
    answer = reader.ask(
        """
        SELECT cluster, fact, source, teller, sum(counted_hours)::BIGINT AS counted_hours,
               sum(repeated_hours)::BIGINT AS repeated_hours, max(usage_date) AS usage_date
        FROM core_fact_source_daily
        WHERE usage_date = (SELECT max(usage_date) FROM core_fact_source_daily)
        GROUP BY cluster, fact, source, teller
        ORDER BY repeated_hours DESC, cluster, fact, source, teller
        LIMIT 200
        """
    )
    frame = answer.frame
    repeated = int(frame["repeated_hours"].sum() or 0)
    return build(
        reader,
        filters,
        answer,
        name="fact_sources",
        title="Which metrics tell what containers use",
        finding=f"{words.count(repeated)} container-hours were told again and counted once."
        if repeated
        else "No fact about a container is told twice."
        if frame.height
        else "No container has told anything yet.",
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

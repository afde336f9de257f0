"""What is made before the first reader comes: the figures of the first look, of every page."""

from contextlib import suppress
from typing import Final

import duckdb

from app.figures.cardinality import savings
from app.figures.cost import allocation, explore, hierarchy, performance, spend
from app.figures.coverage import coverage, findings, history, score, score_cost, sources, standing
from app.figures.explain import method
from app.figures.platform import health, quality, workloads
from app.kit.choices import first_look
from app.kit.figure import Make, figure
from app.kit.filters import ALL
from app.report import SECTIONS
from app.web import place
from meterbook.base.errors import NothingPublishedError

BEYOND_THE_REPORT: Final[tuple[tuple[Make, tuple[str, ...]], ...]] = (
    (hierarchy.daily_by_level, ("department",)),
    (hierarchy.by_level, ("department",)),
    (explore.daily_by, ("team",)),
    (spend.by_group, ("team",)),
    (explore.pivot, ("team", "service_name")),
    (workloads.efficiency, ()),
    (workloads.rightsizing, ("balanced",)),
    (performance.per_thousand, ()),
    (standing.standing, ()),
    (history.history, ()),
    (coverage.sources, ()),
    (coverage.services, ("dark",)),
    (findings.findings, ()),
    (score.services, ()),
    (score.rules, (ALL,)),
    (score.advisories, ()),
    (score_cost.fixes, ()),
    (savings.windows, ()),
    (savings.teams, ()),
    (savings.unused, ()),
    (allocation.reconciliation_days, ()),
    (health.collector, ()),
    (health.rejected, ()),
    (health.restatements, ()),
    (health.conformance, ()),
    (sources.fact_sources, ()),
    (quality.telemetry, ()),
    (quality.tags, ()),
    (method.rules, ()),
    (method.columns, ()),
)
"""What pages show at first that is not in the report, with its choices."""


def up() -> None:
    """Open the snapshot and make the figures a reader sees who chose nothing."""
    try:
        reader = place.open_reader()
    except NothingPublishedError:
        return
    filters = first_look(reader)
    reported = [
        (make, ()) for section in SECTIONS for row in (section.cards, *section.rows) for make in row
    ]
    for make, choices in (*reported, *BEYOND_THE_REPORT):
        with suppress(duckdb.Error):  # of a snapshot of an earlier version; the page says so
            figure(make, reader, filters, *choices)

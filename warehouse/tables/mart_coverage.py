"""Which services can be seen, per service and team; M1 to M12."""

from typing import Final

import polars as pl

from meterbook.base.lists import one_of
from warehouse.table import INSTANT, USD, Column, Table, choice, count
from warehouse.tables import values
from warehouse.tables.core import CLUSTER, NAMESPACE, SERVICE_KIND, TEAM

DAY: Final = Column("day", pl.Date(), "UTC day of the event time")
NEVER: Final = {"never": "not received yet"}

COVERAGE_SERVICE: Final = Table(
    name="mart_coverage_service",
    text="Which services can be seen, and which are dark.",
    grain="service",
    key=("service_namespace", "service_name", "environment"),
    columns=(
        Column("service_namespace", pl.String(), "service.namespace; empty if none"),
        Column("service_name", pl.String(), "service.name"),
        Column("environment", pl.String(), "deployment.environment.name"),
        TEAM,
        SERVICE_KIND,
        Column("tier", pl.Int32(), "1 is the most important"),
        choice("state", values.COVERAGE_STATES),
        Column("has_logs", pl.Boolean(), "logs received within the window"),
        Column("has_metrics", pl.Boolean(), "metrics of its own received within the window"),
        Column("has_traces", pl.Boolean(), "traces received within the window"),
        choice("logs_state", values.FRESHNESS, meanings=NEVER),
        choice("metrics_state", values.FRESHNESS, meanings=NEVER),
        choice("traces_state", values.FRESHNESS, meanings=NEVER),
        Column("wanted_signals", pl.String(), "expected of its kind, joined by `+`"),
        count("wanted_count", "how many signals are expected"),
        Column("missing_signals", pl.String(), "expected and not fresh, joined by `+`"),
        count("missing_count", "how many expected signals are not fresh"),
        Column("last_seen_at", INSTANT, "last signal of its own received", is_nullable=True),
        count("logs_hours", "hours of the last 168 with logs, by event time"),
        count("metrics_hours", "hours of the last 168 with metrics of its own"),
        count("traces_hours", "hours of the last 168 with traces"),
        Column(
            "heard_hours",
            pl.Int64(),
            "hours of the last 168 in which expected signals were heard, added over the signals; "
            "of what runs now and then at most one a period",
            unit="h",
        ),
        Column(
            "expected_hours",
            pl.Int64(),
            "hours of the last 168 since it was first seen, times the expected signals; of what "
            "runs now and then the periods",
            unit="h",
        ),
        Column(
            "continuity_ratio",
            pl.Float64(),
            "heard / expected hours; null when none is expected",
            unit="1",
            is_nullable=True,
        ),
        Column(
            "has_gaps",
            pl.Boolean(),
            "one of its fresh signals came in fewer hours than inventory.least_continuity",
        ),
        Column(
            "monthly_cost",
            USD,
            "last 30 days of its workloads, and of bill lines tagged with it, in one currency: "
            "the report currency where all of it is converted, else the greatest; see "
            "mart_service_cost",
            unit="currency",
            is_nullable=True,
        ),
        Column("currency", pl.String(), "of the cost; null without one", is_nullable=True),
        Column("sources", pl.String(), "who named it; see core_service"),
        Column(
            "matched_by",
            pl.String(),
            f"how its telemetry was found: {one_of(values.MATCHES)}; joined by `+`, empty if not",
        ),
        count("tier_weight", "what it counts in the weighted index"),
        Column("gain", pl.Float64(), "what fixing it adds to M7", unit="1"),
        Column("team_gain", pl.Float64(), "what fixing it adds to its team's M7", unit="1"),
        Column(
            "fix_rank", pl.Int32(), "place in the list of fixes; null when none", is_nullable=True
        ),
        Column(
            "ratio_after",
            pl.Float64(),
            "M7 when it and all before it in the list are fixed; null when not to fix",
            unit="1",
            is_nullable=True,
        ),
        Column(
            "team_ratio_after",
            pl.Float64(),
            "its team's M7 when it and all of the team before it are fixed",
            unit="1",
            is_nullable=True,
        ),
    ),
)

PAID_DAILY: Final = Table(
    name="core_service_paid_daily",
    text="What may be a service's cost: its workloads, and lines outside clusters that have tags.",
    grain="day, workload or line, and currency",
    key=("charge_date", "cluster", "namespace", "workload", "x_line_hash", "currency"),
    partition="charge_date",
    is_published=False,
    columns=(
        Column("charge_date", pl.Date(), "UTC day"),
        CLUSTER,
        NAMESPACE,
        Column("workload", pl.String(), "topmost controller; empty outside clusters"),
        Column("x_line_hash", pl.String(), "bill line outside clusters; empty for workloads"),
        Column("currency", pl.String(), "of the bill lines"),
        Column("effective_cost", USD, "FOCUS EffectiveCost, before pools", unit="currency"),
    ),
)

SERVICE_COST: Final = Table(
    name="mart_service_cost",
    text="What services cost in the last 30 days, in each currency they are billed in.",
    grain="service and currency",
    key=("service_namespace", "service_name", "environment", "currency"),
    columns=(
        Column("service_namespace", pl.String(), "service.namespace; empty if none"),
        Column("service_name", pl.String(), "service.name"),
        Column("environment", pl.String(), "deployment.environment.name"),
        Column("currency", pl.String(), "of the bill lines"),
        Column(
            "monthly_cost",
            USD,
            "last 30 days of its workloads, and of bill lines tagged with it",
            unit="currency",
        ),
        Column("report_currency", pl.String(), "billing.report_currency; empty without one"),
        Column(
            "report_cost",
            USD,
            "the same, converted at each day's rate; null when a day has none",
            unit="report_currency",
            is_nullable=True,
        ),
    ),
)

COVERAGE_TEAM: Final = Table(
    name="mart_coverage_team",
    text="M7 per team, and pooled for the organisation (`__all__`).",
    grain="team",
    key=("team",),
    columns=(
        TEAM,
        count("complete_count", "services fresh on all expected signals"),
        count("partial_count", "services with some of them"),
        count("dark_count", "services with none"),
        count("expected_count", "complete + partial + dark"),
        count("unregistered_count", "seen, not in the inventory: in no other count"),
        count("exempt_count", "exempt: in no other count"),
        Column(
            "coverage_ratio",
            pl.Float64(),
            "complete / expected, for charts; null when nothing is expected",
            unit="1",
            is_nullable=True,
        ),
        count("literal_count", "expected, and fresh on logs, metrics and traces"),
        Column(
            "literal_ratio",
            pl.Float64(),
            "literal / expected: three signals, whatever the kind",
            unit="1",
            is_nullable=True,
        ),
        Column(
            "weighted_index",
            pl.Float64(),
            "by tier, with credit for each signal; never the headline",
            unit="1",
            is_nullable=True,
        ),
        count("gap_count", "complete or partial, with gaps in a signal that is fresh"),
        Column(
            "continuity_ratio",
            pl.Float64(),
            "hours heard / expected of all expected services, pooled; null without any",
            unit="1",
            is_nullable=True,
        ),
        Column("has_tier_1_gap", pl.Boolean(), "a tier-1 service misses a signal"),
        count("short_count", "services that must become complete to meet the target"),
        Column("target_ratio", pl.Float64(), "inventory.target_ratio", unit="1"),
        Column("is_inventory_stale", pl.Boolean(), "a source of the inventory is past its limit"),
    ),
)

COVERAGE_GRADE: Final = Table(
    name="mart_coverage_grade",
    text="One letter per team: the band of its score, at best C while a tier-1 service lacks a "
    "signal; coverage and score are never made one number.",
    grain="team",
    key=("team",),
    columns=(
        TEAM,
        count("scored_count", "expected services with a score"),
        count("points", "of applicable rules passed in 30 days, added over services"),
        count("max_points", "of applicable rules, added over services"),
        Column(
            "score",
            pl.Float64(),
            "100 · points / max_points, unrounded; null without rules",
            is_nullable=True,
        ),
        Column("has_tier_1_gap", pl.Boolean(), "a tier-1 service misses a signal"),
        choice(
            "grade",
            tuple(letter for _, letter in values.GRADES),
            meanings={letter: f"from {least}" for least, letter in values.GRADES},
            is_nullable=True,
        ),
        Column("is_capped", pl.Boolean(), "the letter would be better without the gap"),
    ),
)

COVERAGE_DAILY: Final = Table(
    name="mart_coverage_daily",
    text="M7 and the size of the inventory by day, as the last build of the day saw them; 90 days.",
    grain="day and team",
    key=("day", "team"),
    columns=(
        Column("day", pl.Date(), "UTC day of the build"),
        TEAM,
        count("complete_count", "services fresh on all expected signals"),
        count("partial_count", "services with some of them"),
        count("dark_count", "services with none"),
        count("expected_count", "complete + partial + dark: the size of the inventory"),
        count("unregistered_count", "seen, not in the inventory"),
        count("exempt_count", "exempt: in no other count"),
        Column("coverage_ratio", pl.Float64(), "complete / expected", unit="1", is_nullable=True),
        Column(
            "expected_change",
            pl.Int64(),
            "size of the inventory less that of the day kept before; null on the first",
            unit="1",
            is_nullable=True,
        ),
        Column("is_inventory_stale", pl.Boolean(), "a source of it was past its limit"),
    ),
)

COVERAGE_FINDING: Final = Table(
    name="mart_coverage_finding",
    text="What stands between telemetry and the inventory, and what to do; in no figure.",
    grain="finding and service",
    key=("finding", "service_namespace", "service_name", "environment"),
    columns=(
        choice(
            "finding",
            values.COVERAGE_FINDINGS,
            meanings={
                values.AMBIGUOUS: "several services bear the name",
                values.UNATTRIBUTED: "`unknown_service` or no name",
            },
        ),
        Column("service_namespace", pl.String(), "as listed, or as sent"),
        Column("service_name", pl.String(), "as listed, or as sent"),
        Column("environment", pl.String(), "deployment.environment.name"),
        TEAM,
        Column("signals", pl.String(), "sent in the last 7 days; of an exemption: missing"),
        count("item_count", "records, spans or series of the last 7 days"),
        Column("last_seen_at", INSTANT, "last heard of", is_nullable=True),
        Column("exempt_until", pl.Date(), "last day of the exemption", is_nullable=True),
        Column("detail", pl.String(), "what is known of it"),
        Column("action", pl.String(), "what to do"),
    ),
)

INVENTORY_SOURCE: Final = Table(
    name="mart_inventory_source",
    text="The sources of the inventory with their ages; a stale one never shrinks it.",
    grain="source",
    key=("source",),
    columns=(
        Column("source", pl.String(), "`catalogue:<file>`, `workload:<cluster>`, `bill:<tag>`"),
        choice("kind", values.INVENTORY_KINDS),
        Column("updated_at", INSTANT, "last changed, or last heard of"),
        Column("age_hours", pl.Int64(), "whole hours since", unit="h"),
        Column("max_age_hours", pl.Int64(), "its limit", unit="h"),
        Column("is_stale", pl.Boolean(), "older than its limit"),
    ),
)

SLI_DAILY: Final = Table(
    name="mart_sli_daily",
    text="M1 to M12, with numerator and denominator; a metric without data has no row.",
    grain="day, SLI and scope",
    key=("day", "sli", "scope"),
    columns=(
        DAY,
        Column("sli", pl.String(), "M1 … M12"),
        Column("scope", pl.String(), "organisation (`__all__`), team or service"),
        Column(
            "value", pl.Float64(), "numerator / denominator; null when that is 0", is_nullable=True
        ),
        Column("numerator", USD, "good events, covered services, money", unit="see metrics"),
        Column("denominator", USD, "all events, expected services, …", unit="see metrics"),
    ),
)

ALL: Final = (
    COVERAGE_SERVICE,
    PAID_DAILY,
    SERVICE_COST,
    COVERAGE_TEAM,
    COVERAGE_GRADE,
    COVERAGE_DAILY,
    COVERAGE_FINDING,
    INVENTORY_SOURCE,
    SLI_DAILY,
)

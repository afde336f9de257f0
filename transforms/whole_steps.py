"""The steps over all days: which table is made from which, by which function, in order.

They see what the steps of each day (transforms.day_steps) left. Names without a layer
(`catalogue`, `catalogue_ages`, `billed_services`, `service_costs`, `fx_rates`, `metric_uses`,
`closed`) live for one run only and are not stored. A step that reads what it writes reads what its
last run left.

A step that looks at `now` says until when what it made holds (`holds_until`).
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

import polars as pl

from transforms.cardinality import advice, label_cost, metric_use, registry
from transforms.coverage import (
    coverage,
    expected,
    expiry,
    findings,
    grade,
    history,
    service_cost,
)
from transforms.efficiency import rightsizing, unit_cost, workload
from transforms.outlook import anomaly, budget, closing, outlook
from transforms.owners import hierarchy
from transforms.partition import (
    OWNERSHIP,
    Frames,
    Made,
    Step,
    Terms,
    first_after,
    next_midnight,
)
from transforms.score import book
from transforms.slo import sli


def _score(f: Frames, t: Terms) -> Made:
    names = ("core_score_finding_daily", "core_score_metric_daily", "core_score_key_daily")
    kept = book.Kept(*(f[name] for name in names))
    has_spans = Decimal(t.settings.collector.trace_sample_ratio) > 0
    left_out = book.not_evaluated(has_spans=has_spans)
    return book.score(kept, f["mart_coverage_service"], t.now, left_out=left_out)


def _registry(f: Frames, t: Terms) -> Made:
    exact_rows = t.settings.cardinality.exact_rows
    return registry.registry(f["core_series_daily"], exact_rows=exact_rows)


def _use(f: Frames, t: Terms) -> Made:
    chosen = t.settings.cardinality
    made = metric_use.metric_use(
        f["mart_cardinality_metric"],
        f["mart_cardinality_label"],
        f["metric_uses"],
        is_known=bool(chosen.dashboards or chosen.rules),
    )
    return {"mart_metric_use": made}


def _label_cost(f: Frames, t: Terms) -> Made:
    made = label_cost.label_cost(
        f["mart_series_cost"],
        f["mart_cardinality_label"],
        f["mart_cardinality_metric"],
        now=t.now.date(),
    )
    return {"mart_label_cost": made}


def _advice(f: Frames, t: Terms) -> Made:
    return {"mart_cardinality_advice": advice.advice(f, now=t.now.date())}


def _tagged(f: Frames, t: Terms) -> Made:
    tag, place = t.settings.inventory.service_tag, t.settings.collector.default_environment
    tagged = expected.tagged_lines(f["core_cost_line"], service_tag=tag, now=t.now)
    running = f["core_workload_daily"]
    costs = service_cost.service_costs(
        f["core_service_paid_daily"], running, tagged, environment=place, now=t.now
    )
    billed = expected.billed_services(tagged, service_tag=tag, environment=place)
    return {"billed_services": billed, "service_costs": costs}


def _tagged_until(f: Frames, t: Terms) -> datetime | None:
    """Give the next UTC midnight, or when a tagged line leaves the 30 days."""
    leaves = expiry.lines_that_leave(f["core_cost_line"], f["billed_services"])
    return first_after(t.now, next_midnight(f, t), leaves)


def _workloads(f: Frames, t: Terms) -> pl.LazyFrame:
    retired = list(t.settings.inventory.retired_sources)
    is_over = (pl.lit("workload:") + pl.col("cluster")).is_in(retired)
    return f["core_workload_daily"].filter((pl.col("day") <= t.now.date()) & ~is_over)


def _inventory(f: Frames, t: Terms) -> Made:
    running, places = _workloads(f, t), t.settings.inventory.environments
    made = expected.services(f["catalogue"], running, f["billed_services"], environments=places)
    return {"core_service": made}


def _sources(f: Frames, t: Terms) -> Made:
    ages, running, billed = f["catalogue_ages"], _workloads(f, t), f["billed_services"]
    made = expected.sources(ages, running, billed, chosen=t.settings.inventory, now=t.now)
    return {"mart_inventory_source": made}


def _sources_until(f: Frames, t: Terms) -> datetime | None:
    """Give the next UTC midnight, or when a source is a whole hour older or stale."""
    return first_after(t.now, next_midnight(f, t), expiry.ages(f["mart_inventory_source"]))


def _service_cost(f: Frames, t: Terms) -> Made:
    currency = t.settings.billing.report_currency
    made = service_cost.service_cost(
        f["service_costs"], f["core_service"], f["fx_rates"], report_currency=currency
    )
    return {"mart_service_cost": made}


def _coverage(f: Frames, t: Terms) -> Made:
    chosen = expected.Expectations.of(t.settings.inventory)
    known, sent, costs = f["core_service"], f["core_signal_daily"], f["mart_service_cost"]
    made = coverage.coverage_service(known, sent, costs, now=t.now, terms=chosen)
    return {"mart_coverage_service": made}


def _coverage_until(f: Frames, t: Terms) -> datetime | None:
    """Give when a signal goes stale, an exemption ends, or an hour enters or leaves the week."""
    chosen = expected.Expectations.of(t.settings.inventory)
    moments = expiry.services(f["core_service"], f["core_signal_daily"], now=t.now, terms=chosen)
    return first_after(t.now, moments)


def _coverage_finding(f: Frames, t: Terms) -> Made:
    made = findings.coverage_findings(
        f["core_service"],
        f["core_signal_daily"],
        f["mart_coverage_service"],
        now=t.now,
        environments=t.settings.inventory.environments,
    )
    return {"mart_coverage_finding": made}


def _coverage_finding_until(f: Frames, t: Terms) -> datetime | None:
    """Give when an exemption ends, or telemetry that is shown is a week old."""
    known, signals, found = (
        f[name] for name in ("core_service", "core_signal_daily", "mart_coverage_finding")
    )
    return first_after(t.now, expiry.findings(known, signals, found))


def _coverage_team(f: Frames, t: Terms) -> Made:
    chosen = expected.Expectations.of(t.settings.inventory)
    made = coverage.coverage_team(
        f["mart_coverage_service"],
        chosen,
        is_stale=bool(f["mart_inventory_source"].select(pl.col("is_stale").any()).collect().item()),
    )
    return {"mart_coverage_team": made}


def _coverage_daily(f: Frames, t: Terms) -> Made:
    kept, teams = f["mart_coverage_daily"], f["mart_coverage_team"]
    made = history.coverage_daily(kept, teams, day=t.now.date())
    return {"mart_coverage_daily": made}


def _grade(f: Frames, _: Terms) -> Made:
    made = grade.coverage_grade(
        f["mart_coverage_service"], f["mart_coverage_team"], f["mart_score_service"]
    )
    return {"mart_coverage_grade": made}


def _sli(f: Frames, t: Terms) -> Made:
    return {"mart_sli_daily": sli.coverage_sli(f["mart_coverage_team"], t.now.date())}


def _closed(f: Frames, _: Terms) -> Made:
    made = closing.adjustments(
        f["closed"], f["mart_cost_daily_statement"], f["mart_reconciliation_daily"]
    )
    return {"core_closed_period": f["closed"], "mart_adjustment": made}


def _budget(f: Frames, t: Terms) -> Made:
    team = f["mart_cost_daily_team"]
    return {
        "mart_budget": budget.budgets(team, t.ownership, now=t.now),
        "mart_cost_daily_hierarchy": hierarchy.cost_daily_hierarchy(team, t.ownership),
    }


def _rightsizing(f: Frames, t: Terms) -> Made:
    chosen, daily = t.settings.rightsizing, f["mart_workload_daily"]
    made = rightsizing.rightsizing(
        f["core_container_hourly"],
        daily,
        days=chosen.days,
        minimum_days=chosen.minimum_days,
        minimum_points=chosen.minimum_points,
    )
    efficient = workload.workload_efficiency(daily, days=chosen.days)
    return {"mart_rightsizing": made, "mart_workload_efficiency": efficient}


def _unit_cost(f: Frames, _: Terms) -> Made:
    made = unit_cost.unit_cost(
        f["core_counter_daily"], f["mart_cost_daily_namespace"], f["mart_workload_daily"]
    )
    return {"mart_unit_cost": made}


def _outlook(f: Frames, t: Terms) -> Made:
    chosen = t.settings.anomaly
    limits = anomaly.Limits(Decimal(chosen.least_cost), Decimal(chosen.least_ratio), chosen.days)
    return {
        "mart_forecast": outlook.forecast(f["mart_cost_daily_team"], now=t.now),
        "mart_cost_anomaly": anomaly.cost_anomaly(f["mart_cost_daily_service"], limits),
    }


EXPECTATIONS: Final = (
    "inventory.expected_signals", "inventory.tier_weights", "inventory.environments",
    "inventory.freshness_hours", "inventory.cronjob_period_hours", "inventory.target_ratio",
    "inventory.least_continuity",
)  # fmt: skip
"""What `Expectations` are read from."""

WHOLE: Final = (
    Step(_tagged, ("core_cost_line", "core_workload_daily", "core_service_paid_daily"),
         ("billed_services", "service_costs"),
         ("inventory.service_tag", "collector.default_environment"), _tagged_until),
    Step(_inventory, ("catalogue", "core_workload_daily", "billed_services"), ("core_service",),
         ("inventory.environments", "inventory.retired_sources"), next_midnight),
    Step(_sources, ("catalogue_ages", "core_workload_daily", "billed_services"),
         ("mart_inventory_source",),
         ("inventory.retired_sources", "inventory.catalogue_max_age_days",
          "inventory.workload_max_age_hours", "inventory.bill_max_age_hours"), _sources_until),
    Step(_service_cost, ("service_costs", "core_service", "fx_rates"), ("mart_service_cost",),
         ("billing.report_currency",)),
    Step(_coverage, ("core_service", "core_signal_daily", "mart_service_cost"),
         ("mart_coverage_service",), EXPECTATIONS, _coverage_until),
    Step(_coverage_finding, ("core_service", "core_signal_daily", "mart_coverage_service"),
         ("mart_coverage_finding",), ("inventory.environments",), _coverage_finding_until),
    Step(_coverage_team, ("mart_coverage_service", "mart_inventory_source"),
         ("mart_coverage_team",), EXPECTATIONS),
    Step(_coverage_daily, ("mart_coverage_daily", "mart_coverage_team"), ("mart_coverage_daily",),
         (), next_midnight),
    Step(_score, ("core_score_finding_daily", "core_score_metric_daily", "core_score_key_daily",
                  "mart_coverage_service"),
         ("mart_score_service", "mart_score_rule", "mart_advisory"),
         ("collector.trace_sample_ratio",), next_midnight),
    Step(_grade, ("mart_coverage_service", "mart_coverage_team", "mart_score_service"),
         ("mart_coverage_grade",)),
    Step(_registry, ("core_series_daily",), ("core_series", "mart_series_active"),
         ("cardinality.exact_rows",)),
    Step(_use, ("metric_uses", "mart_cardinality_metric", "mart_cardinality_label"),
         ("mart_metric_use",), ("cardinality.dashboards", "cardinality.rules")),
    Step(_label_cost, ("mart_series_cost", "mart_cardinality_label", "mart_cardinality_metric"),
         ("mart_label_cost",), (), next_midnight),
    Step(_advice, ("mart_cardinality_metric", "mart_cardinality_label", "mart_cardinality_value",
                   "mart_cardinality_set", "mart_cardinality_rewrite", "mart_metric_use"),
         ("mart_cardinality_advice",), (), next_midnight),
    Step(_sli, ("mart_coverage_team",), ("mart_sli_daily",), (), next_midnight),
    Step(_unit_cost, ("core_counter_daily", "mart_cost_daily_namespace", "mart_workload_daily"),
         ("mart_unit_cost",)),
    Step(_outlook, ("mart_cost_daily_team", "mart_cost_daily_service"),
         ("mart_forecast", "mart_cost_anomaly"),
         ("anomaly.least_cost", "anomaly.least_ratio", "anomaly.days"), next_midnight),
    Step(_rightsizing, ("core_container_hourly", "mart_workload_daily"),
         ("mart_rightsizing", "mart_workload_efficiency"),
         ("rightsizing.days", "rightsizing.minimum_days", "rightsizing.minimum_points")),
    Step(_budget, ("mart_cost_daily_team",), ("mart_budget", "mart_cost_daily_hierarchy"),
         (OWNERSHIP,), next_midnight),
    Step(_closed, ("closed", "mart_cost_daily_statement", "mart_reconciliation_daily"),
         ("core_closed_period", "mart_adjustment")),
)  # fmt: skip
WHOLE_WRITES: Final = tuple(name for step in WHOLE for name in step.writes)

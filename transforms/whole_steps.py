"""The steps over all days: which table is made from which, by which function, in order.

They see what the steps of each day (transforms.day_steps) left. Names without a layer
(`catalogue`, `catalogue_ages`, `billed_services`, `service_costs`, `fx_rates`,
`coverage_history`, `metric_uses`, `closed`) live for one run only and are not stored.
"""

from decimal import Decimal
from typing import Final

import polars as pl

from transforms.cardinality import advice, label_cost, metric_use, registry
from transforms.coverage import coverage, expected, findings, grade, history, service_cost
from transforms.efficiency import rightsizing, unit_cost, workload
from transforms.outlook import anomaly, budget, closing, outlook
from transforms.owners import hierarchy
from transforms.partition import Frames, Made, Step, Terms
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


def _inventory(f: Frames, t: Terms) -> Made:
    chosen, billed = t.settings.inventory, f["billed_services"]
    is_over = (pl.lit("workload:") + pl.col("cluster")).is_in(list(chosen.retired_sources))
    until_now = f["core_workload_daily"].filter((pl.col("day") <= t.now.date()) & ~is_over)
    made = expected.services(f["catalogue"], until_now, billed, environments=chosen.environments)
    ages = expected.sources(f["catalogue_ages"], until_now, billed, chosen=chosen, now=t.now)
    return {"core_service": made, "mart_inventory_source": ages}


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


def _coverage_finding(f: Frames, t: Terms) -> Made:
    made = findings.coverage_findings(
        f["core_service"],
        f["core_signal_daily"],
        f["mart_coverage_service"],
        now=t.now,
        environments=t.settings.inventory.environments,
    )
    return {"mart_coverage_finding": made}


def _coverage_team(f: Frames, t: Terms) -> Made:
    chosen = expected.Expectations.of(t.settings.inventory)
    made = coverage.coverage_team(
        f["mart_coverage_service"],
        chosen,
        is_stale=bool(f["mart_inventory_source"].select(pl.col("is_stale").any()).collect().item()),
    )
    return {"mart_coverage_team": made}


def _coverage_daily(f: Frames, t: Terms) -> Made:
    kept, teams = f["coverage_history"], f["mart_coverage_team"]
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


WHOLE: Final = (
    Step(_tagged, ("core_cost_line", "core_workload_daily", "core_service_paid_daily"),
         ("billed_services", "service_costs")),
    Step(_inventory, ("catalogue", "catalogue_ages", "core_workload_daily", "billed_services"),
         ("core_service", "mart_inventory_source")),
    Step(_service_cost, ("service_costs", "core_service", "fx_rates"), ("mart_service_cost",)),
    Step(_coverage, ("core_service", "core_signal_daily", "mart_service_cost"),
         ("mart_coverage_service",)),
    Step(_coverage_finding, ("core_service", "core_signal_daily", "mart_coverage_service"),
         ("mart_coverage_finding",)),
    Step(_coverage_team, ("mart_coverage_service", "mart_inventory_source"),
         ("mart_coverage_team",)),
    Step(_coverage_daily, ("coverage_history", "mart_coverage_team"), ("mart_coverage_daily",)),
    Step(_score, ("core_score_finding_daily", "core_score_metric_daily", "core_score_key_daily",
                  "mart_coverage_service"),
         ("mart_score_service", "mart_score_rule", "mart_advisory")),
    Step(_grade, ("mart_coverage_service", "mart_coverage_team", "mart_score_service"),
         ("mart_coverage_grade",)),
    Step(_registry, ("core_series_daily",), ("core_series", "mart_series_active")),
    Step(_use, ("metric_uses", "mart_cardinality_metric", "mart_cardinality_label"),
         ("mart_metric_use",)),
    Step(_label_cost, ("mart_series_cost", "mart_cardinality_label", "mart_cardinality_metric"),
         ("mart_label_cost",)),
    Step(_advice, ("mart_cardinality_metric", "mart_cardinality_label", "mart_cardinality_value",
                   "mart_cardinality_set", "mart_cardinality_rewrite", "mart_metric_use"),
         ("mart_cardinality_advice",)),
    Step(_sli, ("mart_coverage_team",), ("mart_sli_daily",)),
    Step(_unit_cost, ("core_counter_daily", "mart_cost_daily_namespace", "mart_workload_daily"),
         ("mart_unit_cost",)),
    Step(_outlook, ("mart_cost_daily_team", "mart_cost_daily_service"),
         ("mart_forecast", "mart_cost_anomaly")),
    Step(_rightsizing, ("core_container_hourly", "mart_workload_daily"),
         ("mart_rightsizing", "mart_workload_efficiency")),
    Step(_budget, ("mart_cost_daily_team",), ("mart_budget", "mart_cost_daily_hierarchy")),
    Step(_closed, ("closed", "mart_cost_daily_statement", "mart_reconciliation_daily"),
         ("core_closed_period", "mart_adjustment")),
)  # fmt: skip
WHOLE_WRITES: Final = tuple(name for step in WHOLE for name in step.writes)

"""The steps of a day: which table is made from which, by which function. All of them, in order.

They see one UTC day. Names without a layer (`known_series`, `samples`, `pods`, `pod_runs`,
`pod_identities`, `fact_hours`, `lines_of_day`, `node_parts`) live for one run only and are not
stored. `raw_…_around` holds the days beside it too, `raw_…_before` the day before;
`raw_series_once` has each series once, where the lake has it every hour; `raw_series_day` has it
once with its hours.
"""

from decimal import Decimal
from typing import Final

from transforms.cardinality import cardinality, savings, series
from transforms.coverage import service_cost, signals, workloads
from transforms.efficiency import workload
from transforms.ledger import allocation, cost, evidence, pools
from transforms.owners import tag_quality
from transforms.partition import IS_FINAL, OWNERSHIP, Frames, Made, Step, Terms
from transforms.score import findings, keys, metrics
from transforms.usage import balancer_hours, containers, counters, network, pods, volumes

OBSERVED: Final = ("known_series", "samples", "pods", "pod_runs", "pod_identities")
"""The parts of `transforms.usage.pods.Heard`, as frames of a run."""


def _known(f: Frames, t: Terms) -> Made:
    labels = t.settings.ownership.node_pool_labels
    return {"known_series": containers.known_series(f["raw_series_day"], labels)}


def _samples(f: Frames, t: Terms) -> Made:
    return {"samples": containers.samples_of(f["known_series"], f["raw_point_around"], t.day)}


def _pods(f: Frames, _: Terms) -> Made:
    made = pods.observed(f["known_series"], f["samples"])
    return {"pods": made.pods, "pod_runs": made.runs, "pod_identities": made.identities}


def _observed(f: Frames) -> pods.Observed:
    return pods.Observed(*(f[name] for name in OBSERVED))


def _reported(f: Frames, t: Terms) -> Made:
    return {"fact_hours": containers.fact_hours(_observed(f), t.day)}


def _usage(f: Frames, t: Terms) -> Made:
    observed, reported = _observed(f), f["fact_hours"]
    return {
        "core_usage_hourly": containers.usage_hourly(observed, reported, t.day),
        "core_node_hourly": containers.node_hourly(observed.known, observed.samples, t.day),
        "core_fact_source_daily": containers.fact_source(reported, t.day),
    }


def _volumes(f: Frames, t: Terms) -> Made:
    observed = _observed(f)
    return {
        "core_volume_hourly": volumes.volume_hourly(observed, t.day),
        "core_network_hourly": network.network_hourly(observed, t.day),
        "core_received_daily": network.received_daily(observed, t.day),
        "core_balancer_hourly": balancer_hours.balancer_hourly(observed, t.day),
    }


def _lines(f: Frames, t: Terms) -> Made:
    return {
        "core_cost_line": cost.cost_line(f["raw_cost_line"], t.day),
        "lines_of_day": allocation.day_lines(f["raw_cost_line"], t.day),
    }


def _tag_quality(f: Frames, t: Terms) -> Made:
    made = tag_quality.tag_quality(f["lines_of_day"], t.ownership, t.day)
    return {"mart_tag_quality_daily": made}


def _pools(f: Frames, t: Terms) -> Made:
    series, points, used = f["raw_series_day"], f["raw_point_around"], f["core_usage_hourly"]
    made = pools.pool_weights(series, points, used, t.ownership, t.day)
    return {"core_pool_weight_daily": made}


def _ledger(f: Frames, t: Terms) -> Made:
    lines, used, nodes = f["lines_of_day"], f["core_usage_hourly"], f["core_node_hourly"]
    hours = t.settings.billing.period_final_hours
    made, parts = allocation.ledger_with_parts(
        lines,
        used,
        nodes,
        t.ownership,
        day=t.day,
        now=t.now,
        final_hours=hours,
        volumes=f["core_volume_hourly"],
        weights=f["core_pool_weight_daily"],
        network=f["core_network_hourly"],
        balancers=f["core_balancer_hourly"],
    )
    return {"core_cost_ledger": made, "node_parts": parts}


def _weights(f: Frames, t: Terms) -> Made:
    return {
        "core_weight_hourly": evidence.weight_hourly(f["core_usage_hourly"], t.ownership.basis),
        "core_traffic_hourly": evidence.traffic_hourly(f["core_network_hourly"]),
    }


def _workloads(f: Frames, _: Terms) -> Made:
    used, nodes, ledger = f["core_usage_hourly"], f["core_node_hourly"], f["core_cost_ledger"]
    daily = workload.workload_daily(used, nodes, f["core_weight_hourly"], ledger, f["node_parts"])
    hourly = workload.container_hourly(used, f["raw_series_day"])
    return {"mart_workload_daily": daily, "core_container_hourly": hourly}


def _costs(f: Frames, _: Terms) -> Made:
    ledger = f["core_cost_ledger"]
    return {
        "mart_cost_daily_namespace": cost.cost_daily_namespace(ledger),
        "mart_cost_daily_team": cost.cost_daily_team(ledger),
        "mart_cost_daily_service": cost.cost_daily_service(ledger),
        "mart_cost_daily_statement": cost.cost_daily_statement(ledger, f["lines_of_day"]),
        "mart_reconciliation_daily": cost.reconciliation_daily(f["lines_of_day"], ledger),
        "core_service_paid_daily": service_cost.paid_daily(ledger, f["lines_of_day"]),
    }


def _seen(f: Frames, t: Terms) -> Made:
    series, place = f["raw_series_day"], t.settings.collector.default_environment
    scopes = t.settings.inventory.infrastructure_scopes
    return {
        "core_workload_daily": workloads.workloads_seen(series, t.day, place),
        "core_signal_daily": signals.signals_seen(
            series, f["raw_signal"], t.day, infrastructure_scopes=scopes, environment=place
        ),
    }


def _scored_day(f: Frames, t: Terms) -> Made:
    series_, sent, spans = f["raw_series_day"], f["raw_signal"], f["raw_span"]
    places, scopes = t.settings.score.production_environments, t.settings.inventory
    terms = findings.ScoreTerms(places, scopes.infrastructure_scopes)
    seen = findings.resources(series_, sent, terms)
    parts = [
        *findings.resource_findings(seen),
        findings.label_findings(series_, terms),
        *findings.log_findings(sent, terms),
        *findings.span_findings(spans, f["raw_span_around"]),
    ]
    return {
        "core_score_finding_daily": findings.findings(parts, t.day),
        "core_score_key_daily": keys.keys_seen(seen, series_, sent, t.day, terms),
        "core_score_metric_daily": metrics.metrics_seen(series_, f["raw_histogram"], t.day, terms),
    }


def _cardinality(f: Frames, t: Terms) -> Made:
    chosen = t.settings.cardinality
    price = chosen.price_per_1000_series_month
    prices = savings.Prices(
        per_1000_month=Decimal(price) if price else None,
        guard_series=chosen.growth_guard_series,
        guard_ratio=Decimal(chosen.growth_guard_ratio),
        top_values=chosen.top_values,
        metric_budget=chosen.metric_budget,
        searched_metrics=chosen.searched_metrics,
        part_series=chosen.part_series,
    )
    today, before = f["raw_series_once"], f["raw_series_once_before"]
    return cardinality.cardinality_day(today, before, f["raw_histogram"], t.day, prices)


def _series(f: Frames, t: Terms) -> Made:
    chosen, seen = t.settings.cardinality, f["raw_series_day"]
    charges = series.Charges(
        [series.Backend(*backend) for backend in chosen.priced_backends()],
        chosen.team_quotas(),
        chosen.part_series,
    )
    costs = series.series_cost(seen, f["raw_histogram"], t.ownership, t.day, charges)
    return {**series.series_day(seen, t.day), **costs}


def _counted(f: Frames, t: Terms) -> Made:
    made = counters.counter_daily(
        f["raw_series_day"],
        f["raw_point_around"],
        f["raw_histogram"],
        t.day,
        t.settings.unit_cost.counters,
    )
    return {"core_counter_daily": made}


DAY: Final = (
    Step(_known, ("raw_series_day",), ("known_series",), ("ownership.node_pool_labels",)),
    Step(_samples, ("known_series", "raw_point_around"), ("samples",)),
    Step(_pods, OBSERVED[:2], OBSERVED[2:]),
    Step(_reported, tuple(sorted(OBSERVED)), ("fact_hours",)),
    Step(_usage, (*sorted(OBSERVED), "fact_hours"),
         ("core_usage_hourly", "core_node_hourly", "core_fact_source_daily")),
    Step(_volumes, tuple(sorted(OBSERVED)),
         ("core_volume_hourly", "core_network_hourly", "core_received_daily",
          "core_balancer_hourly")),
    Step(_lines, ("raw_cost_line",), ("core_cost_line", "lines_of_day")),
    Step(_tag_quality, ("lines_of_day",), ("mart_tag_quality_daily",), (OWNERSHIP,)),
    Step(_pools, ("raw_series_day", "raw_point_around", "core_usage_hourly"),
         ("core_pool_weight_daily",), (OWNERSHIP,)),
    Step(_ledger, ("lines_of_day", "core_pool_weight_daily", "core_usage_hourly",
                   "core_node_hourly", "core_volume_hourly", "core_network_hourly",
                   "core_balancer_hourly"),
         ("core_cost_ledger", "node_parts"), (OWNERSHIP, IS_FINAL)),
    Step(_weights, ("core_usage_hourly", "core_network_hourly"),
         ("core_weight_hourly", "core_traffic_hourly"), (OWNERSHIP,)),
    Step(_workloads, ("core_cost_ledger", "node_parts", "core_usage_hourly",
                      "core_node_hourly", "core_weight_hourly", "raw_series_day"),
         ("mart_workload_daily", "core_container_hourly")),
    Step(_costs, ("core_cost_ledger", "lines_of_day"),
         ("mart_cost_daily_namespace", "mart_cost_daily_team", "mart_cost_daily_service",
          "mart_cost_daily_statement", "mart_reconciliation_daily", "core_service_paid_daily")),
    Step(_counted, ("raw_series_day", "raw_point_around", "raw_histogram"), ("core_counter_daily",),
         ("unit_cost.counters",)),
    Step(_seen, ("raw_series_day", "raw_signal"), ("core_workload_daily", "core_signal_daily"),
         ("inventory.infrastructure_scopes", "collector.default_environment"), is_history=True),
    Step(_scored_day, ("raw_series_day", "raw_signal", "raw_span", "raw_span_around",
                       "raw_histogram"),
         ("core_score_finding_daily", "core_score_key_daily", "core_score_metric_daily"),
         ("inventory.infrastructure_scopes", "score.production_environments"), is_history=True),
    Step(_cardinality, ("raw_series_once", "raw_series_once_before", "raw_histogram"),
         ("mart_cardinality_metric", "mart_cardinality_label", "mart_cardinality_value",
          "mart_cardinality_set", "mart_cardinality_rewrite", "mart_churn_metric"),
         ("cardinality.price_per_1000_series_month", "cardinality.growth_guard_series",
          "cardinality.growth_guard_ratio", "cardinality.top_values",
          "cardinality.metric_budget", "cardinality.searched_metrics",
          "cardinality.part_series"), is_history=True),
    Step(_series, ("raw_series_day", "raw_histogram"),
         ("core_series_daily", "mart_series_hourly", "mart_series_cost", "mart_series_quota"),
         (OWNERSHIP, "cardinality.priced_backends", "cardinality.team_quotas",
          "cardinality.part_series"), is_history=True),
)  # fmt: skip

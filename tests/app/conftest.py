"""A small published book with known totals, an empty one, and the ways to look at them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from app.kit.reader import Reader
from app.web.place import snapshots
from meterbook.base.home import Home
from warehouse import tables
from warehouse.store.snapshot import publish
from warehouse.store.store import Store
from warehouse.table import Column, Table

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
LAST = date(2026, 11, 22)
DAYS = 75
TEAMS = (
    "checkout",
    "payments",
    "search",
    "catalog",
    "identity",
    "growth",
    "data-platform",
    "mobile",
)
BY_NAME = {table.name: table for table in tables.ALL}
CENT = Decimal("0.01")
HOSTILE = "![x](http://evil.invalid/a.png)<img src=x onerror=alert(1)>$a$"


@dataclass(frozen=True)
class Book:
    """A home with a published snapshot, and what its figures must be."""

    home: Home
    spend: dict[date, Decimal]
    """Effective cost of each day."""
    by_team: dict[tuple[date, str], Decimal]

    def sum(self, start: date, end: date, team: str | None = None) -> Decimal:
        """Add up the days by hand."""
        return sum(
            (
                cost
                for (day, name), cost in self.by_team.items()
                if start <= day <= end and team in (None, name)
            ),
            Decimal(0),
        )


def _amount(day: date, place: int) -> Decimal:
    """Give a cost that differs by day and place, and has many decimals."""
    weekday = Decimal("0.8") if day.weekday() >= 5 else Decimal(1)
    rise = Decimal((day - date(2026, 9, 1)).days) * Decimal("0.37") * (place % 3)
    odd = Decimal((day.day * 7919 + place * 104729) % 997) / Decimal(10**7)
    return Decimal(420 - 31 * place) * weekday + rise + odd


def _rows(table: Table, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Fill what a row does not name with an empty value, or the first of those that may be."""
    full = [
        {column.name: row.get(column.name, _blank(column)) for column in table.columns}
        for row in rows
    ]
    return pl.DataFrame(full, schema=table.schema)


def _blank(column: Column) -> object:
    if column.is_nullable:
        return None
    if column.values and "" not in column.values:
        return column.values[0]
    return {"String": "", "Boolean": False, "List": []}.get(type(column.dtype).__name__, 0)


def _days() -> list[date]:
    return [LAST - timedelta(days=n) for n in reversed(range(DAYS))]


def _costs() -> list[dict[str, Any]]:
    """One row per day, team and namespace: two namespaces a team, and the buckets."""
    rows: list[dict[str, Any]] = []
    for day in _days():
        for place, team in enumerate(TEAMS):
            whole = _amount(day, place)
            for namespace, part in (
                (f"{team}-api", Decimal("0.7")),
                (f"{team}-jobs", Decimal("0.3")),
            ):
                rows.append(
                    _cost(day, team, namespace, "Amazon Elastic Compute Cloud", whole * part)
                )
            rows.append(_cost(day, team, "-", "Amazon Simple Storage Service", whole / 8))
        rows.append(
            _cost(day, "__idle__", "__idle__", "Amazon Elastic Compute Cloud", Decimal("301.5"))
        )
        rows.append(
            _cost(day, "__unallocated__", "-", "Amazon CloudWatch", Decimal("58.123456789"))
        )
        if day.day % 9 == 0:
            rows.append(
                _cost(
                    day, "__no_telemetry__", "__no_telemetry__", "Compute Engine", Decimal("17.25")
                )
            )
    return rows


def _cost(day: date, team: str, namespace: str, service: str, cost: Decimal) -> dict[str, Any]:
    in_cluster = namespace != "-"
    return {
        "charge_date": day,
        "team": team,
        "cluster": ("aws-prod" if team < "m" else "gcp-prod") if in_cluster else "-",
        "namespace": namespace,
        "provider_name": "Google Cloud" if service == "Compute Engine" else "AWS",
        "service_name": service,
        "sub_account_id": "123456789012",
        "currency": "USD",
        "effective_cost": cost,
        "billed_cost": cost * 2,
        "is_estimated": day > LAST - timedelta(days=2),
    }


def _placed(team: str) -> dict[str, str]:
    """Put the teams before m into a department of one cost centre, the others into none."""
    if team.startswith("__"):
        names = ("department", "department_name", "cost_center", "team_name")
        return dict.fromkeys(names, team)
    shop = {"department": "shop", "department_name": "The Shop", "cost_center": "CC-1200"}
    none = dict.fromkeys(shop, "-")
    return {"team_name": team.title()} | (shop if team < "m" else none)


def _cost_tables() -> dict[str, list[dict[str, Any]]]:
    costs = _costs()
    team: dict[tuple[date, str], dict[str, Any]] = {}
    space: dict[tuple[date, str, str], dict[str, Any]] = {}
    days: dict[date, dict[str, Any]] = {}
    for row in costs:
        shared = row["effective_cost"] / 10 if not row["team"].startswith("__") else Decimal(0)
        kept = team.setdefault(
            (row["charge_date"], row["team"]),
            {
                **row,
                "direct_cost": Decimal(0),
                "shared_cost": Decimal(0),
                "effective_cost": Decimal(0),
                "billed_cost": Decimal(0),
            },
        )
        kept["direct_cost"] += row["effective_cost"] - shared
        kept["shared_cost"] += shared
        kept["effective_cost"] += row["effective_cost"]
        kept["billed_cost"] += row["billed_cost"]
        part = space.setdefault(
            (row["charge_date"], row["cluster"], row["namespace"]),
            {**row, "effective_cost": Decimal(0), "billed_cost": Decimal(0)},
        )
        part["effective_cost"] += row["effective_cost"]
        part["billed_cost"] += row["billed_cost"]
        whole = days.setdefault(
            row["charge_date"],
            {
                "charge_date": row["charge_date"],
                "currency": "USD",
                "line_count": 40,
                "ledger_row_count": 900,
                "bill_cost": Decimal(0),
                "bill_billed_cost": Decimal(0),
            },
        )
        whole["bill_cost"] += row["effective_cost"]
        whole["bill_billed_cost"] += row["billed_cost"]
    for whole in days.values():
        whole["ledger_cost"] = whole["bill_cost"]
        whole["ledger_billed_cost"] = whole["bill_billed_cost"]
        whole["difference"] = Decimal(0)
    return {
        "mart_cost_daily_service": costs,
        "mart_cost_daily_team": list(team.values()),
        "mart_cost_daily_hierarchy": [row | _placed(row["team"]) for row in team.values()],
        "mart_cost_daily_namespace": list(space.values()),
        "mart_reconciliation_daily": list(days.values()),
    }


def _coverage() -> dict[str, list[dict[str, Any]]]:
    """Per team: three complete services, then one partial, one dark, one unregistered in turn."""
    services: list[dict[str, Any]] = []
    teams: list[dict[str, Any]] = []
    for place, team in enumerate(TEAMS):
        states = (
            ["complete"] * 3
            + (["partial"] if place % 2 else [])
            + (["dark"] if place % 4 == 1 else [])
        )
        states += ["unregistered"] if place == 2 else []
        for number, state in enumerate(states):
            services.append(_service(team, number, state))
        counts = {
            f"{s}_count": states.count(s) for s in ("complete", "partial", "dark", "unregistered")
        }
        expected = counts["complete_count"] + counts["partial_count"] + counts["dark_count"]
        teams.append(
            {
                "team": team,
                **counts,
                "expected_count": expected,
                "coverage_ratio": counts["complete_count"] / expected,
            }
        )
    whole = {key: sum(row[key] for row in teams) for key in teams[0] if key.endswith("_count")}
    teams.append(
        {
            "team": "__all__",
            **whole,
            "coverage_ratio": whole["complete_count"] / whole["expected_count"],
            "weighted_index": 0.87654,
            "target_ratio": 0.95,
            "literal_ratio": 0.7,
            "continuity_ratio": 0.99,
            "gap_count": 1,
        }
    )
    fixes = sorted(
        (row for row in services if row["missing_count"] and row["state"] in ("partial", "dark")),
        key=lambda row: (row["missing_count"], row["service_name"]),
    )
    for rank, row in enumerate(fixes, 1):
        row["fix_rank"] = rank
        row["gain"] = 1 / whole["expected_count"]
        row["ratio_after"] = (whole["complete_count"] + rank) / whole["expected_count"]
        of_team = [other for other in fixes[:rank] if other["team"] == row["team"]]
        team_ = next(one for one in teams if one["team"] == row["team"])
        row["team_gain"] = 1 / team_["expected_count"]
        row["team_ratio_after"] = (team_["complete_count"] + len(of_team)) / team_["expected_count"]
    return {
        "mart_coverage_service": services,
        "mart_coverage_team": teams,
        "mart_service_cost": _service_costs(services),
        "mart_coverage_grade": [
            {"team": "__all__", "score": 83.19, "grade": "C", "is_capped": True},
            {"team": "payments", "score": 91.0, "grade": "A"},
        ],
        "mart_coverage_daily": [
            {"day": LAST, "team": "__all__", "expected_count": 27},
            {"day": NOW.date(), "team": "__all__", "expected_count": 30, "expected_change": 3},
        ],
        "mart_coverage_finding": [
            {
                "finding": "ambiguous",
                "service_name": HOSTILE,
                "environment": "production",
                "team": "__unallocated__",
                "signals": "logs+traces",
                "item_count": 12,
                "last_seen_at": NOW,
                "detail": "may be blog/web, shop/web",
                "action": "Set service.namespace",
            },
            {
                "finding": "unattributed",
                "service_name": "unknown_service:java",
                "environment": "production",
                "team": "__unallocated__",
                "action": "Set OTEL_SERVICE_NAME",
            },
        ],
    }


def _service_costs(services: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each service in dollars; a dark one of payments in euros too."""
    names = ("service_namespace", "service_name", "environment", "monthly_cost")
    paid = [{name: row[name] for name in names} for row in services if row["monthly_cost"]]
    twice = next(row for row in paid if row["service_name"] == "payments-svc-4")
    return [
        *({**row, "currency": "USD"} for row in paid),
        {**twice, "currency": "EUR", "monthly_cost": Decimal(300)},
    ]


def _service(team: str, number: int, state: str) -> dict[str, Any]:
    traces = state == "complete"
    logs = state in ("complete", "partial", "unregistered")
    missing = [] if traces else (["traces"] if logs else ["logs", "metrics", "traces"])
    return {
        "service_namespace": f"{team}-api",
        "service_name": HOSTILE if (team, number) == ("payments", 3) else f"{team}-svc-{number}",
        "environment": "production",
        "team": team,
        "kind": "service",
        "tier": 1 + number % 3,
        "state": state,
        "has_logs": logs,
        "has_metrics": logs,
        "has_traces": traces,
        "logs_state": "fresh" if logs else "stale",
        "metrics_state": "fresh" if logs else "stale",
        "traces_state": "fresh" if traces else "never",
        "missing_signals": "+".join(missing) if state != "unregistered" else "",
        "missing_count": len(missing) if state != "unregistered" else 0,
        "last_seen_at": NOW - timedelta(minutes=20) if logs else None,
        "monthly_cost": Decimal(1200 + 100 * number) / 4 if state != "unregistered" else None,
        "sources": "catalogue+workload",
    }


def _score() -> dict[str, list[dict[str, Any]]]:
    """Two services and what bears no name: 50 of 70, 20 of 60, 0 of 40 points seen."""
    services: list[dict[str, Any]] = []
    rules: list[dict[str, Any]] = []
    for name, failed, points, most in (
        ("payments-svc-0", "RES-001", 50, 70),
        (HOSTILE, "RES-005", 20, 60),
        ("", "RES-005", 0, 40),
    ):
        for days in (30, 7):
            key = {"service_name": name, "window_days": days}
            services.append(
                {
                    **key,
                    "points": 470 - most + points,
                    "max_points": 470,
                    "score": (470 - most + points) * 100 / 470,
                    "band": "Excellent",
                    "applicable_points": points,
                    "applicable_max_points": most,
                    "score_applicable": points * 100 / most,
                    "band_applicable": "Needs Improvement" if points == 50 else "Poor",
                    "is_complete": False,
                    "not_evaluated": "SPA-003",
                }
            )
            for rule, state in (
                ("RES-001", "passed"),
                ("RES-005", "passed"),
                ("LOG-002", "not seen"),
                ("SPA-003", "not evaluated"),
            ):
                is_failed = rule == failed
                rules.append(
                    {
                        **key,
                        "rule": rule,
                        "impact": "Critical" if rule == "RES-005" else "Normal",
                        "weight": 40 if rule == "RES-005" else 20,
                        "target": "Resource",
                        "text": f"what {rule} wants",
                        "state": "failed" if is_failed else state,
                        "checked_count": 10 if state == "passed" else 0,
                        "violating_count": 4 if is_failed else 0,
                        "first_seen_at": NOW if is_failed else None,
                        "last_seen_at": NOW if is_failed else None,
                        "samples": [f"k8s.pod.name={HOSTILE}"] if is_failed else [],
                        "points_if_fixed": 8.51 if is_failed else None,
                    }
                )
    advisory = {
        "service_name": HOSTILE,
        "advisory": "bel_for_bytes",
        "text": "unit `B` is bel",
        "violating_count": 1,
        "last_seen_at": NOW,
        "samples": [HOSTILE],
    }
    return {
        "mart_score_service": services,
        "mart_score_rule": rules,
        "mart_advisory": [advisory],
    }


METRICS = (
    ("checkout.cart.events", "sum", 5200, 48310, "user_id"),
    ("http.server.request.duration", "histogram", 8200, 8300, ""),
    ("rpc.client.duration", "histogram", 4100, 4090, ""),
    ("jvm.memory.used", "gauge", 2400, 2400, ""),
    ("container.cpu.time", "sum", 1300, 1310, ""),
)


def _cardinality() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {
        "mart_cardinality_metric": [],
        "mart_cardinality_label": [],
        "mart_cardinality_value": [],
        "mart_churn_metric": [],
        "mart_cardinality_set": [
            {
                "day": LAST,
                "metric": "checkout.cart.events",
                "set_kind": "equivalent",
                "labels": "point:email + point:user_id",
                "series_without_count": 900,
                "saved_count": 8000,
                "saved_cost": Decimal("49.2"),
                "is_within_budget": True,
            }
        ],
        "mart_cardinality_rewrite": [
            {
                "day": LAST,
                "metric": "checkout.cart.events",
                "level": "point",
                "label": "user_id",
                "rewrite": "top_k",
                "distinct_after_count": 11,
                "series_after_count": 1000,
                "stored_after_count": 1000,
                "saved_count": 7900,
                "saved_cost": Decimal("48.6"),
            }
        ],
        "mart_cardinality_advice": [
            {
                "advice_rank": 1,
                "metric": "checkout.cart.events",
                "day": LAST,
                "metric_kind": "sum",
                "top_team": "checkout",
                "action": "top_k",
                "labels": "user_id",
                "series_count": 9000,
                "series_after_count": 1100,
                "stored_series_count": 9000,
                "stored_after_count": 1100,
                "monthly_cost": Decimal("55.35"),
                "saved_cost": Decimal("48.585"),
                "verdict": "loses_detail",
                "use_state": "used",
                "places": "shop.json: Carts",
                "root_cause_label": "user_id",
                "growth_count": 8000,
            }
        ],
        "mart_metric_use": [
            {
                "metric": metric,
                "level": "point" if label else "",
                "label": label,
                "use_state": state,
                "place_count": int(state == "used"),
                "places": "shop.json: Carts" if state == "used" else "",
            }
            for metric, label, state in (
                ("checkout.cart.events", "", "unused"),
                ("checkout.cart.events", "user_id", "used"),
                ("checkout.cart.events", "status", "unused"),
                ("rpc.client.duration", "", "used"),
            )
        ],
        "mart_series_cost": [
            {
                "day": LAST,
                "backend": "default",
                "metric": "checkout.cart.events",
                "team": "checkout",
                "price_unit": "series",
                "series_count": 9000,
                "stored_series_count": 9000,
                "stored_sample_count": 90000,
                "monthly_cost": Decimal("55.35"),
            }
        ],
        "mart_label_cost": [
            {
                "backend": backend,
                "metric": "checkout.cart.events",
                "level": "point",
                "label": "user_id",
                "day": LAST,
                "price_unit": unit,
                "monthly_cost": cost,
                "saved_cost": cost * 9 / 10,
            }
            for backend, unit, cost in (
                ("default", "series", Decimal("55.35")),
                ("meter", "samples", Decimal(80)),
            )
        ],
        "mart_series_active": [
            {
                "metric": "checkout.cart.events",
                "day": LAST,
                "hour_series_count": 8000,
                "day_series_count": 9000,
                "week_series_count": 20000,
                "month_series_count": 36000,
            }
        ],
        "mart_series_quota": [
            {
                "day": LAST,
                "team": "checkout",
                "series_count": 9000,
                "quota_count": 5000,
                "is_over": True,
            }
        ],
    }
    for back in reversed(range(20)):
        day = LAST - timedelta(days=back)
        for metric, kind, before, after, cause in METRICS:
            now = after if back < 4 else before
            then = after if back < 3 else before
            found["mart_cardinality_metric"].append(
                {
                    "day": day,
                    "metric": metric,
                    "metric_kind": kind,
                    "unit": "1",
                    "series_count": now,
                    "stored_series_count": now * (13 if kind == "histogram" else 1),
                    "label_count": 4,
                    "bounds": "5.0 10.0 25.0 50.0" if kind == "histogram" else "",
                    "previous_series_count": then if back < 19 else None,
                    "top_team": metric.split(".")[0] if metric.startswith("checkout") else "search",
                    "monthly_cost": Decimal(now) * Decimal("0.00615"),
                }
            )
            found["mart_churn_metric"].append(
                {
                    "day": day,
                    "metric": metric,
                    "new_count": max(0, now - then) + 10,
                    "gone_count": 10,
                    "root_cause_label": cause if now > then else "",
                    "root_cause_level": "point" if cause and now > then else "",
                    "new_value_count": 10,
                    "new_value_labels": "resource:k8s.pod.name + resource:k8s.pod.uid",
                }
            )
            if back:
                continue
            for label, distinct, left in (
                (cause or "route", 9000 if cause else 40, 900 if cause else now // 3),
                ("status", 5, now // 4),
                ("k8s.pod.name", 120, now - 100),
                ("build", 1, now),
            ):
                found["mart_cardinality_label"].append(
                    {
                        "day": day,
                        "metric": metric,
                        "level": "resource" if label.startswith("k8s") else "point",
                        "label": label,
                        "distinct_count": distinct,
                        "series_without_count": left,
                        "saved_count": now - left,
                        "is_safe": now == left,
                        "multiplier": now / left,
                        "saved_cost": Decimal(now - left) * Decimal("0.00615"),
                        "explained_growth": 0.98 if label == "user_id" else 0.0,
                        "is_root_cause": label == "user_id",
                    }
                )
                for rank in range(1, min(distinct, 10) + 1):
                    found["mart_cardinality_value"].append(
                        {
                            "day": day,
                            "metric": metric,
                            "level": "resource" if label.startswith("k8s") else "point",
                            "label": label,
                            "value": f"=cmd|{label}-{rank}",
                            "series_count": now // (rank + 1),
                            "value_rank": rank,
                        }
                    )
    return found


def _ledger() -> dict[str, list[dict[str, Any]]]:
    """Two days: a line per team with a workload, an idle part, and one with a name like markup."""
    ledger, lines = [], []
    for day in (date(2026, 11, 20), LAST):
        for place, team in enumerate(TEAMS):
            line = {"x_line_hash": f"line-{day.day}-{team}", "charge_date": day}
            lines.append(
                line
                | {
                    "service_name": "Amazon Elastic Compute Cloud",
                    "resource_id": HOSTILE if place == 2 else f"i-{team}",
                    "x_file": "part-1.csv",
                    "x_row_number": place,
                }
            )
            for name, owner, reason, cost in (
                (f"{team}-app", team, "workload", Decimal(day.day + place) / 7),
                ("__idle__", "__idle__", "idle", Decimal("0.25")),
            ):
                ledger.append(
                    line
                    | {
                        "cluster": "c",
                        "node": "n",
                        "line_kind": "node",
                        "namespace": name,
                        "workload": name,
                        "team": owner,
                        "reason": reason,
                        "rule_id": "label" if reason == "workload" else "",
                        "currency": "USD",
                        "charge_hour": datetime(day.year, day.month, day.day, 5, tzinfo=UTC),
                        "effective_cost": cost,
                        "billed_cost": cost * 2,
                        "config_hash": "abc",
                    }
                )
    return {"core_cost_ledger": ledger, "core_cost_line": lines}


def _outlook() -> dict[str, list[dict[str, Any]]]:
    """Give a forecast a team, the last without interval; two anomalies and a namespace."""
    forecasts = [
        {
            "period": "2026-11",
            "team": team,
            "currency": "USD",
            "spent_cost": Decimal(8000),
            "forecast_cost": Decimal(11000 - place),
            "low_cost": Decimal(10500) if place < 7 else None,
            "high_cost": Decimal(11900) if place < 7 else None,
            "error_ratio": 0.031 if place < 7 else None,
            "backtest_count": 20 if place < 7 else 2,
            "horizon_days": 9,
            "elapsed_days": 21,
            "period_days": 30,
        }
        for place, team in enumerate(TEAMS)
    ]
    rise = {
        "charge_date": LAST - timedelta(days=3),
        "currency": "USD",
        "effective_cost": Decimal("520.5"),
        "expected_cost": Decimal(400),
        "impact_cost": Decimal("120.5"),
        "score": 9.5,
        "day_count": 2,
        "drivers": "c / =cmd|x +100.00; payments-jobs +20.50",
    }
    odd = [
        rise | {"scope": "team", "team": "payments", "service_name": HOSTILE},
        rise
        | {
            "scope": "team",
            "team": "__idle__",
            "service_name": "EC2",
            "expected_cost": Decimal(0),
            "impact_cost": Decimal("520.5"),
        },
        rise
        | {
            "scope": "namespace",
            "cluster": "c",
            "namespace": "payments-jobs",
            "drivers": "payments / EC2 +120.50",
        },
    ]
    return {"mart_forecast": forecasts, "mart_cost_anomaly": odd}


def _units() -> list[dict[str, Any]]:
    """Give 70 days of requests of two namespaces, one of which knows no latency."""
    return [
        {
            "charge_date": LAST - timedelta(days=back),
            "metric": "http.server.request.duration" if space == "payments-api" else HOSTILE,
            "namespace": space,
            "currency": "USD",
            "effective_cost": Decimal(40 + back % 7),
            "unit_count": 100_000.0 + 500 * back,
            "cost_per_1000": Decimal(40 + back % 7) / 100,
            "value_mean": 0.1 + back / 1000 if space == "payments-api" else None,
            "replica_mean": 4.0,
        }
        for back in range(70)
        for space in ("payments-api", "search-api")
    ]


def _tags() -> list[dict[str, Any]]:
    """Give one key: of 100 a day, 60 name a team and 40 nobody."""
    return [
        {
            "charge_date": LAST - timedelta(days=back),
            "tag_key": key,
            "currency": "USD",
            "state": state,
            "line_count": cost // 10,
            "effective_cost": Decimal(cost),
            "billed_cost": Decimal(cost),
        }
        for back in range(70)
        for key in ("*", HOSTILE)
        for state, cost in (("tagged", 60), ("untagged", 40))
    ]


def _workloads() -> dict[str, list[dict[str, Any]]]:
    """Give a workload a team; most containers could ask for less, the first for more."""
    used, sizes = [], []
    for place, team in enumerate(TEAMS):
        place_of = {
            "cluster": "c",
            "namespace": f"{team}-api",
            "workload": f"{team}-app",
            "team": team,
            "currency": "USD",
        }
        used.append(
            place_of
            | {
                "first_day": LAST - timedelta(days=13),
                "last_day": LAST,
                "cpu_efficiency": 0.1 * place,
                "memory_efficiency": 0.9,
                "efficiency": 0.2 + 0.1 * place,
                "cpu_cost": Decimal(100),
                "memory_cost": Decimal(50),
                "unused_cost": Decimal(90 - place),
            }
        )
        sizes += [
            place_of
            | {
                "container": HOSTILE if place == 1 else "main",
                "profile": profile,
                "state": "ready",
                "day_count": 14,
                "point_count": 336,
                "is_autoscaled": place == 3,
                "cpu_request_cores": 2.0,
                "cpu_wanted_cores": 0.5,
                "memory_request_bytes": 2.0**31,
                "memory_wanted_bytes": 2.0**29,
                "saved_cost": Decimal(place * 10 - 5 + len(profile)),
            }
            for profile in ("lean", "balanced", "safe")
        ]
    return {
        **_outlook(),
        "mart_unit_cost": _units(),
        "mart_tag_quality_daily": _tags(),
        "mart_workload_efficiency": used,
        "mart_rightsizing": sizes,
    }


def _adjustments() -> list[dict[str, Any]]:
    """Give two changes of October: a service that was restated, a rule that moved another."""
    blank = {"posted_period": "2026-11", "original_period": "2026-10", "currency": "USD",
             "cluster": "-", "namespace": "-", "charge_category": "Usage"}  # fmt: skip
    restated = {"team": "payments", "service_name": HOSTILE, "reason": "restatement",
                "delivery_ids": "d41f", "former_delivery_ids": "c30e",
                "effective_cost": Decimal("2.5"), "billed_cost": Decimal(3)}  # fmt: skip
    moved = {"team": "search", "service_name": "Amazon S3", "reason": "rules", "config_hash": "r2",
             "former_config_hash": "r1", "cluster": "c", "namespace": "find",
             "effective_cost": Decimal("-7.000000000001"), "billed_cost": Decimal(-7)}  # fmt: skip
    return [blank | restated, blank | moved]


def _rest(costs: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    month = "2026-11"
    budgets = []
    for place, team in enumerate(TEAMS):
        spent = sum(
            (
                row["effective_cost"]
                for row in costs["mart_cost_daily_team"]
                if row["team"] == team and row["charge_date"] >= date(2026, 11, 1)
            ),
            Decimal(0),
        )
        budget = spent * (
            Decimal("0.9") if place == 2 else Decimal("1.2") if place == 1 else Decimal("1.6")
        )
        forecast = spent * 30 / 22
        budgets.append(
            {
                "period": month,
                "team": team,
                "currency": "USD",
                "budget_cost": budget.quantize(CENT),
                "spent_cost": spent,
                "forecast_cost": forecast.quantize(CENT),
                "elapsed_days": 22,
                "period_days": 30,
                "burn": float(spent / budget) / (22 / 30),
                "state": "over" if spent > budget else "at_risk" if forecast > budget else "ok",
            }
        )
    return {
        "mart_budget": budgets,
        "mart_adjustment": _adjustments(),
        **_ledger(),
        **_workloads(),
        "mart_sli_daily": [
            {
                "day": LAST,
                "sli": "M7",
                "scope": "__all__",
                "value": 0.8,
                "numerator": 24,
                "denominator": 30,
            }
        ],
        "core_delivery": [
            {
                "delivery_id": "d41f",
                "source": "aws",
                "source_format": "aws_cur2",
                "account": "123456789012",
                "period": month,
                "state": "in_force",
                "file_count": 3,
                "row_count": 3000,
                "currency": "USD",
                "effective_cost": Decimal("100.5"),
                "billed_cost": Decimal(201),
                "loaded_at": NOW,
            },
            {
                "delivery_id": "e52a",
                "source": "focus",
                "source_format": "focus",
                "account": "acme",
                "period": month,
                "state": "held",
                "reason": "2 rows cannot be read",
                "file_count": 1,
                "row_count": 0,
                "rejected_count": 2,
                "currency": "USD",
                "loaded_at": NOW,
            },
        ],
        "raw_rejected": [
            {
                "delivery_id": "e52a",
                "source": "focus",
                "file": "part-3.csv.gz",
                "row_number": 812,
                "column": "BilledCost",
                "met": "1,50",
                "reason": "not a number",
                "rejected_at": NOW,
            },
        ],
        "mart_run": [
            {
                "run_id": "r1",
                "step": step,
                "partition": "2026-11-22",
                "started_at": NOW,
                "wall_seconds": 0.5 + n,
                "row_count": 100 * (n + 1),
                "state": "done",
            }
            for n, step in enumerate(
                ("core_usage_hourly", "core_cost_ledger", "mart_cost_daily_team")
            )
        ],
        "mart_check": [
            {
                "run_id": "r1",
                "table_name": "mart_reconciliation_daily",
                "check_name": "ledger equals bill",
                "level": "fail",
            },
            {
                "run_id": "r1",
                "table_name": "mart_cost_daily_team",
                "check_name": "row count is usual",
                "level": "warn",
                "broken_count": 1,
                "sample": "('2026-11-22', 4)",
            },
        ],
        "mart_collector": [
            {
                "counter": "accepted_items",
                "label": "metrics",
                "value": 1_203_411,
                "observed_at": NOW,
            },
            {"counter": "refused_requests", "label": "undecodable", "value": 3, "observed_at": NOW},
        ],
    }


def _publish(home: Home, filled: dict[str, list[dict[str, Any]]], now: datetime = NOW) -> None:
    with Store(home.warehouse) as store:
        with store.change() as change:
            for name, rows in filled.items():
                change.replace(BY_NAME[name], _rows(BY_NAME[name], rows))
        publish(store, home.serving, now=now, keep=3)


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """Give 75 days of eight teams, published."""
    home = Home(tmp_path_factory.mktemp("full"))
    costs = _cost_tables()
    _publish(home, {**costs, **_coverage(), **_score(), **_cardinality(), **_rest(costs)})
    by_team: dict[tuple[date, str], Decimal] = {}
    spend: dict[date, Decimal] = {}
    for row in _costs():
        key = (row["charge_date"], row["team"])
        by_team[key] = by_team.get(key, Decimal(0)) + row["effective_cost"]
        spend[key[0]] = spend.get(key[0], Decimal(0)) + row["effective_cost"]
    return Book(home, spend, by_team)


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give a home whose published tables have no rows."""
    home = Home(tmp_path_factory.mktemp("empty"))
    _publish(home, {})
    return home


@pytest.fixture(scope="session")
def bare_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give a home where nothing was ever published."""
    return Home(tmp_path_factory.mktemp("bare"))


Publish = Callable[..., None]


@pytest.fixture(scope="session")
def publish_rows() -> Publish:
    """Give the way to publish rows of one's own."""
    return _publish


@pytest.fixture(scope="session")
def reader(book: Book) -> Reader:
    """Give the reader of the full book: the one the pages use, as a file opens only once."""
    return snapshots(book.home.serving).reader()


@pytest.fixture(scope="session")
def empty_reader(empty_home: Home) -> Reader:
    """Give a reader of the book without rows."""
    return snapshots(empty_home.serving).reader()

"""Services of the teams, how they are covered, and what they cost."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.app.rows.world import HOSTILE, LAST, NOW, TEAMS, Rows, Tables


def coverage() -> Tables:
    """Per team: three complete services, then one partial, one dark, one unregistered in turn."""
    services: Rows = []
    teams: Rows = []
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


def _service_costs(services: Rows) -> Rows:
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

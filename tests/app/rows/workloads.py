"""Workloads, what they should ask for, and what a unit of work costs."""

from datetime import timedelta
from decimal import Decimal

from tests.app.rows.world import HOSTILE, LAST, TEAMS, Rows, Tables


def units() -> Rows:
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


def workloads() -> Tables:
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
        "mart_workload_efficiency": used,
        "mart_rightsizing": sizes,
    }

"""Instrumentation Scores, rules and an advisory."""

from tests.app.rows.world import HOSTILE, NOW, Rows, Tables


def score() -> Tables:
    """Two services and what bears no name: 50 of 70, 20 of 60, 0 of 40 points seen."""
    services: Rows = []
    rules: Rows = []
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

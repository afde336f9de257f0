"""What the health says of itself: deliveries, builds, checks, counters."""

from decimal import Decimal

from tests.app.rows.world import LAST, NOW, Tables


def health() -> Tables:
    """Give a delivery in force and one that is held, a build, its checks, and counters."""
    return {
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
                "period": "2026-11",
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
                "period": "2026-11",
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

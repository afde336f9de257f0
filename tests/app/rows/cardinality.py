"""Metrics, their labels and values, and what could be done about them."""

from datetime import timedelta
from decimal import Decimal

from tests.app.rows.world import LAST, Tables

METRICS = (
    ("checkout.cart.events", "sum", 5200, 48310, "user_id"),
    ("http.server.request.duration", "histogram", 8200, 8300, ""),
    ("rpc.client.duration", "histogram", 4100, 4090, ""),
    ("jvm.memory.used", "gauge", 2400, 2400, ""),
    ("container.cpu.time", "sum", 1300, 1310, ""),
)


def cardinality() -> Tables:
    """Give 20 days of five metrics, one of which exploded four days ago by a label."""
    found: Tables = {
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

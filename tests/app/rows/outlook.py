"""Budgets, forecasts and anomalies."""

from datetime import date, timedelta
from decimal import Decimal

from tests.app.rows.world import CENT, HOSTILE, LAST, TEAMS, Rows, Tables


def outlook() -> Tables:
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


def budgets(team_days: Rows) -> Rows:
    """Give a budget a team: one spent over, one that will be, the others within."""
    budgets = []
    for place, team in enumerate(TEAMS):
        spent = sum(
            (
                row["effective_cost"]
                for row in team_days
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
                "period": "2026-11",
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
    return budgets

"""Costs of 75 days: per service, team, namespace, level and day, and what changed of them."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.app.rows.world import DAYS, HOSTILE, LAST, TEAMS, Rows, Tables


def _amount(day: date, place: int) -> Decimal:
    """Give a cost that differs by day and place, and has many decimals."""
    weekday = Decimal("0.8") if day.weekday() >= 5 else Decimal(1)
    rise = Decimal((day - date(2026, 9, 1)).days) * Decimal("0.37") * (place % 3)
    odd = Decimal((day.day * 7919 + place * 104729) % 997) / Decimal(10**7)
    return Decimal(420 - 31 * place) * weekday + rise + odd


def _days() -> list[date]:
    return [LAST - timedelta(days=n) for n in reversed(range(DAYS))]


def charges() -> Rows:
    """One row per day, team and namespace: two namespaces a team, and the buckets."""
    rows: Rows = []
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


def cost() -> Tables:
    """Add the charges up: by team, level, namespace and day, a tenth of a team's cost shared."""
    costs = charges()
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


def tags() -> Rows:
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


def adjustments() -> Rows:
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

"""Bill lines and who shares them."""

from datetime import UTC, date, datetime
from decimal import Decimal

from tests.app.rows.world import HOSTILE, LAST, TEAMS, Tables


def ledger() -> Tables:
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

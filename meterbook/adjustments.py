"""Adjustments of closed months: what changed, and why, in words.

Reads    mart_adjustment, core_restatement of a snapshot
Gives    rows by month of the statement, receiver and what changed, each with its cause
Holds    the rows of a receiver add up to what its statement lists of earlier months
"""

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, Final

import polars as pl

from meterbook.plain import plain
from meterbook.settings import Settings
from warehouse.snapshot import current, open_snapshot

Ask = Callable[..., pl.DataFrame]

SQL: Final = """
SELECT a.*, coalesce((
         SELECT string_agg(DISTINCT replace(r.reason, '_', ' '), ', ' ORDER BY
                           replace(r.reason, '_', ' '))
         FROM core_restatement r
         WHERE list_contains(string_split(a.delivery_ids, ' + '), r.delivery_id)
           AND r.service_name = a.service_name AND r.currency = a.currency
           AND a.original_period BETWEEN strftime(r.first_day, '%Y-%m')
                                     AND strftime(r.last_day, '%Y-%m')), '') AS kinds
FROM mart_adjustment a
WHERE a.posted_period = $period AND ($team IS NULL OR a.team = $team)
ORDER BY a.team, a.currency, abs(a.effective_cost) DESC, a.original_period, a.service_name,
         a.sub_account_id, a.charge_category, a.cluster, a.namespace, a.pool, a.reason
"""


def adjustments(settings: Settings, period: str, team: str | None = None) -> pl.DataFrame:
    """Give what the statement of a month lists of earlier months."""
    with closing(open_snapshot(current(settings.serving))) as con:
        return asked(lambda sql, **named: con.cursor().sql(sql, params=named).pl(), period, team)


def asked(ask: Ask, period: str, team: str | None = None) -> pl.DataFrame:
    """Ask a snapshot for the adjustments of a month."""
    return ask(SQL, period=period, team=team)


def what(row: Mapping[str, Any]) -> str:
    """Name what changed: service, account, category, place and pool, as far as they are told."""
    place = "" if row["cluster"] == "-" else f"{row['cluster']}/{row['namespace']}"
    pool = f"pool {row['pool']}" if row["pool"] else ""
    parts = (row["service_name"], row["sub_account_id"], row["charge_category"], place, pool)
    return ", ".join(part for part in parts if part not in {"", "-"}) or "all cost"


def why(row: Mapping[str, Any]) -> str:
    """Name the cause: the delivery, the rules, or telemetry."""
    if row["reason"] == "telemetry":
        return "telemetry: neither the bill nor the rules changed"
    parts = []
    if "restatement" in row["reason"]:
        kinds = f" ({row['kinds']})" if row["kinds"] else ""
        by = f" by delivery {row['delivery_ids']}" if row["delivery_ids"] else ""
        former = row["former_delivery_ids"]
        parts.append(f"restatement{kinds}{by}{f' in place of {former}' if former else ''}")
    if "rules" in row["reason"]:
        parts.append(f"rules {row['config_hash']} in place of {row['former_config_hash']}")
    return "; ".join(parts) or row["reason"]


def as_json(frame: pl.DataFrame) -> str:
    """Give every row with its cause; money is text, so that no digit is lost."""
    rows = [{**row, "what": what(row), "why": why(row)} for row in frame.to_dicts()]
    return json.dumps(rows, indent=1, default=plain)


def as_text(frame: pl.DataFrame, period: str) -> str:
    """Give the sum by receiver, and under it what changed and why."""
    if frame.is_empty():
        return f"{period}: nothing changed of earlier closed months."
    lines = []
    by = ["team", "currency"]
    for (team, currency), rows in frame.group_by(by, maintain_order=True):
        total = rows["effective_cost"].sum()
        state = "closed" if rows["is_closed"].all() else "open"
        lines.append(
            f"{team}: {total} {currency} in {rows.height} row(s), stated in {period} ({state})"
        )
        lines += [
            f"  {row['effective_cost']:>24}  {row['original_period']}  {what(row)}\n"
            f"  {'':>24}  {why(row)}"
            for row in rows.to_dicts()
        ]
    return "\n".join(lines)

"""Adjustments of closed months: what changed, and why, in words.

Reads    mart_adjustment, core_restatement of a snapshot
Gives    rows by month of the statement, receiver and what changed, each with its cause
Holds    the rows of a receiver add up to what its statement lists of earlier months
"""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Final

import polars as pl

from meterbook.base.home import Home
from meterbook.base.plain import to_json
from warehouse.store.ask import ask
from warehouse.store.snapshot import current, open_snapshot

Ask = Callable[..., pl.DataFrame]

SQL: Final = """
WITH told AS (
  SELECT a.*, coalesce((
           SELECT string_agg(DISTINCT replace(r.reason, '_', ' '), ', ' ORDER BY
                             replace(r.reason, '_', ' '))
           FROM core_restatement r
           WHERE list_contains(string_split(a.delivery_ids, ' + '), r.delivery_id)
             AND r.service_name = a.service_name AND r.currency = a.currency
             AND a.original_period BETWEEN strftime(r.first_day, '%Y-%m')
                                       AND strftime(r.last_day, '%Y-%m')), '') AS kinds
  FROM mart_adjustment a
  WHERE a.posted_period BETWEEN $first AND $last AND ($team IS NULL OR a.team = $team)
)
SELECT * EXCLUDE (kinds),
       coalesce(nullif(concat_ws(', ', nullif(service_name, '-'), nullif(sub_account_id, ''),
         nullif(charge_category, '-'), if(cluster = '-', NULL, cluster || '/' || namespace),
         if(pool = '', NULL, 'pool ' || pool)), ''), 'all cost') AS what,
       if(reason = 'telemetry', 'telemetry: neither the bill nor the rules changed',
         concat_ws('; ',
           if(contains(reason, 'restatement'), 'restatement'
             || if(kinds = '', '', ' (' || kinds || ')')
             || if(delivery_ids = '', '', ' by delivery ' || delivery_ids)
             || if(former_delivery_ids = '', '', ' in place of ' || former_delivery_ids), NULL),
           if(contains(reason, 'rules'),
             'rules ' || config_hash || ' in place of ' || former_config_hash, NULL))) AS why
FROM told
ORDER BY posted_period, team, currency, abs(effective_cost) DESC, original_period, service_name,
         sub_account_id, charge_category, cluster, namespace, pool, reason
"""
"""What changed of closed months, stated from the month `first` to `last`; of all without `team`."""


def adjustments(home: Home, period: str, team: str | None = None) -> pl.DataFrame:
    """Give what the statement of a month lists of earlier months."""
    with closing(open_snapshot(current(home.serving))) as con:
        return asked(partial(ask, con), period, team)


def asked(answer: Ask, period: str, team: str | None = None) -> pl.DataFrame:
    """Ask a snapshot for the adjustments of a month."""
    return answer(SQL, first=period, last=period, team=team)


def as_json(frame: pl.DataFrame) -> str:
    """Give every row with its cause; money is text, so that no digit is lost."""
    return to_json(frame.to_dicts())


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
            f"  {row['effective_cost']:>24}  {row['original_period']}  {row['what']}\n"
            f"  {'':>24}  {row['why']}"
            for row in rows.to_dicts()
        ]
    return "\n".join(lines)

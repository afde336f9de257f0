"""Statements: what a team owes for a month, in cents that add up to the invoice.

Reads    mart_cost_daily_statement, core_service, core_closed_period, mart_adjustment of the current
         snapshot; the ownership file
Gives    a statement per receiver and currency; `statement_files` writes them
Units    cents of the billing currency, rounded once
Holds    the cents of all receivers add up to those of the bill; the lines of a statement add up to
         its total; each is within a cent of its exact amount; those of a closed month never change

Rounding. The bill's total is rounded half away from zero. Its cents go to the receivers by largest
remainder, and each receiver's cents to its lines by largest remainder.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, Final, Literal

import polars as pl

from meterbook.answers.adjustments import asked
from meterbook.base.errors import ConfigError, Finding
from meterbook.base.home import Home
from meterbook.base.period import month_of
from transforms.exact.cents import CENT, apportion, rounded
from transforms.owners.ownership import Ownership
from warehouse.store.ask import ask
from warehouse.store.snapshot import current, open_snapshot
from warehouse.tables import values

Cost = Literal["effective", "billed"]
ATOMS: Final = 10**12
Key = tuple[str, str, str, str, str, str]

SQL: Final = """
WITH placed AS (
  SELECT service_namespace, service_name,
         CASE WHEN count(DISTINCT environment) = 1 THEN min(environment) ELSE '-' END AS environment
  FROM core_service GROUP BY ALL
)
SELECT s.currency, s.team, s.section, coalesce(p.environment, '-') AS environment,
       s.service_name AS service, s.cluster, s.namespace, s.pool, s.rule_id,
       sum(s.{cost}_cost) AS cost, bool_or(s.is_estimated) AS is_estimated
FROM mart_cost_daily_statement s
LEFT JOIN placed p ON p.service_namespace = s.namespace AND p.service_name = s.workload
WHERE s.charge_date BETWEEN $first AND $last
GROUP BY ALL ORDER BY ALL
"""

BILL: Final = """
SELECT currency, sum(bill_cost) AS effective, sum(bill_billed_cost) AS billed
FROM mart_reconciliation_daily WHERE charge_date BETWEEN $first AND $last
GROUP BY currency ORDER BY currency
"""

CLOSED: Final = """
SELECT currency, team, section, environment, service_name AS service, cluster, namespace, pool,
       rule_id, sum({cost}_cost) AS cost, false AS is_estimated
FROM core_closed_period
WHERE period = $period AND original_period = $period AND reason = 'closed'
GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class Line:
    """One line of a statement."""

    section: str
    environment: str
    service: str
    cluster: str
    namespace: str
    method: str
    exact: Decimal
    cents: int
    team: str = ""
    """Whose it is, on the statement of a department."""


@dataclass(frozen=True)
class Statement:
    """What one receiver owes for a month in one currency."""

    period: str
    team: str
    name: str
    cost_center: str
    currency: str
    cost: str
    cents: int
    exact: Decimal
    previous: Decimal
    bill_cents: int
    is_estimated: bool
    lines: Sequence[Line]
    adjustments: Sequence[Mapping[str, Any]]
    snapshot_id: str
    config_hash: str
    level: str = "team"

    @property
    def sections(self) -> dict[str, int]:
        """Give the cents by section, in the order people read them."""
        order = (*values.SECTIONS, values.CLOSED)
        sums = {name: sum(x.cents for x in self.lines if x.section == name) for name in order}
        return {name: sums[name] for name in order if any(x.section == name for x in self.lines)}


def statements(home: Home, ownership: Ownership, period: str, cost: Cost) -> Sequence[Statement]:
    """Give the statements of every receiver of a month. Errors: ConfigError without cost."""
    first, last = month_of(period, "--period")
    snapshot = current(home.serving)
    with closing(open_snapshot(snapshot)) as con:

        def of_cost(sql: str, **named: object) -> pl.DataFrame:
            return ask(con, sql.format(cost=cost), **named)

        def rows_of(start: date, end: date) -> tuple[pl.DataFrame, bool]:
            closed = of_cost(CLOSED, period=f"{start:%Y-%m}")
            is_closed = closed.height > 0
            return closed if is_closed else of_cost(SQL, first=start, last=end), is_closed

        rows, is_closed = rows_of(first, last)
        bill = _closed_bill(rows, cost) if is_closed else of_cost(BILL, first=first, last=last)
        before, _ = rows_of(*_month_before(first))
        adjusted = asked(partial(ask, con), period)
    if rows.is_empty():
        raise ConfigError([Finding("--period", f"{period} has no cost in the current snapshot")])
    facts = (period, cost, snapshot.id, ownership)
    made: list[Statement] = []
    for currency in bill["currency"]:
        mine = pl.col("currency") == currency
        total = bill.filter(mine)[cost][0]
        made += _of_currency(
            rows.filter(mine), before.filter(mine), total, adjusted.filter(mine), facts
        )
    return made


def _closed_bill(closed: pl.DataFrame, cost: Cost) -> pl.DataFrame:
    """Give what the bill said when the month was closed: ledger and bill were equal."""
    sums = closed.group_by("currency").agg(pl.col("cost").sum().alias(cost))
    return sums.sort("currency")


def _month_before(first: date) -> tuple[date, date]:
    year, month = (first.year - 1, 12) if first.month == 1 else (first.year, first.month - 1)
    return month_of(f"{year}-{month:02d}", "--period")


def _of_currency(
    rows: pl.DataFrame,
    before: pl.DataFrame,
    bill: Decimal,
    adjusted: pl.DataFrame,
    facts: tuple[str, str, str, Ownership],
) -> list[Statement]:
    period, cost, snapshot_id, ownership = facts
    teams = {team.id: team for team in ownership.teams}
    exact = _sums(rows)
    previous = _sums(before)
    whole = rounded(int(bill * ATOMS))
    cents = apportion({team: int(value * ATOMS) for team, value in exact.items()}, whole)
    made = []
    for name in sorted(exact):
        mine = rows.filter(pl.col("team") == name)
        known = teams.get(name)
        made.append(
            Statement(
                period=period,
                team=name,
                name=known.name if known else name,
                cost_center=known.cost_center if known else "",
                currency=rows["currency"][0],
                cost=cost,
                cents=cents[name],
                exact=exact[name],
                previous=previous.get(name, Decimal(0)),
                bill_cents=whole,
                is_estimated=bool(mine["is_estimated"].any()),
                lines=_lines(mine, cents[name], ownership),
                adjustments=adjusted.filter(pl.col("team") == name).to_dicts(),
                snapshot_id=snapshot_id,
                config_hash=ownership.config_hash,
            )
        )
    return made


def _sums(rows: pl.DataFrame) -> dict[str, Decimal]:
    sums = rows.group_by("team").agg(pl.col("cost").sum()).sort("team")
    return dict(zip(sums["team"], sums["cost"], strict=True))


def _lines(rows: pl.DataFrame, cents: int, ownership: Ownership) -> list[Line]:
    """Give the lines of one receiver, its cents parted among them."""
    exact: dict[Key, Decimal] = {}
    for row in rows.to_dicts():
        how = method(ownership, row["section"], row["pool"], row["rule_id"])
        section, environment, service = row["section"], row["environment"], row["service"]
        key = (section, environment, service, row["cluster"], row["namespace"], how)
        exact[key] = exact.get(key, Decimal(0)) + row["cost"]
    parts = apportion({key: int(value * ATOMS) for key, value in exact.items()}, cents)
    return [Line(*key, exact[key], parts[key]) for key in sorted(exact)]


def method(ownership: Ownership, section: str, pool: str, rule_id: str) -> str:
    """Say in words by which method a cost came to its receiver."""
    rule = f"rule {rule_id}" if rule_id else "no rule"
    if section == "idle":
        return "capacity billed and not asked for"
    if section == "no_telemetry":
        return "billed in hours without telemetry"
    if section == "unmounted":
        return "volumes and load balancers, billed while no pod had them"
    if section == "closed":
        return "as the month was closed by a version that kept no lines"
    if not pool:
        return rule
    found = next((p for p in ownership.pools if p.id == pool), None)
    how = {
        "even": "in equal parts",
        "proportional": "in proportion to direct cost",
        "fixed": "by fixed parts",
        "metric": "by what its metric measured",
        "none": "not split",
    }
    return f"pool {pool}, {how.get(found.split, found.split) if found else 'not split'}; {rule}"


def money(cents: int) -> str:
    """Write cents as an amount: no float, no exponent."""
    return f"{Decimal(cents) * CENT / ATOMS:.2f}"

"""Closing a month: its figures go to a file of the home, which outlives the warehouse.

Reads    mart_cost_daily_statement, mart_reconciliation_daily and core_service of the warehouse
Writes   closed/YYYY-MM.parquet    rows of core_closed_period, written once and never again
Refuses  a month that is not over, is closed, has no cost, or has an open month before it
"""

from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from meterbook.base.disk import sync
from meterbook.base.errors import ConfigError, Finding
from meterbook.base.home import Home
from meterbook.base.period import month_of
from transforms.outlook import closing as steps
from warehouse.store.store import Store
from warehouse.tables.closing import CLOSED_PERIOD
from warehouse.tables.core import SERVICE
from warehouse.tables.mart_cost import (
    COST_DAILY_STATEMENT,
    COST_DAILY_TEAM,
    RECONCILIATION_DAILY,
)

KEY = "--period"


def read_closed(home: Home) -> pl.DataFrame:
    """Give what was closed: the files, in order of months."""
    paths = sorted(home.closed.glob("*.parquet"))
    frames = [steps.as_kept(pl.read_parquet(path)) for path in paths]
    return pl.concat([CLOSED_PERIOD.empty(), *frames])


def close_month(store: Store, home: Home, period: str, *, now: datetime) -> pl.DataFrame:
    """Close a month and give its rows. Errors: ConfigError when it cannot be closed."""
    closed = read_closed(home)
    _refuse(store, closed, period, now)
    made = CLOSED_PERIOD.check(
        steps.closing(
            period,
            closed.lazy(),
            *(store.scan(table) for table in (COST_DAILY_STATEMENT, RECONCILIATION_DAILY, SERVICE)),
            now=now,
        )
    )
    path = home.closed / f"{period}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    making = path.with_suffix(".making")
    made.write_parquet(making)
    sync(making)
    making.replace(path)
    sync(path.parent)
    return made


def close_due(
    store: Store, home: Home, freeze_after_days: int | None, *, now: datetime
) -> list[str]:
    """Close every month that ended so many days ago; give them."""
    if freeze_after_days is None:
        return []
    last = str(read_closed(home)["period"].max() or "")
    due = [
        period
        for period in _months(store)
        if period > last and _end(period) + timedelta(days=freeze_after_days) <= now
    ]
    for period in due:
        close_month(store, home, period, now=now)
    return due


def _months(store: Store) -> list[str]:
    days = store.read(COST_DAILY_TEAM)["charge_date"]
    return sorted({f"{day:%Y-%m}" for day in days.unique().to_list()})


def _end(period: str) -> datetime:
    last: date = month_of(period, KEY)[1]
    return datetime.combine(last + timedelta(days=1), time(), UTC)


def _refuse(store: Store, closed: pl.DataFrame, period: str, now: datetime) -> None:
    end, months = _end(period), _months(store)
    last = str(closed["period"].max() or "")
    before = [name for name in months if last < name < period]
    if end > now:
        problem = f"{period} is not over; it can be closed from {end.date()} on"
    elif period <= last:
        problem = f"{period} is closed; later changes are adjustments of the open month"
    elif period not in months:
        problem = f"{period} has no cost in the warehouse; `meterbook build` first"
    elif before:
        problem = f"months are closed in order: close {before[0]} first"
    else:
        return
    raise ConfigError([Finding(KEY, problem)])

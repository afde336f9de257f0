"""What can be chosen in a snapshot.

Reads    the marts' teams, currencies, environments and days
Gives    the options of the sidebar, and what a reader sees who chose nothing
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from app.kit.filters import Filters, default_filters
from app.kit.reader import Reader

_DAYS: Final = """
    SELECT min(charge_date) AS first_day, max(charge_date) AS last_day,
           min(charge_date) FILTER (is_estimated) AS estimated_from
    FROM mart_cost_daily_team
"""
_TEAMS: Final = """
    SELECT team FROM (
      SELECT team FROM mart_cost_daily_team
      UNION SELECT team FROM mart_coverage_team WHERE team <> '__all__'
    )
    ORDER BY starts_with(team, '__'), team
"""
_CURRENCIES: Final = """
    SELECT currency FROM mart_reconciliation_daily GROUP BY currency
    ORDER BY sum(bill_cost) DESC, currency
"""
_ENVIRONMENTS: Final = "SELECT DISTINCT environment FROM mart_coverage_service ORDER BY environment"


@dataclass(frozen=True)
class Choices:
    """The options. Currencies stand in the order of their cost; there is always one."""

    teams: tuple[str, ...]
    currencies: tuple[str, ...]
    environments: tuple[str, ...]
    since: date | None
    """The first day with cost."""
    through: date | None
    """The last day with cost."""
    estimated_from: date | None


def choices(reader: Reader) -> Choices:
    """Give the options of a snapshot; looked up once."""
    return reader.kept("choices", lambda: _choices(reader))


def last_day(reader: Reader) -> date:
    """Give the last day that is shown: the last with cost, or that of the build without any."""
    return choices(reader).through or reader.snapshot.built_at.date()


def first_look(reader: Reader) -> Filters:
    """Give what a reader sees who chose nothing."""
    filters = default_filters(last_day(reader), choices(reader).currencies[0])
    return replace(filters, is_compared=can_compare(reader, filters))


def can_compare(reader: Reader, filters: Filters) -> bool:
    """Tell whether there is cost for the whole of the earlier period; a part would mislead."""
    since = choices(reader).since
    return since is not None and since <= filters.previous_start


def _choices(reader: Reader) -> Choices:
    since, through, estimated_from = reader.ask(_DAYS).frame.row(0)
    return Choices(
        teams=_names(reader, _TEAMS),
        currencies=_names(reader, _CURRENCIES) or ("USD",),
        environments=_names(reader, _ENVIRONMENTS),
        since=since,
        through=through,
        estimated_from=estimated_from,
    )


def _names(reader: Reader, sql: str) -> tuple[str, ...]:
    return tuple(reader.ask(sql).frame.to_series().to_list())

"""A small published book with known totals, an empty one, and the ways to look at them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest

from app.kit.reader import Reader
from app.web.place import snapshots
from meterbook.base.home import Home
from tests.app.rows.cardinality import cardinality
from tests.app.rows.cost import adjustments, charges, cost, tags
from tests.app.rows.coverage import coverage
from tests.app.rows.health import health
from tests.app.rows.ledger import ledger
from tests.app.rows.outlook import budgets, outlook
from tests.app.rows.score import score
from tests.app.rows.workloads import units, workloads
from tests.app.rows.world import NOW, Rows, Tables
from warehouse import tables
from warehouse.store.snapshot import publish
from warehouse.store.store import Store
from warehouse.table import Column, Table

BY_NAME = {table.name: table for table in tables.ALL}


@dataclass(frozen=True)
class Book:
    """A home with a published snapshot, and what its figures must be."""

    home: Home
    spend: dict[date, Decimal]
    """Effective cost of each day."""
    by_team: dict[tuple[date, str], Decimal]

    def sum(self, start: date, end: date, team: str | None = None) -> Decimal:
        """Add up the days by hand."""
        return sum(
            (
                cost
                for (day, name), cost in self.by_team.items()
                if start <= day <= end and team in (None, name)
            ),
            Decimal(0),
        )


def _rows(table: Table, rows: Rows) -> pl.DataFrame:
    """Fill what a row does not name with an empty value, or the first of those that may be."""
    full = [
        {column.name: row.get(column.name, _blank(column)) for column in table.columns}
        for row in rows
    ]
    return pl.DataFrame(full, schema=table.schema)


def _blank(column: Column) -> object:
    if column.is_nullable:
        return None
    if column.values and "" not in column.values:
        return column.values[0]
    return {"String": "", "Boolean": False, "List": []}.get(type(column.dtype).__name__, 0)


def _publish(home: Home, filled: Tables, now: datetime = NOW) -> None:
    with Store(home.warehouse) as store:
        with store.change() as change:
            for name, rows in filled.items():
                change.replace(BY_NAME[name], _rows(BY_NAME[name], rows))
        publish(store, home.serving, now=now, keep=3)


def _tables() -> Tables:
    costs = cost()
    return {
        **costs,
        **coverage(),
        **score(),
        **cardinality(),
        **ledger(),
        **outlook(),
        **workloads(),
        **health(),
        "mart_budget": budgets(costs["mart_cost_daily_team"]),
        "mart_adjustment": adjustments(),
        "mart_unit_cost": units(),
        "mart_tag_quality_daily": tags(),
    }


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """Give 75 days of eight teams, published."""
    home = Home(tmp_path_factory.mktemp("full"))
    _publish(home, _tables())
    by_team: dict[tuple[date, str], Decimal] = {}
    spend: dict[date, Decimal] = {}
    for row in charges():
        key = (row["charge_date"], row["team"])
        by_team[key] = by_team.get(key, Decimal(0)) + row["effective_cost"]
        spend[key[0]] = spend.get(key[0], Decimal(0)) + row["effective_cost"]
    return Book(home, spend, by_team)


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give a home whose published tables have no rows."""
    home = Home(tmp_path_factory.mktemp("empty"))
    _publish(home, {})
    return home


@pytest.fixture(scope="session")
def bare_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give a home where nothing was ever published."""
    return Home(tmp_path_factory.mktemp("bare"))


Publish = Callable[..., None]


@pytest.fixture(scope="session")
def publish_rows() -> Publish:
    """Give the way to publish rows of one's own."""
    return _publish


@pytest.fixture(scope="session")
def reader(book: Book) -> Reader:
    """Give the reader of the full book: the one the pages use, as a file opens only once."""
    return snapshots(book.home.serving).reader()


@pytest.fixture(scope="session")
def empty_reader(empty_home: Home) -> Reader:
    """Give a reader of the book without rows."""
    return snapshots(empty_home.serving).reader()

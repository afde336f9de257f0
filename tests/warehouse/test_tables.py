"""Every declared table, on the day it is added."""

from dataclasses import replace
from importlib import import_module
from pkgutil import walk_packages

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import meterbook.build as building
from meterbook.base.errors import CheckFailedError, SchemaMismatchError
from transforms import day_steps, whole_steps
from warehouse.table import USD, Column, Table, rises, sql_type
from warehouse.tables import ALL, BY_NAME
from warehouse.tables.focus import FOCUS_NAMES


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
class TestEveryTable:
    """What holds for each declaration."""

    def test_ddl_runs_twice(self, table: Table) -> None:
        """Making a table that is there changes nothing, and its sample rows fit into it."""
        con = duckdb.connect()

        con.execute(table.ddl())
        con.execute(table.ddl())

        con.register("incoming", table.check(table.sample()).to_arrow())
        con.execute(f'INSERT INTO "{table.name}" SELECT * FROM incoming')
        assert con.sql(f'SELECT count(*) FROM "{table.name}"').fetchall() == [(3,)]

    def test_is_described(self, table: Table) -> None:
        """A table, its grain and each column have words; key and partition are columns."""
        assert table.text
        assert table.grain
        assert all(column.text for column in table.columns)
        assert set(table.key) <= set(table.schema)
        assert table.partition is None or table.partition in table.schema

    def test_money_has_a_unit(self, table: Table) -> None:
        """A column of money says which."""
        assert all(column.unit for column in table.columns if column.dtype == USD)

    def test_checks_are_sql(self, table: Table) -> None:
        """Each check runs on empty tables, its own and others, and finds nothing."""
        con = duckdb.connect()
        for every in ALL:
            con.execute(every.ddl())

        found = [con.sql(check.sql).fetchall() for check in table.checks]

        assert found == [[] for _ in table.checks]


def test_names_are_unique() -> None:
    """No name is declared twice."""
    assert len(BY_NAME) == len(ALL)


def test_each_table_is_made() -> None:
    """A table that no step writes is one that the build names, or it would stay empty for ever.

    What a step calls by the name of a table is declared, or it would be kept nowhere.
    """
    steps = {name for step in (*day_steps.DAY, *whole_steps.WHOLE) for name in step.writes}
    modules = [
        import_module(one.name) for one in walk_packages(building.__path__, "meterbook.build.")
    ]
    named = {
        value.name
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Table)
    }

    wanted = {table.name for table in ALL if table.layer != "raw"}
    layered = {name for name in steps if name.startswith(("core_", "mart_"))}

    assert wanted - steps - named == set()
    assert layered - wanted == set()


def test_focus_names_are_those_of_the_standard() -> None:
    """FOCUS 1.2 has 57 columns; the five `Allocated*` and two provider names of 1.3 are beside."""
    assert len(FOCUS_NAMES) == 57 + 5 + 2


SMALL = Table(
    name="core_small",
    text="For tests.",
    grain="name",
    key=("name",),
    columns=(Column("name", pl.String(), "name"), Column("cost", USD, "cost", unit="USD")),
)


def test_other_columns_and_types_are_named() -> None:
    """The error says what is missing, what is too much and what has another type."""
    frame = pl.DataFrame({"name": ["a"], "owner": ["b"]}).with_columns(name=pl.lit(1))

    with pytest.raises(SchemaMismatchError) as caught:
        SMALL.check(frame)

    assert caught.value.missing == ("cost",)
    assert caught.value.unexpected == ("owner",)
    assert len(caught.value.wrong_type) == 1


def test_a_key_stands_once() -> None:
    """Two rows of one key stop the write, wherever they stand."""
    frame = pl.concat([SMALL.sample(2), SMALL.sample(1)])

    with pytest.raises(CheckFailedError, match="key is unique"):
        SMALL.check(frame)


@given(st.lists(st.tuples(*[st.one_of(st.none(), st.sampled_from("ab"))] * 2), max_size=5))
def test_keys_rise_when_sorting_changes_nothing_and_none_stands_twice(
    rows: list[tuple[str | None, str | None]],
) -> None:
    """Nulls first, as polars sorts."""
    frame = pl.DataFrame(rows, schema={"x": pl.String, "y": pl.String}, orient="row")

    is_sorted = frame.equals(frame.sort("x", "y"))

    assert rises(frame, ("x", "y")) == (is_sorted and len(set(rows)) == len(rows))


def test_nulls_stand_only_where_declared() -> None:
    """A null stops the write, unless the column is declared to have some."""
    frame = SMALL.sample(1).with_columns(cost=pl.lit(None, USD))
    lenient = replace(
        SMALL, columns=(SMALL.columns[0], replace(SMALL.columns[1], is_nullable=True))
    )

    with pytest.raises(CheckFailedError, match="cost is not null"):
        SMALL.check(frame)

    assert lenient.check(frame).height == 1


def test_sql_types() -> None:
    """Nested types have their DuckDB names."""
    dtype = pl.List(pl.Struct({"key": pl.String(), "value": USD}))
    assert sql_type(dtype) == 'STRUCT("key" VARCHAR, "value" DECIMAL(38,12))[]'

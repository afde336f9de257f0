"""The command as its user meets it: help, exit status, words on errors."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import click
import polars as pl
import pytest
from click.testing import CliRunner, Result

from meterbook.base.home import Home
from meterbook.cli import main
from warehouse.store.snapshot import publish
from warehouse.store.store import Store

GROUP = cast("click.Group", main)
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def meterbook(*words: str, home: Home | None = None) -> Result:
    """Run the command in this process."""
    environ = {"MB_HOME": str(home)} if home else {}
    return CliRunner().invoke(GROUP, list(words), env=environ)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give a home with a published snapshot of sample rows."""
    home = Home(tmp_path_factory.mktemp("book"))
    with Store(home.warehouse) as store:
        with store.change() as change:
            for table in store.tables:
                change.replace(table, table.sample())
        publish(store, home.serving, now=NOW, keep=3)
    return home


@pytest.mark.parametrize("name", sorted(GROUP.commands))
def test_each_command_has_help_with_an_example(name: str) -> None:
    """`--help` ends well and shows how to call it."""
    done = meterbook(name, "--help")

    assert done.exit_code == 0
    assert f"meterbook {name}" in done.output or "meterbook --home" in done.output
    assert "Examples:" in done.output


def test_nothing_published_is_wrong_use(tmp_path: Path) -> None:
    """Asking an empty home ends with 2 and says what to do."""
    done = meterbook("query", "select 1", home=Home(tmp_path))

    assert done.exit_code == 2
    assert "meterbook build" in done.output


def test_wrong_settings_are_all_reported(tmp_path: Path) -> None:
    """A configuration with two findings ends with 2 and lists both."""
    (tmp_path / "meterbook.toml").write_text("[site]\nport = 99999\ncolour = 1\n")

    done = meterbook("status", home=Home(tmp_path))

    assert done.exit_code == 2
    assert "site.port" in done.output
    assert "site.colour" in done.output


def test_a_day_that_is_none_is_wrong_use(book: Home) -> None:
    """`--day` wants a day."""
    done = meterbook("explain", "--team", "a", "--day", "monday", home=book)

    assert done.exit_code == 2
    assert "want YYYY-MM-DD" in done.output


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_query_answers_in_each_form(book: Home, form: str) -> None:
    """Money keeps its digits in every form."""
    done = meterbook(
        "query",
        "select min(bill_cost) as c from mart_reconciliation_daily",
        "--format",
        form,
        home=book,
    )

    assert done.exit_code == 0
    assert "0.250000000000" in done.output


def test_query_writes_parquet(book: Home, tmp_path: Path) -> None:
    """Parquet needs a file, and keeps the types."""
    out = tmp_path / "rows.parquet"
    sql = "select * from mart_reconciliation_daily"

    refused = meterbook("query", sql, "--format", "parquet", home=book)
    done = meterbook("query", sql, "--format", "parquet", "--out", str(out), home=book)

    assert refused.exit_code == 2
    assert done.exit_code == 0
    assert pl.read_parquet(out).schema["bill_cost"] == pl.Decimal(38, 12)


def test_a_question_that_writes_is_refused(book: Home) -> None:
    """A snapshot is never written; the refusal ends with 3."""
    assert meterbook("query", "drop table mart_run", home=book).exit_code == 3


def test_status_tells_freshness(book: Home) -> None:
    """Status has a form for people and one for machines."""
    facts = json.loads(meterbook("status", "--json", home=book).output)

    assert facts["snapshot"]["data_through"] == "2026-10-03"
    assert "deliveries:" in meterbook("status", home=book).output


def test_check_tells_broken_checks(book: Home) -> None:
    """The sample rows break a check on purpose; `check` says which and ends with 1."""
    done = meterbook("check", home=book)

    assert done.exit_code == 1
    assert "name-0" in done.output


def test_explain_knows_when_there_is_nothing(book: Home) -> None:
    """A team without cost on a day is told so."""
    done = meterbook("explain", "--team", "nobody", "--day", "2026-10-01", home=book)

    assert done.exit_code == 0
    assert "no cost" in done.output


def test_explain_tells_when_no_closed_month_changed(book: Home) -> None:
    """Without adjustments it says so; it wants a month, and no day."""
    done = meterbook("explain", "--adjustments", "--period", "2026-10", home=book)
    wrong = meterbook("explain", "--adjustments", "--day", "2026-10-01", home=book)

    assert (done.exit_code, done.output) == (
        0,
        "2026-10: nothing changed of earlier closed months.\n",
    )
    assert wrong.exit_code == 2
    assert "want --period" in wrong.output


def test_explain_lists_lines(book: Home) -> None:
    """A team's day leads to its bill line and rule."""
    done = meterbook("explain", "--team", "name-0", "--day", "2026-10-01", home=book)

    assert done.exit_code == 0
    assert "0.250000000000" in done.output
    assert "by rule name-0" in done.output

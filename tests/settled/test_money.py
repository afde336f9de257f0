"""Settled: money and time; see docs/reference/settled.md."""

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import click
import polars as pl
import pytest
from click.testing import CliRunner

from meterbook.base.settings import SECTIONS, Settings
from meterbook.build.plan import is_final
from meterbook.cli import main
from tests.transforms.conftest import DAY
from transforms.exact.money import atoms
from transforms.ledger.allocation import ledger as ledger_of
from transforms.owners.ownership import Ownership
from transforms.partition import Terms
from warehouse.store.snapshot import current
from warehouse.table import Column, Table
from warehouse.tables import ALL
from warehouse.tables.core import NODE_HOURLY, USAGE_HOURLY

AMOUNTS = ("billing currency", "currency", "report currency", "report_currency", "USD")
"""The units of amounts of money; a unit price has another."""
COMPLETE = datetime(2026, 10, 4, tzinfo=UTC)
"""48 hours after the end of the first of October."""
TICK = timedelta(microseconds=1)
around_completion = pytest.mark.parametrize(
    ("now", "state"), [(COMPLETE - TICK, "estimated"), (COMPLETE, "final")]
)


def is_money(column: Column) -> bool:
    """Tell an amount of money by its unit or its name."""
    return column.unit in AMOUNTS or column.name.endswith("_cost")


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_settled_money_is_decimal_38_12_in_every_table(table: Table) -> None:
    """An amount of money has one type, whatever the table."""
    money = [column for column in table.columns if is_money(column)]

    assert {column.dtype for column in money} <= {pl.Decimal(38, 12)}


def test_settled_an_atom_is_1e_12() -> None:
    """A unit of currency has 10^12 atoms; the smallest amount that is kept is one."""
    amounts = pl.DataFrame({"cost": [Decimal("0.000000000001"), Decimal(1)]})

    assert amounts.select(atoms(pl.col("cost")))["cost"].to_list() == [1, 10**12]


def test_settled_no_setting_changes_the_number_of_decimals() -> None:
    """Nothing that can be set speaks of decimals, digits, a scale or a precision."""
    names = [
        f"{section}.{field.name}"
        for section in SECTIONS
        for field in fields(getattr(Settings(), section))
    ]

    words = ("decimal", "digit", "scale", "precision", "round")
    assert [name for name in names if any(word in name for word in words)] == []


@around_completion
def test_settled_a_day_of_cost_is_estimated_until_48_hours_after_its_end(
    bill: Any, now: datetime, state: str
) -> None:
    """The first of October ends at midnight; it is estimated before the fourth begins."""
    lines = bill.add("1").of_day()

    made = ledger_of(
        lines,
        USAGE_HOURLY.empty().lazy(),
        NODE_HOURLY.empty().lazy(),
        Ownership.default(),
        day=DAY,
        now=now,
    )

    assert made.collect()["is_estimated"].to_list() == [state == "estimated"]


@around_completion
def test_settled_a_build_goes_by_the_same_moment(now: datetime, state: str) -> None:
    """What is due when a day becomes final is due at the moment at which the ledger says so."""
    terms = Terms(DAY, now, Settings(), Ownership.default())

    assert is_final(terms) == (state == "final")


@pytest.mark.slow
@pytest.mark.parametrize("way", ["option", "variable"])
def test_settled_now_or_mb_now_is_the_time_that_a_build_compares_with(
    tmp_path: Path, way: str
) -> None:
    """A build of 2026-11-01 publishes a snapshot of that time; an hour later it is an hour old."""
    begun, later = "2026-11-01T00:00:00Z", "2026-11-01T01:00:00Z"
    words, environ = (["--now", begun], {}) if way == "option" else ([], {"MB_NOW": begun})

    done = meterbook(["build", *words], tmp_path, environ)
    status = meterbook(["status", "--json"], tmp_path, {"MB_NOW": later})

    assert done.exit_code == 0
    assert current(tmp_path / "serving").built_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert json.loads(status.output)["snapshot"]["age_seconds"] == 3600


def meterbook(words: list[str], home: Path, environ: dict[str, str]) -> Any:
    """Run the command in this process."""
    group = cast("click.Group", main)
    return CliRunner().invoke(group, words, env={"MB_HOME": str(home)} | environ)

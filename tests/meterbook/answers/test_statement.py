"""Statements: the same cents on every paper, each line with its method."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from meterbook.answers.department import by_department
from meterbook.answers.rules import read_ownership
from meterbook.answers.statement import Cost, Statement, statements
from meterbook.answers.statement_files import as_csv, write
from meterbook.answers.statement_page import page
from meterbook.base.errors import ConfigError
from meterbook.base.home import Home
from meterbook.base.settings import Settings
from meterbook.base.settings_file import load_settings
from meterbook.cli import main
from transforms.ledger.cost import cost_daily_statement
from warehouse.store.snapshot import publish
from warehouse.store.store import Store
from warehouse.table import Table
from warehouse.tables.core import COST_LEDGER, COST_LINE
from warehouse.tables.mart_cost import COST_DAILY_STATEMENT, RECONCILIATION_DAILY

NOW = datetime(2026, 11, 5, tzinfo=UTC)
DAY = date(2026, 10, 5)
THIRD = Decimal("33.333333333333")
ROWS = (
    ("pay", "", "workload", "checkout", THIRD),
    ("find", "", "workload", "search", THIRD),
    ("find", "mesh", "pool_share", "mesh", Decimal("0.000000000001")),
    ("__idle__", "", "idle", "__idle__", THIRD),
    ("pay", "", "workload", "=cmd|x", Decimal("-1.005")),
)
RULES = """
version: 1
teams:
  - {id: pay, name: Payments & co, cost_center: CC-7, department: shop}
  - {id: find, name: Find, department: shop}
departments: [{id: shop, name: The Shop, cost_center: CC-1}, {id: empty}]
rules:
  - {id: all, match: "*", team: pay}
shared:
  - {id: mesh, pool: {namespace: mesh}, to: {teams: all}, split: even}
"""


def rows(table: Table, *given: dict[str, Any]) -> pl.DataFrame:
    """Give sample rows with these facts."""
    blank = table.sample(1).to_dicts()[0]
    return pl.DataFrame([{**blank, **row} for row in given], schema=table.schema)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Give a book of one bill line of 98.995 shared among three receivers."""
    shares = [
        {
            "x_line_hash": "l",
            "charge_date": DAY,
            "team": team,
            "pool": pool,
            "reason": reason,
            "namespace": namespace,
            "effective_cost": cost,
            "billed_cost": cost,
            "currency": "USD",
            "service_name": "EC2",
            "is_estimated": False,
        }
        for team, pool, reason, namespace, cost in ROWS
    ]
    total = sum((row[4] for row in ROWS), Decimal(0))
    day = {"charge_date": DAY, "currency": "USD", "bill_cost": total, "bill_billed_cost": total}
    line = {"x_line_hash": "l", "charge_date": DAY, "charge_category": "Usage"}
    ledger, lines = rows(COST_LEDGER, *shares), rows(COST_LINE, line)
    daily = cost_daily_statement(ledger.lazy(), lines.lazy()).collect()
    home = Home(tmp_path_factory.mktemp("book"))
    with Store(home.warehouse) as store:
        with store.change() as change:
            change.replace(COST_DAILY_STATEMENT, daily)
            change.replace(RECONCILIATION_DAILY, rows(RECONCILIATION_DAILY, day))
        publish(store, home.serving, now=NOW, keep=3)
    (home.root / "ownership.yaml").write_text(RULES, encoding="utf-8")
    config = home.config
    config.write_text('[ownership]\nrules = "ownership.yaml"\n', encoding="utf-8")
    return load_settings(config, {}, {"home": home})


def stated(settings: Settings, period: str, cost: Cost) -> Sequence[Statement]:
    """Give the statements under the book's own rules."""
    ownership = read_ownership(settings.ownership, settings.base)
    return statements(settings.home, ownership, period, cost)


def test_cents_of_all_are_the_bill(settings: Settings) -> None:
    """98.995 is 99.00; of floors 33.33, 33.33, 32.32 the two largest remainders get a cent."""
    made = {one.team: one for one in stated(settings, "2026-10", "effective")}

    assert {name: one.cents for name, one in made.items()} == {
        "__idle__": 3333,
        "find": 3334,
        "pay": 3233,
    }
    assert {one.bill_cents for one in made.values()} == {9900}
    assert all(sum(line.cents for line in one.lines) == one.cents for one in made.values())


def test_a_line_says_its_method(settings: Settings) -> None:
    """A share of a pool names the pool and how it is split."""
    find = next(x for x in stated(settings, "2026-10", "billed") if x.team == "find")

    methods = {line.section: line.method for line in find.lines}
    assert methods["shared"].startswith("pool mesh, in equal parts")
    assert sum(find.sections.values()) == 3334


def test_a_page_prints_names_as_text(settings: Settings) -> None:
    """The page has the name escaped, the cost centre, the total and no script."""
    pay = next(x for x in stated(settings, "2026-10", "effective") if x.team == "pay")

    text = page(pay)

    assert "Payments &amp; co" in text
    assert "CC-7" in text
    assert "32.33 USD" in text
    assert "<script" not in text
    assert "None in this statement" in text


def test_a_spreadsheet_gets_no_formula(settings: Settings) -> None:
    """A namespace like a formula is quoted; a negative amount stays a number; lines add up."""
    pay = next(x for x in stated(settings, "2026-10", "effective") if x.team == "pay")

    read = list(csv.DictReader(io.StringIO(as_csv(pay))))

    assert {row["namespace"] for row in read} == {"checkout", "'=cmd|x", ""}
    amounts = {row["section"] + row["namespace"]: Decimal(row["amount"]) for row in read}
    assert amounts["total"] == sum(x for name, x in amounts.items() if name != "total")
    assert min(amounts.values()) < 0


def test_a_department_owes_what_its_teams_owe(settings: Settings) -> None:
    """33.34 and 32.33 are 65.67 on one paper, by team; with idle, 33.33, it is the bill."""
    made = stated(settings, "2026-10", "effective")

    (shop,) = by_department(made, read_ownership(settings.ownership, settings.base))

    assert (shop.team, shop.name, shop.cost_center, shop.cents) == (
        "shop",
        "The Shop",
        "CC-1",
        6567,
    )
    assert sum(line.cents for line in shop.lines) == sum(shop.sections.values()) == 6567
    assert shop.cents + 3333 == shop.bill_cents
    read = list(csv.DictReader(io.StringIO(as_csv(shop))))
    amount = {team: Decimal(0) for team in ("pay", "find", "shop")}
    for row in read:
        amount[row["team"]] += Decimal(row["amount"])
    assert amount == {"pay": Decimal("32.33"), "find": Decimal("33.34"), "shop": Decimal("65.67")}
    assert "<td>find</td>" in page(shop)
    assert "explain --team find" in page(shop)
    assert "By team" not in page(made[0])


def test_the_command_writes_departments_beside_teams(settings: Settings, tmp_path: Path) -> None:
    """`--all` writes both, each under its own name; the summary is of teams and buckets."""
    out = tmp_path / "out"
    front = ["--home", str(settings.home), "--config", str(settings.config_file), "statement"]
    front += ["--period", "2026-10", "--out", str(out)]

    every = CliRunner().invoke(main, [*front, "--all"])
    one = CliRunner().invoke(main, [*front, "--department", "shop"])
    none = CliRunner().invoke(main, [*front, "--department", "empty"])
    both = CliRunner().invoke(main, [*front, "--department", "shop", "--team", "pay"])

    assert (every.exit_code, one.exit_code, none.exit_code, both.exit_code) == (0, 0, 2, 2)
    assert {path.name for path in out.glob("*.csv")} == {
        "2026-10-pay.csv",
        "2026-10-find.csv",
        "2026-10-__idle__.csv",
        "2026-10-department.shop.csv",
        "2026-10-summary.csv",
    }
    assert "shop" not in (out / "2026-10-summary.csv").read_text()
    assert "have shop" in none.output


def test_files_and_a_month_without_cost(settings: Settings, tmp_path: Path) -> None:
    """Two files a receiver and a summary; an empty month is refused."""
    made = stated(settings, "2026-10", "effective")

    paths = write(made, made, tmp_path / "out")

    assert len(paths) == 7
    with pytest.raises(ConfigError, match="has no cost"):
        stated(settings, "2026-09", "effective")

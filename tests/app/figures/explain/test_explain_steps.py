"""The page's steps are those of the command, and the SQL beside them gives every digit again."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

import app
from app.figures.explain.explain_shares import shares
from app.figures.explain.explain_steps import steps
from app.kit import words
from app.kit.choices import first_look
from app.kit.figure import figure
from app.kit.reader import Reader
from app.web.place import snapshots
from meterbook.answers.explain import Question, explain
from meterbook.answers.recipe_rows import rows_of
from meterbook.base.home import Home
from tests import explained_world
from tests.explained_world import POLICIES, RULES
from tests.transforms.conftest import DAY

MAIN = Path(app.__file__).parent / "web" / "main.py"
START = f"import runpy\nrunpy.run_path({str(MAIN)!r})"
SOME = ("separate", "shared by cluster")
NUMBERS = ("amount_atoms", "weight", "denominator", "rank", "atoms_left", "atom", "result_atoms")
SHOWN = ("amount", "weight", "denominator", "remainder_rank", "atoms_left", "atom", "result")


@pytest.fixture(scope="module", params=SOME)
def home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    """Publish the world under a policy; its file is open once in this process."""
    home = Home(tmp_path_factory.mktemp("steps"))
    explained_world.published(explained_world.facts(), RULES + POLICIES[request.param], home)
    yield home
    snapshots(home.serving).reader().close()


def row_of(reader: Reader, day: str, ledger: dict[str, Any]) -> str:
    """Give the key under which the page knows a row of the ledger."""
    hour = ledger["charge_hour"]
    names = ("cluster", "node", "namespace", "workload", "team", "pool", "rule_id", "reason")
    key = "|".join([f"{hour:%H:%M}" if hour else "day", *(str(ledger[name]) for name in names)])
    shown = figure(shares, reader, first_look(reader), day, ledger["x_line_hash"])
    assert key in shown.data["row"].to_list()
    return key


def test_the_page_says_what_the_command_says(home: Home) -> None:
    """For a row of every kind of line, reason and pool: the same steps and digits."""
    made = explain(home, Question(DAY, DAY))
    reader = snapshots(home.serving).reader()
    seen: set[tuple[str, ...]] = set()

    for ledger, recipe in zip(made.frame.to_dicts(), made.recipes, strict=True):
        kind = tuple(ledger[name] for name in ("line_kind", "reason", "pool"))
        if kind in seen:
            continue
        seen.add(kind)
        row = row_of(reader, str(DAY), ledger)
        page = figure(steps, reader, first_look(reader), str(DAY), ledger["x_line_hash"], row)

        reported = [[int(step[name]) for name in NUMBERS] for step in rows_of(recipe)]
        assert page.data.select(SHOWN).cast(pl.Int128).rows() == [tuple(one) for one in reported]
        assert page.data["step"].to_list() == [step["name"] for step in rows_of(recipe)]
        assert reader.ask(page.sql).frame.equals(page.data)
        last = page.data.filter("is_last")["result"].sum()
        assert Decimal(last).scaleb(-12) == ledger["effective_cost"]
        assert words.exact(ledger["effective_cost"]) in page.finding
    assert len(seen) > 8


def test_a_row_that_is_not_there_has_words(home: Home) -> None:
    """A link of yesterday's snapshot shows no steps and says so."""
    reader = snapshots(home.serving).reader()

    page = figure(steps, reader, first_look(reader), str(DAY), "no-line", "no-row")

    assert (page.rows, page.finding, page.shown) == (0, "No such row.", ())


def test_by_clicking_one_comes_to_the_steps(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the day to a line to a row: its steps stand there, and give its digits."""
    monkeypatch.setenv("MB_HOME", str(home))
    monkeypatch.setenv("MB_NOW", "2026-10-03T08:00:00+00:00")
    run = AppTest.from_string(START, default_timeout=60).run()
    run = run.switch_page(str(MAIN.parents[1] / "pages/explain.py")).run()

    run.selectbox(key="row").select_index(1).run()

    assert not run.exception
    texts = " ".join(str(part.proto.body) for part in run.get("html"))
    assert "Every step to this row" in texts
    assert "to the last digit" in texts

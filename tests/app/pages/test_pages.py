"""Pages as readers meet them: full, empty, bare, and after one click."""

import re
import shutil
from html import escape
from pathlib import Path
from typing import Any

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

import app
from meterbook.base.home import Home

MAIN = Path(app.__file__).parent / "web" / "main.py"
START = f"import runpy\nrunpy.run_path({str(MAIN)!r})"
"""The entry script, from elsewhere: AppTest takes a folder `pages` for a navigation of its own."""
PAGES = (
    "executive",
    "team",
    "cost",
    "workloads",
    "explain",
    "coverage",
    "cardinality",
    "debug",
    "method",
)
CLICKS = {
    "executive": ("cost", "billed"),
    "team": ("team", "payments"),
    "cost": ("group", "namespace"),
    "workloads": ("profile", "lean"),
    "explain": ("day", "2026-11-20"),
    "coverage": ("environment", "production"),
    "cardinality": ("metric", "rpc.client.duration"),
    "debug": ("period", "7d"),
    "method": ("period", "month"),
}
every = pytest.mark.parametrize("name", PAGES)


def _run(name: str, home: Home, monkeypatch: pytest.MonkeyPatch, **query: str) -> AppTest:
    monkeypatch.setenv("MB_HOME", str(home))
    monkeypatch.setenv("MB_NOW", "2026-11-23T08:00:00+00:00")
    run = AppTest.from_string(START, default_timeout=60)
    for key, value in query.items():
        run.query_params[key] = value
    run.run()
    return (
        run
        if name == "executive"
        else run.switch_page(str(MAIN.parents[1] / f"pages/{name}.py")).run()
    )


def _read(run: AppTest) -> str:
    """Give what can be read: titles, cards, texts and tables."""
    parts = [*run.title, *run.caption, *run.markdown, *run.warning, *run.info]
    texts = [str(part.value) for part in parts]
    texts += [part.proto.body for part in run.get("html")]
    return " ".join(texts)


@every
def test_a_full_book_is_shown(name: str, book: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One title, freshness with an absolute time and the snapshot, and no exception."""
    run = _run(name, book.home, monkeypatch)

    assert not run.exception
    assert len(run.title) == 1
    assert "built 23 Nov 2026, 06:00 UTC" in _read(run)
    assert not [word for word in ("nan", "None", "NaT") if f" {word} " in _read(run)]


@every
def test_an_empty_book_says_so(
    name: str, empty_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables without rows give words, no exception and no chart."""
    run = _run(name, empty_home, monkeypatch)

    assert not run.exception
    assert not run.get("vega_lite_chart")
    assert "no cost yet" in _read(run)


@every
def test_a_bare_home_tells_the_next_step(
    name: str, bare_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing was published, the page names the command that publishes."""
    run = _run(name, bare_home, monkeypatch)

    assert not run.exception
    assert "meterbook run \\-\\-demo" in _read(run) or "meterbook run --demo" in _read(run)


@every
def test_one_click_changes_the_page(name: str, book: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A choice is taken up, and the page is another one after it."""
    key, value = CLICKS[name]
    run = _run(name, book.home, monkeypatch)
    before = _read(run)

    run.selectbox(key=key).set_value(value).run()

    assert not run.exception
    assert run.selectbox(key=key).value == value
    assert _read(run) != before or name == "coverage"


def test_each_page_is_in_the_navigation_and_read_here() -> None:
    """A script that the start file does not name would be found by nobody."""
    names = {path.stem for path in (MAIN.parents[1] / "pages").glob("*.py")}
    start = MAIN.read_text()

    assert names == set(PAGES) == set(CLICKS)
    assert [name for name in sorted(names) if f'PAGES / "{name}.py"' not in start] == []


def test_a_choice_comes_from_the_url(book: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link to a team and a period shows that team and period."""
    run = _run("executive", book.home, monkeypatch, team="payments", period="7 days")

    assert run.selectbox(key="team").value == "payments"
    assert "16 Nov to 22 Nov 2026" in _read(run)


def test_junk_in_the_url_shows_the_defaults(book: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown values are ignored: no exception, no script, the first look."""
    run = _run(
        "executive", book.home, monkeypatch, team="<script>", period="-1", currency="x" * 10_000
    )

    assert not run.exception
    assert run.selectbox(key="team").value == "all"
    assert run.selectbox(key="period").value == "30d"


def test_an_old_snapshot_is_called_old(book: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After 26 hours without a new snapshot the page says so, with the time."""
    monkeypatch.setenv("MB_HOME", str(book.home))
    monkeypatch.setenv("MB_NOW", "2026-11-25T08:00:00+00:00")

    run = AppTest.from_string(START, default_timeout=60).run()

    assert "These figures are 2 days old" in " ".join(part.value for part in run.warning)


def test_a_metric_without_use_can_be_dropped(book: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A metric that a dashboard names is offered fixes of its labels only, another its removal."""
    used = _run("cardinality", book.home, monkeypatch, metric="rpc.client.duration")
    other = _run("cardinality", book.home, monkeypatch, metric="checkout.cart.events")

    offered = [[str(box.options) for box in run.selectbox] for run in (used, other)]
    assert "drop the metric" not in " ".join(offered[0])
    assert "drop the metric" in " ".join(offered[1])


def test_a_snapshot_of_an_earlier_version_is_named(
    book: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a table is missing the page says so and what to do; what stands above it is shown."""
    home = Home(tmp_path)
    shutil.copytree(book.home.serving, home.serving)
    (file,) = home.serving.glob("*.duckdb")
    file.chmod(0o644)
    with duckdb.connect(file) as con:
        con.cursor().execute("DROP TABLE mart_series_active")

    run = _run("cardinality", home, monkeypatch)

    assert not run.exception
    assert "built by an earlier version" in " ".join(part.value for part in run.warning)
    assert "What to do first" in _read(run)


def test_what_is_out_of_the_ordinary_is_shown(book: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two services and a namespace rose: with day, cost, what was expected, and what rose most."""
    executive = _read(_run("executive", book.home, monkeypatch))
    team = _read(_run("team", book.home, monkeypatch, team="payments"))
    cost = _read(_run("cost", book.home, monkeypatch))

    for read, count in ((executive, "2 services of teams"), (team, "1 service of a team")):
        assert f"{count} rose beyond the usual" in read
        assert "19 Nov 2026" in read
        assert "payments-jobs +20.50" in read
        assert "$400.00" in read
        assert "$520.50" in read
    assert "$120 more than expected" in team
    assert "$520 more than expected" in executive
    assert "1 namespace rose beyond the usual; the largest is payments-jobs" in cost


def test_a_quiet_period_says_so(book: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a month before any rise there is none, in words."""
    read = _read(_run("executive", book.home, monkeypatch, period="Last month"))

    assert "No unusual rise in this period" in read


@every
def test_headings_go_down_one_step_at_a_time(
    name: str, book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader who goes by headings meets a part before its figures, and each chart has words."""
    run = _run(name, book.home, monkeypatch, team="payments")

    bodies = " ".join(part.proto.body for part in run.get("html"))
    levels = [int(level) for level in re.findall(r"<h([1-6])", bodies)]
    assert levels[0] == 2
    assert set(levels) == {2, 3}
    for spec in run.get("vega_lite_chart"):
        assert escape(spec.proto.alt) in bodies


def test_names_from_outside_stay_text(book: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service named like an image or a tag fetches nothing and is shown as it is."""
    run = _run("team", book.home, monkeypatch, team="payments")

    read = _read(run)
    labels = " ".join(part.label for part in run.expander)
    assert "&lt;img src=x" in read
    assert "<img src=x" not in read
    assert "\\!\\[x\\]" in labels

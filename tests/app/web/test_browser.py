"""The site and the report in a real browser: what readers see, and what leaves the machine."""

import csv
import importlib.util
import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.kit import words
from app.report import write_report
from meterbook.base.home import Home
from warehouse.store.snapshot import current

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SCRIPT = Path(__file__).parents[3] / "scripts" / "screenshots.py"
PAGES = ("executive", "team", "cost", "explain", "coverage", "cardinality", "debug", "method")
NOTHING = ("nan", "NaN", "None", "NaT", "undefined", "Infinity", "[object", "Traceback")
HOW = "on Debian and Ubuntu: apt-get install chromium"


@pytest.fixture(scope="session")
def shots(require_program: Any) -> ModuleType:
    """Give the script that starts the site and a browser, where there is one."""
    require_program("chromium", HOW)
    spec = importlib.util.spec_from_file_location("screenshots", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["screenshots"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def chromium(shots: ModuleType) -> Iterator[Any]:
    """Give one browser for all visits; each has a profile of its own."""
    with shots.browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(shots: ModuleType, book: Any) -> Iterator[str]:
    """Give the address of the site on the full book, in a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MB_NOW", "2026-11-23T08:00:00+00:00")
        with shots.site(book.home) as address:
            yield address


class Seen:
    """What a tab asked for and complained about."""

    def __init__(self, page: Any) -> None:
        """Listen."""
        self.hosts: set[str | None] = set()
        self.errors: list[str] = []
        page.on("request", lambda request: self.hosts.add(_host(request.url)))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._console)

    def _console(self, message: Any) -> None:
        """Keep errors, but for Streamlit's search for its own root below a page's path."""
        if message.type == "error" and "/_stcore/" not in message.location["url"]:
            self.errors.append(message.text)


def _host(url: str) -> str | None:
    return urlsplit(url).hostname if url.startswith(("http", "ws")) else None


def _spend(book: Any) -> str:
    days = sorted(book.spend)[-30:]
    return words.money(book.sum(days[0], days[-1]), "USD")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_quiet(
    name: str, shots: ModuleType, chromium: Any, address: str
) -> None:
    """One title, every chart drawn, no word for a missing value, nothing fetched from outside."""
    page = shots.open_page(chromium)
    seen = Seen(page)

    shots.visit(page, address + shots.path_of(name))

    text = page.inner_text("body")
    assert page.locator("h1").count() == 1
    assert page.locator("h1").inner_text().lower() == name
    assert page.locator('[data-testid="stException"]').count() == 0
    assert [word for word in NOTHING if word in text.split()] == []
    assert seen.hosts <= {"127.0.0.1", None}
    assert seen.errors == []
    page.context.close()


def test_the_card_is_the_sum_of_the_book(
    shots: ModuleType, chromium: Any, address: str, book: Any
) -> None:
    """Spend on the card equals the sum by hand; the table's total gives it to the cent."""
    page = shots.open_page(chromium)

    shots.visit(page, address)

    assert page.locator(".mb-card .v").first.inner_text() == _spend(book)
    days = sorted(book.spend)[-30:]
    total = words.cents(book.sum(days[0], days[-1]), "USD")
    assert page.locator(".mb tfoot", has_text="Total").first.inner_text().split("\t")[1] == total
    page.context.close()


def test_the_rows_of_a_figure_are_a_click_away(
    shots: ModuleType, chromium: Any, address: str, book: Any
) -> None:
    """Below a figure stand its SQL and a link to all of its rows; a link of another day is gone."""
    page = shots.open_page(chromium)
    shots.visit(page, address)
    below = page.locator(".st-key-figure-teams details.mb-source")

    below.locator("summary").click()
    link = below.locator("a").get_attribute("href")
    answer = page.request.get(f"{address}/{link}")
    gone = page.request.get(f"{address}/rows/other/{'0' * 20}.csv")

    assert "FROM mart_cost_daily_team" in below.locator("pre").inner_text()
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text())))
    days = sorted(book.spend)[-30:]
    assert sum(Decimal(row["cost"]) for row in rows) == book.sum(days[0], days[-1])
    assert gone.status == 410
    page.context.close()


def test_a_choice_stays_when_the_page_changes(
    shots: ModuleType, chromium: Any, address: str
) -> None:
    """The team and period of the URL hold on the next page, in its URL and its figures."""
    page = shots.open_page(chromium)
    shots.visit(page, f"{address}/?period=7+days&team=payments")

    page.locator('[data-testid="stSidebarNav"] a', has_text="Cost").click()
    page.wait_for_url("**/cost?*")
    shots.wait_drawn(page)

    assert "team=payments" in page.url
    assert "16 Nov to 22 Nov 2026" in page.inner_text("body")
    page.go_back()
    shots.wait_drawn(page)
    assert "team=payments" in page.url
    page.context.close()


def test_a_name_that_looks_like_an_image_fetches_nothing(
    shots: ModuleType, chromium: Any, address: str
) -> None:
    """Names come from telemetry: they are text, everywhere they stand."""
    page = shots.open_page(chromium)
    seen = Seen(page)

    shots.visit(page, f"{address}/team?team=payments")

    assert "<img src=x onerror=alert(1)>" in page.inner_text("body")
    assert page.locator("img[src=x]").count() == 0
    assert seen.hosts <= {"127.0.0.1", None}
    page.context.close()


def test_a_phone_needs_no_sideways_scroll(shots: ModuleType, chromium: Any, address: str) -> None:
    """At 390 px the page is no wider than the screen."""
    page = shots.open_page(chromium, "light", 390)

    shots.visit(page, address)

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()


def test_light_and_dark_follow_the_browser(shots: ModuleType, chromium: Any, address: str) -> None:
    """The configuration beside the entry script is in force."""
    grounds = []
    for scheme in ("light", "dark"):
        page = shots.open_page(chromium, scheme)
        shots.visit(page, address)
        script = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
        grounds.append(page.evaluate(script))
        page.context.close()

    assert grounds == ["rgb(255, 255, 255)", "rgb(18, 21, 26)"]


def test_the_answer_carries_the_headers(shots: ModuleType, chromium: Any, address: str) -> None:
    """Every answer forbids frames and outside sources; the probe names the snapshot."""
    page = shots.open_page(chromium)

    index = page.goto(address)
    probe = page.goto(f"{address}/healthz")

    assert "frame-ancestors 'none'" in index.headers["content-security-policy"]
    assert index.headers["x-content-type-options"] == "nosniff"
    assert probe.json()["state"] == "ok"
    assert probe.json()["data_through"] == "2026-11-22"
    page.context.close()


def test_being_reported_to_stop_is_an_ordinary_end(shots: ModuleType, book: Any) -> None:
    """SIGTERM ends the site with status 0, whether or not somebody reads."""
    port = shots.free_port()
    process = subprocess.Popen([sys.executable, "-c", shots.SERVE, str(book.home), str(port)])
    shots.wait_until_up(f"http://127.0.0.1:{port}/healthz", process)

    process.terminate()

    assert process.wait(20) == 0


def test_the_report_needs_nothing_else(
    shots: ModuleType, chromium: Any, book: Any, tmp_path: Path
) -> None:
    """Opened as a file with the network off: the same spend, every chart, no request."""
    home = _copy(book.home, tmp_path)
    write_report(current(home.serving), tmp_path / "report.html")
    page = shots.open_page(chromium)
    seen = Seen(page)
    page.context.set_offline(True)

    page.goto((tmp_path / "report.html").as_uri())
    page.wait_for_selector("body[data-drawn]", state="attached")

    assert page.locator(".mb-card .v").first.inner_text() == _spend(book)
    charts = page.locator(".chart")
    assert charts.count() == page.locator(".chart svg").count() > 5
    assert [word for word in NOTHING if word in page.inner_text("body").split()] == []
    assert seen.errors == []
    assert seen.hosts == {None}
    page.context.close()


def _copy(home: Home, to: Path) -> Home:
    """Copy the snapshots: this process has the originals open."""
    copied = Home(to / "home")
    shutil.copytree(home.serving, copied.serving)
    return copied

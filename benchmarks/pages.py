"""How long a page takes in a real browser, beside a blank Streamlit page in the same run.

The site runs as `meterbook serve` runs it; the blank one has a title and a fragment with a choice,
on the same server. Each visit is a tab of its own in one Chromium whose cache is warm, and pages
take turns with the blank one, so that other work on the machine meets both.

  rendered        from the address to the end of the script with every chart drawn, 1440 x 900
  filter change   another period is chosen in a session that is open, until the page has the new
                  figures: the first time, and again (both periods were looked at before)
  fragment        a choice inside a fragment of the blank page, until its text is there

Needs a home with a published snapshot (`make demo`) and Chromium. Aims: rendered at most 1.5 times
the blank page, a filter change at most twice the fragment.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from peak import table
from playwright.sync_api import BrowserContext, Page

from app.kit.choices import choices
from app.kit.reader import Reader
from meterbook.base.home import Home
from warehouse.store.snapshot import current

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from screenshots import PAGES, WIDE, browser, free_port, path_of, site, wait_until_up

HOME: Final = Path(__file__).parents[1] / "build" / "demo"
ROUNDS: Final = 7
PERIODS: Final = ("7 days", "30 days")
NEVER_SEEN: Final = "This month"
BLANK: Final = """
import streamlit as st
st.set_page_config(page_title="blank", layout="wide")

@st.fragment
def part():
    choice = st.selectbox("Period", ["30 days", "7 days"], key="period")
    st.html(f'<p class="mb-fresh">{choice}</p>')

st.title("Blank", anchor=False)
with st.sidebar:
    part()
"""
SERVE_BLANK: Final = """
import sys, uvicorn, streamlit as st
uvicorn.run(st.App(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
"""
READY: Final = """former => {
  const app = document.querySelector('[data-testid="stApp"]');
  if (!app || app.dataset.testScriptState !== 'notRunning') return false;
  const said = document.querySelector('.mb-fresh');
  if (!document.querySelector('h1') || !said || said.innerText === former) return false;
  return [...document.querySelectorAll('[data-testid="stVegaLiteChart"]')].every(
    c => { const s = c.querySelector('svg, canvas');
           return s && s.getBoundingClientRect().height > 20; });
}"""
"""The script is at its end, the line of the period is another, every chart is drawn."""


def main() -> None:
    """Measure every page, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=HOME)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--quick", action="store_true", help="three rounds")
    parser.add_argument("--pages", nargs="*", default=[*PAGES])
    chosen = parser.parse_args()
    home = Home(chosen.home)
    if not (home.serving / "CURRENT").exists():
        sys.exit(f"{home} has no snapshot: `make demo` builds one")
    team = _a_team(home)
    with site(home) as address, _blank() as blank, browser() as chromium:
        context = chromium.new_context(viewport={"width": WIDE, "height": 900})
        context.set_default_timeout(60_000)
        paths = {
            name: f"{address}{path_of(name)}" + (f"?team={team}" if name == "team" else "")
            for name in chosen.pages
        }
        _report(context, blank, paths, 3 if chosen.quick else chosen.rounds)


def _a_team(home: Home) -> str:
    reader = Reader(current(home.serving))
    try:
        return choices(reader).teams[0]
    finally:
        reader.close()


def _report(context: BrowserContext, blank: str, paths: dict[str, str], rounds: int) -> None:
    for path in (blank, *paths.values()):
        _rendered(context, path)  # the browser's cache, and the site's figures
    blanks: list[float] = []
    times: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(rounds):
        for name, path in paths.items():
            blanks.append(_rendered(context, blank))
            times[name].append(_rendered(context, path))
    _, fragments = _changed(context, blank, rounds * 2, first="")
    floor = (median(blanks), median(fragments))
    rows = [_row("blank", floor, floor, None)]
    for name, path in paths.items():
        first, again = _changed(context, path, rounds, first=NEVER_SEEN)
        rows.append(_row(name, (median(times[name]), median(again)), floor, first))
    table("Pages, ms in the browser (medians), beside a blank page and a fragment", rows)


def _row(
    name: str, took: tuple[float, float], floor: tuple[float, float], first: float | None
) -> dict[str, object]:
    return {
        "page": name,
        "rendered": f"{took[0]:.0f}",
        "x blank": f"{took[0] / floor[0]:.2f}",
        "first change": "" if first is None else f"{first:.0f}",
        "change again": f"{took[1]:.0f}",
        "x fragment": f"{took[1] / floor[1]:.2f}",
    }


def _rendered(context: BrowserContext, path: str) -> float:
    page = context.new_page()
    began = perf_counter()
    page.goto(path, wait_until="commit")
    page.wait_for_function(READY, arg="")
    took = (perf_counter() - began) * 1000
    page.close()
    return took


def _changed(
    context: BrowserContext, path: str, rounds: int, *, first: str
) -> tuple[float | None, list[float]]:
    """Give how long the first look at a period takes, and changes between two known ones."""
    page = context.new_page()
    page.goto(path)
    page.wait_for_function(READY, arg="")
    took = _choose(page, first) if first else None
    for period in PERIODS:
        if period != page.locator(".mb-fresh").inner_text():
            _choose(page, period)
    again = [_choose(page, PERIODS[turn % 2]) for turn in range(rounds)]
    page.close()
    return took, again


def _choose(page: Page, period: str) -> float:
    """Choose a period, and wait for its figures; in ms from the click."""
    former = page.locator(".mb-fresh").inner_text()
    page.get_by_role("combobox", name="Period").click()
    option = page.get_by_role("option", name=period, exact=True)
    option.wait_for()
    began = perf_counter()
    option.click()
    page.wait_for_function(READY, arg=former)
    return (perf_counter() - began) * 1000


@contextmanager
def _blank() -> Iterator[str]:
    """Run the blank page and give its address."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "blank.py"
        script.write_text(BLANK, encoding="utf-8")
        port = free_port()
        command = [sys.executable, "-c", SERVE_BLANK, str(script), str(port)]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        try:
            wait_until_up(f"http://127.0.0.1:{port}/_stcore/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


if __name__ == "__main__":
    main()

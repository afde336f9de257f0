"""Pictures of every page and of the report, light and dark, from a published snapshot.

Takes    --home HOME with a snapshot, --out DIR, optionally --pages
Gives    DIR/<page>-<scheme>.png, DIR/<page>-narrow.png, DIR/report-<scheme>.png
"""

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final, Literal

from playwright.sync_api import Browser, Page, sync_playwright

from app.report import write_report
from meterbook.base.home import Home
from warehouse.store.snapshot import current

PAGES: Final = (
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
ARGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE: Final = 1440
NARROW: Final = 390
START_SECONDS: Final = 60
DRAWN: Final = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  if (!app || app.dataset.testScriptState !== 'notRunning') return false;
  if (!document.querySelector('h1')) return false;
  if (document.querySelector('[data-testid="stSkeleton"], [data-testid="stSpinner"]')) return false;
  const charts = [...document.querySelectorAll('[data-testid="stVegaLiteChart"]')];
  return charts.every(c => { const s = c.querySelector('svg, canvas');
    return s && s.getBoundingClientRect().height > 20; });
}"""
"""The page has run to its end and every chart has been drawn."""

SERVE: Final = """
import sys
from pathlib import Path
from app.web.serve import serve
from meterbook.base.home import Home
from meterbook.base.settings import SiteSettings
serve(Home(Path(sys.argv[1])), SiteSettings(port=int(sys.argv[2])))
"""

Scheme = Literal["light", "dark"]


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pages", nargs="*", default=[*PAGES, "report"])
    chosen = parser.parse_args()
    home = Home(chosen.home)
    chosen.out.mkdir(parents=True, exist_ok=True)
    with site(home) as address, browser() as chromium:
        for name in chosen.pages:
            if name == "report":
                picture_report(chromium, home, chosen.out)
            else:
                picture_page(chromium, address, name, chosen.out)


def picture_page(chromium: Browser, address: str, name: str, out: Path) -> None:
    """Take a page wide in both schemes, and narrow."""
    views: tuple[tuple[str, Scheme, int], ...] = (
        ("light", "light", WIDE),
        ("dark", "dark", WIDE),
        ("narrow", "light", NARROW),
    )
    for label, scheme, width in views:
        page = open_page(chromium, scheme, width)
        visit(page, f"{address}{path_of(name)}")
        if name == "team":
            _open_first_team(page)
        _whole(page, "document.querySelector('[data-testid=\"stMain\"]').scrollHeight")
        _save(page, out / f"{name}-{label}.png")


def _open_first_team(page: Page) -> None:
    """Follow the first team of the list, where there is one."""
    links = page.locator(".mb a")
    if links.count():
        links.first.click()
        page.wait_for_url("**/team?team=*")
        wait_drawn(page)


def picture_report(chromium: Browser, home: Home, out: Path) -> None:
    """Take the static report in both schemes, opened as a file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "opened.html"
        write_report(current(home.serving), file)
        schemes: tuple[Scheme, ...] = ("light", "dark")
        for scheme in schemes:
            page = open_page(chromium, scheme, WIDE)
            page.goto(file.as_uri())
            page.wait_for_selector("body[data-drawn]", state="attached")
            _whole(page, "document.documentElement.scrollHeight")
            _save(page, out / f"report-{scheme}.png")


def path_of(name: str) -> str:
    """Give the path of a page; the first page is the root."""
    return "/" if name == PAGES[0] else f"/{name}"


def open_page(chromium: Browser, scheme: Scheme = "light", width: int = WIDE) -> Page:
    """Open an empty tab with a profile of its own."""
    context = chromium.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, device_scale_factor=1
    )
    return context.new_page()


def visit(page: Page, url: str) -> None:
    """Go to a page of the site and wait until everything is drawn."""
    page.goto(url)
    wait_drawn(page)


def wait_drawn(page: Page) -> None:
    """Wait until the page has run and every chart has been drawn."""
    page.wait_for_function(DRAWN, timeout=30_000)
    page.wait_for_timeout(700)  # the end of the fade-in, which no event tells


@contextmanager
def browser() -> Iterator[Browser]:
    """Give the system's Chromium without network of its own."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=[*ARGS])
        try:
            yield chromium
        finally:
            chromium.close()


def chromium_path() -> str:
    """Give the path of Chromium, or end with how to get it."""
    found = shutil.which("chromium")
    if found is None:
        sys.exit("chromium is not installed; on Debian and Ubuntu: apt-get install chromium")
    return found


@contextmanager
def site(home: Home) -> Iterator[str]:
    """Run the site on a free port and give its address; stop it at the end."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(home), str(port)])
    try:
        wait_until_up(f"http://127.0.0.1:{port}/healthz", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_up(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the site answers; end with its status if it ends first."""
    pause = Event()
    for _ in range(START_SECONDS * 5):
        if process.poll() is not None:
            sys.exit(f"the site ended with status {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - our own address
        except (urllib.error.URLError, TimeoutError):
            pause.wait(0.2)
        else:
            return
    sys.exit(f"the site did not answer within {START_SECONDS} s")


def _whole(page: Page, height: str) -> None:
    width = (page.viewport_size or {"width": WIDE})["width"]
    page.set_viewport_size({"width": width, "height": min(9000, int(page.evaluate(height)) + 40)})
    page.wait_for_timeout(700)


def _save(page: Page, file: Path) -> None:
    page.screenshot(path=file)
    page.context.close()
    print(file)


if __name__ == "__main__":
    main()

"""Runs the site.

Takes    the home whose snapshots are shown, the settings of the site
Never    sends anything to anyone but its readers
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from meterbook.base.home import Home
from meterbook.base.settings import SiteSettings


def serve(home: Home, settings: SiteSettings) -> None:
    """Serve until SIGTERM or SIGINT, then end open visits and return.

    A snapshot older than `stale_hours` is shown with a warning.
    """
    os.environ["MB_HOME"] = str(home.root.resolve())
    os.environ["MB_SITE_STALE_HOURS"] = str(settings.stale_hours)
    config = uvicorn.Config(
        "app.web.asgi:app",
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        ws_max_size=1024 * 1024,
    )
    with _quiet_end():
        uvicorn.Server(config).run()


@contextmanager
def _quiet_end() -> Iterator[None]:
    """Let being told to stop be an ordinary end: uvicorn raises the signal again when done."""
    former = {number: signal.signal(number, _ignore) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing; the server has ended already."""

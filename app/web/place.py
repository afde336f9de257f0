"""Where the site reads, and what time it is there.

Takes    MB_HOME, MB_SITE_STALE_HOURS, MB_NOW
Gives    the one set of snapshots of this process
"""

import os
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from app.kit.reader import Reader, Snapshots
from meterbook.base.home import Home
from meterbook.base.settings import SiteSettings


def clock() -> datetime:
    """Give the time, that of `MB_NOW` when it is set: the site's one look at the clock."""
    text = os.environ.get("MB_NOW")
    if text:
        return datetime.fromisoformat(text).astimezone(UTC)
    return datetime.now(UTC)  # noqa: TID251 - the edge


def open_reader() -> Reader:
    """Give a reader of the current snapshot. Errors: NothingPublishedError."""
    home = Home(Path(os.environ.get("MB_HOME", Home().root)))
    return snapshots(home.serving).reader()


def age(reader: Reader) -> timedelta:
    """Give how long ago the snapshot was built."""
    return clock() - reader.snapshot.built_at


def is_stale(reader: Reader) -> bool:
    """Tell whether the snapshot is older than it may be."""
    hours = float(os.environ.get("MB_SITE_STALE_HOURS", SiteSettings().stale_hours))
    return age(reader) > timedelta(hours=hours)


@lru_cache(maxsize=16)
def snapshots(serving: Path) -> Snapshots:
    """Give the one set of a folder, for every session of this process."""
    return Snapshots(serving)

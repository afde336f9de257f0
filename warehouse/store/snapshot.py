"""Published snapshots: what readers open while the writer goes on.

Takes    an open warehouse, a folder `serving/`
Gives    `serving/snapshot-<utc>-<id>.duckdb` (immutable, mode 0444) and `serving/CURRENT`
Never    opens a snapshot for writing, or replaces one that a reader may have open

`CURRENT` is replaced atomically after the snapshot is on disk, so a crash at any point leaves the
former one in force.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from meterbook.base.disk import sync
from meterbook.base.errors import NothingPublishedError
from warehouse.store.focus_views import add_views
from warehouse.store.store import Store
from warehouse.tables import ALL

LOCKED_DOWN: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "python_scan_all_frames": "false",
    "enable_external_access": "false",
}
"""A reader's connection reads tables of its snapshot, and nothing else: no file, no network."""


@dataclass(frozen=True)
class Snapshot:
    """One published state of the marts."""

    id: str
    path: Path
    built_at: datetime
    data_through: date | None
    row_counts: dict[str, int]
    sha256: str


def publish(store: Store, serving: Path, *, now: datetime, keep: int) -> Snapshot:
    """Copy the published tables into a new snapshot, make it current, and drop the oldest.

    Rows are written in the order of each table's partition and key, so the same tables give the
    same snapshot.
    """
    serving.mkdir(parents=True, exist_ok=True)
    published = [table for table in ALL if table.is_published]
    ident = secrets.token_hex(4)  # two builds may share a `now`
    path = serving / f"snapshot-{now:%Y%m%dT%H%M%SZ}-{ident}.duckdb"
    making = path.with_suffix(".making")
    making.unlink(missing_ok=True)
    counts = store.copy_to(making, published)
    add_views(making)
    sync(making)
    making.chmod(0o444)
    making.replace(path)
    snapshot = Snapshot(
        id=ident,
        path=path,
        built_at=now,
        data_through=_data_through(store),
        row_counts=counts,
        sha256=_sha256(path),
    )
    _point_to(snapshot, serving)
    _drop_oldest(serving, keep, snapshot)
    return snapshot


def current(serving: Path) -> Snapshot:
    """Give the snapshot that readers should open. Errors: NothingPublishedError."""
    try:
        document: dict[str, Any] = json.loads((serving / "CURRENT").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NothingPublishedError(serving.parent) from None
    through = document["data_through"]
    return Snapshot(
        id=document["id"],
        path=serving / document["file"],
        built_at=datetime.fromisoformat(document["built_at"]),
        data_through=date.fromisoformat(through) if through else None,
        row_counts=document["row_counts"],
        sha256=document["sha256"],
    )


def open_snapshot(snapshot: Snapshot) -> duckdb.DuckDBPyConnection:
    """Open a snapshot read-only and locked down; take a `.cursor()` for every question."""
    con = duckdb.connect(snapshot.path, read_only=True, config=LOCKED_DOWN)
    (is_locked,) = con.cursor().sql("SELECT current_setting('lock_configuration')").fetchall()
    if is_locked == (False,):  # a second connection of this process finds it locked already
        con.execute("SET GLOBAL TimeZone = 'UTC'")
        con.execute("SET lock_configuration = true")
    return con


def snapshots(serving: Path) -> Sequence[Path]:
    """Give the snapshot files, newest first."""
    return sorted(serving.glob("snapshot-*.duckdb"), reverse=True)


def _data_through(store: Store) -> date | None:
    frame = store.ask("SELECT max(charge_date) AS day FROM mart_reconciliation_daily")
    day: date | None = frame["day"][0]
    return day


def _point_to(snapshot: Snapshot, serving: Path) -> None:
    document = {
        "file": snapshot.path.name,
        "id": snapshot.id,
        "built_at": snapshot.built_at.isoformat(),
        "data_through": snapshot.data_through.isoformat() if snapshot.data_through else None,
        "row_counts": snapshot.row_counts,
        "sha256": snapshot.sha256,
    }
    making = serving / "CURRENT.making"
    making.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    sync(making)
    making.replace(serving / "CURRENT")
    sync(serving)


def _drop_oldest(serving: Path, keep: int, latest: Snapshot) -> None:
    for path in snapshots(serving)[keep:]:
        if path != latest.path:
            path.unlink()
    for path in serving.glob("*.making"):
        path.unlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

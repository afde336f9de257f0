"""Which deliveries there are, and which of them is in force.

Takes    what a load has staged
Gives    the deliveries, the refused rows, the bill lines in force
Holds    one transaction switches: before it the former delivery is in force, after it the new one

A small SQLite file, `billing/catalog.sqlite`, is the only word on what is in force; a folder of the
lake that it does not name is left over from a crash and is removed by the next load.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import polars as pl

from warehouse.tables.core import DELIVERY
from warehouse.tables.raw import COST_LINE, REJECTED

IN_FORCE: Final = "in_force"
PREVIOUS: Final = "previous"
HELD: Final = "held"
KEPT_PREVIOUS: Final = 3

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS delivery (
  delivery_id TEXT PRIMARY KEY, identity TEXT, source TEXT, source_format TEXT, account TEXT,
  period TEXT, state TEXT, reason TEXT, file_count INTEGER, row_count INTEGER,
  rejected_count INTEGER, currency TEXT, effective_cost TEXT, billed_cost TEXT, loaded_at TEXT,
  folder TEXT);
CREATE TABLE IF NOT EXISTS rejected (
  delivery_id TEXT, source TEXT, file TEXT, row_number INTEGER, "column" TEXT, met TEXT,
  reason TEXT, rejected_at TEXT);
CREATE TABLE IF NOT EXISTS seen (
  source TEXT, title TEXT, identity TEXT, PRIMARY KEY (source, title));
"""


@dataclass(frozen=True)
class Entry:
    """One delivery of one period."""

    delivery_id: str
    identity: str
    source: str
    source_format: str
    account: str
    period: str
    state: str
    reason: str
    file_count: int
    row_count: int
    rejected_count: int
    currency: str
    effective_cost: str
    billed_cost: str
    loaded_at: str
    folder: str

    @property
    def accounts(self) -> frozenset[str]:
        """Give the billing accounts."""
        return frozenset(self.account.split("+"))


class Catalog:
    """The catalogue of one home. Use it as a context manager for one transaction."""

    def __init__(self, home: Path) -> None:
        """Open it; it is made where it is not there."""
        folder = home / "billing"
        folder.mkdir(parents=True, exist_ok=True)
        self._con = sqlite3.connect(folder / "catalog.sqlite", isolation_level=None)
        self._con.execute("PRAGMA synchronous = FULL")
        self._con.executescript(_SCHEMA)

    @contextmanager
    def change(self) -> Iterator[None]:
        """Give one transaction."""
        self._con.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._con.execute("ROLLBACK")
            raise
        self._con.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._con.close()

    def entries(self, where: str = "TRUE", *params: object) -> list[Entry]:
        """Give deliveries, in order of source, period and time."""
        names = ", ".join(part.name for part in fields(Entry))
        rows = self._con.execute(
            f"SELECT {names} FROM delivery WHERE {where} ORDER BY source, period, loaded_at",  # noqa: S608 - our own text
            params,
        )
        return [Entry(*row) for row in rows]

    def put(self, entry: Entry) -> None:
        """Write an entry; one of the same id is replaced."""
        marks = ", ".join("?" for _ in fields(Entry))
        self._con.execute(f"INSERT OR REPLACE INTO delivery VALUES ({marks})", astuple(entry))  # noqa: S608

    def set_state(self, delivery_id: str, state: str) -> None:
        """Change what a delivery is."""
        self._con.execute(
            "UPDATE delivery SET state = ? WHERE delivery_id = ?", (state, delivery_id)
        )

    def forget(self, delivery_id: str) -> None:
        """Drop an entry with its refused rows."""
        self._con.execute("DELETE FROM delivery WHERE delivery_id = ?", (delivery_id,))
        self._con.execute("DELETE FROM rejected WHERE delivery_id = ?", (delivery_id,))

    def last_seen(self, source: str, title: str) -> str:
        """Give the identity that this manifest or folder last brought; empty without one."""
        query = "SELECT identity FROM seen WHERE source = ? AND title = ?"
        found = self._con.execute(query, (source, title)).fetchone()
        return str(found[0]) if found else ""

    def see(self, source: str, title: str, identity: str) -> None:
        """Remember what a manifest or folder brought."""
        self._con.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", (source, title, identity))

    def put_rejected(self, rows: pl.DataFrame) -> None:
        """Write refused rows, in the columns of raw_rejected."""
        texts = rows.with_columns(pl.col("rejected_at").dt.to_string("iso"))
        self._con.executemany("INSERT INTO rejected VALUES (?, ?, ?, ?, ?, ?, ?, ?)", texts.rows())

    def rejected(self) -> list[tuple[object, ...]]:
        """Give refused rows as they stand."""
        return self._con.execute("SELECT * FROM rejected ORDER BY 1, 3, 4, 5").fetchall()


def lake_folder(home: Path) -> Path:
    """Give where bill lines lie."""
    return home / "lake" / COST_LINE.name


def deliveries(home: Path) -> pl.DataFrame:
    """Give core_delivery."""
    catalog = Catalog(home)
    rows = [_row(entry) for entry in catalog.entries()]
    catalog.close()
    return pl.DataFrame(rows, schema=DELIVERY.schema, orient="row")


def _row(entry: Entry) -> tuple[object, ...]:
    return (
        entry.delivery_id,
        entry.source,
        entry.source_format,
        entry.account,
        entry.period,
        entry.state,
        entry.reason,
        entry.file_count,
        entry.row_count,
        entry.rejected_count,
        entry.currency,
        Decimal(entry.effective_cost),
        Decimal(entry.billed_cost),
        datetime.fromisoformat(entry.loaded_at),
    )


def rejected(home: Path) -> pl.DataFrame:
    """Give raw_rejected."""
    catalog = Catalog(home)
    rows = [(*row[:-1], datetime.fromisoformat(str(row[-1]))) for row in catalog.rejected()]
    catalog.close()
    return pl.DataFrame(rows, schema=REJECTED.schema, orient="row")


def files_in_force(home: Path) -> list[Path]:
    """Give the Parquet files of the deliveries in force."""
    catalog = Catalog(home)
    folders = [lake_folder(home) / e.folder for e in catalog.entries("state = ?", IN_FORCE)]
    catalog.close()
    return sorted(path for folder in folders for path in folder.glob("*.parquet"))


def scan_cost_lines(home: Path) -> pl.LazyFrame:
    """Give the bill lines in force, lazily; no rows in the declared types where none are."""
    files = files_in_force(home)
    if not files:
        return COST_LINE.empty().lazy()
    return pl.scan_parquet(files, schema=COST_LINE.schema, hive_partitioning=False)


def remove_leftovers(home: Path, catalog: Catalog) -> Sequence[str]:
    """Remove folders that no entry names, and previous deliveries beyond the kept ones."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in catalog.entries("state = ?", PREVIOUS):
        groups.setdefault((entry.source, entry.period), []).append(entry)
    for group in groups.values():
        for entry in group[:-KEPT_PREVIOUS]:
            catalog.forget(entry.delivery_id)
    known = {entry.folder for entry in catalog.entries() if entry.folder}
    root = lake_folder(home)
    removed = []
    for folder in root.glob("source=*/account=*/period=*/delivery=*"):
        if str(folder.relative_to(root)) not in known:
            shutil.rmtree(folder)
            removed.append(folder.name)
    shutil.rmtree(home / "billing" / "staging", ignore_errors=True)
    return removed

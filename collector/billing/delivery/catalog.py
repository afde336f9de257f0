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
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl

from meterbook.base.home import Home
from warehouse.tables.core import BILLING_PERIOD, CONFORMANCE, DELIVERY, RESTATEMENT
from warehouse.tables.raw import COST_LINE, REJECTED
from warehouse.tables.values import IN_FORCE, PREVIOUS

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
CREATE TABLE IF NOT EXISTS run (
  delivery_id TEXT PRIMARY KEY, run_at TEXT);
CREATE TABLE IF NOT EXISTS content (
  source TEXT, name TEXT, size INTEGER, modified_ns INTEGER, digest TEXT,
  PRIMARY KEY (source, name));
CREATE TABLE IF NOT EXISTS restatement (
  delivery_id TEXT, former_id TEXT, account TEXT, service_name TEXT, first_day TEXT, last_day TEXT,
  currency TEXT, reason TEXT, added_count INTEGER, removed_count INTEGER, billed_cost_delta TEXT,
  effective_cost_delta TEXT, restated_at TEXT);
CREATE TABLE IF NOT EXISTS conformance (
  delivery_id TEXT, rule TEXT, kind TEXT, checked_count INTEGER, broken_count INTEGER,
  sample TEXT, PRIMARY KEY (delivery_id, rule));
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

    def __init__(self, home: Home) -> None:
        """Open it; it is made where it is not there."""
        home.billing.mkdir(parents=True, exist_ok=True)
        self._con = sqlite3.connect(home.bill_catalog, isolation_level=None)
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
        for table in ("rejected", "run", "restatement", "conformance"):
            self._con.execute(f"DELETE FROM {table} WHERE delivery_id = ?", (delivery_id,))  # noqa: S608

    def last_seen(self, source: str, title: str) -> str:
        """Give the identity that this manifest or folder last brought; empty without one."""
        query = "SELECT identity FROM seen WHERE source = ? AND title = ?"
        found = self._con.execute(query, (source, title)).fetchone()
        return str(found[0]) if found else ""

    def see(self, source: str, title: str, identity: str) -> None:
        """Remember what a manifest or folder brought."""
        self._con.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", (source, title, identity))

    def run_at(self, delivery_id: str) -> str:
        """Give when the export behind a delivery was run; empty where no manifest said it."""
        query = "SELECT run_at FROM run WHERE delivery_id = ?"
        found = self._con.execute(query, (delivery_id,)).fetchone()
        return str(found[0]) if found else ""

    def put_facts(
        self,
        delivery_id: str,
        run_at: str,
        restated: pl.DataFrame,
        rules: Sequence[tuple[Any, ...]],
    ) -> None:
        """Write what is known about a delivery besides its entry."""
        self._con.execute("INSERT OR REPLACE INTO run VALUES (?, ?)", (delivery_id, run_at))
        self._con.execute("DELETE FROM restatement WHERE delivery_id = ?", (delivery_id,))
        texts = restated.with_columns(
            pl.col("first_day", "last_day").dt.to_string("iso"),
            pl.col("restated_at").dt.to_string("iso"),
            pl.col("billed_cost_delta", "effective_cost_delta").cast(pl.String),
        )
        marks = ", ".join("?" for _ in RESTATEMENT.columns)
        self._con.executemany(f"INSERT INTO restatement VALUES ({marks})", texts.rows())  # noqa: S608
        self._con.executemany(
            "INSERT OR REPLACE INTO conformance VALUES (?, ?, ?, ?, ?, ?)",
            [(delivery_id, *rule) for rule in rules],
        )

    def content(self, source: str, name: str, size: int, modified_ns: int) -> str:
        """Give the digest of a file that was read before and is untouched since; or nothing."""
        found = self._con.execute(
            "SELECT digest FROM content "
            "WHERE source = ? AND name = ? AND size = ? AND modified_ns = ?",
            (source, name, size, modified_ns),
        ).fetchone()
        return str(found[0]) if found else ""

    def put_content(self, row: tuple[str, str, int, int, str]) -> None:
        """Remember the digest of a file."""
        self._con.execute("INSERT OR REPLACE INTO content VALUES (?, ?, ?, ?, ?)", row)

    def rows(self, table: Literal["restatement", "conformance"]) -> list[tuple[Any, ...]]:
        """Give a table of facts as it stands."""
        return self._con.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4, 5, 6").fetchall()  # noqa: S608

    def put_rejected(self, rows: pl.DataFrame) -> None:
        """Write refused rows, in the columns of raw_rejected."""
        texts = rows.with_columns(pl.col("rejected_at").dt.to_string("iso"))
        self._con.executemany("INSERT INTO rejected VALUES (?, ?, ?, ?, ?, ?, ?, ?)", texts.rows())

    def rejected(self) -> list[tuple[object, ...]]:
        """Give refused rows as they stand."""
        return self._con.execute("SELECT * FROM rejected ORDER BY 1, 3, 4, 5").fetchall()


def deliveries(home: Home) -> pl.DataFrame:
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


def restatements(home: Home) -> pl.DataFrame:
    """Give core_restatement."""
    catalog = Catalog(home)
    rows = catalog.rows("restatement")
    catalog.close()
    day, moment = date.fromisoformat, datetime.fromisoformat
    return pl.DataFrame(
        [
            (*row[:4], day(row[4]), day(row[5]), *row[6:10], *map(Decimal, row[10:12]),
             moment(row[12]).replace(tzinfo=UTC))
            for row in rows
        ],
        schema=RESTATEMENT.schema,
        orient="row",
    )  # fmt: skip


def conformance(home: Home) -> pl.DataFrame:
    """Give core_conformance."""
    catalog = Catalog(home)
    rows = catalog.rows("conformance")
    catalog.close()
    return pl.DataFrame(rows, schema=CONFORMANCE.schema, orient="row")


def billing_periods(home: Home, *, now: datetime, quiet_days: int) -> pl.DataFrame:
    """Give core_billing_period."""
    catalog = Catalog(home)
    entries = catalog.entries("state = ?", IN_FORCE)
    catalog.close()
    rows = [_period(entry, home.bill_lines / entry.folder, now, quiet_days) for entry in entries]
    return pl.DataFrame(rows, schema=BILLING_PERIOD.schema, orient="row")


def _period(entry: Entry, folder: Path, now: datetime, quiet_days: int) -> tuple[object, ...]:
    parts = sorted(folder.glob("*.parquet"))
    has_invoice = pl.col("invoice_id").is_not_null()
    found = (
        pl.scan_parquet(parts, hive_partitioning=False)
        .select(has_invoice.mean().alias("ratio"), pl.col("billing_period_end").max().alias("end"))
        .collect()
        .row(0, named=True)
    )
    changed = datetime.fromisoformat(entry.loaded_at)
    quiet_since = max(found["end"], changed) + timedelta(days=quiet_days)
    status = "estimated"
    if now < found["end"]:
        status = "open"
    elif found["ratio"] == 1 or now >= quiet_since:
        status = "final"
    name = (entry.delivery_id, entry.source, entry.account, entry.period)
    return (*name, status, found["ratio"], changed)


def rejected(home: Home) -> pl.DataFrame:
    """Give raw_rejected."""
    catalog = Catalog(home)
    rows = [(*row[:-1], datetime.fromisoformat(str(row[-1]))) for row in catalog.rejected()]
    catalog.close()
    return pl.DataFrame(rows, schema=REJECTED.schema, orient="row")


def files_in_force(home: Home) -> list[Path]:
    """Give the Parquet files of the deliveries in force."""
    catalog = Catalog(home)
    folders = [home.bill_lines / e.folder for e in catalog.entries("state = ?", IN_FORCE)]
    catalog.close()
    return sorted(path for folder in folders for path in folder.glob("*.parquet"))


def scan_cost_lines(home: Home) -> pl.LazyFrame:
    """Give the bill lines in force, lazily; no rows in the declared types where none are."""
    files = files_in_force(home)
    if not files:
        return COST_LINE.empty().lazy()
    return pl.scan_parquet(files, schema=COST_LINE.schema, hive_partitioning=False)


def remove_leftovers(home: Home, catalog: Catalog) -> Sequence[str]:
    """Remove folders that no entry names, and previous deliveries beyond the kept ones."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in catalog.entries("state = ?", PREVIOUS):
        groups.setdefault((entry.source, entry.period), []).append(entry)
    for group in groups.values():
        for entry in group[:-KEPT_PREVIOUS]:
            catalog.forget(entry.delivery_id)
    known = {entry.folder for entry in catalog.entries() if entry.folder}
    root = home.bill_lines
    removed = []
    for folder in root.glob("source=*/account=*/period=*/delivery=*"):
        if str(folder.relative_to(root)) not in known:
            shutil.rmtree(folder)
            removed.append(folder.name)
    shutil.rmtree(home.staging, ignore_errors=True)
    return removed

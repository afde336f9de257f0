"""The site's way to a published snapshot, and the only one.

Reads    serving/CURRENT and the snapshot it names, read-only and locked down
Gives    a `Reader`: answers to questions in SQL, and the figures that were made from them
Holds    a new snapshot is picked up at the next visit; figures of the former go with it
"""

import re
import textwrap
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeVar

import duckdb
import polars as pl

from meterbook.base.errors import NothingPublishedError
from warehouse.store.ask import ask
from warehouse.store.snapshot import Snapshot, current, open_snapshot, snapshots
from warehouse.tables import ALL

KEPT_FIGURES: Final = 1024
T = TypeVar("T")

_NAMES: Final = re.compile(rf"\b({'|'.join(table.name for table in ALL)})\b")
_PARAMETER: Final = re.compile(r"\$([a-z_]+)")
_FILE: Final = re.compile(r"snapshot-(\d{8}T\d{6}Z)-(\w+)\.duckdb")


@dataclass(frozen=True)
class Answer:
    """Rows, with the question as it can be asked again and the tables it names."""

    frame: pl.DataFrame
    sql: str
    tables: tuple[str, ...]


class Reader:
    """One open snapshot. `problem` says why it is not the newest one; empty if it is."""

    def __init__(self, snapshot: Snapshot, problem: str = "") -> None:
        """Open the snapshot. Errors: duckdb.Error when it cannot be read."""
        self.snapshot = snapshot
        self.problem = problem
        self._con = open_snapshot(snapshot)
        self._figures: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, sql: str, columns: Mapping[str, str] | None = None, **params: object) -> Answer:
        """Answer a question: `$name` stands for a value, `{name}` for a column we choose."""
        for name, column in (columns or {}).items():
            if not column.isidentifier():
                raise ValueError(f"{column} is no column")
            sql = sql.replace(f"{{{name}}}", column)
        frame = ask(self._con, sql, **params)
        tables = tuple(dict.fromkeys(_NAMES.findall(sql)))
        return Answer(frame, _filled_in(sql, params), tables)

    def close(self) -> None:
        """Close the snapshot; a file may be open only once in a process."""
        self._con.close()

    def held(self, key: Hashable) -> object | None:
        """Give what is kept under this key, or nothing."""
        with self._lock:
            return self._figures.get(key)

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """Give what was made under this key, or make and keep it. The key names the maker."""
        with self._lock:
            if key in self._figures:
                self._figures.move_to_end(key)
                return self._figures[key]  # type: ignore[return-value]
        made = make()
        with self._lock:
            self._figures[key] = made
            if len(self._figures) > KEPT_FIGURES:
                self._figures.popitem(last=False)
        return made


class Snapshots:
    """Holds the one open reader of a folder of snapshots; asked by every session."""

    def __init__(self, serving: Path) -> None:
        """Keep the folder; nothing is opened yet."""
        self.serving = serving
        self._reader: Reader | None = None
        self._lock = threading.Lock()

    def reader(self) -> Reader:
        """Give a reader of the newest snapshot that can be opened.

        Errors: NothingPublishedError when there is none.
        """
        with self._lock:
            wanted = current(self.serving)
            held = self._reader
            if held is None or held.snapshot.id != wanted.id:
                self._reader = held = self._open(wanted)
            return held

    def _open(self, wanted: Snapshot) -> Reader:
        try:
            return Reader(wanted)
        except (duckdb.Error, OSError):
            problem = (
                f"The newest snapshot {wanted.id} cannot be opened; this is the one before it. "
                "`meterbook build` publishes a new one."
            )
        if self._reader is not None:
            self._reader.problem = problem
            return self._reader
        for path in snapshots(self.serving):
            former = _by_name(path)
            if former is None or path == wanted.path:
                continue
            try:
                return Reader(former, problem)
            except (duckdb.Error, OSError):
                continue
        raise NothingPublishedError(self.serving.parent)


def _by_name(path: Path) -> Snapshot | None:
    match = _FILE.fullmatch(path.name)
    if match is None:
        return None
    built_at = datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return Snapshot(match[2], path, built_at, None, {}, "")


def _filled_in(sql: str, params: Mapping[str, object]) -> str:
    """Give the question with its parameters written out, so that it can be asked again."""
    return _PARAMETER.sub(lambda match: _literal(params[match[1]]), textwrap.dedent(sql)).strip()


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float | Decimal):
        return str(value)
    if isinstance(value, datetime):
        return f"TIMESTAMPTZ '{value.isoformat()}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    return "'" + str(value).replace("'", "''") + "'"

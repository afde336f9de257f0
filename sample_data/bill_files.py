"""How the files of a made-up bill are written: CSV, JSON, Parquet, packed as their names say.

Takes    rows, a path
Gives    files; entries by billing period; money and times as text
Holds    the same rows give the same bytes
"""

import csv
import gzip
import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sample_data.ledger import Entry

Row = dict[str, Any]


def months(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Group entries by billing period."""
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        found[entry.month].append(entry)
    return dict(found)


def period_of(entry: Entry) -> tuple[datetime, datetime]:
    """Give the first instant of an entry's month, and of the next."""
    first = entry.start.replace(day=1, hour=0)
    return first, (first + timedelta(days=32)).replace(day=1)


def text_of(cost: Decimal | None) -> str:
    """Write money without trailing zeros."""
    return "" if cost is None else f"{cost.normalize():f}"


def csv_file(rows: Sequence[Row], path: Path, *, bom: str = "", ending: str = "\n") -> None:
    """Write rows as CSV: zipped or gzipped where the name says so."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator=ending)
    writer.writeheader()
    writer.writerows([{k: _cell(v) for k, v in row.items()} for row in rows])
    whole = bom + text.getvalue()
    if path.name.endswith(".zip"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(path.name.removesuffix(".zip")), whole)
    elif path.name.endswith(".gz"):
        gzip_file(whole, path)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(whole.encode())


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return text_of(value) if isinstance(value, Decimal) else value


def gzip_file(text: str, path: Path) -> None:
    """Write a text, the same bytes each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def json_file(document: Row, path: Path) -> None:
    """Write a document as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def parquet_file(
    rows: Sequence[Row], path: Path, types: Mapping[str, pa.DataType] | None = None
) -> None:
    """Write rows as Parquet, with these types where they are given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {
        name: pa.array([row[name] for row in rows], type=(types or {}).get(name))
        for name in rows[0]
    }
    pq.write_table(pa.table(columns), path, compression="snappy")


def double(value: Any) -> Any:
    """Give an amount as the double that a file has in its place; other values as they are."""
    return float(value) if isinstance(value, Decimal) else value

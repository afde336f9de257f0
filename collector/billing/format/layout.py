"""Which format a file has, told by its header.

Takes    a path
Gives    the names of its columns and the format they belong to
Refuses  an unreadable file, an unknown header, columns that stand twice
"""

import codecs
import csv
import gzip
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

import polars as pl

from collector.billing.format.formats import READ, recognise
from collector.billing.format.gcp import GCP_SCHEMA, flat_names
from collector.billing.format.mapping import Format
from meterbook.base.errors import DeliveryError

ENDINGS: Final = (
    *(".csv", ".csv.gz", ".csv.zip", ".zip", ".parquet"),
    *(".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz"),
)
HEADER_BYTES: Final = 1 << 20
UNREADABLE: Final = (OSError, EOFError, zlib.error, zipfile.BadZipFile)


@dataclass(frozen=True)
class Layout:
    """A file's format and the names of its columns."""

    format: Format
    names: tuple[str, ...]


def is_bill(name: str) -> bool:
    """Tell by its name whether a file can be a bill."""
    lower = name.lower()
    return lower.endswith(ENDINGS) and not lower.endswith("manifest.json")


def is_csv(path: Path) -> bool:
    """Tell whether a file is text with commas."""
    return path.name.lower().endswith((".csv", ".csv.gz", ".zip"))


def is_json(path: Path) -> bool:
    """Tell whether a file is lines of JSON."""
    return path.name.lower().removesuffix(".gz").endswith((".json", ".jsonl", ".ndjson"))


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file's text, unpacked: plain, gzip, or a zip with one file in it."""
    with path.open("rb") as raw:
        start = raw.read(4)
    if start == b"PK\x03\x04":
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.namelist() if not member.endswith("/")]
            if len(members) != 1:
                raise zipfile.BadZipFile(f"{len(members)} files in the zip; want one")
            with archive.open(members[0]) as member:
                yield member
    elif start[:2] == b"\x1f\x8b":
        with gzip.open(path, "rb") as packed:
            yield cast("IO[bytes]", packed)
    else:
        with path.open("rb") as plain:
            yield plain


def read_layout(path: Path, name: str) -> Layout:
    """Read a file's header. Errors: DeliveryError with the file's name and what is wrong."""
    try:
        names = _names(path)
    except (*UNREADABLE, UnicodeDecodeError, csv.Error, ValueError) as exc:
        raise DeliveryError(f"the header cannot be read: {exc}", file=name) from exc
    except pl.exceptions.PolarsError as exc:
        raise DeliveryError(f"no Parquet file: {first_line(exc)}", file=name) from exc
    return Layout(_recognise(names, name), names)


def _names(path: Path) -> tuple[str, ...]:
    if is_csv(path):
        return _csv_names(path)
    return json_names(path) if is_json(path) else _parquet_names(path)


def json_names(path: Path) -> tuple[str, ...]:
    """Give the columns of lines of JSON: Google's, since a line leaves out what is null."""
    with opened(path) as file:
        line = file.readline(HEADER_BYTES)
    if not line.strip():
        return ()
    first = json.loads(line)
    if not isinstance(first, dict) or not {"cost", "invoice", "currency"} <= first.keys():
        raise ValueError("lines of JSON are read only of Google's billing export")
    names = [*flat_names(GCP_SCHEMA), *(key for key in first if key not in GCP_SCHEMA)]
    return tuple(name for name in names if not name.startswith("resource_") or "resource" in first)


def first_line(exc: BaseException) -> str:
    """Give the sentence of an error without the advice for programmers below it."""
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]


def _parquet_names(path: Path) -> tuple[str, ...]:
    schema = pl.scan_parquet(path, hive_partitioning=False).collect_schema()
    return tuple(flat_names(schema))


def _csv_names(path: Path) -> tuple[str, ...]:
    with opened(path) as file:
        start = file.read(HEADER_BYTES)
    text = codecs.getincrementaldecoder("utf-8-sig")().decode(start)
    return tuple(next(csv.reader(text.splitlines(keepends=True)), ()))


def _recognise(names: Sequence[str], file: str) -> Format:
    if not names:
        raise DeliveryError("the file is empty: it has no header", file=file)
    found = recognise(names)
    if found is None:
        raise DeliveryError(
            f"no known format: {len(names)} columns, first {', '.join(names[:5])}; {READ}",
            file=file,
        )
    return _refuse_doubles(found, names, file)


def _refuse_doubles(found: Format, names: Sequence[str], file: str) -> Format:
    count = Counter(found.canonical(name) for name in names)
    if doubled := sorted(name for name, times in count.items() if times > 1):
        raise DeliveryError(f"columns stand twice: {', '.join(doubled)}", file=file)
    return found

"""Which format a file has, told by its header.

Takes    a path
Gives    the names of its columns and the format they belong to
Refuses  an unreadable file, an unknown header, formats that are known but not read yet
"""

import codecs
import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from collector.billing.aws import CUR2
from collector.billing.focus import FOCUS, NAMES, folded
from collector.billing.mapping import Format
from meterbook.errors import DeliveryError

ENDINGS: Final = (".csv", ".csv.gz", ".parquet")
FEWEST_FOCUS_NAMES: Final = 8
HEADER_BYTES: Final = 1 << 20

NOT_READ_YET: Final = (
    ("lineitem/unblendedcost", "AWS CUR 1 (legacy)"),
    ("metercategory", "Azure native (actual or amortized cost)"),
    ("meterid", "Azure native (usage details)"),
    ("sku.description", "GCP native (BigQuery export)"),
    ("sku_description", "GCP native (BigQuery export)"),
    ("usage_start_time", "GCP native (BigQuery export)"),
)
"""A column that only this format has, and the format's name."""


@dataclass(frozen=True)
class Layout:
    """A file's format and the names of its columns."""

    format: Format
    names: tuple[str, ...]


def is_bill(name: str) -> bool:
    """Tell by its name whether a file can be a bill."""
    return name.lower().endswith(ENDINGS)


def is_csv(path: Path) -> bool:
    """Tell whether a file is text."""
    return not path.name.lower().endswith(".parquet")


def read_layout(path: Path, name: str) -> Layout:
    """Read a file's header. Errors: DeliveryError with the file's name and what is wrong."""
    try:
        names = _csv_names(path) if is_csv(path) else _parquet_names(path)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as exc:
        raise DeliveryError(f"the header cannot be read: {exc}", file=name) from exc
    except pl.exceptions.PolarsError as exc:
        raise DeliveryError(f"no Parquet file: {first_line(exc)}", file=name) from exc
    return Layout(_recognise(names, name), names)


def first_line(exc: BaseException) -> str:
    """Give the sentence of an error without the advice for programmers below it."""
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]


def _parquet_names(path: Path) -> tuple[str, ...]:
    return tuple(pl.scan_parquet(path, hive_partitioning=False).collect_schema().names())


def _csv_names(path: Path) -> tuple[str, ...]:
    with path.open("rb") as raw:
        is_gzip = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if is_gzip else path.open("rb") as file:
        start = file.read(HEADER_BYTES)
    text = codecs.getincrementaldecoder("utf-8-sig")().decode(start)
    return tuple(next(csv.reader(text.splitlines(keepends=True)), ()))


def _recognise(names: Sequence[str], file: str) -> Format:
    lower = {name.lower() for name in names}
    if not names:
        raise DeliveryError("the file is empty: it has no header", file=file)
    for mark, title in NOT_READ_YET:
        if mark in lower:
            raise DeliveryError(
                f"{title}: this format is not read yet; export FOCUS 1.0 to 1.2 instead", file=file
            )
    if "line_item_line_item_type" in lower or "line_item_unblended_cost" in lower:
        return _refuse_doubles(CUR2, names, file)
    if len({folded(name) for name in names} & NAMES.keys()) >= FEWEST_FOCUS_NAMES:
        return _refuse_doubles(FOCUS, names, file)
    raise DeliveryError(
        f"no known format: {len(names)} columns, first {', '.join(names[:5])}; "
        "FOCUS 1.0 to 1.2 and AWS CUR 2.0 are read",
        file=file,
    )


def _refuse_doubles(found: Format, names: Sequence[str], file: str) -> Format:
    count = Counter(found.canonical(name) for name in names)
    if doubled := sorted(name for name, times in count.items() if times > 1):
        raise DeliveryError(f"columns stand twice: {', '.join(doubled)}", file=file)
    return found

"""A file's rows, in batches of bounded size.

Takes    a path
Gives    frames of native columns with `x_row_number`; every column of a CSV is text
Refuses  rows that do not fit the header, files that break off (DeliveryError)
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from collector.billing.layout import Layout, first_line, is_csv
from collector.billing.normalise import ROW
from meterbook.errors import DeliveryError

BATCH_ROWS: Final = 50_000
BLOCK_BYTES: Final = 8 * 1024 * 1024
NULLS: Final = ("", "NULL", "null", "None")


def batches(path: Path, name: str, layout: Layout) -> Iterator[pl.DataFrame]:
    """Give the rows of a file, numbered from 1. Errors: DeliveryError."""
    row = 0
    for table in _csv(path, name, layout) if is_csv(path) else _parquet(path, name):
        if not table.num_rows:
            continue
        frame = pl.DataFrame(pl.from_arrow(table))
        yield frame.with_row_index(ROW, offset=row + 1)
        row += frame.height


def _parquet(path: Path, name: str) -> Iterator[pa.RecordBatch]:
    try:
        yield from pq.ParquetFile(path).iter_batches(batch_size=BATCH_ROWS)
    except (pa.ArrowException, OSError) as exc:
        raise DeliveryError(f"the file breaks off: {first_line(exc)}", file=name) from exc


def _csv(path: Path, name: str, layout: Layout) -> Iterator[pa.RecordBatch]:
    misfits: list[Any] = []

    def note(row: Any) -> str:
        misfits.append(row)
        return "skip"

    try:
        reader = pa_csv.open_csv(
            pa.input_stream(str(path), compression="detect"),
            read_options=pa_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=pa_csv.ConvertOptions(
                column_types={column: pa.string() for column in layout.names},
                null_values=list(NULLS),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        yield from reader
    except (pa.ArrowException, OSError, EOFError) as exc:
        raise DeliveryError(f"the file breaks off: {first_line(exc)}", file=name) from exc
    if misfits:
        met = misfits[0]
        raise DeliveryError(
            f"{met.actual_columns} cells where the header has {met.expected_columns}"
            f" ({len(misfits)} such rows)",
            file=name,
            row=met.number - 1 if met.number else None,
        )

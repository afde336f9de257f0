"""Rows of a bill's files, batch by batch: numbered on, however they are cut."""

from pathlib import Path

import polars as pl
import pytest

from collector.billing.format import read
from collector.billing.format.layout import read_layout
from collector.billing.format.normalise import ROW
from warehouse.tables.focus import FOCUS_NAMES

NAMES = list(FOCUS_NAMES)[:9]
ROWS = pl.DataFrame({name: [f"{name} {n}" for n in range(5)] for name in NAMES})


def put(folder: Path, kind: str) -> Path:
    """Write the five rows."""
    path = folder / f"bill.{kind}"
    (ROWS.write_csv if kind == "csv" else ROWS.write_parquet)(path)
    return path


@pytest.mark.parametrize(
    ("kind", "limit", "size", "heights"),
    [
        ("parquet", "BATCH_ROWS", 2, [2, 2, 1]),
        ("parquet", "BATCH_ROWS", 5, [5]),
        ("parquet", "BATCH_ROWS", 1, [1] * 5),
        ("csv", "BLOCK_BYTES", 10**6, [5]),
    ],
)
def test_rows_are_numbered_on_from_batch_to_batch(
    tmp_path: Path, monkeypatch, kind: str, limit: str, size: int, heights: list[int]
) -> None:
    """From 1 to 5, in the order of the file, with its values."""
    path = put(tmp_path, kind)
    monkeypatch.setattr(read, limit, size)

    found = list(read.batches(path, path.name, read_layout(path, path.name)))

    assert [frame.height for frame in found] == heights
    whole = pl.concat(found)
    assert whole[ROW].to_list() == [1, 2, 3, 4, 5]
    assert whole.select(NAMES).equals(ROWS)


def test_csv_is_read_by_blocks(tmp_path: Path, monkeypatch) -> None:
    """A block of two rows: more batches, the same rows under the same numbers."""
    path = put(tmp_path, "csv")
    layout = read_layout(path, path.name)
    lines = path.read_bytes().splitlines(keepends=True)
    monkeypatch.setattr(read, "BLOCK_BYTES", len(lines[0]) + len(lines[1]) + 10)

    found = list(read.batches(path, path.name, layout))

    assert len(found) > 1
    assert pl.concat(found)[ROW].to_list() == [1, 2, 3, 4, 5]

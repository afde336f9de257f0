"""The bills of a sample world: AWS CUR 2.0 and FOCUS 1.2 of Google Cloud, as Parquet.

Takes    a World, a folder
Gives    `aws/<export>/data/BILLING_PERIOD=YYYY-MM/*.parquet` with its manifest under `metadata/`,
         and `gcp/YYYY-MM/focus-*.parquet`
Holds    the sums are the world's truth to the last digit; the same world gives the same bytes
"""

import json
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from sample_data import cur, focus
from sample_data.managed import PAYER
from sample_data.model import World

EXPORT: Final = "meterbook-hourly"
BUCKET: Final = "s3://shop-billing/exports"
ROWS_PER_FILE: Final = 15_000


def write_bills(world: World, out: Path) -> None:
    """Write the bills of every month the world touches."""
    for period in world.months():
        _write_aws(world, period, out / "aws" / EXPORT)
        folder = out / "gcp" / period[0]
        folder.mkdir(parents=True, exist_ok=True)
        _write(focus.lines(world, period), folder / f"focus-{period[0]}-00001.parquet")


def _write_aws(world: World, period: tuple[str, int, int], root: Path) -> None:
    table = cur.lines(world, period)
    part = f"BILLING_PERIOD={period[0]}"
    folder, metadata = root / "data" / part, root / "metadata" / part
    for place in (folder, metadata):
        place.mkdir(parents=True, exist_ok=True)
    names = []
    for number, first in enumerate(range(0, table.num_rows, ROWS_PER_FILE), start=1):
        names.append(f"{EXPORT}-{number:05d}.snappy.parquet")
        _write(table.slice(first, ROWS_PER_FILE), folder / names[-1])
    manifest = {
        "exportArn": f"arn:aws:bcm-data-exports:us-east-1:{PAYER}:export/{EXPORT}",
        "billingPeriod": period[0],
        "columns": [
            {"name": name, "type": str(table.schema.field(name).type)}
            for name in table.column_names
        ],
        "dataFiles": [f"{BUCKET}/{EXPORT}/data/{part}/{name}" for name in names],
    }
    text = json.dumps(manifest, indent=1) + "\n"
    (metadata / f"{EXPORT}-Manifest.json").write_text(text, encoding="utf-8")


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="snappy")

"""A record that ends the decoder's process: it alone is set aside, after it did so three times."""

import json
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from collector.otlp.decode.decoder import blame
from collector.otlp.journal.journal import Record
from collector.otlp.journal.segment import MAGIC, SEGMENT, pack

SALT = bytes(16)
PROGRAM = """
import os, sys
from pathlib import Path
from collector.otlp import decode
from collector.otlp.decode.decoder import Lander
whole = decode.Decoder.decode
def deadly(self, signal, records, segment):
    if any(b"poison" in record.payload for record in records):
        os._exit(9)
    return whole(self, signal, records, segment)
decode.Decoder.decode = deadly
Lander(Path(sys.argv[1])).land(Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_a_poison_record_is_set_aside_alone_after_three_crashes(tmp_path, gauge):
    """The batch dies, then the record by itself, twice; the fourth try keeps all others."""
    journal = tmp_path / "collector/journal"
    journal.mkdir(parents=True)
    bodies = [gauge(1.0), gauge(2.0, name="poison"), gauge(3.0)]
    data = SEGMENT.pack(MAGIC, 1, SALT)
    for number, body in enumerate(bodies, start=1):
        record = Record("metrics", "t", body, bytes([number]) * 16, number, time.time_ns())
        data += b"".join(pack(record, SALT))
    segment = journal / f"{1:016d}.wal"
    segment.write_bytes(data)

    codes = []
    for _ in range(4):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path), str(segment)],
            cwd=Path(__file__).parents[4],
            check=False,
        )
        codes.append(done.returncode)
        blame(tmp_path)

    assert codes == [9, 9, 9, 0]
    points = pl.read_parquet(list((tmp_path / "lake/raw_point").rglob("*.parquet")))
    assert sorted(points["value"].to_list()) == [1.0, 3.0]
    quarantine = tmp_path / "collector/quarantine"
    assert [path.read_bytes() for path in quarantine.glob("*.bin")] == [bodies[1]]
    reasons = [json.loads(path.read_text())["reason"] for path in quarantine.glob("*.json")]
    assert reasons == ["the decoder crashed on it"]
    assert list(journal.iterdir()) == []

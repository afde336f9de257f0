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
from meterbook.base.home import Home

SALT = bytes(16)
PROGRAM = """
import os, sys
from pathlib import Path
from collector.otlp import decode
from collector.otlp.decode.decoder import Lander
from meterbook.base.home import Home
whole = decode.Decoder.decode
def deadly(self, signal, records, segment):
    if any(b"poison" in record.payload for record in records):
        os._exit(9)
    return whole(self, signal, records, segment)
decode.Decoder.decode = deadly
Lander(Home(Path(sys.argv[1]))).land(Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_a_poison_record_is_set_aside_alone_after_three_crashes(tmp_path, gauge):
    """The batch dies, then the record by itself, twice; the fourth try keeps all others."""
    home = Home(tmp_path)
    home.journal.mkdir(parents=True)
    bodies = [gauge(1.0), gauge(2.0, name="poison"), gauge(3.0)]
    data = SEGMENT.pack(MAGIC, 1, SALT)
    for number, body in enumerate(bodies, start=1):
        record = Record("metrics", "t", body, bytes([number]) * 16, number, time.time_ns())
        data += b"".join(pack(record, SALT))
    segment = home.journal / f"{1:016d}.wal"
    segment.write_bytes(data)

    codes = []
    for _ in range(4):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path), str(segment)],
            cwd=Path(__file__).parents[4],
            check=False,
        )
        codes.append(done.returncode)
        blame(home)

    assert codes == [9, 9, 9, 0]
    points = pl.read_parquet(list((home.lake / "raw_point").rglob("*.parquet")))
    assert sorted(points["value"].to_list()) == [1.0, 3.0]
    assert [path.read_bytes() for path in home.quarantine.glob("*.bin")] == [bodies[1]]
    reasons = [json.loads(path.read_text())["reason"] for path in home.quarantine.glob("*.json")]
    assert reasons == ["the decoder crashed on it"]
    assert list(home.journal.iterdir()) == []

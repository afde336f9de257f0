"""A record that ends the decoder's process: it alone is set aside, after it did so three times."""

import json
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from collector.otlp.decode import decoder
from collector.otlp.decode.decoder import Lander, blame
from collector.otlp.journal.journal import Record
from collector.otlp.journal.segment import MAGIC, SEGMENT, pack
from meterbook.base.home import Home

SALT = bytes(16)
PROGRAM = """
import os, sys
from pathlib import Path
from collector.otlp.decode import decode
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


def landed(tmp_path: Path, gauge, crashes: str) -> tuple[list[float], list[str]]:
    """Land a segment of three gauges after crashes; give what came of it, and the reasons."""
    home = Home(tmp_path)
    home.journal.mkdir(parents=True)
    data = SEGMENT.pack(MAGIC, 1, SALT)
    for number in (1, 2, 3):
        body = gauge(float(number))
        record = Record("metrics", "t", body, bytes([number]) * 16, number, time.time_ns())
        data += b"".join(pack(record, SALT))
    segment = home.journal / f"{1:016d}.wal"
    segment.write_bytes(data)
    segment.with_suffix(".crashes").write_text(crashes)

    Lander(home).land(segment)

    assert list(home.journal.iterdir()) == []
    points = [pl.read_parquet(path) for path in (home.lake / "raw_point").rglob("*.parquet")]
    reasons = [json.loads(path.read_text())["reason"] for path in home.quarantine.glob("*.json")]
    return sorted(value for frame in points for value in frame["value"]), reasons


@pytest.mark.parametrize(
    ("crashes", "values", "reasons"),
    [
        ("0 0", [1.0, 2.0, 3.0], []),
        ("0 0 0", [], ["3 crashes while decoding it"]),
        ("0 2", [1.0, 2.0, 3.0], []),
        ("0 2 2", [1.0, 3.0], ["the decoder crashed on it"]),
        ("0 2 2 0 3", [1.0, 3.0], ["the decoder crashed on it"]),
    ],
)
def test_a_record_goes_after_two_crashes_and_a_segment_after_three(
    tmp_path, gauge, crashes, values, reasons
):
    """Of a record by itself two prove enough, of many at once three; one less proves too little."""
    assert landed(tmp_path, gauge, crashes) == (values, reasons)


@pytest.mark.parametrize(("most", "sizes"), [(5, [[2, 3], [4]]), (4, [[2], [3], [4]]), (0, None)])
def test_a_batch_holds_just_so_many_bytes(most, sizes):
    """2 and 3 are 5; a record by itself may be larger; each signal by itself, in order."""
    records = [Record("logs", "t", bytes(n), bytes(16)) for n in (2, 3, 4)]
    records.insert(1, Record("metrics", "t", bytes(9), bytes(16)))

    batches = list(decoder._batches(records, most))  # noqa: SLF001 - how records are put together

    found = [(kind, [len(record.payload) for record in batch]) for kind, batch in batches]
    assert found == [("metrics", [9]), *(("logs", part) for part in sizes or [[2], [3], [4]])]
    assert records == []

"""Kill -9 in mid load, again and again: what was acknowledged is in the lake exactly once."""

import http.client
import os
import threading
import time
import urllib.error
from pathlib import Path

import polars as pl
import pytest

from collector.otlp.status import wait_until_decoded

KILLS = int(os.environ.get("MB_TEST_KILLS", "20"))


def _send(running, gauge, values, acknowledged: set[float]) -> None:
    """Send one value a request until the collector is gone; a lost answer is sent again later."""
    for value in values:
        try:
            if running.post(gauge(value))[0] == 200:
                acknowledged.add(value)
        except (OSError, http.client.HTTPException, urllib.error.URLError):
            return


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_was_acknowledged_is_in_the_lake_exactly_once(start, gauge, tmp_path: Path):
    """Collector and decoder are killed together; senders resend what was not answered."""
    acknowledged: set[float] = set()
    for round_ in range(KILLS):
        running = start(tmp_path / "home", 0.1)
        resent = [v for v in range(round_ * 10_000) if v % 10_000 < 20 and v not in acknowledged]
        threads = [
            threading.Thread(
                target=_send,
                args=(
                    running,
                    gauge,
                    [
                        *resent,
                        *range(round_ * 10_000 + lane * 2000, round_ * 10_000 + lane * 2000 + 1999),
                    ],
                    acknowledged,
                ),
            )
            for lane in range(3)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.3 + 0.07 * (round_ % 10))
        running.kill()
        for thread in threads:
            thread.join()

    last = start(tmp_path / "home", 0.1)
    wait_until_decoded(last.home, 60)
    assert last.stop() == 0

    files = list((tmp_path / "home/lake/raw_point").rglob("*.parquet"))
    stored = pl.read_parquet(files)["value"].to_list()
    assert len(acknowledged) > KILLS
    assert len(stored) == len(set(stored))
    assert acknowledged <= set(stored)

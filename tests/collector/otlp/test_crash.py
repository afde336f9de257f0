"""Kill -9 in mid load, again and again: what was acknowledged is in the lake exactly once.

`MB_TEST_KILLS=200` is the figure of a release; the normal run does fewer.
"""

import http.client
import itertools
import os
import random
import signal
import threading
import time
import urllib.error
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from collector.otlp.decode.status import wait_until_decoded
from meterbook.base.home import Home

KILLS = int(os.environ.get("MB_TEST_KILLS", "10"))
LANES = 3


@dataclass
class Senders:
    """Values sent one a request; those without an answer are sent again after the next start."""

    acknowledged: set[float] = field(default_factory=set)
    in_doubt: set[float] = field(default_factory=set)
    fresh: itertools.count = field(default_factory=itertools.count)
    again: list[float] = field(default_factory=list)

    def begin(self, running, gauge) -> list[threading.Thread]:
        """Start the lanes; each goes on until the collector is gone."""
        self.again = sorted(self.in_doubt)
        lanes = [threading.Thread(target=self._send, args=(running, gauge)) for _ in range(LANES)]
        for lane in lanes:
            lane.start()
        return lanes

    def _send(self, running, gauge) -> None:
        while True:
            try:
                value = float(self.again.pop())
            except IndexError:
                value = float(next(self.fresh))
            self.in_doubt.add(value)
            try:
                if running.post(gauge(value))[0] != 200:
                    continue
            except (OSError, http.client.HTTPException, urllib.error.URLError):
                return
            self.acknowledged.add(value)
            self.in_doubt.discard(value)


def _stored(home: Home) -> list[float]:
    files = list((home.lake / "raw_point").rglob("*.parquet"))
    return pl.read_parquet(files)["value"].to_list()


def _decoder(running) -> int | None:
    """Give the decoder's process: the only child of the collector."""
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
    pids = children.read_text().split()
    return int(pids[0]) if pids else None


def _kill_decoder(running) -> bool:
    pid = _decoder(running)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    return pid is not None


def _wait_for(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_was_acknowledged_is_in_the_lake_exactly_once(start, gauge, tmp_path: Path):
    """Collector and decoder are killed together, or asked to end each tenth time."""
    senders = Senders()
    random_ = random.Random(7)  # noqa: S311 - no secret
    home = Home(tmp_path / "home")
    drained = 0
    for round_ in range(KILLS):
        running = start(home, random_.choice([0.02, 0.05, 0.1]))
        lanes = senders.begin(running, gauge)
        enough = len(senders.acknowledged) + random_.randint(1, 40)
        assert _wait_for(lambda enough=enough: len(senders.acknowledged) >= enough, 30)
        if round_ % 10 == 9:
            assert running.stop() == 0
            drained += 1
        else:
            running.kill()
        for lane in lanes:
            lane.join()

    last = start(home, 0.1)
    wait_until_decoded(home, 60)
    assert last.stop() == 0

    stored = _stored(home)
    print(  # noqa: T201 - the figures of the run
        f"{KILLS - drained} kills, {drained} ends: {len(senders.acknowledged)} acknowledged, "
        f"{len(stored)} stored, {len(stored) - len(set(stored))} twice, "
        f"{len(senders.acknowledged - set(stored))} lost"
    )
    assert len(senders.acknowledged) > KILLS
    assert len(stored) == len(set(stored))
    assert senders.acknowledged <= set(stored)
    assert set(stored) <= senders.acknowledged | senders.in_doubt


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_decoder_that_is_killed_alone_or_in_mid_decode_loses_and_doubles_nothing(
    start, gauge, tmp_path: Path
):
    """Another takes over; no segment is hit twice, as three crashes would condemn it."""
    senders = Senders()
    home = Home(tmp_path / "home")
    running = start(home, 0.05)
    lanes = senders.begin(running, gauge)
    marker = home.decoding
    hit: set[str] = set()

    def in_hand() -> str:
        try:
            return marker.read_text().partition(" ")[0]  # the segment; then the record
        except FileNotFoundError:
            return ""

    for _ in range(max(4, KILLS // 10)):
        assert _wait_for(lambda: in_hand() not in hit | {""}, 30)
        hit.add(in_hand())
        former = _decoder(running)
        assert _kill_decoder(running)
        assert _wait_for(lambda former=former: _decoder(running) not in {None, former}, 30)
    running.kill()
    for lane in lanes:
        lane.join()

    last = start(home, 0.1)
    wait_until_decoded(home, 60)
    assert last.stop() == 0

    stored = _stored(home)
    assert len(stored) == len(set(stored))
    assert senders.acknowledged <= set(stored)

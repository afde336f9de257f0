"""How long a quiet tenant waits while another floods: once without a quota, once with one.

Takes    `--quick` for a third of the work
Gives    p50 and p99 of the quiet tenant's answers, alone and beside the flood, and their ratio
Units    milliseconds; the quiet tenant sends 30 points at a time, the flood 1,000 on 8 connections
         as fast as it is answered, from a process of its own; both end by count

The senders share the machine's two cores with the collector, so a part of every wait is theirs.
"""

import http.client
import os
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from peak import table
from receiver import SET, await_port, distinct, free_port, payloads, small_payloads

from collector.otlp.admission.tokens import create_token
from collector.otlp.serve import serve
from meterbook.base.home import Home
from meterbook.base.settings import CollectorSettings

FLOOD_CONNECTIONS: Final = 8
PAUSE_SECONDS: Final = 0.02
QUOTA: Final = "loud:requests=50"


def _lane(port: int, token: str, bodies: list[bytes], pause: float) -> list[float]:
    """Send one after the other on one connection; give how long each answer took."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/x-protobuf", "Authorization": f"Bearer {token}"}
    waits = []
    for body in bodies:
        began = time.perf_counter()
        link.request("POST", "/v1/metrics", body, headers)
        answer = link.getresponse()
        answer.read()
        waits.append(time.perf_counter() - began)
        if answer.status not in {200, 429}:
            raise RuntimeError(f"status {answer.status}")
        time.sleep(pause)
    link.close()
    return sorted(waits)


def _flood(port: int, token: str, seconds: float) -> None:
    """Send on many connections until the time is up."""
    bodies = payloads(SET)
    lots = [distinct(bodies, n * 1_000_000, 20) for n in range(50 * FLOOD_CONNECTIONS)]
    print("ready", flush=True)
    end = time.monotonic() + seconds

    def lane(number: int) -> None:
        for lot in lots[number::FLOOD_CONNECTIONS]:
            if time.monotonic() > end:
                return
            _lane(port, token, lot, 0)

    lanes = [threading.Thread(target=lane, args=(n,)) for n in range(FLOOD_CONNECTIONS)]
    for each in lanes:
        each.start()
    for each in lanes:
        each.join()


def _serve(home: Home, port: int, quotas: tuple[str, ...]) -> None:
    settings = CollectorSettings(
        grpc_port=0, http_port=port, auth="token", quotas=quotas, telemetry_seconds=0
    )
    sys.exit(serve(settings, home, decode=False))


def _start(*words: str) -> subprocess.Popen[bytes]:
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen([sys.executable, __file__, *words], env=environ, stdout=subprocess.PIPE)


def measure(quota: str, requests: int) -> dict[str, Any]:
    """Measure the quiet tenant alone, then beside the flood, on one collector."""
    now = datetime.now(UTC)  # noqa: TID251 - a real server looks at the real clock
    with tempfile.TemporaryDirectory() as folder:
        home, port = Home(Path(folder)), free_port()
        tokens = {t: create_token(home.tokens, t, ["ingest"], now)[0] for t in ("q", "loud")}
        process = _start("--serve", str(home), str(port), quota)
        try:
            await_port(port)
            bodies = small_payloads(SET)
            _lane(port, tokens["q"], distinct(bodies, 0, SET), 0)
            alone = _lane(port, tokens["q"], distinct(bodies, SET, requests), PAUSE_SECONDS)
            seconds = requests * PAUSE_SECONDS * 3
            flood = _start("--flood", str(port), tokens["loud"], str(seconds))
            assert flood.stdout is not None  # noqa: S101 - a pipe, see _start
            flood.stdout.readline()  # it makes its bodies first
            work = distinct(bodies, SET + requests, requests)
            beside = _lane(port, tokens["q"], work, PAUSE_SECONDS)
            flood.communicate()
        finally:
            process.terminate()
            process.communicate()
    at = [len(alone) // 2, len(alone) * 99 // 100]
    return {
        "quota of the flood": quota or "none",
        "p50 alone": f"{alone[at[0]] * 1000:.1f}",
        "p50 beside": f"{beside[at[0]] * 1000:.1f}",
        "p99 alone": f"{alone[at[1]] * 1000:.1f}",
        "p99 beside": f"{beside[at[1]] * 1000:.1f}",
        "x p99": f"{beside[at[1]] / alone[at[1]]:.2f}",
    }


def main() -> None:
    """Print the table."""
    requests = 100 if "--quick" in sys.argv else 300
    rows = [measure(quota, requests) for quota in ("", QUOTA)]
    table("A quiet tenant beside a flood, ms", rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        _serve(Home(Path(sys.argv[2])), int(sys.argv[3]), tuple(filter(None, sys.argv[4:])))
    elif sys.argv[1:2] == ["--flood"]:
        _flood(int(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
    else:
        main()

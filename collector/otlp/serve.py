"""The collector: both doors and the journal in one process, the decoder in another.

Takes    settings, the home
Gives    OTLP on two ports, raw Parquet in the lake, a status file
Holds    SIGTERM: no new requests, what came is answered, the journal is synced and sealed, and the
         decoder finishes; exit status 0
"""

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc.aio
import uvloop

from collector.otlp.accept import SEED_FILE, Acceptor
from collector.otlp.counters import Counters
from collector.otlp.decoder import blame
from collector.otlp.grpc_door import open_grpc
from collector.otlp.http_door import HttpDoor, drain, open_http
from collector.otlp.journal import Journal, sealed
from collector.otlp.status import (
    Status,
    collector_folder,
    journal_folder,
    read_status,
    write_status,
)
from meterbook.errors import ConfigError, Finding
from meterbook.settings import CollectorSettings

DRAIN_SECONDS: Final = 10
DECODER_SECONDS: Final = 30
NOBODY: Final = 0


@dataclass(frozen=True)
class Ports:
    """Where the doors are."""

    grpc: int
    http: int


Ready = Callable[[Ports], None]


def serve(
    settings: CollectorSettings, home: Path, *, ready: Ready | None = None, decode: bool = True
) -> int:
    """Run until SIGTERM or SIGINT; give the exit status.

    Errors: ConfigError when a port is taken, JournalLockedError when another collector runs here.
    """
    collector_folder(home).mkdir(parents=True, exist_ok=True)
    uvloop.run(_serve(settings, home, ready, decode=decode))
    return 0


async def _serve(
    settings: CollectorSettings, home: Path, ready: Ready | None, *, decode: bool
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    former = read_status(home)
    counters = Counters(former.counters if former else {})
    journal = Journal(
        journal_folder(home),
        segment_bytes=settings.segment_bytes,
        segment_seconds=settings.segment_seconds,
        queue_bytes=settings.queue_bytes,
    )
    acceptor = Acceptor(settings, journal, counters, _seed(home))
    server, grpc_port = await _opened_grpc(settings, acceptor)
    http, http_port, connections = await _opened_http(settings, acceptor)
    ports = Ports(grpc_port, http_port)
    if ready is not None:
        ready(ports)
    decoder = _start_decoder(home) if decode else None
    while not stop.is_set():
        if decoder is not None and decoder.poll() is not None:
            counters.add("decoder_restarts", "")
            blame(home)
            decoder.communicate()
            decoder = _start_decoder(home)
        _tell(home, ports, counters, journal)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1)
    await _close(server, http, connections)
    await asyncio.to_thread(journal.close)
    await asyncio.to_thread(_end_decoder, home, decoder)
    _tell(home, ports, counters, journal, is_running=False)


async def _opened_grpc(
    settings: CollectorSettings, acceptor: Acceptor
) -> tuple[grpc.aio.Server, int]:
    try:
        return await open_grpc(settings, acceptor)
    except RuntimeError as exc:
        raise ConfigError([_taken("collector.grpc_port", settings.grpc_port)]) from exc


async def _opened_http(
    settings: CollectorSettings, acceptor: Acceptor
) -> tuple[asyncio.Server, int, set[HttpDoor]]:
    try:
        return await open_http(settings, acceptor)
    except OSError as exc:
        raise ConfigError([_taken("collector.http_port", settings.http_port)]) from exc


def _taken(key: str, port: int) -> Finding:
    return Finding(key, f"port {port} is taken; stop what listens there or choose another")


async def _close(server: grpc.aio.Server, http: asyncio.Server, connections: set[HttpDoor]) -> None:
    http.close()
    await asyncio.gather(server.stop(DRAIN_SECONDS), drain(connections, DRAIN_SECONDS))


def _seed(home: Path) -> int:
    """Give the secret seed of content keys, made once per home."""
    path = collector_folder(home) / SEED_FILE
    if not path.exists():
        path.write_bytes(secrets.token_bytes(8))
        path.chmod(0o600)
    return int.from_bytes(path.read_bytes(), "little")


def _start_decoder(home: Path, parent: int | None = None) -> subprocess.Popen[bytes]:
    """Start a decoder. It ends when its parent is gone; with another's id it does one pass."""
    pid = os.getpid() if parent is None else parent
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "collector.otlp.decoder", str(home), str(pid)]
    )


def _end_decoder(home: Path, decoder: subprocess.Popen[bytes] | None) -> None:
    """Let the decoder finish what is sealed; what takes too long waits for the next start."""
    if decoder is None:
        return
    decoder.terminate()
    _wait(decoder)
    if any(sealed(journal_folder(home))):  # it was told to stop before it was listening
        _wait(_start_decoder(home, NOBODY))


def _wait(decoder: subprocess.Popen[bytes]) -> None:
    try:
        decoder.wait(DECODER_SECONDS)
    except subprocess.TimeoutExpired:
        decoder.kill()
        decoder.wait()


def _tell(
    home: Path, ports: Ports, counters: Counters, journal: Journal, *, is_running: bool = True
) -> None:
    write_status(
        home,
        Status(
            pid=os.getpid(),
            grpc_port=ports.grpc,
            http_port=ports.http,
            counters=dict(counters.counts),
            journal_bytes=journal.pending_bytes(),
            is_running=is_running,
        ),
    )

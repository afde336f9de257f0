"""The collector: both doors and the journal in one process, the decoder in another.

Takes    settings, the home
Gives    OTLP on two ports, raw Parquet in the lake, a status file, its own metrics
Holds    SIGTERM: health says NOT_SERVING, then no new requests, what came is answered, the journal
         is synced and sealed, and the decoder finishes; exit status 0
"""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop

from collector.otlp import telemetry
from collector.otlp.admission.accept import Acceptor
from collector.otlp.admission.active import take_up
from collector.otlp.admission.counters import Counters
from collector.otlp.admission.gate import DEFAULT_TENANT, Gate, Sender
from collector.otlp.admission.quota import parse_quota, quota_findings
from collector.otlp.admission.tokens import TokenBook
from collector.otlp.decode.decoder import blame
from collector.otlp.decode.status import (
    Status,
    read_decoder_counters,
    read_status,
    write_status,
)
from collector.otlp.doors import http_door
from collector.otlp.doors.grpc_door import GrpcDoor
from collector.otlp.doors.tls import Certificates
from collector.otlp.journal import room
from collector.otlp.journal.journal import Journal, sealed
from meterbook.base.errors import ConfigError, Finding, MeterbookError
from meterbook.base.home import Home
from meterbook.base.settings import CollectorSettings

DRAIN_SECONDS: Final = 10
DECODER_SECONDS: Final = 30
TICK_SECONDS: Final = 1
SWITCH_SECONDS: Final = 0.0005
"""How long the journal's thread waits for a busy event loop, several times a sync; 5 ms unless
told, and then a quiet tenant waits 25 ms beside a loud one."""
ITSELF: Final = Sender(DEFAULT_TENANT, "self")


@dataclass(frozen=True)
class Ports:
    """Where the doors are."""

    grpc: int
    http: int


Ready = Callable[[Ports], None]


def serve(
    settings: CollectorSettings, home: Home, *, ready: Ready | None = None, decode: bool = True
) -> int:
    """Run until SIGTERM or SIGINT; give the exit status.

    Errors: ConfigError when a port is taken or a setting cannot be used, JournalLockedError when
    another collector runs here.
    """
    if findings := quota_findings(settings.quotas):
        raise ConfigError(findings)
    home.collector.mkdir(parents=True, exist_ok=True)
    sys.setswitchinterval(SWITCH_SECONDS)
    uvloop.run(_serve(settings, home, ready, decode=decode))
    return 0


async def _serve(
    settings: CollectorSettings, home: Home, ready: Ready | None, *, decode: bool
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    receivers = _Receivers(settings, home)
    ports = await receivers.open()
    decoder = _Decoder(home, receivers.counters, settings.trace_sample_ratio) if decode else None
    if ready is not None:
        ready(ports)
    while not stop.is_set():
        if decoder is not None:
            decoder.watch()
        await receivers.tick()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), TICK_SECONDS)
    await receivers.close()
    if decoder is not None:
        await asyncio.to_thread(decoder.finish)
    receivers.report(is_running=False)


class _Receivers:
    """The doors and what stands behind them."""

    def __init__(self, settings: CollectorSettings, home: Home) -> None:
        self._settings = settings
        self._home = home
        former = read_status(home)
        self.counters = Counters(former.counters if former else {})
        self._certificates = Certificates(settings) if settings.tls_certificate else None
        self._tokens = TokenBook(home.tokens)
        self._journal = Journal(
            home.journal,
            segment_bytes=settings.segment_bytes,
            segment_seconds=settings.segment_seconds,
            queue_bytes=settings.queue_bytes,
        )
        self._acceptor = Acceptor(settings, self._journal, self.counters, _seed(home))
        if any(parse_quota(text)[1].series for text in settings.quotas):
            now = datetime.now(UTC)  # noqa: TID251 - the edge
            take_up(self._acceptor.active, home.lake, now)
        gate = Gate(settings.auth, self._tokens, lambda: datetime.now(UTC))  # noqa: TID251 - the edge
        self._grpc = GrpcDoor(settings, self._acceptor, gate, self._certificates)
        self._state = http_door.HttpState(
            self._acceptor,
            gate,
            settings,
            lambda: (telemetry.TEXT_TYPE, telemetry.prometheus_text(self._facts())),
        )
        self._marks = room.Marks(
            float(settings.shed_ratio),
            float(settings.full_ratio),
            settings.min_free_bytes,
            settings.max_journal_bytes,
        )
        self._http: list[asyncio.Server] = []
        self._ports = Ports(0, 0)
        self._reported_at = time.monotonic()
        self._began_ns = home.seed.stat().st_mtime_ns

    async def open(self) -> Ports:
        """Listen at both doors."""
        settings, context = self._settings, self._context()
        self._measure()
        for path in (settings.http_socket, settings.grpc_socket):
            _remove_stale(path)
        try:
            grpc_port = await self._grpc.open()
        except RuntimeError as exc:
            raise ConfigError([_taken("collector.grpc_port", settings.grpc_port)]) from exc
        try:
            self._http = [await http_door.listen(self._state, context)]
        except OSError as exc:
            raise ConfigError([_taken("collector.http_port", settings.http_port)]) from exc
        if settings.http_socket:
            self._http.append(await http_door.listen_at(self._state, settings.http_socket))
        self._sweeper = asyncio.ensure_future(http_door.sweep(self._state))
        self._ports = Ports(grpc_port, self._http[0].sockets[0].getsockname()[1])
        return self._ports

    async def tick(self) -> None:
        """Look at the disk, the tokens and the certificates; tell how things are."""
        self._measure()
        self._tokens.refresh()
        if self._certificates is not None and self._certificates.changed():
            made = await http_door.renew(self._state, self._http[0], self._certificates.context())
            self._http[0] = made
        self.report()
        every = self._settings.telemetry_seconds
        if every and time.monotonic() - self._reported_at >= every:
            self._reported_at = time.monotonic()
            await self._record()

    async def close(self) -> None:
        """Let nobody in any more, answer who is in, and put the journal on disk."""
        self._state.is_draining = True
        await self._grpc.report(is_serving=False)
        await asyncio.sleep(self._settings.drain_seconds)
        for server in self._http:
            server.close()
        await asyncio.gather(self._grpc.close(), http_door.drain(self._state, DRAIN_SECONDS))
        self._sweeper.cancel()
        await asyncio.to_thread(self._journal.close)
        for path in (self._settings.http_socket, self._settings.grpc_socket):
            _remove_stale(path)

    def report(self, *, is_running: bool = True) -> None:
        """Write the status file."""
        write_status(
            self._home,
            Status(
                pid=os.getpid(),
                grpc_port=self._ports.grpc,
                http_port=self._ports.http,
                counters=dict(self.counters.counts),
                journal_bytes=self._journal.pending_bytes(),
                is_running=is_running,
            ),
        )

    async def _record(self) -> None:
        """Send our own metrics the way of all others; a full disk is told by its own words."""
        body = telemetry.otlp_request(self._facts(), self._began_ns, time.time_ns())
        with contextlib.suppress(MeterbookError):
            await self._acceptor.accept("metrics", ITSELF, body)

    def _facts(self) -> telemetry.Facts:
        counters = self.counters.counts | read_decoder_counters(self._home)
        return telemetry.Facts(counters, self._gauges())

    def _gauges(self) -> list[telemetry.Gauge]:
        journal = self._journal
        pending = journal.pending_bytes()
        disk = room.figures(self._home.root, pending)
        syncs = journal.syncs
        values = (
            ("mb_wal_bytes", "By", "journaled, not decoded", pending),
            ("mb_wal_oldest_seconds", "s", "age of the oldest undecoded", journal.oldest_seconds()),
            ("mb_wal_queue_bytes", "By", "waiting for the disk", journal.queued_bytes),
            ("mb_wal_fsync_seconds", "s", "last sync", journal.fsync_seconds),
            ("mb_wal_fsync_seconds_max", "s", "longest sync since the start", syncs.max_seconds),
            ("mb_disk_free_ratio", "1", "free part of the disk", 1 - disk.used_ratio),
            (
                "mb_connections",
                "{connection}",
                "open HTTP connections",
                len(self._state.connections),
            ),
        )
        return [telemetry.Gauge(name, unit, text, value) for name, unit, text, value in values]

    def _measure(self) -> None:
        """Look how full the disk and the journal are."""
        self._acceptor.room = room.room(self._home.root, self._journal.pending_bytes(), self._marks)

    def _context(self) -> ssl.SSLContext | None:
        return self._certificates.context() if self._certificates is not None else None


def _taken(key: str, port: int) -> Finding:
    return Finding(key, f"port {port} is taken; stop what listens there or choose another")


def _remove_stale(path: str) -> None:
    """Remove the file of a Unix socket where nobody listens."""
    if not path or not Path(path).is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink(missing_ok=True)


def _seed(home: Home) -> int:
    """Give the secret seed of content keys, made once per home."""
    if not home.seed.exists():
        home.seed.write_bytes(secrets.token_bytes(8))
        home.seed.chmod(0o600)
    return int.from_bytes(home.seed.read_bytes(), "little")


DECODER: Final = "collector.otlp.decode.decoder"
ONE_AT_A_TIME: Final = {"POLARS_MAX_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
"""The decoder's batches are too small to share out: a second thread costs half as much again."""


class _Decoder:
    """The decoder's process, started again when it ends by itself."""

    def __init__(self, home: Home, counters: Counters, sample_ratio: str) -> None:
        self._home = home
        self._counters = counters
        self._sample_ratio = sample_ratio
        self._process = self._start(subprocess.PIPE)

    def watch(self) -> None:
        """Start it again if it has ended, and note what it had in hand."""
        if self._process.poll() is None:
            return
        self._counters.add("decoder_restarts")
        blame(self._home)
        self._close_input()
        self._process = self._start(subprocess.PIPE)

    def finish(self) -> None:
        """Let it decode what is sealed; what takes too long waits for the next start."""
        self._close_input()
        _wait(self._process)
        if any(sealed(self._home.journal)):  # it ended on its own just before
            _wait(self._start(subprocess.DEVNULL))

    def _start(self, source: int) -> subprocess.Popen[bytes]:
        """Start it. It ends when its input does: with us, or after one pass when it has none."""
        return subprocess.Popen(  # noqa: S603 - our own program
            [
                sys.executable,
                "-m",
                DECODER,
                str(self._home),
                self._sample_ratio,
            ],
            stdin=source,
            env=os.environ | ONE_AT_A_TIME,
        )

    def _close_input(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(DECODER_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

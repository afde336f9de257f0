"""How the parts are started, watched and stopped together.

Takes    settings, what is wanted (demo, once), a clock
Gives    a collector, builds every few minutes, the site; or one pass of all of it
Holds    told to stop, it stops at the next step of a build, and the next run goes on there
Never    leaves a part behind: whatever ends it, the children are told and waited for

What only one command needs is imported there: together these imports take longer than the answer
of a command that asks.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from collector.otlp.decode.status import Status, read_status, wait_until_decoded
from meterbook.base.errors import ConfigError, Finding, MeterbookError
from meterbook.base.settings import Settings
from meterbook.base.settings_file import load_settings
from meterbook.build import build as building
from meterbook.build.plan import Choice
from meterbook.build.run_log import StoppedError
from sample_data.world import WorldSpec, make_world
from sample_data.write import write_sample
from warehouse.store.snapshot import current

Say = Callable[[str], None]
Clock = Callable[[], datetime]

DEMO_DAYS: Final = 35
START_SECONDS: Final = 30
STOP_SECONDS: Final = 40
DECODE_SECONDS: Final = 300


@dataclass(frozen=True)
class Demo:
    """Which sample world."""

    size: str
    seed: int


@dataclass(frozen=True)
class Wanted:
    """What to start."""

    demo: Demo | None
    once: bool


class PartEndedError(MeterbookError):
    """A part that should run has ended."""

    def __init__(self, part: str, code: int | None) -> None:
        """Keep which part, and its exit status."""
        super().__init__(f"the {part} ended with status {code}; its messages stand above")
        self.part = part


def collect(settings: Settings, *, say: Say) -> int:
    """Run the receivers and the decoder until told to stop."""
    from collector.otlp.serve import serve as serve_collector  # noqa: PLC0415 - see above

    return serve_collector(
        settings.collector,
        settings.home,
        ready=lambda ports: say(
            f"collector: OTLP/gRPC on {settings.collector.host}:{ports.grpc}, "
            f"OTLP/HTTP on {settings.collector.host}:{ports.http}"
        ),
    )


def serve_site(settings: Settings) -> None:
    """Run the site until told to stop."""
    from app.web import serve as site  # noqa: PLC0415 - see above

    site.serve(settings.home, settings.site)


def report(settings: Settings, out: Path) -> None:
    """Write the static report of the current snapshot."""
    from app import report as report_page  # noqa: PLC0415 - see above

    out.parent.mkdir(parents=True, exist_ok=True)
    report_page.write_report(current(settings.home.serving), out)


def write_sample_world(out: Path, spec: tuple[int, int, str, date], *, say: Say) -> None:
    """Write the sample world to a folder."""
    seed, days, size, end = spec
    write_sample(_spec(seed, days, size, end), out, say)


def run(settings: Settings, wanted: Wanted, *, clock: Clock, say: Say) -> int:
    """Start the parts, keep them running, and stop them; give the exit status."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings.home.root.mkdir(parents=True, exist_ok=True)
    world = _demo_world(settings, wanted.demo, clock, say) if wanted.demo else None
    if world is not None:
        settings = world.settings
    if wanted.once:
        settings = replace(
            settings, collector=replace(settings.collector, grpc_port=0, http_port=0)
        )
    with _part(settings, "collect", once=wanted.once) as collector:
        status = _wait_for_collector(settings, collector)
        if world is not None and not world.is_sent:
            _send(world, status, say)
        try:
            _settle(settings, say, stop)
            _build(settings, clock(), say, stop)
            if wanted.once:
                return _finish_once(settings, say)
            with _part(settings, "serve") as page:
                say(f"site: http://{settings.site.host}:{settings.site.port}")
                _keep_running(settings, {"collector": collector, "site": page}, stop, clock, say)
        except StoppedError as exc:
            say(str(exc))
    say("stopped")
    return 1 if wanted.once else 0


@dataclass(frozen=True)
class _World:
    spec: WorldSpec
    settings: Settings
    marker: Path

    @property
    def is_sent(self) -> bool:
        return self.marker.is_file()


def _spec(seed: int, days: int, size: str, end: date) -> WorldSpec:
    if size not in {"small", "medium", "large"}:
        raise ConfigError([Finding("--size", f"'{size}'; want small, medium or large")])
    return WorldSpec(seed=seed, days=days, size=size, end=end)  # type: ignore[arg-type]  # checked above


def _demo_world(settings: Settings, demo: Demo, clock: Clock, say: Say) -> _World:
    """Make the sample world in the home, or take up the one that is there."""
    folder = settings.home.sample
    remembered = folder / "world.json"
    wanted = {"size": demo.size, "seed": demo.seed, "days": DEMO_DAYS}
    if remembered.is_file():
        known = json.loads(remembered.read_text(encoding="utf-8"))
        end = date.fromisoformat(known.pop("end"))
        if known != wanted:
            raise ConfigError(
                [
                    Finding(
                        "--home", f"{settings.home} holds another world ({known}); choose another"
                    )
                ]
            )
        say(f"world: taking up the one in {folder}, which ends on {end - timedelta(days=1)}")
        spec = _spec(demo.seed, DEMO_DAYS, demo.size, end)
    else:
        end = clock().date()
        spec = _spec(demo.seed, DEMO_DAYS, demo.size, end)
        say(f"world: making {demo.size} world, seed {demo.seed}, {DEMO_DAYS} days up to {end}")
        write_sample(spec, folder, say, otlp=False)
        remembered.write_text(json.dumps({**wanted, "end": end.isoformat()}), encoding="utf-8")
    config = settings.home.config  # where every later command finds it
    if not config.exists():
        config.symlink_to(Path(folder.name) / config.name)
    own = load_settings(config, os.environ, {"home": settings.home})
    return _World(spec, own, folder / "sent.json")


def _send(world: _World, status: Status, say: Say) -> None:
    from sample_data.send import send_world  # noqa: PLC0415 - see above

    say("world: sending it over the wire, through the SDK's exporters and as raw requests")
    host = world.settings.collector.host
    report = send_world(
        make_world(world.spec),
        grpc=f"{host}:{status.grpc_port}",
        http=f"http://{host}:{status.http_port}",
        say=say,
    )
    say(
        f"world: sent {report.requests} requests with {report.points:,} points, "
        f"{report.log_records} log records, {report.spans} spans in {report.seconds:.0f} s"
    )
    world.marker.write_text(json.dumps({"requests": report.requests}), encoding="utf-8")


def _wait_for_collector(settings: Settings, process: subprocess.Popen[bytes]) -> Status:
    waited = threading.Event()
    for _ in range(START_SECONDS * 10):
        if process.poll() is not None:
            raise PartEndedError("collector", process.returncode)
        status = read_status(settings.home)
        if status is not None and status.pid == process.pid:
            return status
        waited.wait(0.1)
    raise PartEndedError("collector", None)


def _settle(settings: Settings, say: Say, stop: threading.Event) -> None:
    wait_until_decoded(settings.home, DECODE_SECONDS, stop.is_set)
    if not stop.is_set():
        say("collector: everything accepted is in the lake")


def _build(settings: Settings, now: datetime, say: Say, stop: threading.Event) -> None:
    bills = settings.billing.counted_from(settings.base)
    loaded = building.load_bills(
        bills, settings.home, (), now=now, accept=None, say=say, is_stopped=stop.is_set
    )
    for line in loaded.text.splitlines():
        say(f"bills: {line}")
    result = building.build(settings, now=now, choice=Choice(), say=say, is_stopped=stop.is_set)
    for line in result.text.splitlines():
        say(f"build: {line}")


def _finish_once(settings: Settings, say: Say) -> int:
    out = settings.home.report
    report(settings, out)
    snapshot = current(settings.home.serving)
    say(f"report:   {out}")
    say(f"snapshot: {snapshot.path}")
    say(f"see it:   meterbook --home {settings.home} serve")
    return 0


def _keep_running(
    settings: Settings,
    parts: dict[str, subprocess.Popen[bytes]],
    stop: threading.Event,
    clock: Clock,
    say: Say,
) -> None:
    """Build every so often until told to stop.

    Errors: PartEndedError when a part has ended, StoppedError when it is told in mid build.
    """
    waited = 0
    while not stop.wait(1):
        for name, process in parts.items():
            if process.poll() is not None:
                raise PartEndedError(name, process.returncode)
        waited += 1
        if waited >= settings.build.every_seconds:
            waited = 0
            _build(settings, clock(), say, stop)


@contextmanager
def _part(
    settings: Settings, command: str, *, once: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a part of ours as a process of its own; on leaving, tell it to stop and wait."""
    environ = dict(os.environ)
    if once:
        environ |= {"MB_COLLECTOR_GRPC_PORT": "0", "MB_COLLECTOR_HTTP_PORT": "0"}
    config = ["--config", str(settings.config_file)] if settings.config_file else []
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "meterbook.cli", "--home", str(settings.home), *config, command],
        env=environ,
        start_new_session=True,  # a Ctrl-C reaches us, and we stop the parts in order
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

"""What the collector tells about itself, in a file that anybody may read.

Takes    the home
Gives    pid, ports and counters; whether everything accepted is in the lake
"""

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meterbook.base.errors import MeterbookError
from meterbook.base.home import Home


class DecodeLagError(MeterbookError):
    """The decoder has not caught up in time."""


@dataclass(frozen=True)
class Status:
    """A collector as it was when it last wrote its status."""

    pid: int
    grpc_port: int
    http_port: int
    counters: dict[tuple[str, str], int]
    journal_bytes: int
    is_running: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Give plain values; counters are named `name{label}`."""
        return {
            "pid": self.pid,
            "is_running": self.is_running,
            "grpc_port": self.grpc_port,
            "http_port": self.http_port,
            "journal_bytes": self.journal_bytes,
            **{
                f"{name}{{{label}}}" if label else name: count
                for (name, label), count in sorted(self.counters.items())
            },
        }


def write_status(home: Home, status: Status) -> None:
    """Replace the status file."""
    document = {
        "pid": status.pid,
        "grpc_port": status.grpc_port,
        "http_port": status.http_port,
        "journal_bytes": status.journal_bytes,
        "is_running": status.is_running,
        "counters": [[name, label, n] for (name, label), n in sorted(status.counters.items())],
    }
    write_json(home.status, document)


def write_json(path: Path, document: object) -> None:
    """Replace a small file in one step."""
    making = path.with_suffix(".making")
    making.write_text(json.dumps(document), encoding="utf-8")
    making.replace(path)


def read_status(home: Home) -> Status | None:
    """Give the last status; None when no collector ever ran here."""
    try:
        known = json.loads(home.status.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    counters = {(name, label): count for name, label, count in known["counters"]}
    return Status(
        pid=known["pid"],
        grpc_port=known["grpc_port"],
        http_port=known["http_port"],
        counters=counters | read_decoder_counters(home),
        journal_bytes=known["journal_bytes"],
        is_running=known["is_running"] and _is_alive(known["pid"]),
    )


def read_decoder_counters(home: Home) -> dict[tuple[str, str], int]:
    """Give what the decoder has counted."""
    try:
        text = home.decoder_counters.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    return {(name, label): count for name, label, count in json.loads(text)}


def wait_until_decoded(
    home: Home, timeout_seconds: float, is_stopped: Callable[[], bool] = lambda: False
) -> Status:
    """Wait until no segment is left undecoded, or until told to stop.

    Errors: DecodeLagError after the time.
    """
    waited = threading.Event()
    deadline = time.monotonic() + timeout_seconds
    while any(home.journal.glob("*.open")) or any(home.journal.glob("*.wal")):
        if is_stopped():
            break
        if time.monotonic() > deadline:
            raise DecodeLagError(
                f"{home.journal}: segments are still undecoded after {timeout_seconds:.0f} s; "
                "`meterbook status` shows whether the decoder runs"
            )
        waited.wait(0.1)
    status = read_status(home)
    if status is None:
        raise DecodeLagError(f"{home}: no collector ever ran here")
    return status


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

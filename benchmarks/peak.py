"""CPU seconds and peak memory of a piece of work, each in a process of its own.

Takes    a module-level function of this folder and its arguments
Gives    what it returned, its CPU seconds, wall seconds and peak memory
"""

import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any


@dataclass(frozen=True)
class Measured:
    """One measurement: CPU (user and system) and wall of the work, peak of the whole process."""

    value: Any
    cpu_seconds: float
    wall_seconds: float
    peak_mib: float


def _child(
    pipe: Connection, prepare: Callable[..., Any], work: Callable[..., Any], args: Any
) -> None:
    ready = prepare(*args)
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    value = work(ready)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    pipe.send(Measured(value, cpu, wall, after.ru_maxrss / 1024))


def measured(prepare: Callable[..., Any], work: Callable[..., Any], *args: Any) -> Measured:
    """Run `work(prepare(*args))` in a fresh process and time the work alone."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_child, args=(there, prepare, work, args))
    process.start()
    found: Measured = here.recv()
    process.join()
    return found


def table(title: str, rows: list[dict[str, object]]) -> None:
    """Print rows under a title."""
    if not rows:
        return
    widths = {key: max(len(key), *(len(str(row[key])) for row in rows)) for key in rows[0]}
    print(f"\n{title}")
    print("  ".join(key.ljust(width) for key, width in widths.items()))
    for row in rows:
        print("  ".join(str(row[key]).ljust(width) for key, width in widths.items()))

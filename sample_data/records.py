"""The log records and spans of the sample world's services.

Takes    a World, a service and an hour
Gives    log entries and span entries; those of one minute share a trace
"""

from typing import Final

from sample_data import faults
from sample_data.model import Service, World
from sample_data.organisation import PATCHY
from sample_data.signals import MINUTE, SECOND, clock
from sample_data.wire import Attributes, LogEntry, SpanEntry

SIGNAL_HOURS: Final = 168
CLOSE_HOURS: Final = 48
"""Of so many hours there are two records an hour, of those before one."""


def log_entries(world: World, service: Service, hour: int) -> list[LogEntry]:
    """Give the log records of an hour, with those that should not be there."""
    at = clock(world).at(hour)
    return [*_log_entries(world, service, hour), *faults.records(world, service, hour, at)]


def _log_entries(world: World, service: Service, hour: int) -> list[LogEntry]:
    """Give those of the last week: one or two, and a deployment each noon."""
    if "logs" not in service.signals or not _reports(world, service, hour):
        return []
    at = clock(world).at(hour)
    found = []
    for minute in _minutes(world, hour):
        trace = _trace(service, hour, minute)
        is_slow = (hour + minute + len(service.name)) % 11 == 0
        level = (13, "WARN", "slow request") if is_slow else (9, "INFO", "request handled")
        found.append(
            LogEntry(
                at + minute * MINUTE, *level, (("shop.part", "http"),), trace, trace & (2**64 - 1)
            )
        )
    if hour % 24 == 12 and service.tier == 1:
        trace = _trace(service, hour, 45)
        facts = (("deployment.id", f"{service.name}-{hour}"), ("deployment.status", "succeeded"))
        found.append(
            LogEntry(
                *(at + 45 * MINUTE, 9, "INFO", f"{service.name} is deployed", facts),
                *(trace, trace & (2**64 - 1), "deployment.finished"),
            )
        )
    return found


def span_entries(world: World, service: Service, hour: int) -> list[SpanEntry]:
    """Give the spans of an hour of the last week."""
    if "traces" not in service.signals or not _reports(world, service, hour):
        return []
    at = clock(world).at(hour)
    route = f"/api/{service.name}"
    facts: Attributes = (("http.request.method", "GET"), ("http.route", route))
    entries = [
        SpanEntry(
            *(f"GET {route}", at + minute * MINUTE, at + minute * MINUTE + SECOND // 8),
            *(trace, trace & (2**64 - 1), facts),
        )
        for minute in _minutes(world, hour)
        if (trace := _trace(service, hour, minute))
    ]
    return faults.spans(service, hour, entries)


def _reports(world: World, service: Service, hour: int) -> bool:
    """Tell whether a service writes records in an hour; one does so now and then only."""
    is_late = world.hours - SIGNAL_HOURS <= hour < world.hours
    return is_late and (service.name not in PATCHY or hour % 12 == PATCHY[service.name])


def _minutes(world: World, hour: int) -> tuple[int, ...]:
    return (7, 37) if hour >= world.hours - CLOSE_HOURS else (7,)


def _trace(service: Service, hour: int, minute: int) -> int:
    """Make a trace id out of who and when."""
    name = int.from_bytes(f"{service.namespace}/{service.name}".encode()[-16:], "big")
    return (name * 0x9E3779B97F4A7C15F39CC0605CEDC835 + hour * 60 + minute + 1) % (2**128 - 1) + 1

"""A sample world as OTLP requests, in order of time.

Takes    a World
Gives    serialised Export*ServiceRequest messages of about a thousand points each; the history by
         the hour in requests that hold up to six hours, the last day by the minute
Holds    the same world gives the same bytes
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sample_data.attached_signals import cluster_attached, pod_attached
from sample_data.model import Service, SignalName, World
from sample_data.records import log_entries, span_entries
from sample_data.signals import (
    HTTP,
    SHOP,
    Sent,
    Window,
    clock,
    explosion_sends,
    node_sends,
    pod_sends,
    service_resource,
    service_sends,
)
from sample_data.wire import resource_logs, resource_metrics, resource_spans

POINTS_PER_REQUEST: Final = 900
HISTORY_HOURS: Final = 6


@dataclass(frozen=True)
class Request:
    """One request; times in nanoseconds. `points` counts log records and spans too."""

    signal: SignalName
    body: bytes
    first_at: int
    last_at: int
    points: int


Wanted = Callable[[Service, int], bool]


def windows(world: World) -> Iterator[Window]:
    """Cut the world's time: six hours, on the last day one, then its last instant."""
    last = world.hours - 24
    for start in range(0, last, HISTORY_HOURS):
        yield Window(start, min(start + HISTORY_HOURS, last))
    for hour in range(last, world.hours):
        yield Window(hour, hour + 1, is_minute=True)
    yield Window(world.hours, world.hours + 1)


def requests(world: World) -> Iterator[Request]:
    """Give everything that the world sends."""
    for window in windows(world):
        yield from metric_requests(world, window, lambda _service, _hour: True)
        yield from _log_requests(world, window)
        yield from _span_requests(world, window)


def bulk(world: World, wanted: Wanted) -> Iterator[Request]:
    """Give the metrics, of services only those that are wanted (by service and first hour)."""
    for window in windows(world):
        yield from metric_requests(world, window, wanted)


def metric_requests(world: World, window: Window, wanted: Wanted) -> Iterator[Request]:
    """Give the metrics of a window."""
    parts = (
        (resource_metrics(resource, series), sum(len(one.points) for one in series))
        for resource, series in _metrics(world, window, wanted)
    )
    return _packed(world, "metrics", window, parts)


def service_window(world: World, service: Service, window: Window) -> Window:
    """Give the window for a service: by the minute only in tier 1, and never in a small world."""
    if window.is_minute and (service.tier > 1 or world.spec.size == "small"):
        return Window(window.start, window.stop)
    return window


def _metrics(world: World, window: Window, wanted: Wanted) -> Iterator[Sent]:
    coarse = Window(window.start, window.stop)
    for node in world.nodes:
        yield from node_sends(world, node, coarse)
    for pod in world.pods:
        if pod.start - 1 < window.stop and pod.end >= window.start:
            yield from pod_sends(world, pod, window, coarse)
            yield from pod_attached(world, pod, coarse)
    for cluster in world.clusters:
        yield from cluster_attached(world, cluster, coarse)
    for service in world.services:
        if wanted(service, window.start):
            yield from service_sends(world, service, service_window(world, service, window))
    yield from explosion_sends(world, coarse)


def _log_requests(world: World, window: Window) -> Iterator[Request]:
    parts = (
        (resource_logs(service_resource(service), SHOP, entries), len(entries))
        for service in world.services
        if (entries := [e for hour in _hours(window) for e in log_entries(world, service, hour)])
    )
    return _packed(world, "logs", window, parts)


def _span_requests(world: World, window: Window) -> Iterator[Request]:
    parts = (
        (resource_spans(service_resource(service), HTTP, entries), len(entries))
        for service in world.services
        if (entries := [e for hour in _hours(window) for e in span_entries(world, service, hour)])
    )
    return _packed(world, "traces", window, parts)


def _hours(window: Window) -> range:
    return range(window.start, window.stop)


def _packed(
    world: World, signal: SignalName, window: Window, parts: Iterable[tuple[bytes, int]]
) -> Iterator[Request]:
    """Join parts to requests of about a thousand points."""
    time = clock(world)
    first, last = time.at(window.start), time.at(min(window.stop, world.hours))
    bodies: list[bytes] = []
    points = 0
    for body, count in parts:
        bodies.append(body)
        points += count
        if points >= POINTS_PER_REQUEST:
            yield Request(signal, b"".join(bodies), first, last, points)
            bodies, points = [], 0
    if bodies:
        yield Request(signal, b"".join(bodies), first, last, points)

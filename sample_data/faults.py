"""Services that the sample world instruments badly, and the rules of the score that this breaks.

Takes    a World, a service and what it would send
Gives    what it sends instead; the truth: who breaks which rule, and what is odd beside the rules
Holds    faults add to what a service sends, or change how it is described: costs, hours and states
         of its signals stay

search     values without a unit, and a unit in a name; people in a label; an old name in another
reports    no id of its instance, a key of requests on its resource; DEBUG for weeks, no severity in
           some records
recommend  calls out before anybody called it, and tells every step of a millisecond
"""

from collections.abc import Iterator, Sequence
from typing import Final

from sample_data.model import Service, World
from sample_data.wire import Attributes, LogEntry, Metric, Number, Scope, Series, SpanEntry

UNMEASURED, VERBOSE, CHATTY = "search", "reports", "recommend"
RULES: Final = {
    UNMEASURED: ("MET-002", "MET-005"),
    VERBOSE: ("LOG-001", "LOG-002", "RES-001", "RES-004"),
    CHATTY: ("SPA-001", "SPA-004", "SPA-005"),
}
ADVISORIES: Final = {UNMEASURED: ("deprecated_name", "personal_data")}

_SCOPE: Final = Scope("shop", "3.2.0")
_HITS: Final = Metric(_SCOPE, "search.hits", "", "gauge")
_LATENCY: Final = Metric(_SCOPE, "search.latency_seconds", "s", "gauge")
_PEOPLE: Final = ("ann@example.org", "bob@example.org", "eve@example.org")
_DEBUG_DAYS: Final = 16
_DAY: Final = 24
_EVERY_HOURS: Final = 3
_STEPS: Final = 21
_MILLISECOND: Final = 1_000_000
_INTERNAL, _CLIENT = 1, 3


def resource(service: Service, pairs: Attributes) -> Attributes:
    """Give how a service describes itself."""
    if service.name != VERBOSE:
        return pairs
    kept = tuple(pair for pair in pairs if pair[0] != "service.instance.id")
    return (*kept, ("http.request.method", "GET"))


def series(service: Service, times: Sequence[int]) -> Iterator[Series]:
    """Give the metrics that a service should not send so."""
    if service.name == UNMEASURED:
        for person in _PEOPLE:
            hits: list[Number] = [(0, at, 12.0) for at in times]
            yield Series(_HITS, (("user.email", person),), hits)
        yield Series(_LATENCY, (("http.method", "GET"),), [(0, at, 0.125) for at in times])


def records(world: World, service: Service, hour: int, at: int) -> Iterator[LogEntry]:
    """Give the log records of an hour that a service should not write so."""
    if service.name != VERBOSE or hour % _DAY != _DAY // 2:
        return
    day = hour // _DAY
    if day in _debug_days(world):
        yield LogEntry(at, 5, "DEBUG", "loop", (), hour + 1, hour + 1)
    if day == world.spec.days - 1:
        yield LogEntry(at + _MILLISECOND, 0, "", "what is this?", (), hour + 1, hour + 1)


def _debug_days(world: World) -> tuple[int, ...]:
    """Give a first and a last day, so far apart that DEBUG was on for too long."""
    last = world.spec.days - 1
    return (last - _DEBUG_DAYS, last) if last >= _DEBUG_DAYS else ()


def spans(service: Service, hour: int, entries: list[SpanEntry]) -> list[SpanEntry]:
    """Give the spans of an hour, with the steps that nobody needs."""
    if service.name != CHATTY or hour % _EVERY_HOURS:
        return entries
    return [span for root in entries for span in _chatty(root)]


def _chatty(root: SpanEntry) -> Iterator[SpanEntry]:
    yield SpanEntry(
        *(root.name, root.start, root.end, root.trace_id, root.span_id, root.attributes),
        kind=_CLIENT,
    )
    for step in range(1, _STEPS + 1):
        start = root.start + step * 2 * _MILLISECOND
        yield SpanEntry(
            *(f"step {step}", start, start + _MILLISECOND, root.trace_id),
            *((root.span_id + step) % 2**64 or 1, ()),
            kind=_INTERNAL,
            parent_id=root.span_id,
        )


def broken_rules(world: World) -> list[tuple[str, str]]:
    """Give every service that sends something with each rule that it breaks, in order."""
    found = []
    for service in world.services:
        if not service.signals:
            continue
        broken = set(RULES.get(service.name, ()))
        if not _debug_days(world):
            broken.discard("LOG-001")
        if service.workload is not None:  # it names its workload, and not the pod
            broken.add("RES-003")
        found += [(service.name, rule) for rule in sorted(broken)]
    return sorted(found)


def reported_beside(world: World) -> list[tuple[str, str]]:
    """Give each service with what is odd about it beside the rules."""
    return sorted(
        (service.name, advisory)
        for service in world.services
        if service.signals
        for advisory in ADVISORIES.get(service.name, ())
    )

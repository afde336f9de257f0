"""What every part of the sample world sends in a stretch of time.

Takes    a World and a window of hours
Gives    series with the attributes of their resource
Holds    a pod that runs [start, end) has samples at start, at every interval, and at end; a gauge
         holds until its next sample, a counter rises evenly within an hour; a restart falls on a
         sample, which still bears the old count
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sample_data import faults
from sample_data.model import Node, Pod, Service, Workload, World
from sample_data.schedule import DAY_CURVE
from sample_data.wire import (
    Attributes,
    Bucketed,
    Metric,
    Number,
    Scope,
    Series,
)

_CONTRIB: Final = "github.com/open-telemetry/opentelemetry-collector-contrib/receiver"
KUBELET: Final = Scope(f"{_CONTRIB}/kubeletstatsreceiver", "0.156.0")
CLUSTER: Final = Scope(f"{_CONTRIB}/k8sclusterreceiver", "0.156.0")
PROMETHEUS: Final = Scope(f"{_CONTRIB}/prometheusreceiver", "0.156.0")
POSTGRES: Final = Scope(f"{_CONTRIB}/postgresqlreceiver", "0.156.0")
HTTP: Final = Scope("opentelemetry.instrumentation.asgi", "0.66b1")
SHOP: Final = Scope("shop", "3.2.0")

CPU_TIME: Final = Metric(KUBELET, "container.cpu.time", "s", "sum")
WORKING_SET: Final = Metric(KUBELET, "container.memory.working_set", "By", "gauge_int")
CPU_REQUEST: Final = Metric(CLUSTER, "k8s.container.cpu_request", "{cpu}", "gauge")
MEMORY_REQUEST: Final = Metric(CLUSTER, "k8s.container.memory_request", "By", "gauge_int")
PHASE: Final = Metric(CLUSTER, "k8s.pod.phase", "", "gauge_int")
ALLOCATABLE_CPU: Final = Metric(CLUSTER, "k8s.node.allocatable_cpu", "{cpu}", "gauge")
ALLOCATABLE_MEMORY: Final = Metric(CLUSTER, "k8s.node.allocatable_memory", "By", "gauge_int")
CAPACITY: Final = Metric(PROMETHEUS, "kube_node_status_capacity", "", "gauge")
DURATION: Final = Metric(HTTP, "http.server.request.duration", "s", "histogram")
HANDLED: Final = Metric(SHOP, "shop.messages.handled", "{message}", "sum_int")
COMMITS: Final = Metric(POSTGRES, "postgresql.commits", "1", "sum_int")
CART: Final = Metric(SHOP, "shop.cart.items_added", "{item}", "delta_int")

MIB: Final = 1024 * 1024
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
PENDING: Final = 1
RUNNING: Final = 2
CART_TYPES: Final = ("guest", "member")
SHARES: Final = (4, 10, 22, 26, 18, 10, 5, 3, 1, 1)
"""Percent of the requests in each bucket but the last, which takes the rest."""


@dataclass(frozen=True)
class Window:
    """Hours `start` to `stop` (exclusive); `is_minute` asks for one-minute points."""

    start: int
    stop: int
    is_minute: bool = False


Sent = tuple[Attributes, list[Series]]


@dataclass(frozen=True)
class Clock:
    """Turns hours and minutes of a world into nanoseconds since 1970."""

    epoch: int

    def at(self, hour: int, minute: int = 0) -> int:
        """Give an instant."""
        return self.epoch * SECOND + hour * HOUR + minute * MINUTE


def clock(world: World) -> Clock:
    """Give the clock of a world."""
    return Clock(world.epoch)


def samples(start: int, end: int, window: Window) -> list[tuple[int, int]]:
    """List the hours and minutes at which something running [start, end) is looked at."""
    hours = range(max(start, window.start), min(end, window.stop))
    found = [
        (hour, minute) for hour in hours for minute in (range(60) if window.is_minute else (0,))
    ]
    if window.start <= end < window.stop:
        found.append((end, 0))
    return found


def is_silent(world: World, node: Node, hour: int) -> bool:
    """Tell whether nothing arrives from a node in that hour."""
    silence = world.silence
    return node == silence.node and silence.start <= hour < silence.end


# --- pods


@lru_cache(maxsize=1 << 14)
def pod_resource(pod: Pod) -> Attributes:
    """Give the attributes of a pod, with its labels and its controllers."""
    work = pod.workload
    place = work.namespace
    labels: list[tuple[str, str]] = []
    if work.label:
        labels.append(("k8s.pod.label.team", work.label))
    if place.label and place.how == "namespace_label":
        labels.append(("k8s.namespace.label.team", place.label))
    return (
        ("k8s.cluster.name", place.cluster.name),
        ("k8s.namespace.name", place.name),
        ("k8s.node.name", pod.node.name),
        ("k8s.pod.name", pod.name),
        ("k8s.pod.uid", pod.uid),
        *_controllers(work, pod.name),
        *labels,
    )


def _controllers(work: Workload, pod: str) -> list[tuple[str, str]]:
    own = (f"k8s.{work.kind.lower()}.name", work.name)
    parent = pod.rsplit("-", 1)[0]
    between = {"CronJob": "k8s.job.name", "Deployment": "k8s.replicaset.name"}.get(work.kind)
    return [own, (between, parent)] if between else [own]


def container_resource(pod: Pod) -> Attributes:
    """Give the attributes of a pod's container."""
    return (*pod_resource(pod), ("k8s.container.name", pod.workload.name))


def pod_sends(world: World, pod: Pod, fine: Window, coarse: Window) -> Iterator[Sent]:
    """Give what is told of a pod: use at the fine interval, what it asked for at the coarse one."""
    often, seldom = pod_samples(world, pod, fine), pod_samples(world, pod, coarse)
    time = clock(world)
    if often:
        container = [_cpu(pod, often, time), _memory(pod, often, time)]
        container += _requests(pod, [time.at(*sample) for sample in seldom])
        yield container_resource(pod), container
    phases = [(0, time.at(*sample), RUNNING) for sample in seldom]
    before = pod.start - 1
    is_before = pod.is_pending_before and not is_silent(world, pod.node, before)
    if is_before and coarse.start <= before < coarse.stop:
        phases.insert(0, (0, time.at(before), PENDING))
    if phases:
        yield pod_resource(pod), [Series(PHASE, (), phases)]


def pod_samples(world: World, pod: Pod, window: Window) -> list[tuple[int, int]]:
    """List when a pod is looked at and its node is not silent."""
    when = samples(pod.start, pod.end, window)
    return [at for at in when if not is_silent(world, pod.node, at[0])]


def _cpu(pod: Pod, when: list[tuple[int, int]], time: Clock) -> Series:
    points: list[Number] = []
    sums, uses, first = pod.cpu_sum, pod.cpu_use, pod.start
    birth = time.at(first)
    for hour, minute in when:
        number = hour - first
        total = sums[number] * 60 + (uses[number] * minute if minute else 0)
        start = birth
        for restart in pod.restarts:
            if (restart, 0) < (hour, minute):
                total, start = total - sums[restart - first] * 60, time.at(restart)
        points.append((start, time.at(hour, minute), total * 0.06))
    return Series(CPU_TIME, (), points)


def _memory(pod: Pod, when: list[tuple[int, int]], time: Clock) -> Series:
    uses, first = pod.memory_use, pod.start
    last = len(uses) - 1
    return Series(
        WORKING_SET,
        (),
        [(0, time.at(*at), uses[min(at[0] - first, last)] * MIB) for at in when],
    )


def _requests(pod: Pod, times: list[int]) -> list[Series]:
    work = pod.workload
    if not work.cpu_request or not times:
        return []
    return [
        Series(CPU_REQUEST, (), [(0, time, work.cpu_request / 1000) for time in times]),
        Series(MEMORY_REQUEST, (), [(0, time, work.memory_request * MIB) for time in times]),
    ]


# --- nodes


def node_resource(node: Node) -> Attributes:
    """Give the attributes of a node, with the id that the cloud bills it under."""
    return (
        ("cloud.provider", node.cluster.cloud),
        ("host.id", node.instance),
        ("k8s.cluster.name", node.cluster.name),
        ("k8s.node.name", node.name),
        ("k8s.node.provider_id", node.provider_id),
        ("k8s.node.uid", node.uid),
    )


def node_sends(world: World, node: Node, window: Window) -> Iterator[Sent]:
    """Give what is told of a node: what it has, and what of that pods may take."""
    time = clock(world)
    when = [
        time.at(*sample)
        for sample in samples(node.start, node.end, window)
        if not is_silent(world, node, sample[0])
    ]
    if not when:
        return
    cores, memory = node.machine.cores, node.machine.memory_gib * 1024 * MIB
    offered = [("cpu", "core", cores), ("memory", "byte", memory)]
    if node.machine.gpus:
        offered.append(("nvidia_com_gpu", "integer", node.machine.gpus))
    yield (
        node_resource(node),
        [
            Series(ALLOCATABLE_CPU, (), [(0, at, cores - 0.08) for at in when]),
            Series(ALLOCATABLE_MEMORY, (), [(0, at, memory - 1536 * MIB) for at in when]),
            *(
                Series(
                    CAPACITY,
                    (("node", node.name), ("resource", name), ("unit", unit)),
                    [(0, at, float(value)) for at in when],
                )
                for name, unit, value in offered
            ),
        ],
    )


# --- services


def service_resource(service: Service) -> Attributes:
    """Give the attributes that a service sends of itself."""
    return faults.resource(service, _described(service))


def _described(service: Service) -> Attributes:
    own: Attributes = (
        ("deployment.environment.name", service.environment),
        ("service.instance.id", f"{service.namespace}/{service.name}/0"),
        ("service.name", service.name),
        ("service.namespace", service.namespace),
    )
    if service.workload is None:
        return own
    work = service.workload
    return (
        *own,
        ("k8s.cluster.name", work.namespace.cluster.name),
        (f"k8s.{work.kind.lower()}.name", work.name),
        ("k8s.namespace.name", work.namespace.name),
    )


def _rate(service: Service) -> int:
    """Give the requests of a mean hour."""
    return 40 * (len(service.name) + 3 * (4 - service.tier))


def _handled(rate: int, hour: int, minute: int) -> int:
    """Give the requests since the world began."""
    days, rest = divmod(hour, 24)
    whole = days * sum(DAY_CURVE) + sum(DAY_CURVE[:rest])
    return (rate * whole + rate * DAY_CURVE[rest] * minute // 60) // 100


def service_sends(world: World, service: Service, window: Window) -> Iterator[Sent]:
    """Give the metrics a service sends of itself."""
    if "metrics" not in service.signals:
        return
    when = [sample for sample in samples(0, world.hours, window) if sample[0] < world.hours]
    if when:
        yield service_resource(service), _service_series(world, service, when)


def _service_series(world: World, service: Service, when: list[tuple[int, int]]) -> list[Series]:
    time, rate = clock(world), _rate(service)
    counter = COMMITS if service.kind == "datastore" else HANDLED
    counts: list[Number | Bucketed] = [
        (time.at(0), time.at(*sample), _handled(rate * 3, *sample)) for sample in when
    ]
    series = [Series(counter, (), counts)]
    if service.kind == "service":
        routes = ((f"/api/{service.name}", 200, rate), (f"/api/{service.name}", 500, rate // 40))
        for route, status, share in routes:
            series.append(_duration(route, status, share, when, time))
        series += faults.series(service, [time.at(*sample) for sample in when])
        series.sort(key=lambda one: one.metric.scope.name)
    return series


def _duration(
    route: str, status: int, rate: int, when: list[tuple[int, int]], time: Clock
) -> Series:
    points: list[Number | Bucketed] = []
    for sample in when:
        count = _handled(rate, *sample)
        buckets = [count * share // 100 for share in SHARES]
        whole = (*buckets, count - sum(buckets))
        points.append((time.at(0), time.at(*sample), count, count * 0.125, whole))
    labels: Attributes = (
        ("http.request.method", "GET"),
        ("http.response.status_code", status),
        ("http.route", route),
    )
    return Series(DURATION, labels, points)


# --- the explosion


def explosion_days(world: World) -> Iterator[tuple[int, int, int]]:
    """Give per day the series of the exploding metric, and those without its label."""
    plan = world.explosion
    for day in range(world.spec.days):
        yield day, plan.values_per_day if day >= plan.day else len(CART_TYPES), len(CART_TYPES)


def explosion_sends(world: World, window: Window) -> Iterator[Sent]:
    """Give the exploding metric: hourly before its day; then new users every hour, once each."""
    plan, time = world.explosion, clock(world)
    owner = service_resource(plan.service)
    for hour in range(window.start, min(window.stop, world.hours)):
        if hour // 24 < plan.day:
            labels: list[Attributes] = [(("shop.cart.type", kind),) for kind in CART_TYPES]
        else:
            labels = [
                (("shop.cart.type", CART_TYPES[user % 2]), (plan.label, f"u-{user:09d}"))
                for user in _users(plan.values_per_day, hour)
            ]
        span = (time.at(hour), time.at(hour, 30))
        for first in range(0, len(labels), 500):
            part = labels[first : first + 500]
            yield owner, [Series(CART, label, [(*span, 3)]) for label in part]


def _users(per_day: int, hour: int) -> range:
    """Give the numbers of the users first seen in an hour."""
    day, rest = divmod(hour, 24)
    return range(day * per_day + per_day * rest // 24, day * per_day + per_day * (rest + 1) // 24)

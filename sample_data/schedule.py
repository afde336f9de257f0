"""Which pod ran where, from when to when, and what it used in each hour.

Takes    workloads, nodes, the silent hours
Gives    pods in order of start; every change falls on a full hour
Holds    no pod on the silent node comes, goes, restarts or changes its use while it is silent
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Final

from sample_data.fleet import uuid
from sample_data.model import Node, Pod, Silence, Workload, WorldSpec

CRON_HOUR: Final = 2
ELASTIC_HOURS: Final = (7, 19)
GPU_HOURS: Final = (1, 7)
DAY_CURVE: Final = (
    *(62, 58, 55, 54, 56, 62, 74, 88, 102, 112, 118, 120),
    *(116, 114, 116, 118, 120, 124, 128, 126, 116, 102, 86, 72),
)
"""Use by hour of the day, in percent of the mean."""


@dataclass
class _Room:
    """What is asked for on a node, and until when."""

    node: Node
    cpu: int = 0
    memory: int = 0
    until: list[tuple[int, int, int]] = field(default_factory=list)

    def free(self, hour: int) -> None:
        for end, cpu, memory in self.until:
            if end <= hour:
                self.cpu, self.memory = self.cpu - cpu, self.memory - memory
        self.until = [entry for entry in self.until if entry[0] > hour]

    def take(self, workload: Workload, end: int) -> None:
        self.cpu += workload.cpu_request
        self.memory += workload.memory_request
        self.until.append((end, workload.cpu_request, workload.memory_request))

    @property
    def fill(self) -> tuple[float, str]:
        cpu = self.cpu / (self.node.machine.cores * 1000)
        return max(cpu, self.memory / (self.node.machine.memory_gib * 1024)), self.node.name


@dataclass(frozen=True)
class _Life:
    """A pod before it has a node."""

    start: int
    end: int
    order: int
    workload: Workload
    node: Node | None = None


def make_pods(
    spec: WorldSpec, workloads: tuple[Workload, ...], nodes: tuple[Node, ...], silence: Silence
) -> tuple[Pod, ...]:
    """Schedule every workload onto the nodes of its cluster, the emptiest node first."""
    rng = Random(f"{spec.seed}:pods")  # noqa: S311 - a seeded world, no secret
    lives = sorted(_lives(spec, workloads, nodes, rng), key=lambda life: (life.start, life.order))
    rooms = {node.name: _Room(node) for node in nodes}
    pods = []
    for life in lives:
        node = life.node or _emptiest(rooms, life)
        rooms[node.name].take(life.workload, life.end)
        pods.append(_pod(life, node, rng))
    _hold_still(pods, silence)
    _overcommit(pods, spec)
    pods += _on_gpus(spec, workloads, nodes)
    return tuple(sorted(pods, key=lambda pod: pod.start))


def _on_gpus(
    spec: WorldSpec, workloads: tuple[Workload, ...], nodes: tuple[Node, ...]
) -> list[Pod]:
    """Run on nodes with GPUs what asks for them, each night, beside what runs on every node."""
    rng = Random(f"{spec.seed}:gpu-pods")  # noqa: S311 - a seeded world, no secret
    lives = []
    for node in (node for node in nodes if node.machine.gpus):
        for work in (work for work in workloads if work.namespace.cluster == node.cluster):
            if work.gpu_request:
                nights = ((day * 24 + GPU_HOURS[0], day * 24 + GPU_HOURS[1])
                          for day in range(spec.days))  # fmt: skip
                lives += [_Life(start, end, 0, work, node) for start, end in nights]
            elif work.kind == "DaemonSet":
                lives.append(_Life(node.start, node.end, 0, work, node))
    return [_pod(life, life.node, rng) for life in lives if life.node]


def _emptiest(rooms: dict[str, _Room], life: _Life) -> Node:
    cluster = life.workload.namespace.cluster
    fitting = [
        room
        for room in rooms.values()
        if room.node.cluster == cluster
        and not room.node.machine.gpus
        and room.node.start <= life.start
        and room.node.end >= life.end
    ]
    for room in fitting:
        room.free(life.start)
    return min(fitting, key=lambda room: room.fill).node


def _lives(
    spec: WorldSpec, workloads: tuple[Workload, ...], nodes: tuple[Node, ...], rng: Random
) -> Iterator[_Life]:
    order = 0
    for workload in workloads:
        for start, end, node in _spans(spec, workload, nodes, rng):
            order += 1
            yield _Life(start, end, order, workload, node)


def _spans(
    spec: WorldSpec, workload: Workload, nodes: tuple[Node, ...], rng: Random
) -> Iterator[tuple[int, int, Node | None]]:
    if workload.gpu_request:
        return
    if workload.kind == "DaemonSet":
        for node in nodes:
            if node.cluster == workload.namespace.cluster and not node.machine.gpus:
                yield node.start, node.end, node
    elif workload.kind == "CronJob":
        for day in range(spec.days):
            yield day * 24 + CRON_HOUR, day * 24 + CRON_HOUR + 1, None
    else:
        cuts = [0, *_rollouts(spec, workload, rng), spec.days * 24]
        for start, end in pairwise(cuts):
            yield from ((start, end, None) for _ in range(workload.replicas))
        if workload.is_elastic:
            for day in range(spec.days):
                yield day * 24 + ELASTIC_HOURS[0], day * 24 + ELASTIC_HOURS[1], None


def _rollouts(spec: WorldSpec, workload: Workload, rng: Random) -> list[int]:
    """List the hours at which a new version replaces all pods: some afternoons."""
    every = rng.randint(18, 30) if workload.kind == "StatefulSet" else rng.randint(6, 14)
    days = range(rng.randint(2, every), spec.days - 1, every)
    return [day * 24 + rng.choice((15, 16, 17)) for day in days]


def _pod(life: _Life, node: Node, rng: Random) -> Pod:
    workload, hours = life.workload, life.end - life.start
    steady = workload.kind in {"DaemonSet", "CronJob"}
    noise = [rng.random() for _ in range(hours)]
    curve = [100 if steady else DAY_CURVE[(life.start + hour) % 24] for hour in range(hours)]
    cpu = [
        max(1, int(workload.cpu_use * percent * (0.85 + 0.3 * part) / 100))
        for percent, part in zip(curve, noise, strict=True)
    ]
    memory = [
        max(8, int(workload.memory_use * (0.95 + 0.1 * noise[hour - hour % 6])))
        for hour in range(hours)
    ]
    may_restart = hours > 48 and not steady and rng.random() < 0.05
    first_day, last_day = -(-life.start // 24), (life.end - 1) // 24
    restarts = (rng.randrange(first_day, last_day) * 24 + 4,) if may_restart else ()
    return Pod(
        *(f"{workload.name}{_suffix(life, rng)}", uuid(rng), workload, node),
        *(life.start, life.end, cpu, memory),
        restarts=tuple(hour for hour in restarts if life.start < hour < life.end),
        is_pending_before=life.start > 1 and node.start < life.start and rng.random() < 0.02,
    )


def _suffix(life: _Life, rng: Random) -> str:
    if life.workload.kind == "CronJob":
        return f"-{29_000_000 + life.start * 60}-{rng.getrandbits(20):05x}"
    if life.workload.kind == "StatefulSet":
        return f"-{life.order}"
    return f"-{rng.getrandbits(36):09x}-{rng.getrandbits(20):05x}"


def _hold_still(pods: list[Pod], silence: Silence) -> None:
    """Keep the use of CPU the same from the last sample before the silence to its end.

    A counter bridges the gap, so what it adds is spread evenly over those hours.
    """
    for pod in pods:
        if pod.node != silence.node:
            continue
        first = max(pod.start, silence.start - 1)
        for hour in range(first, min(pod.end, silence.end)):
            pod.cpu_use[hour - pod.start] = pod.cpu_use[first - pod.start]


def _overcommit(pods: list[Pod], spec: WorldSpec) -> None:
    """Let one pod use nearly all of its node for some hours, whatever the others asked for."""
    first = spec.days * 3 // 7 * 24 + 10
    pod = next(
        pod
        for pod in pods
        if pod.node.cluster.name == "prod-us"
        and pod.workload.kind == "Deployment"
        and pod.start <= first
        and pod.end >= first + 6
    )
    for hour in range(first, first + 6):
        pod.cpu_use[hour - pod.start] = pod.node.machine.cores * 1000 - 150

"""What is attached to the clusters and billed apart from their nodes: volumes and traffic.

Takes    a World
Gives    volumes with the workloads that mount them; flows of traffic with the bytes of each pod
Holds    a pod mounts its volumes as long as it runs; what it sends follows its use of CPU
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import Final, Literal

from sample_data.fleet import uuid
from sample_data.model import Cluster, Node, Pod, Workload, World
from sample_data.organisation import DATA_EU, PROD_EU, PROD_US

TrafficClass = Literal["internet", "cross_zone"]
CREATED_FOR: Final = "kubernetes.io/created-for/pvc"


@dataclass(frozen=True)
class Volume:
    """A disk behind a claim. `users` mount it; nobody does where there are none."""

    cluster: Cluster
    namespace: str
    claim: str
    name: str
    disk: str
    gib: int
    hour_price: Decimal
    users: tuple[str, ...]
    is_hourly: bool
    is_tagged: bool

    @property
    def resource(self) -> str:
        """Give the id on the bill; a disk that is known by its tags has another there."""
        if self.cluster.cloud == "gcp":
            return f"//compute.googleapis.com/{self.disk}"
        return f"vol-snap-{self.name[-8:]}" if self.is_tagged else self.disk

    @property
    def tags(self) -> tuple[tuple[str, str], ...]:
        """Give the tags that Kubernetes' driver sets."""
        if not self.is_tagged:
            return ()
        return (f"{CREATED_FOR}/name", self.claim), (f"{CREATED_FOR}/namespace", self.namespace)


_VOLUMES: Final = (
    (PROD_US, "orders", "archive", 500, "0.0548", ("orders", "orders-nightly", "orders-worker")),
    (PROD_EU, "pricing", "lists", 200, "0.0261", ("pricing-nightly", "pricing-store")),
    (PROD_EU, "search", "old-index", 120, "0.0157", ()),
    (DATA_EU, "streams", "log", 300, "0.0493", ("streams-store",)),
)
"""Shared by two workloads, used by night, by nobody, by replicas."""


@lru_cache(maxsize=2)
def volumes(world: World) -> tuple[Volume, ...]:
    """List the volumes."""
    rng = Random(f"{world.spec.seed}:volumes")  # noqa: S311 - a seeded world, no secret
    return tuple(
        Volume(
            *(cluster, namespace, claim, name := f"pvc-{uuid(rng)}"),
            _disk(cluster, name, rng),
            *(gib, Decimal(price), users),
            is_hourly=claim == "archive",
            is_tagged=claim == "lists",
        )
        for cluster, namespace, claim, gib, price, users in _VOLUMES
    )


def _disk(cluster: Cluster, name: str, rng: Random) -> str:
    if cluster.cloud == "aws":
        return f"vol-0{rng.getrandbits(64):016x}"
    return f"projects/{cluster.account}/zones/{cluster.region}-a/disks/{name}"


def mounts(world: World, volume: Volume) -> Iterator[Pod]:
    """List the pods that mount a volume while they run."""
    for pod in world.pods:
        if volume in volumes_of(world, pod.workload):
            yield pod


@lru_cache(maxsize=1 << 12)
def volumes_of(world: World, work: Workload) -> tuple[Volume, ...]:
    """List the volumes that the pods of a workload mount."""
    place = (work.namespace.cluster, work.namespace.name)
    return tuple(
        volume
        for volume in volumes(world)
        if (volume.cluster, volume.namespace) == place and work.name in volume.users
    )


@dataclass(frozen=True)
class Flow:
    """Traffic that is billed: of one class, of a cluster or of one of its nodes."""

    cluster: Cluster
    kind: TrafficClass
    node: Node | None
    resource: str
    meter: str
    price: Decimal


UNKNOWN_BYTES: Final = 31_000
"""Sent per millicore-hour by every pod whose traffic is told without classes."""
SENT_BYTES: Final[dict[str, dict[TrafficClass, int]]] = {
    "payments-us": {"internet": 240_000, "cross_zone": 90_000},
    "orders": {"internet": 80_000, "cross_zone": 410_000},
    "edge-gateway": {"internet": 900_000, "cross_zone": 30_000},
}
"""Sent per millicore-hour by the workloads of prod-us whose traffic is told by class."""


def has_traffic(world: World, pod: Pod) -> bool:
    """Tell whether traffic is told of a pod; a small world does so only of its busiest."""
    return pod.workload.is_elastic or (
        pod.workload.kind == "Deployment" and world.spec.size != "small"
    )


def classes_of(pod: Pod) -> dict[TrafficClass, int]:
    """Give what a pod sends per millicore-hour, by class; nothing where no class is told."""
    work = pod.workload
    return SENT_BYTES.get(work.name, {}) if work.namespace.cluster == PROD_US else {}


@lru_cache(maxsize=2)
def flows(world: World) -> tuple[Flow, ...]:
    """List what is billed: two clusters' way out, and a busy node's way to the other zones."""
    rng = Random(f"{world.spec.seed}:flows")  # noqa: S311 - a seeded world, no secret
    out = {
        cluster: f"arn:aws:ec2:{cluster.region}:{cluster.account}:natgateway/"
        f"nat-0{rng.getrandbits(64):016x}"
        for cluster in (PROD_EU, PROD_US)
    }
    busy = _busiest(world)
    return (
        Flow(
            *(PROD_EU, "internet", None, out[PROD_EU], "EUC1-DataTransfer-Out-Bytes"),
            Decimal("0.09"),
        ),
        Flow(
            *(PROD_US, "internet", None, out[PROD_US], "USE1-DataTransfer-Out-Bytes"),
            Decimal("0.09"),
        ),
        Flow(
            *(PROD_US, "cross_zone", busy, busy.instance, "USE1-DataTransfer-Regional-Bytes"),
            Decimal("0.01"),
        ),
    )


def _busiest(world: World) -> Node:
    """Give the node whose pods send most to other zones; the silent one is left out."""
    totals: dict[str, int] = defaultdict(int)
    for pod in world.pods:
        totals[pod.node.name] += pod.cpu_sum[-1] * classes_of(pod).get("cross_zone", 0)
    nodes = [node for node in world.nodes if node != world.silence.node]
    return max(nodes, key=lambda node: (totals[node.name], node.name))


def sent(world: World, flow: Flow, start: int, stop: int) -> dict[Workload, int]:
    """Give the bytes of a flow by workload: of its class where that is told, else of all."""
    reported: dict[Workload, int] = defaultdict(int)
    other: dict[Workload, int] = defaultdict(int)
    for pod in _pods(world, flow):
        first, last = max(start, pod.start), min(stop, pod.end)
        if first >= last:
            continue
        used = pod.cpu_sum[last - pod.start] - pod.cpu_sum[first - pod.start]
        classes = classes_of(pod)
        if flow.kind in classes:
            reported[pod.workload] += used * classes[flow.kind]
        elif not classes:
            other[pod.workload] += used * UNKNOWN_BYTES
    return reported or other


@lru_cache(maxsize=8)
def _pods(world: World, flow: Flow) -> tuple[Pod, ...]:
    return tuple(
        pod
        for pod in world.pods
        if pod.node.cluster == flow.cluster
        and flow.node in {None, pod.node}
        and (classes_of(pod) or has_traffic(world, pod))
    )

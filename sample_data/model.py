"""What a sample world consists of: plain values, no behaviour beyond looking things up.

Holds    hours are counted from the world's first midnight (UTC), ends are exclusive
Units    CPU in millicores, memory in MiB, money in USD as Decimal
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Final, Literal

from meterbook.base.errors import ConfigError, Finding

Size = Literal["small", "medium", "large"]
SignalName = Literal["metrics", "logs", "traces"]
State = Literal["complete", "partial", "dark", "unregistered", "exempt"]

FEWEST_DAYS: Final = 7
ENVIRONMENT: Final = "production"

IDLE: Final = "__idle__"
UNALLOCATED: Final = "__unallocated__"
NO_TELEMETRY: Final = "__no_telemetry__"
SHARED_CLUSTER: Final = "__shared__/cluster"
SHARED_TAX: Final = "__shared__/tax"
OUTSIDE: Final = "-"


@dataclass(frozen=True, kw_only=True)
class WorldSpec:
    """Which world: `end` is the first day that is not in it. Errors: ConfigError."""

    seed: int = 7
    days: int = 35
    size: Size = "medium"
    end: date

    def __post_init__(self) -> None:
        """Refuse a world too short for all that happens in it."""
        if self.days < FEWEST_DAYS:
            raise ConfigError([Finding("--days", f"{self.days}; want {FEWEST_DAYS} or more")])


@dataclass(frozen=True)
class Cluster:
    """A Kubernetes cluster and the cloud account that pays for it."""

    name: str
    cloud: Literal["aws", "gcp"]
    region: str
    region_name: str
    account: str
    account_name: str


@dataclass(frozen=True)
class Machine:
    """A kind of node. AWS bills it by the hour, Google its cores and its memory apart."""

    name: str
    cores: int
    memory_gib: int
    hour_price: Decimal
    core_price: Decimal = Decimal(0)
    gib_price: Decimal = Decimal(0)
    gpus: int = 0


@dataclass(frozen=True)
class Node:
    """A machine in a cluster from hour `start` to hour `end`."""

    name: str
    uid: str
    cluster: Cluster
    machine: Machine
    zone: str
    instance: str
    start: int
    end: int
    plan_price: Decimal | None = None

    @property
    def provider_id(self) -> str:
        """Give the id that Kubernetes shows of the machine."""
        if self.cluster.cloud == "aws":
            return f"aws:///{self.zone}/{self.instance}"
        return f"gce://{self.cluster.account}/{self.zone}/{self.name}"


@dataclass(frozen=True)
class Team:
    """A team of the organisation."""

    id: str
    name: str
    cost_center: str
    department: str


@dataclass(frozen=True)
class Namespace:
    """A namespace of one cluster; `how` tells by what its owner is known."""

    cluster: Cluster
    name: str
    team: str
    how: Literal["label", "namespace_label", "rule", "changed", "none", "system"]
    label: str = ""


@dataclass(frozen=True)
class Workload:
    """A controller of pods. `label` is the value of its pods' label `team`; empty without one."""

    namespace: Namespace
    name: str
    kind: Literal["Deployment", "StatefulSet", "DaemonSet", "CronJob"]
    label: str
    replicas: int
    cpu_request: int
    memory_request: int
    cpu_use: int
    memory_use: int
    is_elastic: bool = False
    gpu_request: int = 0


@dataclass(frozen=True)
class Service:
    """What should be seen, and what it really sends."""

    namespace: str
    name: str
    team: str
    kind: Literal["service", "datastore", "cronjob"]
    tier: int
    state: State
    signals: frozenset[SignalName]
    workload: Workload | None = None
    environment: str = ENVIRONMENT
    exempt_reason: str = ""
    is_listed: bool = True


@dataclass(frozen=True, eq=False)
class Pod:
    """One pod with one container; the lists hold one value per hour of its life."""

    name: str
    uid: str
    workload: Workload
    node: Node
    start: int
    end: int
    cpu_use: list[int]
    memory_use: list[int]
    restarts: tuple[int, ...] = ()
    is_pending_before: bool = False

    @cached_property
    def cpu_sum(self) -> list[int]:
        """Give the millicore-hours used up to the start of each hour, and up to the end."""
        total, sums = 0, [0]
        for use in self.cpu_use:
            total += use
            sums.append(total)
        return sums


@dataclass(frozen=True)
class Silence:
    """A node from which nothing arrives, neither of itself nor of its pods."""

    node: Node
    start: int
    end: int


@dataclass(frozen=True)
class Explosion:
    """A label that takes new values every day from `day` on."""

    service: Service
    metric: str
    label: str
    day: int
    values_per_day: int


@dataclass(frozen=True)
class OwnershipChange:
    """A namespace that has another owner from `day` on."""

    namespace: Namespace
    before: str
    after: str
    day: int


@dataclass(frozen=True)
class Managed:
    """Something rented outside the clusters, with a line a day."""

    cloud: Literal["aws", "gcp"]
    account: str
    service: str
    service_name: str
    category: str
    subcategory: str
    region: str
    resource_id: str
    meter: str
    unit: str
    day_cost: Decimal
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class World:
    """A whole organisation over some weeks: who ran what, where, how long, at which price."""

    spec: WorldSpec
    clusters: tuple[Cluster, ...]
    nodes: tuple[Node, ...]
    teams: tuple[Team, ...]
    namespaces: tuple[Namespace, ...]
    workloads: tuple[Workload, ...]
    services: tuple[Service, ...]
    pods: tuple[Pod, ...]
    managed: tuple[Managed, ...]
    accounts: Mapping[str, str]
    silence: Silence
    explosion: Explosion
    change: OwnershipChange
    blown_team: str
    start: date = field(init=False)

    def __post_init__(self) -> None:
        """Work out the first day."""
        object.__setattr__(self, "start", self.spec.end - timedelta(days=self.spec.days))

    @property
    def hours(self) -> int:
        """Give the number of hours."""
        return self.spec.days * 24

    @cached_property
    def epoch(self) -> int:
        """Give the seconds since 1970 of hour 0."""
        return int(datetime(*self.start.timetuple()[:3], tzinfo=UTC).timestamp())

    def day(self, number: int) -> date:
        """Give the date of a day, counted from 0."""
        return self.start + timedelta(days=number)

    def instant(self, hour: int) -> datetime:
        """Give the instant at which an hour starts."""
        return datetime.fromtimestamp(self.epoch + hour * 3600, UTC)

    def months(self) -> list[tuple[str, int, int]]:
        """List the months touched: `YYYY-MM`, first day and the day after the last in the world."""
        found: dict[str, list[int]] = {}
        for number in range(self.spec.days):
            found.setdefault(self.day(number).strftime("%Y-%m"), []).append(number)
        return [(month, days[0], days[-1] + 1) for month, days in found.items()]

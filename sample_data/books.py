"""What every team and namespace truly costs, worked out from the world's own schedule.

Takes    a World
Gives    Books: exact fractions per day and team, per day and namespace, per silent hour
Holds    the teams and buckets of a day, and its namespaces, add up to the day's bill; nothing is
         rounded

A node's hour is cut into CPU, memory and GPUs by weight; each part is shared by the greater of
request and use over the greater of capacity and what was taken; what is left is idle. A cloud that
bills cores and memory apart needs no cut.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Final

from sample_data.attached_books import attached_parts
from sample_data.charges import Charge, charges
from sample_data.model import (
    IDLE,
    NO_TELEMETRY,
    OUTSIDE,
    SHARED_CLUSTER,
    SHARED_TAX,
    UNALLOCATED,
    Node,
    Pod,
    Workload,
    World,
)
from sample_data.organisation import ALIASES, INVALID, TEAM_IDS

CORE_WEIGHT: Final = Fraction("0.031611")
GIB_WEIGHT: Final = Fraction("0.004237")
GPU_WEIGHT: Final = Fraction("0.95")
OWNER_KEYS: Final = ("team", "owner", "squad")
EVEN: Final = "__even__"
"""Cost of pools that all teams share alike, until it is split."""

Ledger = dict[tuple[int, str], Fraction]
Places = dict[tuple[int, str, str], Fraction]


@dataclass
class Books:
    """Exact cost: by day and team, by place, by silent node and hour, by day and workload."""

    direct: Ledger = field(default_factory=lambda: defaultdict(Fraction))
    places: Places = field(default_factory=lambda: defaultdict(Fraction))
    silent: dict[tuple[str, int], Fraction] = field(default_factory=dict)
    workloads: Places = field(default_factory=lambda: defaultdict(Fraction))
    shared: Ledger = field(default_factory=lambda: defaultdict(Fraction))

    def add(self, day: int, place: tuple[str, str], owner: str, cost: Fraction) -> None:
        """Book a cost to its owner and to its place."""
        self.direct[day, owner] += cost
        self.places[day, *place] += cost

    def team_days(self) -> dict[tuple[int, str], Fraction]:
        """Give the cost per day and team or bucket, pools split."""
        pools = {SHARED_CLUSTER, EVEN}
        total = {key: cost for key, cost in self.direct.items() if key[1] not in pools}
        for key, cost in self.shared.items():
            total[key] = total.get(key, Fraction(0)) + cost
        return dict(sorted(total.items()))


@lru_cache(maxsize=2)
def books(world: World) -> Books:
    """Work out the books of a world."""
    done = Books()
    pods: dict[str, list[Pod]] = defaultdict(list)
    for pod in world.pods:
        pods[pod.node.name].append(pod)
    for node in world.nodes:
        _book_node(done, world, node, pods[node.name])
    for charge in charges(world):
        _book_charge(done, world, charge)
    _split_pools(done, world)
    return done


def owner(world: World, workload: Workload, day: int) -> str:
    """Tell who owns a workload on a day: a team or a bucket."""
    place = workload.namespace
    if place.how == "system":
        return SHARED_CLUSTER
    if label := workload.label or place.label:
        return known_team(label)
    if place.how == "changed":
        return world.change.before if day < world.change.day else world.change.after
    return place.team if place.how == "rule" else UNALLOCATED


def known_team(value: str) -> str:
    """Find the team that a tag's value names."""
    folded = value.strip().casefold()
    team = ALIASES.get(folded, folded)
    return team if team in TEAM_IDS else UNALLOCATED


def charge_owner(world: World, charge: Charge) -> str:
    """Tell who owns a charge outside the clusters: a team, a bucket, or all teams alike."""
    if charge.kind == "tax":
        return SHARED_TAX
    if charge.kind in {"support", "plan_fee"}:
        return EVEN
    tags = {key.casefold(): value for key, value in charge.tags}
    for key in OWNER_KEYS:
        if key in tags and tags[key].strip().casefold() not in INVALID:
            return known_team(tags[key])
    return world.accounts.get(charge.account, UNALLOCATED)


def hour_parts(node: Node) -> tuple[Fraction, Fraction, Fraction]:
    """Give what a node's cores, its memory and its GPUs cost in an hour."""
    machine = node.machine
    if node.cluster.cloud == "gcp":
        return (
            Fraction(machine.core_price) * machine.cores,
            Fraction(machine.gib_price) * machine.memory_gib,
            Fraction(0),
        )
    price = Fraction(machine.hour_price if node.plan_price is None else node.plan_price)
    cpu, memory = CORE_WEIGHT * machine.cores, GIB_WEIGHT * machine.memory_gib
    gpu = GPU_WEIGHT * machine.gpus
    whole = cpu + memory + gpu
    return price * cpu / whole, price * memory / whole, price * gpu / whole


def _book_node(done: Books, world: World, node: Node, pods: list[Pod]) -> None:
    silent = _silent_hours(world, node)
    seen = [hour for hour in range(node.start, node.end) if hour not in silent]
    machine = node.machine
    capacities = (machine.cores * 1000, machine.memory_gib * 1024, machine.gpus)
    for part, capacity, uses in zip(hour_parts(node), capacities, _uses(pods), strict=True):
        if capacity:
            _book_part(done, world, node, (part, capacity), uses, seen)
    for hour in silent:
        cost = sum(hour_parts(node), Fraction(0))
        done.silent[node.name, hour] = cost
        done.add(hour // 24, (node.cluster.name, NO_TELEMETRY), NO_TELEMETRY, cost)


def _silent_hours(world: World, node: Node) -> range:
    silence = world.silence
    return range(silence.start, silence.end) if node == silence.node else range(0)


HourUse = tuple[dict[int, int], dict[Workload, dict[int, int]]]


def _uses(pods: list[Pod]) -> Iterator[HourUse]:
    """Give per hour what all took and what each workload took: of CPU, memory, GPUs."""
    for number in range(3):
        total: dict[int, int] = defaultdict(int)
        groups: dict[Workload, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for pod in pods:
            work = pod.workload
            asked = (work.cpu_request, work.memory_request, work.gpu_request)[number]
            group = groups[work]
            used_by_hour = (pod.cpu_use, pod.memory_use, [0] * len(pod.cpu_use))[number]
            for hour, used in enumerate(used_by_hour, pod.start):
                taken = max(asked, used)
                total[hour] += taken
                group[hour] += taken
        yield total, groups


def _book_part(  # noqa: PLR0913, PLR0917 - a resource of a node, with all that shares it
    done: Books,
    world: World,
    node: Node,
    price: tuple[Fraction, int],
    uses: HourUse,
    seen: list[int],
) -> None:
    """Share one resource of a node; hours of a day with the same divisor are added first."""
    part, capacity = price
    total, groups = uses
    cluster = node.cluster.name
    divisor = {hour: max(capacity, total[hour]) for hour in seen}
    for workload, taken in groups.items():
        sums: dict[tuple[int, int], int] = defaultdict(int)
        for hour, amount in taken.items():
            if hour in divisor:
                sums[hour // 24, divisor[hour]] += amount
        place = (cluster, workload.namespace.name)
        for (day, share), amount in sums.items():
            cost = part * amount / share
            done.add(day, place, owner(world, workload, day), cost)
            done.workloads[day, workload.namespace.name, workload.name] += cost
    left: dict[int, int] = defaultdict(int)
    for hour in seen:
        left[hour // 24] += divisor[hour] - total[hour]
    for day, amount in left.items():
        done.add(day, (cluster, IDLE), IDLE, part * amount / capacity)


def _book_charge(done: Books, world: World, charge: Charge) -> None:
    if charge.attached is not None:
        for part in attached_parts(world, charge):
            team = part.bucket if part.workload is None else owner(world, part.workload, charge.day)
            place = (charge.cluster, part.workload.namespace.name if part.workload else part.bucket)
            cost = Fraction(charge.effective) * part.share
            done.add(charge.day, place, team, cost)
            if part.workload is not None:
                done.workloads[charge.day, place[1], part.workload.name] += cost
        return
    cost = Fraction(charge.effective) / charge.days
    for day in range(charge.day, charge.day + charge.days):
        done.add(day, (OUTSIDE, OUTSIDE), charge_owner(world, charge), cost)


def _split_pools(done: Books, world: World) -> None:
    teams = sorted(team.id for team in world.teams)
    for day in range(world.spec.days):
        weights = {
            team: max(Fraction(0), done.direct.get((day, team), Fraction(0))) for team in teams
        }
        cluster = done.direct.get((day, SHARED_CLUSTER), Fraction(0))
        even = done.direct.get((day, EVEN), Fraction(0))
        for team, part in _parts(weights).items():
            done.shared[day, team] += cluster * part + even / len(teams)


def _parts(weights: Mapping[str, Fraction]) -> dict[str, Fraction]:
    total = sum(weights.values(), Fraction(0))
    if not total:
        return {team: Fraction(1, len(weights)) for team in weights}
    return {team: weight / total for team, weight in weights.items()}

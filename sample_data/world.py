"""The sample world: a seeded organisation that knows its own truth.

Takes    a WorldSpec
Gives    a World; the same spec gives the same world
"""

from decimal import Decimal
from itertools import chain
from random import Random
from typing import Final

from sample_data.fleet import make_nodes
from sample_data.managed import ACCOUNTS, make_managed
from sample_data.model import (
    Explosion,
    Namespace,
    OwnershipChange,
    Service,
    Silence,
    Workload,
    World,
    WorldSpec,
)
from sample_data.organisation import (
    CHANGED_FROM,
    CLUSTERS,
    TEAMS,
    Role,
    namespaces,
    roles,
    service_of,
    services_outside,
    system_services,
)
from sample_data.schedule import make_pods

__all__ = ["World", "WorldSpec", "make_world"]

VALUES_PER_DAY: Final = {"small": 400, "medium": 3000, "large": 9000}
ELASTIC: Final = ("checkout", "search", "web-shop", "payments-us", "orders", "recommend")
BLOWN_TEAM: Final = "search"

_SYSTEM: Final = {
    "kube-system": (
        ("kube-proxy", "DaemonSet", 1, 100, 64, 30, 60),
        ("node-agent", "DaemonSet", 1, 50, 128, 70, 150),
        ("coredns", "Deployment", 2, 100, 70, 60, 90),
    ),
    "istio-system": (("istiod", "Deployment", 1, 500, 1024, 240, 900),),
}


def make_world(spec: WorldSpec) -> World:
    """Make the world of a spec."""
    places = namespaces()
    nodes = make_nodes(spec)
    products = _products(spec, places)
    system = tuple(_system_workloads(places))
    products.append((_on_gpu(places), "nightly"))
    workloads = (*(workload for workload, _ in products), *system)
    services = (
        *(service_of(workload, role) for workload, role in products),
        *system_services(iter(system)),
        *services_outside(),
    )
    silent_day = spec.days * 4 // 7
    silence = Silence(
        next(node for node in nodes if node.cluster.name == "prod-us"),
        silent_day * 24 + 9,
        silent_day * 24 + 14,
    )
    return World(
        spec=spec,
        clusters=CLUSTERS,
        nodes=nodes,
        teams=TEAMS,
        namespaces=places,
        workloads=workloads,
        services=services,
        pods=make_pods(spec, workloads, nodes, silence),
        managed=make_managed(spec),
        accounts=ACCOUNTS,
        silence=silence,
        explosion=_explosion(spec, services),
        change=_change(spec, places),
        blown_team=BLOWN_TEAM,
    )


def _explosion(spec: WorldSpec, services: tuple[Service, ...]) -> Explosion:
    checkout = next(service for service in services if service.name == "checkout")
    return Explosion(
        *(checkout, "shop.cart.items_added", "user.id", spec.days * 4 // 5),
        VALUES_PER_DAY[spec.size],
    )


def _change(spec: WorldSpec, places: tuple[Namespace, ...]) -> OwnershipChange:
    place = next(place for place in places if place.how == "changed")
    return OwnershipChange(place, CHANGED_FROM, place.team, spec.days // 2)


def _products(spec: WorldSpec, places: tuple[Namespace, ...]) -> list[tuple[Workload, Role]]:
    rng = Random(f"{spec.seed}:workloads")  # noqa: S311 - a seeded world, no secret
    return [
        (_product(spec, place, role, suffix, rng), role)
        for number, place in enumerate(place for place in places if place.how != "system")
        for role, suffix in roles(number, spec.size)
    ]


def _product(spec: WorldSpec, place: Namespace, role: Role, suffix: str, rng: Random) -> Workload:
    """Make one workload; one in six asks for nothing, one in four uses more than it asks for."""
    cpu = rng.choice((100, 250, 250, 500, 500, 750, 1000))
    memory = rng.choice((256, 512, 1024, 1024, 2048))
    use = int(cpu * rng.choice((0.2, 0.4, 0.6, 1.3)))
    held = int(memory * rng.choice((0.4, 0.7, 0.9, 1.2)))
    asks = rng.random() > 1 / 6
    is_labelled = place.how == "label"
    return Workload(
        *(place, place.name + suffix),
        {"store": "StatefulSet", "nightly": "CronJob"}.get(role, "Deployment"),  # type: ignore[arg-type]  # a literal by the table
        label=place.label if is_labelled else "",
        replicas=2 if spec.size == "small" or role in {"store", "nightly"} else 3,
        cpu_request=cpu if asks else 0,
        memory_request=memory if asks else 0,
        cpu_use=use,
        memory_use=held,
        is_elastic=place.name in ELASTIC and role == "api",
    )


def _on_gpu(places: tuple[Namespace, ...]) -> Workload:
    """Make the one workload that asks for a GPU: it looks at pictures, each night."""
    place = next(place for place in places if place.name == "catalog-us")
    numbers = (1, 2000, 8192, 1500, 6000)
    return Workload(place, "catalog-us-vision", "CronJob", place.label, *numbers, gpu_request=1)


def _system_workloads(places: tuple[Namespace, ...]) -> chain[Workload]:
    return chain.from_iterable(
        (
            Workload(place, name, kind, "", *numbers)  # type: ignore[arg-type]  # literals of the table
            for name, kind, *numbers in _SYSTEM[place.name]
        )
        for place in places
        if place.how == "system"
    )


def covered_hour(world: World) -> Decimal:
    """Give what the savings plan's covered nodes cost in an hour."""
    return sum((node.plan_price for node in world.nodes if node.plan_price is not None), Decimal(0))

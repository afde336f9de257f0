"""The load balancers of the sample world, and the pods behind them.

Takes    a World
Gives    balancers, each a service of type LoadBalancer with the workload it leads to
Holds    a pod stands behind its balancer as long as it runs
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import Final

from sample_data.fleet import uuid
from sample_data.model import Cluster, Pod, World
from sample_data.organisation import PROD_EU, PROD_US


@dataclass(frozen=True)
class Balancer:
    """A balancer; nobody stands behind one without a workload."""

    cluster: Cluster
    namespace: str
    service: str
    uid: str
    number: str
    workload: str
    hour_price: Decimal
    is_hourly: bool

    @property
    def name(self) -> str:
        """Give the name that AWS knows it by."""
        return f"{self.namespace}-{self.service}"

    @property
    def host(self) -> str:
        """Give its host name, which Kubernetes shows."""
        return f"{self.name}-{self.number}.elb.{self.cluster.region}.amazonaws.com"

    @property
    def resource(self) -> str:
        """Give its id on the bill."""
        place = f"{self.cluster.region}:{self.cluster.account}"
        return f"arn:aws:elasticloadbalancing:{place}:loadbalancer/net/{self.name}/{self.number}"


_BALANCERS: Final = (
    (PROD_US, "edge-gateway", "edge", "edge-gateway", "0.0245", True),
    (PROD_EU, "web-shop", "web", "web-shop", "0.0270", False),
    (PROD_EU, "search", "old-front", "", "0.0270", False),
)


@lru_cache(maxsize=2)
def balancers(world: World) -> tuple[Balancer, ...]:
    """List the balancers."""
    rng = Random(f"{world.spec.seed}:balancers")  # noqa: S311 - a seeded world, no secret
    return tuple(
        Balancer(
            *(cluster, namespace, service, uuid(rng), f"{rng.getrandbits(64):016x}"),
            *(workload, Decimal(price), is_hourly),
        )
        for cluster, namespace, service, workload, price, is_hourly in _BALANCERS
    )


def backends(world: World, balancer: Balancer) -> list[Pod]:
    """List the pods that stand behind a balancer while they run."""
    return [
        pod
        for pod in world.pods
        if pod.workload.name == balancer.workload
        and pod.workload.namespace.name == balancer.namespace
        and pod.node.cluster == balancer.cluster
    ]

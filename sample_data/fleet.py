"""The machines of the sample world, and what they cost.

Takes    a seed, the size and the number of days
Gives    nodes with zone, provider id and price; the last one of prod-eu comes and goes, and one of
         prod-us has a GPU and runs nothing that asks for none
"""

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Final

from sample_data.model import Cluster, Machine, Node, WorldSpec
from sample_data.organisation import CLUSTERS, DATA_EU, PROD_EU, PROD_US

_CORE: Final = Decimal("0.040618")
_GIB: Final = Decimal("0.005443")

MACHINES: Final = {
    PROD_EU: (
        Machine("m6i.2xlarge", 8, 32, Decimal("0.4600000000")),
        Machine("m6i.xlarge", 4, 16, Decimal("0.2300000000")),
        Machine("r6i.xlarge", 4, 32, Decimal("0.3040000000")),
    ),
    PROD_US: (
        Machine("m6i.2xlarge", 8, 32, Decimal("0.3840000000")),
        Machine("r6i.xlarge", 4, 32, Decimal("0.2520000000")),
    ),
    DATA_EU: (
        Machine("n2-standard-8", 8, 32, Decimal(0), _CORE, _GIB),
        Machine("n2-highmem-4", 4, 32, Decimal(0), _CORE, _GIB),
    ),
}
GPU_MACHINE: Final = Machine("g4dn.xlarge", 4, 16, Decimal("0.5260000000"), gpus=1)
PLAN_RATIO: Final = Decimal("0.7213")
"""What covered use costs under the savings plan, as part of the public price."""

NODE_COUNTS: Final = {
    "small": {PROD_EU: 6, PROD_US: 5, DATA_EU: 4},
    "medium": {PROD_EU: 18, PROD_US: 14, DATA_EU: 13},
    "large": {PROD_EU: 54, PROD_US: 42, DATA_EU: 39},
}


def make_nodes(spec: WorldSpec) -> tuple[Node, ...]:
    """Make all nodes, in order of cluster and number."""
    rng = Random(f"{spec.seed}:nodes")  # noqa: S311 - a seeded world, no secret
    plain = [
        _node(cluster, number, spec, rng)
        for cluster in CLUSTERS
        for number in range(NODE_COUNTS[spec.size][cluster])
    ]
    own = Random(f"{spec.seed}:gpu")  # noqa: S311 - as above
    number = NODE_COUNTS[spec.size][PROD_US]
    return (*plain, replace(_node(PROD_US, number, spec, own), machine=GPU_MACHINE))


def _node(cluster: Cluster, number: int, spec: WorldSpec, rng: Random) -> Node:
    machines = MACHINES[cluster]
    machine = machines[number % len(machines)]
    letter = "abc"[number % 3]
    if cluster.cloud == "aws":
        name = f"ip-10-{CLUSTERS.index(cluster) + 1}-{number}-{rng.randint(4, 250)}"
        name = f"{name}.{cluster.region}.compute.internal"
        zone, instance = f"{cluster.region}{letter}", f"i-0{rng.getrandbits(64):016x}"
    else:
        pool = machine.name.replace("-", "")
        name = f"gke-{cluster.name}-{pool}-{rng.getrandbits(32):08x}-{number:04d}"
        zone, instance = f"{cluster.region}-{letter}", name
    comes_and_goes = cluster == PROD_EU and number == NODE_COUNTS[spec.size][cluster] - 1
    first, last = (spec.days * 2 // 7 * 24 + 6, spec.days * 18 // 35 * 24 + 22)
    is_covered = cluster == PROD_EU and number % 3 == 0 and not comes_and_goes
    return Node(
        *(name, uuid(rng), cluster, machine, zone, instance),
        start=first if comes_and_goes else 0,
        end=last if comes_and_goes else spec.days * 24,
        plan_price=machine.hour_price * PLAN_RATIO if is_covered else None,
    )


def uuid(rng: Random) -> str:
    """Make a random id as Kubernetes writes it."""
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

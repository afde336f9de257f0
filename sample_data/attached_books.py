"""Who truly bears a volume, a flow or a balancer, worked out from the world's own schedule.

Takes    a World and a charge of something attached to a cluster
Gives    parts of 1: of a workload, or of a bucket
Holds    the parts of a charge add up to 1
"""

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Final, NamedTuple

from sample_data.attached import Volume, mounts, sent
from sample_data.balancers import Balancer, backends
from sample_data.charges import Charge
from sample_data.model import Workload, World

UNMOUNTED: Final = "__unmounted__"


class Part(NamedTuple):
    """A part of a charge; without a workload it is the bucket's."""

    workload: Workload | None
    bucket: str
    share: Fraction


def attached_parts(world: World, charge: Charge) -> Iterator[Part]:
    """Give who bears a charge: mounts, bytes or pods behind it, in its hours."""
    start, stop = charge.span
    if isinstance(charge.attached, Volume):
        yield from _mounted(world, charge.attached, start, stop)
    elif isinstance(charge.attached, Balancer):
        yield from _backends(world, charge.attached, start, stop)
    elif charge.attached is not None:
        shares = sent(world, charge.attached, start, stop)
        whole = sum(shares.values())
        yield from (Part(work, "", Fraction(count, whole)) for work, count in shares.items())


def _mounted(world: World, volume: Volume, start: int, stop: int) -> Iterator[Part]:
    """Share each hour alike among the pods that have the volume in it."""
    shares: dict[Workload, Fraction] = defaultdict(Fraction)
    pods = list(mounts(world, volume))
    hour_share = Fraction(1, stop - start)
    alone = Fraction(0)
    for hour in range(start, stop):
        there = [pod for pod in pods if pod.start <= hour < pod.end]
        if not there:
            alone += hour_share
        for pod in there:
            shares[pod.workload] += hour_share / len(there)
    yield from (Part(work, "", share) for work, share in shares.items())
    if alone:
        yield Part(None, UNMOUNTED, alone)


def _backends(world: World, balancer: Balancer, start: int, stop: int) -> Iterator[Part]:
    """Share the whole span by the hours that pods stood behind the balancer in it."""
    hours: dict[Workload, int] = defaultdict(int)
    for pod in backends(world, balancer):
        hours[pod.workload] += max(0, min(stop, pod.end) - max(start, pod.start))
    whole = sum(hours.values())
    if not whole:
        yield Part(None, UNMOUNTED, Fraction(1))
        return
    yield from (Part(work, "", Fraction(count, whole)) for work, count in hours.items())

"""Every charge of the sample world that is not the use of a node, before any bill format.

Takes    a World
Gives    charges: what the invoice says, what it costs amortised, for which days
Units    USD, Decimal with at most 12 places
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import Final, Literal

from sample_data.attached import Flow, Volume, flows, sent, volumes
from sample_data.balancers import Balancer, balancers
from sample_data.managed import PAYER
from sample_data.model import Managed, World
from sample_data.world import covered_hour

GCP_BILLING_ACCOUNT: Final = "00A1B2-C3D4E5-0F6071"
PLAN_ARN: Final = f"arn:aws:savingsplans::{PAYER}:savingsplan/0f3c6f1e-5a1b-4c1d-9b7e-2f6a8d0c4e11"
ATOM: Final = Decimal("0.000000000001")
SURGING: Final = "AmazonRDS:orders"
SURGE_DAYS: Final = (5, 6)
"""Days before the world's end on which one resource costs three times the usual."""

ChargeKind = Literal["usage", "credit", "support", "plan_fee", "tax"]


@dataclass(frozen=True)
class Charge:
    """One bill line: `day` is its first day, `days` how many it lasts."""

    cloud: Literal["aws", "gcp"]
    kind: ChargeKind
    day: int
    days: int
    account: str
    service: str
    service_name: str
    category: str
    subcategory: str
    region: str
    resource_id: str
    meter: str
    unit: str
    quantity: Decimal
    billed: Decimal
    effective: Decimal
    tags: tuple[tuple[str, str], ...] = ()
    committed: Decimal | None = None
    used: Decimal | None = None
    cluster: str = ""
    attached: Volume | Flow | Balancer | None = None
    """What of a cluster it pays for; None outside clusters."""
    hour: int | None = None
    """The hour of a line that lasts one."""

    @property
    def span(self) -> tuple[int, int]:
        """Give its first hour and the one after its last."""
        if self.hour is not None:
            return self.hour, self.hour + 1
        return self.day * 24, (self.day + self.days) * 24


def charges(world: World) -> Iterator[Charge]:
    """List all charges outside the nodes, in a fixed order."""
    yield from _managed(world)
    yield from _credits(world)
    yield from _plan_fees(world)
    yield from _monthly(world)
    yield from _volumes(world)
    yield from _sent(world)
    yield from _balancers(world)


def _managed(world: World) -> Iterator[Charge]:
    rng = Random(f"{world.spec.seed}:charges")  # noqa: S311 - a seeded world, no secret
    for item in world.managed:
        for day in range(world.spec.days):
            weekend = Decimal("0.8") if world.day(day).weekday() >= 5 else Decimal(1)
            cost = item.day_cost * weekend * Decimal(rng.randint(90_000_001, 110_000_000))
            cost = (cost / 100_000_000).quantize(Decimal("1e-10"))
            yield _of(item, "usage", day, cost * surge(world, item, day))


def surge(world: World, item: Managed, day: int) -> int:
    """Give how many times the usual a resource costs: one database three times, for two days."""
    is_odd = item.meter == SURGING and world.spec.days - day in SURGE_DAYS
    return 3 if is_odd else 1


def _of(item: Managed, kind: ChargeKind, day: int, cost: Decimal) -> Charge:
    return Charge(
        *(item.cloud, kind, day, 1, item.account, item.service, item.service_name),
        *(item.category, item.subcategory, item.region, item.resource_id, item.meter, item.unit),
        quantity=Decimal(24) if item.unit == "Hrs" else Decimal(1),
        billed=cost,
        effective=cost,
        tags=item.tags,
    )


def _credits(world: World) -> Iterator[Charge]:
    """Give two teams something back; growth gets more than it spends on that day."""
    days = world.spec.days
    growth = next(item for item in world.managed if item.meter.endswith(":growth-assets"))
    reports = next(item for item in world.managed if item.meter.endswith(":reporting"))
    amount = growth.day_cost * 60
    yield _of(growth, "credit", days // 3, -amount)
    yield _of(reports, "credit", days // 2, Decimal("-10.123456789"))


def _plan_fees(world: World) -> Iterator[Charge]:
    """Bill the savings plan by the day: a twentieth more than is used."""
    used = covered_hour(world) * 24
    committed = (used * Decimal("1.05")).quantize(Decimal("1e-8"))
    for day in range(world.spec.days):
        yield Charge(
            *("aws", "plan_fee", day, 1, PAYER, "ComputeSavingsPlans"),
            *("Savings Plans for AWS Compute usage", "Compute", "Other (Compute)"),
            *("eu-central-1", PLAN_ARN, "ComputeSP:1yrNoUpfront", "Hrs"),
            quantity=Decimal(24),
            billed=committed,
            effective=committed - used,
            committed=committed,
            used=used,
        )


def _monthly(world: World) -> Iterator[Charge]:
    """Bill support and tax once a month, for the days of the month that are in the world."""
    size = {"small": Decimal("0.4"), "medium": Decimal(1), "large": Decimal(3)}[world.spec.size]
    for _, first, last in world.months():
        days = last - first
        support = Decimal("11.37") * days * size
        yield _month(
            "aws", "support", first, days, support, ("AWSSupportBusiness", "AWS Support (Business)")
        )
        yield _month("aws", "tax", first, days, Decimal("21.77") * days * size, None)
        yield _month("gcp", "tax", first, days, Decimal("9.41") * days * size, None)


def _month(  # noqa: PLR0913, PLR0917 - the columns of one line
    cloud: Literal["aws", "gcp"],
    kind: ChargeKind,
    first: int,
    days: int,
    cost: Decimal,
    service: tuple[str, str] | None,
) -> Charge:
    tax = (
        ("AmazonEC2", "Amazon Elastic Compute Cloud") if cloud == "aws" else ("Invoice", "Invoice")
    )
    code, name = service or tax
    account = PAYER if cloud == "aws" else "0042-shop-data"
    place = ("Management and Governance", "Support") if service else ("Other", "Other (Other)")
    return Charge(
        *(cloud, kind, first, days, account, code, name, *place, ""),
        *("", "support" if service else "VAT", "", Decimal(1)),
        billed=cost,
        effective=cost,
    )


def _volumes(world: World) -> Iterator[Charge]:
    """Bill the volumes of clusters by the day, some of them by the hour."""
    for volume in volumes(world):
        is_aws = volume.cluster.cloud == "aws"
        code, name, meter = (
            ("AmazonEC2", "Amazon Elastic Compute Cloud", "EBS:VolumeUsage.gp3")
            if is_aws
            else ("Compute Engine", "Compute Engine", "Balanced PD Capacity")
        )
        for day in range(world.spec.days):
            hours = range(day * 24, day * 24 + 24) if volume.is_hourly else (None,)
            cost = volume.hour_price if volume.is_hourly else volume.hour_price * 24
            for hour in hours:
                yield Charge(
                    *(volume.cluster.cloud, "usage", day, 1, volume.cluster.account, code, name),
                    *("Storage", "Block Storage", volume.cluster.region, volume.resource, meter),
                    *("GB-Mo", Decimal(volume.gib), cost, cost),
                    tags=volume.tags,
                    cluster=volume.cluster.name,
                    attached=volume,
                    hour=hour,
                )


@lru_cache(maxsize=2)
def _sent(world: World) -> tuple[Charge, ...]:
    return tuple(_traffic(world))


def _traffic(world: World) -> Iterator[Charge]:
    """Bill what was sent, where anything was: of a cluster by the day, of a node by the hour."""
    for flow in flows(world):
        step = 1 if flow.node else 24
        for first in range(0, world.hours, step):
            count = sum(sent(world, flow, first, first + step).values())
            if not count:
                continue
            cost = (flow.price * count / 10**9).quantize(Decimal("1e-10"))
            yield Charge(
                *("aws", "usage", first // 24, 1, flow.cluster.account, "AmazonEC2"),
                *("Amazon Elastic Compute Cloud", "Networking", "Network Infrastructure"),
                *(flow.cluster.region, flow.resource, flow.meter, "GB"),
                *(Decimal(count) / 10**9, cost, cost),
                cluster=flow.cluster.name,
                attached=flow,
                hour=first if flow.node else None,
            )


def _balancers(world: World) -> Iterator[Charge]:
    """Bill the balancers by the day, one of them by the hour."""
    for one in balancers(world):
        region = {"eu-central-1": "EUC1", "us-east-1": "USE1"}[one.cluster.region]
        for day in range(world.spec.days):
            cost = one.hour_price if one.is_hourly else one.hour_price * 24
            for hour in range(day * 24, day * 24 + 24) if one.is_hourly else (None,):
                yield Charge(
                    *("aws", "usage", day, 1, one.cluster.account, "AWSELB"),
                    *("Elastic Load Balancing", "Networking", "Network Infrastructure"),
                    *(one.cluster.region, one.resource, f"{region}-LoadBalancerUsage", "Hrs"),
                    *(Decimal(1 if one.is_hourly else 24), cost, cost),
                    cluster=one.cluster.name,
                    attached=one,
                    hour=hour,
                )

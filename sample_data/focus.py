"""FOCUS 1.2 lines of a sample world's second cloud.

Takes    a World and one of its months
Gives    a table in the columns of FOCUS 1.2: per node and day one line for its cores and one for
         its memory, and the charges outside the clusters
Units    money as decimal128(38, 12); tags as JSON text
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from sample_data.charges import GCP_BILLING_ACCOUNT, Charge, charges
from sample_data.model import Node, World

MONEY: Final = pa.decimal128(38, 12)
INSTANT: Final = pa.timestamp("us", tz="UTC")
_COSTS: Final = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")
_QUANTITIES: Final = ("ConsumedQuantity", "PricingQuantity")
_INSTANTS: Final = (
    *("BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"),
)
_TEXTS: Final = (
    *("AvailabilityZone", "BillingAccountId", "BillingAccountName", "BillingAccountType"),
    *("BillingCurrency", "CapacityReservationId", "CapacityReservationStatus", "ChargeCategory"),
    *("ChargeClass", "ChargeDescription", "ChargeFrequency", "CommitmentDiscountCategory"),
    *("CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountStatus"),
    *("CommitmentDiscountType", "CommitmentDiscountUnit", "ConsumedUnit", "InvoiceId"),
    *("InvoiceIssuerName", "PricingCategory", "PricingCurrency", "PricingUnit", "ProviderName"),
    *("PublisherName", "RegionId", "RegionName", "ResourceId", "ResourceName", "ResourceType"),
    *("ServiceCategory", "ServiceName", "ServiceSubcategory", "SkuId", "SkuMeter"),
    *("SkuPriceDetails", "SkuPriceId", "SubAccountId", "SubAccountName", "SubAccountType", "Tags"),
)
SCHEMA: Final = pa.schema(
    sorted(
        [
            *((name, MONEY) for name in (*_COSTS, *_QUANTITIES, "CommitmentDiscountQuantity")),
            *((name, INSTANT) for name in _INSTANTS),
            *((name, pa.string()) for name in _TEXTS),
            *((name, MONEY) for name in ("ContractedUnitPrice", "ListUnitPrice")),
        ]
    )
)
_CATEGORIES: Final = {"usage": "Usage", "credit": "Credit", "tax": "Tax"}

Row = dict[str, Any]


def lines(world: World, period: tuple[str, int, int]) -> pa.Table:
    """Give the lines of a month, nodes first."""
    _, first, stop = period
    month = world.instant(first * 24).replace(day=1)
    year, number = divmod(month.month, 12)
    bill: Row = {
        "BillingAccountId": GCP_BILLING_ACCOUNT,
        "BillingAccountName": "shop",
        "BillingAccountType": "Billing Account",
        "BillingCurrency": "USD",
        "BillingPeriodStart": month,
        "BillingPeriodEnd": month.replace(year=month.year + year, month=number + 1),
        "InvoiceId": f"{month:%Y%m}-0000042",
        "InvoiceIssuerName": "Google Cloud",
        "PricingCurrency": "USD",
        "ProviderName": "Google Cloud",
        "PublisherName": "Google Cloud",
        "SubAccountName": "shop-data",
        "SubAccountType": "Project",
    }
    rows = [bill | row for row in _rows(world, first, stop)]
    columns = [pa.array([row.get(part.name) for row in rows], type=part.type) for part in SCHEMA]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _rows(world: World, first: int, stop: int) -> Iterator[Row]:
    for node in world.nodes:
        if node.cluster.cloud == "gcp":
            for day in range(first, stop):
                yield from _node_rows(world, node, day)
    for charge in charges(world):
        if charge.cloud == "gcp" and first <= charge.day < stop:
            yield _charge_row(world, charge)


def _node_rows(world: World, node: Node, day: int) -> Iterator[Row]:
    """Give a node's day: what its cores cost, and what its memory cost."""
    machine, cluster = node.machine, node.cluster
    items = (
        ("Core", "vCPU-Hours", machine.cores, machine.core_price),
        ("Ram", "GiB-Hours", machine.memory_gib, machine.gib_price),
    )
    for part, unit, amount, price in items:
        quantity = Decimal(amount * 24)
        meter = f"N2 Instance {part} running in Frankfurt"
        yield {
            **_when(world, day, 1),
            **dict.fromkeys(_COSTS, quantity * price),
            **dict.fromkeys(_QUANTITIES, quantity),
            **dict.fromkeys(("ContractedUnitPrice", "ListUnitPrice"), price),
            **dict.fromkeys(("ConsumedUnit", "PricingUnit"), unit),
            "AvailabilityZone": node.zone,
            "ChargeCategory": "Usage",
            "ChargeDescription": meter,
            "ChargeFrequency": "Usage-Based",
            "PricingCategory": "Standard",
            "RegionId": cluster.region,
            "RegionName": cluster.region_name,
            "ResourceId": "//compute.googleapis.com/projects/"
            f"{cluster.account}/zones/{node.zone}/instances/{node.name}",
            "ResourceName": node.name,
            "ResourceType": "Virtual Machine",
            "ServiceCategory": "Compute",
            "ServiceName": "Compute Engine",
            "ServiceSubcategory": "Virtual Machines",
            "SkuId": f"N2-{part.upper()}-FRA",
            "SkuMeter": meter,
            "SubAccountId": cluster.account,
            "Tags": json.dumps({"goog-k8s-cluster-name": cluster.name, "team": "platform"}),
        }


def _when(world: World, day: int, days: int) -> Row:
    return {
        "ChargePeriodStart": world.instant(day * 24),
        "ChargePeriodEnd": world.instant((day + days) * 24),
    }


def _charge_row(world: World, charge: Charge) -> Row:
    is_usage = charge.kind == "usage"
    return {
        **_when(world, charge.day, charge.days),
        **dict.fromkeys(_COSTS, charge.billed),
        **dict.fromkeys(_QUANTITIES, charge.quantity if is_usage else None),
        **dict.fromkeys(("ConsumedUnit", "PricingUnit"), charge.unit if is_usage else None),
        "EffectiveCost": charge.effective,
        "ChargeCategory": _CATEGORIES[charge.kind],
        "ChargeDescription": f"{charge.service_name} {charge.meter}",
        "ChargeFrequency": "Usage-Based" if is_usage else "One-Time",
        "PricingCategory": "Standard" if is_usage else None,
        "RegionId": charge.region or None,
        "ResourceId": charge.resource_id or None,
        "ResourceName": charge.resource_id.rsplit("/", 1)[-1] or None,
        "ServiceCategory": charge.category,
        "ServiceName": charge.service_name,
        "ServiceSubcategory": charge.subcategory,
        "SkuMeter": charge.meter,
        "SubAccountId": charge.account,
        "Tags": json.dumps(
            ({"goog-k8s-cluster-name": charge.cluster} if charge.cluster else {})
            | dict(charge.tags)
        ),
    }

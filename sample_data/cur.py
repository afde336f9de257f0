"""AWS CUR 2.0 lines of a sample world.

Takes    a World and one of its months
Gives    a table in the columns of CUR 2.0: one line per node and hour, the savings plan's covered
         use with its negation, and the charges outside the clusters
Units    money as decimal128(38, 12); tags and product as maps
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from sample_data.charges import PLAN_ARN, Charge, charges
from sample_data.managed import ACCOUNTS, PAYER, TOOLS
from sample_data.model import Node, World

MONEY: Final = pa.decimal128(38, 12)
INSTANT: Final = pa.timestamp("us", tz="UTC")
MAP: Final = pa.map_(pa.string(), pa.string())
_EC2: Final = "Amazon Elastic Compute Cloud"
_REGION_CODES: Final = {"eu-central-1": "EUC1", "us-east-1": "USE1"}
_LOCATIONS: Final = {"eu-central-1": "EU (Frankfurt)", "us-east-1": "US East (N. Virginia)"}

SCHEMA: Final = pa.schema(
    [
        ("identity_line_item_id", pa.string()),
        ("identity_time_interval", pa.string()),
        ("bill_billing_entity", pa.string()),
        ("bill_bill_type", pa.string()),
        ("bill_billing_period_start_date", INSTANT),
        ("bill_billing_period_end_date", INSTANT),
        ("bill_invoice_id", pa.string()),
        ("bill_payer_account_id", pa.string()),
        ("bill_payer_account_name", pa.string()),
        ("line_item_usage_account_id", pa.string()),
        ("line_item_usage_account_name", pa.string()),
        ("line_item_line_item_type", pa.string()),
        ("line_item_usage_start_date", INSTANT),
        ("line_item_usage_end_date", INSTANT),
        ("line_item_product_code", pa.string()),
        ("line_item_usage_type", pa.string()),
        ("line_item_operation", pa.string()),
        ("line_item_availability_zone", pa.string()),
        ("line_item_resource_id", pa.string()),
        ("line_item_usage_amount", MONEY),
        ("line_item_currency_code", pa.string()),
        ("line_item_unblended_rate", pa.string()),
        ("line_item_unblended_cost", MONEY),
        ("line_item_line_item_description", pa.string()),
        ("line_item_legal_entity", pa.string()),
        ("line_item_tax_type", pa.string()),
        ("pricing_term", pa.string()),
        ("pricing_unit", pa.string()),
        ("pricing_public_on_demand_cost", MONEY),
        ("pricing_rate_code", pa.string()),
        ("product", MAP),
        ("product_region_code", pa.string()),
        ("product_location", pa.string()),
        ("product_instance_type", pa.string()),
        ("savings_plan_savings_plan_a_r_n", pa.string()),
        ("savings_plan_savings_plan_effective_cost", MONEY),
        ("savings_plan_total_commitment_to_date", MONEY),
        ("savings_plan_used_commitment", MONEY),
        ("resource_tags", MAP),
    ]
)
_TYPES: Final = {
    "usage": "Usage",
    "credit": "Credit",
    "support": "Fee",
    "plan_fee": "SavingsPlanRecurringFee",
    "tax": "Tax",
}
_NAMES: Final = {PAYER: "shop-payer", TOOLS: "shop-tools", **dict.fromkeys(ACCOUNTS, "shop-data")}

Row = dict[str, Any]


def lines(world: World, period: tuple[str, int, int]) -> pa.Table:
    """Give the lines of a month, nodes first."""
    _, first, stop = period
    month = world.day(first).replace(day=1)
    year, number = divmod(month.month, 12)
    bill: Row = {
        "bill_billing_entity": "AWS",
        "bill_bill_type": "Anniversary",
        "bill_billing_period_start_date": datetime(month.year, month.month, 1),  # noqa: DTZ001 - the column's type says UTC
        "bill_billing_period_end_date": datetime(month.year + year, number + 1, 1),  # noqa: DTZ001 - as above
        "bill_invoice_id": f"{month:%Y%m}0042",
        "bill_payer_account_id": PAYER,
        "bill_payer_account_name": "shop-payer",
        "line_item_currency_code": "USD",
        "line_item_legal_entity": "Amazon Web Services EMEA SARL",
    }
    rows = [
        {**bill, **row, "identity_line_item_id": f"{period[0]}-{place:08d}"}
        for place, row in enumerate(_rows(world, first, stop))
    ]
    columns = [pa.array([row.get(part.name) for row in rows], type=part.type) for part in SCHEMA]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _rows(world: World, first: int, stop: int) -> Iterator[Row]:
    for node in world.nodes:
        if node.cluster.cloud == "aws":
            for hour in range(max(node.start, first * 24), min(node.end, stop * 24)):
                yield from _node_rows(world, node, hour)
    for charge in charges(world):
        if charge.cloud == "aws" and first <= charge.day < stop:
            yield _charge_row(world, charge)


def _when(world: World, start: int, end: int) -> Row:
    first, last = world.instant(start), world.instant(end)
    return {
        "identity_time_interval": f"{first:%Y-%m-%dT%H:%M:%SZ}/{last:%Y-%m-%dT%H:%M:%SZ}",
        "line_item_usage_start_date": first,
        "line_item_usage_end_date": last,
    }


def _node_rows(world: World, node: Node, hour: int) -> Iterator[Row]:
    """Give a node's hour: one line on demand, or the covered use and its negation."""
    row = _node_hour(world, node, hour)
    if node.plan_price is None:
        yield row
        return
    in_plan = row | {"savings_plan_savings_plan_a_r_n": PLAN_ARN}
    yield in_plan | {
        "line_item_line_item_type": "SavingsPlanCoveredUsage",
        "savings_plan_savings_plan_effective_cost": node.plan_price,
    }
    yield in_plan | {
        "line_item_line_item_type": "SavingsPlanNegation",
        "line_item_unblended_cost": -node.machine.hour_price,
        "line_item_line_item_description": "SavingsPlanNegation used by the payer",
        "pricing_public_on_demand_cost": None,
    }


def _node_hour(world: World, node: Node, hour: int) -> Row:
    cluster, machine = node.cluster, node.machine
    price = machine.hour_price
    return {
        **_when(world, hour, hour + 1),
        "line_item_usage_account_id": cluster.account,
        "line_item_usage_account_name": cluster.account_name,
        "line_item_line_item_type": "Usage",
        "line_item_product_code": "AmazonEC2",
        "line_item_usage_type": f"{_REGION_CODES[cluster.region]}-BoxUsage:{machine.name}",
        "line_item_operation": "RunInstances",
        "line_item_availability_zone": node.zone,
        "line_item_resource_id": node.instance,
        "line_item_usage_amount": Decimal(1),
        "line_item_unblended_rate": str(price),
        "line_item_unblended_cost": price,
        "line_item_line_item_description": f"${price:.3f} per On Demand Linux {machine.name}",
        "pricing_term": "OnDemand",
        "pricing_unit": "Hrs",
        "pricing_public_on_demand_cost": price,
        "product": [("product_name", _EC2), ("region", cluster.region)],
        "product_region_code": cluster.region,
        "product_location": cluster.region_name,
        "product_instance_type": machine.name,
        "resource_tags": [("aws_eks_cluster_name", cluster.name), ("user_team", "platform")],
    }


def _charge_row(world: World, charge: Charge) -> Row:
    is_tax, is_usage = charge.kind == "tax", charge.kind == "usage"
    is_plan = charge.kind == "plan_fee"
    return {
        **_when(world, *charge.span),
        "line_item_usage_account_id": charge.account,
        "line_item_usage_account_name": _NAMES.get(charge.account, _account_name(world, charge)),
        "line_item_line_item_type": _TYPES[charge.kind],
        "line_item_product_code": charge.service,
        "line_item_usage_type": charge.meter,
        "line_item_resource_id": charge.resource_id or None,
        "line_item_usage_amount": charge.quantity,
        "line_item_unblended_cost": charge.billed,
        "line_item_line_item_description": f"{charge.service_name} {charge.meter}",
        "line_item_tax_type": "VAT" if is_tax else None,
        "pricing_unit": charge.unit or None,
        "pricing_public_on_demand_cost": charge.billed if is_usage else None,
        "product": [("product_name", charge.service_name)],
        "product_region_code": charge.region or None,
        "product_location": _LOCATIONS.get(charge.region),
        "savings_plan_savings_plan_a_r_n": PLAN_ARN if is_plan else None,
        "savings_plan_total_commitment_to_date": charge.committed,
        "savings_plan_used_commitment": charge.used,
        "resource_tags": [
            *([("aws_eks_cluster_name", charge.cluster)] if charge.cluster else []),
            *((f"user_{key}", value) for key, value in charge.tags),
        ],
    }


def _account_name(world: World, charge: Charge) -> str | None:
    names = {cluster.account: cluster.account_name for cluster in world.clusters}
    return names.get(charge.account)

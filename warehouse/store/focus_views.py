"""The bill as FOCUS names it, in three versions: views of a snapshot, and what the export writes.

Reads    core_cost_line, or what has its columns; core_cost_report_currency
Gives    a SELECT per version; the views focus_1_0, focus_1_2, focus_1_4, report_currency_line
Units    as core_cost_line
Holds    a column stands in exactly the versions that the standard has it in; what FOCUS never
         leaves empty is filled from its nearest neighbour
"""

from pathlib import Path
from typing import Final

import duckdb

from warehouse.table import USD, sql_type
from warehouse.tables.focus import COST_LINE_COLUMNS

VERSIONS: Final = ("1.0", "1.2", "1.4")

SINCE: Final = {
    "1.1": (
        "CapacityReservationId", "CapacityReservationStatus", "CommitmentDiscountQuantity",
        "CommitmentDiscountUnit", "ServiceSubcategory", "SkuMeter", "SkuPriceDetails",
    ),
    "1.2": (
        "BillingAccountType", "InvoiceId", "PricingCurrency", "PricingCurrencyContractedUnitPrice",
        "PricingCurrencyEffectiveCost", "PricingCurrencyListUnitPrice", "SubAccountType",
    ),
    "1.3": (
        "AllocatedMethodDetails", "AllocatedMethodId", "AllocatedResourceId",
        "AllocatedResourceName", "AllocatedTags", "ContractApplied", "HostProviderName",
        "ServiceProviderName",
    ),
    "1.4": ("CommitmentProgramEligibilityDetails", "InvoiceDetailId"),
}  # fmt: skip
"""The version in which a column came, where that is not 1.0."""

GONE_IN_1_4: Final = ("ProviderName", "PublisherName")
ALLOCATED: Final = tuple(name for name in SINCE["1.3"] if name.startswith("Allocated"))
UNKNOWN: Final = ("ContractApplied", *SINCE["1.4"])
"""Columns that no bill of ours tells; they are always null, which the standard allows."""


def _json(column: str) -> str:
    pair = "to_json(t.key) || ': ' || coalesce(to_json(t.value), 'null')"
    return f"'{{' || array_to_string(list_transform({column}, lambda t: {pair}), ', ') || '}}'"


def _unit(column: str) -> str:
    """Spell a unit as FOCUS does: `Hours` and `GB-Months`, not `Hrs` and `GB-Mo`."""
    hours = f"regexp_replace({column}, '\\bHrs$', 'Hours')"
    return f"regexp_replace({hours}, '-Mo$', '-Months')"


FILLED: Final = {
    "Tags": _json("tags"),
    "AllocatedTags": _json("allocated_tags"),
    "BillingAccountType": "coalesce(billing_account_type, 'Billing Account')",
    "ChargeFrequency": "coalesce(charge_frequency, CASE charge_category WHEN 'Usage' "
    "THEN 'Usage-Based' ELSE 'One-Time' END)",
    "ContractedCost": "coalesce(contracted_cost, billed_cost)",
    "HostProviderName": "coalesce(host_provider_name, provider_name)",
    "InvoiceIssuerName": "coalesce(invoice_issuer_name, provider_name, 'Unknown')",
    "ListCost": "coalesce(list_cost, contracted_cost, billed_cost)",
    "PricingCurrency": "coalesce(pricing_currency, billing_currency)",
    "PricingQuantity": "CASE WHEN charge_category <> 'Tax' AND (pricing_unit IS NOT NULL "
    "OR charge_category = 'Usage') THEN pricing_quantity END",
    "ConsumedUnit": _unit("consumed_unit"),
    "PricingUnit": f"CASE WHEN charge_category <> 'Tax' THEN {_unit('pricing_unit')} END",
    "ProviderName": "coalesce(provider_name, service_provider_name, invoice_issuer_name, "
    "'Unknown')",
    "PublisherName": "coalesce(publisher_name, provider_name, invoice_issuer_name, 'Unknown')",
    "ServiceCategory": "coalesce(service_category, 'Other')",
    "ServiceProviderName": "coalesce(service_provider_name, provider_name, invoice_issuer_name, "
    "'Unknown')",
    "ServiceSubcategory": "coalesce(service_subcategory, 'Other (' || "
    "coalesce(service_category, 'Other') || ')')",
}
"""What FOCUS never leaves empty, leaves empty (the price of a tax), or writes as JSON."""


def columns_of() -> dict[str, str]:
    """Give the column of a bill line behind each FOCUS name."""
    named = (column for column in COST_LINE_COLUMNS if column.text.startswith("FOCUS "))
    return {column.text.split()[1].rstrip(":,"): column.name for column in named}


def names(version: str) -> list[str]:
    """Give the columns of a version of FOCUS, in order of name."""
    later = {name for since, some in SINCE.items() if since > version for name in some}
    gone = set(GONE_IN_1_4) if version >= "1.4" else set()
    return sorted({*columns_of(), *UNKNOWN} - later - gone)


def select(version: str, relation: str, *, is_allocation: bool = False) -> str:
    """Give the SELECT of a version over bill lines.

    Before 1.3 FOCUS has no `Allocated*`; an allocation has them as columns of its own, with `x_`.
    """
    have = columns_of()
    wanted = names(version)
    parts = [f'{_expression(name, have)} AS "{name}"' for name in wanted]
    if is_allocation:
        own = [name for name in ALLOCATED if name not in wanted]
        parts += [f'{_expression(name, have)} AS "x_{name}"' for name in own]
    return f"SELECT {', '.join(parts)} FROM {relation}"  # noqa: S608 - declared names


def _expression(name: str, have: dict[str, str]) -> str:
    if name in UNKNOWN:
        return "NULL::VARCHAR"
    return FILLED.get(name, f'"{have[name]}"')


_REPORTED: Final = ("billed_cost", "effective_cost", "list_cost", "contracted_cost")


def report_currency() -> str:
    """Give the SELECT of bill lines with their amounts in the report currency beside the originals.

    A line is converted by itself, so its amounts may differ from the day's in the last digit. They
    are null where no report currency is set.
    """
    money = sql_type(USD)
    converted = ", ".join(
        f"CAST(c.{name} * r.x_fx_rate AS {money}) AS x_report_{name}" for name in _REPORTED
    )
    keys = " AND ".join(
        f"c.{name} IS NOT DISTINCT FROM r.{name}"
        for name in ("charge_date", "billing_account_id", "service_name")
    )
    return (
        f"SELECT c.*, r.x_fx_rate, r.report_currency AS x_report_currency, {converted} "  # noqa: S608 - declared names
        f"FROM core_cost_line c LEFT JOIN core_cost_report_currency r "
        f"ON {keys} AND c.billing_currency = r.currency"
    )


def add_views(path: Path) -> None:
    """Add the views to a file that has core_cost_line."""
    con = duckdb.connect(path)
    try:
        for version in VERSIONS:
            name = f"focus_{version.replace('.', '_')}"
            con.execute(f"CREATE VIEW {name} AS {select(version, 'core_cost_line')}")
        con.execute(f"CREATE VIEW report_currency_line AS {report_currency()}")
    finally:
        con.close()

"""FOCUS 1.0 to 1.4 to the normal form: the same columns in snake case.

Source   FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec, v1.0 to v1.2; the 1.3 and 1.4 models
Holds    every FOCUS column of the normal form is read; any other column goes to `x_extra`
"""

from collections.abc import Collection
from typing import Final

from collector.billing.format.mapping import NORMAL, folded, read_format
from warehouse.tables.focus import COST_LINE_COLUMNS, FOCUS_NAMES, TAGS

SINCE: Final = {
    "1.1": (
        *("CapacityReservationId", "CapacityReservationStatus", "CommitmentDiscountQuantity"),
        *("CommitmentDiscountUnit", "ServiceSubcategory", "SkuMeter", "SkuPriceDetails"),
    ),
    "1.2": (
        *("BillingAccountType", "InvoiceId", "PricingCurrency", "SubAccountType"),
        *("PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost"),
        "PricingCurrencyListUnitPrice",
    ),
    "1.3": (
        *("AllocatedMethodId", "AllocatedMethodDetails", "AllocatedResourceId"),
        *("AllocatedResourceName", "AllocatedTags", "ContractApplied", "HostProviderName"),
        "ServiceProviderName",
    ),
    "1.4": ("InvoiceDetailId", "CommitmentProgramEligibilityDetails"),
}
"""The columns by which a header tells its version: those that arrived with it."""

GONE: Final = {folded(name) for name in ("ProviderName", "PublisherName")}
"""Columns that 1.4 left out."""
AZURE_EARLY: Final = frozenset({"billingaccounttype", "subaccounttype"})
"""Columns of 1.2 that Azure sends with 1.0 already."""

NAMES: Final = {folded(name): name for name in FOCUS_NAMES}
SNAKE: Final = {
    name: next(column.name for column in COST_LINE_COLUMNS if folded(column.name) == folded(name))
    for name in FOCUS_NAMES
}


def version(names: Collection[str]) -> str:
    """Tell the version by the newest column of the header."""
    have = {folded(name) for name in names if not name.startswith("x_")}
    if any(name.startswith("x_") for name in names):
        have -= AZURE_EARLY
    found = [key for key, new in SINCE.items() if have & {folded(name) for name in new}]
    newest = found[-1] if found else "1.0"
    return "1.4" if newest == "1.3" and not have & GONE else newest


FOCUS: Final = read_format(
    "focus",
    "focus",
    version,
    natives={name: NORMAL[SNAKE[name]] for name in FOCUS_NAMES},
    required=tuple(
        name
        for name in FOCUS_NAMES
        for column in COST_LINE_COLUMNS
        if column.name == SNAKE[name] and not column.is_nullable and column.dtype != TAGS
    ),
    same=SNAKE,
)

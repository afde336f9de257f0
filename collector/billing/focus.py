"""FOCUS 1.0 to 1.4 to the normal form: the same columns in snake case.

Source   FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec, v1.0 to v1.2; the 1.3 and 1.4 models
Holds    every FOCUS column of the normal form is read; any other column goes to `x_extra`
"""

from collections.abc import Collection
from typing import Final

import polars as pl

from collector.billing.mapping import NORMAL, Format, Rule, value_of
from warehouse.tables.focus import COST_LINE_COLUMNS, FOCUS_NAMES, TAGS

CLUSTER_KEYS: Final = ("goog-k8s-cluster-name", "aws:eks:cluster-name", "aws_eks_cluster_name")
NAMESPACE_KEYS: Final = ("k8s-namespace", "aws:eks:namespace", "aws_eks_namespace")

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


def folded(name: str) -> str:
    """Fold a column's name: `BilledCost`, `billed_cost` and `Billed Cost` are one."""
    return name.replace("_", "").replace(" ", "").lower()


NAMES: Final = {folded(name): name for name in FOCUS_NAMES}
SNAKE: Final = {
    name: next(column.name for column in COST_LINE_COLUMNS if folded(column.name) == folded(name))
    for name in FOCUS_NAMES
}


def canonical(name: str) -> str:
    """Give the FOCUS name of a column, or the name itself; `x_` columns are nobody's."""
    return name if name.startswith("x_") else NAMES.get(folded(name), name)


def version(names: Collection[str]) -> str:
    """Tell the version by the newest column of the header."""
    have = {folded(name) for name in names}
    found = [key for key, new in SINCE.items() if have & {folded(name) for name in new}]
    return found[-1] if found else "1.0"


def _first(*names: str) -> pl.Expr:
    return pl.coalesce([pl.col(name) for name in names])


DERIVED: Final = (
    Rule(
        "provider_name",
        _first("ProviderName", "ServiceProviderName"),
        "1.4 renamed it; readers of the normal form need one name",
    ),
    Rule(
        "service_provider_name",
        _first("ServiceProviderName", "ProviderName"),
        "before 1.3 the provider was the only one",
    ),
    Rule(
        "host_provider_name",
        _first("HostProviderName", "ProviderName"),
        "before 1.3 the provider was the only one",
    ),
    Rule("x_cluster", value_of("Tags", CLUSTER_KEYS), "the clouds' own Kubernetes labels"),
    Rule("x_namespace", value_of("Tags", NAMESPACE_KEYS), "the clouds' own Kubernetes labels"),
)

FOCUS: Final = Format(
    name="focus",
    natives={name: NORMAL[SNAKE[name]] for name in FOCUS_NAMES},
    required=tuple(
        name
        for name in FOCUS_NAMES
        for column in COST_LINE_COLUMNS
        if column.name == SNAKE[name] and not column.is_nullable and column.dtype != TAGS
    ),
    rules=(
        *(
            Rule(column, pl.col(name), "the same column")
            for name, column in SNAKE.items()
            if column not in {rule.column for rule in DERIVED}
        ),
        *DERIVED,
    ),
    version=version,
    canonical=canonical,
    native_total=pl.col("BilledCost"),
)

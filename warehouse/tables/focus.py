"""The columns of a bill line: FOCUS 1.2 in snake case, the `Allocated*` of 1.3, and our `x_`."""

from typing import Final

import polars as pl

from warehouse.table import INSTANT, USD, Column, choice
from warehouse.tables import values

UNIT_PRICE: Final = pl.Decimal(38, 18)
TAGS: Final = pl.List(pl.Struct({"key": pl.String(), "value": pl.String()}))


def _text(name: str, text: str, *, is_nullable: bool = True) -> Column:
    return Column(name, pl.String(), text, is_nullable=is_nullable)


def _cost(name: str, text: str, *, is_nullable: bool = False) -> Column:
    return Column(name, USD, text, unit="billing currency", is_nullable=is_nullable)


def _quantity(name: str, text: str) -> Column:
    return Column(name, USD, text, unit="see its unit column", is_nullable=True)


def _price(name: str, text: str) -> Column:
    return Column(name, UNIT_PRICE, text, unit="currency per unit", is_nullable=True)


COST_LINE_COLUMNS: Final = (
    _text("x_line_hash", "unique and stable name of the line", is_nullable=False),
    _text("x_source", "name of the billing source", is_nullable=False),
    choice("x_source_format", values.SOURCE_FORMATS),
    _text("x_source_version", "version of the format, by its header", is_nullable=False),
    _text("x_delivery_id", "delivery that brought it", is_nullable=False),
    _text("x_file", "file it stands in", is_nullable=False),
    Column("x_row_number", pl.Int64(), "1-based data row in that file"),
    _text("x_line_item_type", "native type of the line, e.g. AWS DiscountedUsage"),
    _text("x_operation", "native operation, e.g. RunInstances"),
    _text("x_cluster", "Kubernetes cluster named by a provider's tag"),
    _text("x_namespace", "Kubernetes namespace named by a provider's tag"),
    _text("allocated_method_id", "FOCUS AllocatedMethodId"),
    _text("allocated_method_details", "FOCUS AllocatedMethodDetails, JSON"),
    _text("allocated_resource_id", "FOCUS AllocatedResourceId"),
    _text("allocated_resource_name", "FOCUS AllocatedResourceName"),
    Column("allocated_tags", TAGS, "FOCUS AllocatedTags", is_nullable=True),
    _text("availability_zone", "FOCUS AvailabilityZone"),
    _cost("billed_cost", "FOCUS BilledCost: what the invoice says"),
    _text("billing_account_id", "FOCUS BillingAccountId", is_nullable=False),
    _text("billing_account_name", "FOCUS BillingAccountName"),
    _text("billing_account_type", "FOCUS BillingAccountType"),
    _text("billing_currency", "FOCUS BillingCurrency, ISO 4217", is_nullable=False),
    Column("billing_period_end", INSTANT, "FOCUS BillingPeriodEnd, exclusive"),
    Column("billing_period_start", INSTANT, "FOCUS BillingPeriodStart"),
    _text("capacity_reservation_id", "FOCUS CapacityReservationId"),
    _text("capacity_reservation_status", "FOCUS CapacityReservationStatus"),
    _text("charge_category", "FOCUS ChargeCategory", is_nullable=False),
    _text("charge_class", "FOCUS ChargeClass"),
    _text("charge_description", "FOCUS ChargeDescription"),
    _text("charge_frequency", "FOCUS ChargeFrequency"),
    Column("charge_period_end", INSTANT, "FOCUS ChargePeriodEnd, exclusive"),
    Column("charge_period_start", INSTANT, "FOCUS ChargePeriodStart"),
    _text("commitment_discount_category", "FOCUS CommitmentDiscountCategory"),
    _text("commitment_discount_id", "FOCUS CommitmentDiscountId"),
    _text("commitment_discount_name", "FOCUS CommitmentDiscountName"),
    _quantity("commitment_discount_quantity", "FOCUS CommitmentDiscountQuantity"),
    _text("commitment_discount_status", "FOCUS CommitmentDiscountStatus"),
    _text("commitment_discount_type", "FOCUS CommitmentDiscountType"),
    _text("commitment_discount_unit", "FOCUS CommitmentDiscountUnit"),
    _quantity("consumed_quantity", "FOCUS ConsumedQuantity"),
    _text("consumed_unit", "FOCUS ConsumedUnit"),
    _cost("contracted_cost", "FOCUS ContractedCost", is_nullable=True),
    _price("contracted_unit_price", "FOCUS ContractedUnitPrice"),
    _cost("effective_cost", "FOCUS EffectiveCost: amortised"),
    _text("host_provider_name", "FOCUS HostProviderName"),
    _text("invoice_id", "FOCUS InvoiceId"),
    _text("invoice_issuer_name", "FOCUS InvoiceIssuerName"),
    _cost("list_cost", "FOCUS ListCost", is_nullable=True),
    _price("list_unit_price", "FOCUS ListUnitPrice"),
    _text("pricing_category", "FOCUS PricingCategory"),
    _text("pricing_currency", "FOCUS PricingCurrency"),
    _price("pricing_currency_contracted_unit_price", "FOCUS PricingCurrencyContractedUnitPrice"),
    _cost(
        "pricing_currency_effective_cost", "FOCUS PricingCurrencyEffectiveCost", is_nullable=True
    ),
    _price("pricing_currency_list_unit_price", "FOCUS PricingCurrencyListUnitPrice"),
    _quantity("pricing_quantity", "FOCUS PricingQuantity"),
    _text("pricing_unit", "FOCUS PricingUnit"),
    _text("provider_name", "FOCUS ProviderName"),
    _text("publisher_name", "FOCUS PublisherName"),
    _text("region_id", "FOCUS RegionId"),
    _text("region_name", "FOCUS RegionName"),
    _text("resource_id", "FOCUS ResourceId"),
    _text("resource_name", "FOCUS ResourceName"),
    _text("resource_type", "FOCUS ResourceType"),
    _text("service_category", "FOCUS ServiceCategory"),
    _text("service_name", "FOCUS ServiceName", is_nullable=False),
    _text("service_provider_name", "FOCUS ServiceProviderName"),
    _text("service_subcategory", "FOCUS ServiceSubcategory"),
    _text("sku_id", "FOCUS SkuId"),
    _text("sku_meter", "FOCUS SkuMeter"),
    _text("sku_price_details", "FOCUS SkuPriceDetails, JSON"),
    _text("sku_price_id", "FOCUS SkuPriceId"),
    _text("sub_account_id", "FOCUS SubAccountId"),
    _text("sub_account_name", "FOCUS SubAccountName"),
    _text("sub_account_type", "FOCUS SubAccountType"),
    Column("tags", TAGS, "FOCUS Tags, keys as delivered, sorted by key"),
    Column("x_extra", TAGS, "columns of the file that the normal form does not have, as text"),
)

FOCUS_NAMES: Final = tuple(
    column.text.split()[1].rstrip(":,")
    for column in COST_LINE_COLUMNS
    if column.text.startswith("FOCUS ")
)

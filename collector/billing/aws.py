"""AWS CUR 2.0 to the normal form.

Source   aws-cur rules of focus-converter and the Cloud Intelligence Dashboards, corrected: net
         cost where it is sent, refunds are no adjustments, credits keep their sign
Holds    sum(billed_cost) == sum(net, else unblended cost); covered usage and its negation are
         zero on both sides, since their sum is zero
"""

from typing import Final

import polars as pl

from collector.billing.focus import CLUSTER_KEYS, NAMESPACE_KEYS
from collector.billing.mapping import MONEY, TEXT, Format, Rule, value_of
from warehouse.table import INSTANT
from warehouse.tables.focus import TAGS, UNIT_PRICE

COVERED: Final = "SavingsPlanCoveredUsage"
NEGATION: Final = "SavingsPlanNegation"

CATEGORIES: Final = {
    "Usage": "Usage",
    "DiscountedUsage": "Usage",
    COVERED: "Usage",
    NEGATION: "Usage",
    "EdpDiscount": "Usage",  # credit-like: a negative row of usage; the type stays in x_
    "PrivateRateDiscount": "Usage",
    "BundledDiscount": "Usage",
    "Discount": "Usage",
    "Fee": "Purchase",
    "RIFee": "Purchase",
    "SavingsPlanRecurringFee": "Purchase",
    "SavingsPlanUpfrontFee": "Purchase",
    "Tax": "Tax",
    "Credit": "Credit",
    "Refund": "Usage",  # what it refunds; a refunded tax names its tax type and is Tax
}
FREQUENCIES: Final = {
    **dict.fromkeys(CATEGORIES, "Usage-Based"),
    **dict.fromkeys(("RIFee", "SavingsPlanRecurringFee"), "Recurring"),
    **dict.fromkeys(("Fee", "SavingsPlanUpfrontFee", "Tax", "Credit", "Refund"), "One-Time"),
}

SERVICES: Final = {
    "AmazonEC2": ("Amazon Elastic Compute Cloud", "Compute", "Virtual Machines"),
    "AmazonEKS": ("Amazon Elastic Kubernetes Service", "Compute", "Containers"),
    "AmazonECS": ("Amazon Elastic Container Service", "Compute", "Containers"),
    "AmazonECR": ("Amazon Elastic Container Registry", "Compute", "Containers"),
    "AWSLambda": ("AWS Lambda", "Compute", "Serverless Compute"),
    "AmazonS3": ("Amazon Simple Storage Service", "Storage", "Object Storage"),
    "AmazonEFS": ("Amazon Elastic File System", "Storage", "File Storage"),
    "AWSBackup": ("AWS Backup", "Storage", "Backup Storage"),
    "AmazonRDS": ("Amazon Relational Database Service", "Databases", "Relational Databases"),
    "AmazonDynamoDB": ("Amazon DynamoDB", "Databases", "NoSQL Databases"),
    "AmazonElastiCache": ("Amazon ElastiCache", "Databases", "Caching"),
    "AmazonRedshift": ("Amazon Redshift", "Databases", "Data Warehouses"),
    "AmazonVPC": ("Amazon Virtual Private Cloud", "Networking", "Network Infrastructure"),
    "AWSELB": ("Elastic Load Balancing", "Networking", "Network Routing"),
    "AmazonCloudFront": ("Amazon CloudFront", "Networking", "Content Delivery"),
    "AmazonRoute53": ("Amazon Route 53", "Networking", "Network Routing"),
    "AWSDataTransfer": ("AWS Data Transfer", "Networking", "Network Connectivity"),
    "AmazonMSK": ("Amazon Managed Streaming for Apache Kafka", "Integration", "Messaging"),
    "AmazonSNS": ("Amazon Simple Notification Service", "Integration", "Messaging"),
    "AWSQueueService": ("Amazon Simple Queue Service", "Integration", "Messaging"),
    "AmazonCloudWatch": ("AmazonCloudWatch", "Management and Governance", "Observability"),
    "awskms": ("AWS Key Management Service", "Security", "Secret Management"),
    "AWSSecretsManager": ("AWS Secrets Manager", "Security", "Secret Management"),
    "AWSSupportBusiness": ("AWS Support (Business)", "Management and Governance", "Support"),
    "AWSSupportEnterprise": ("AWS Support (Enterprise)", "Management and Governance", "Support"),
    "ComputeSavingsPlans": ("Savings Plans for AWS Compute usage", "Compute", "Other (Compute)"),
}
"""Product code to name, category and subcategory; used where the export names no service."""

_reservation, _plan = "reservation_", "savings_plan_"
_TEXTS: Final = (
    *("bill_payer_account_id", "bill_payer_account_name", "bill_invoice_id", "bill_bill_type"),
    *("bill_billing_entity", "bill_invoicing_entity", "line_item_usage_account_id"),
    *("line_item_usage_account_name", "line_item_line_item_type", "line_item_product_code"),
    *("line_item_usage_type", "line_item_operation", "line_item_availability_zone"),
    *("line_item_resource_id", "line_item_currency_code", "line_item_line_item_description"),
    *("line_item_tax_type", "line_item_legal_entity", "pricing_unit", "pricing_rate_id"),
    *("pricing_rate_code", "product_servicename", "product_region_code", "product_region"),
    *("product_location", "product_sku", "reservation_reservation_a_r_n"),
    *("savings_plan_savings_plan_a_r_n", "split_line_item_parent_resource_id"),
)
_MONEY: Final = (
    *("line_item_unblended_cost", "line_item_net_unblended_cost", "line_item_usage_amount"),
    "pricing_public_on_demand_cost",
    *(f"{_reservation}{name}" for name in ("effective_cost", "net_effective_cost")),
    *(
        f"{_reservation}{net}unused_{name}"
        for net in ("", "net_")
        for name in ("amortized_upfront_fee_for_billing_period", "recurring_fee")
    ),
    *(f"{_plan}{net}savings_plan_effective_cost" for net in ("", "net_")),
    *("savings_plan_total_commitment_to_date", "savings_plan_used_commitment"),
)
_INSTANTS: Final = (
    *("bill_billing_period_start_date", "bill_billing_period_end_date"),
    *("line_item_usage_start_date", "line_item_usage_end_date"),
)

_type: Final = pl.col("line_item_line_item_type")
_zero: Final = pl.lit(0).cast(MONEY)
_net: Final = pl.coalesce(
    pl.col("line_item_net_unblended_cost"), pl.col("line_item_unblended_cost")
)
_billed: Final = pl.when(_type.is_in([COVERED, NEGATION])).then(_zero).otherwise(_net)


def _sum(net: str, gross: str) -> pl.Expr:
    """Give the net value where it is sent, else the gross one, else zero."""
    return pl.coalesce(pl.col(net), pl.col(gross), _zero)


_unused_upfront: Final = _sum(
    "reservation_net_unused_amortized_upfront_fee_for_billing_period",
    "reservation_unused_amortized_upfront_fee_for_billing_period",
)
_unused_recurring: Final = _sum(
    "reservation_net_unused_recurring_fee", "reservation_unused_recurring_fee"
)
_effective: Final = (
    pl.when(_type == COVERED)
    .then(
        _sum(
            "savings_plan_net_savings_plan_effective_cost",
            "savings_plan_savings_plan_effective_cost",
        )
    )
    .when(_type == "DiscountedUsage")
    .then(_sum("reservation_net_effective_cost", "reservation_effective_cost"))
    .when(_type == "RIFee")
    .then((_unused_upfront + _unused_recurring).cast(MONEY))
    .when(_type == "SavingsPlanRecurringFee")
    .then(
        (
            pl.col("savings_plan_total_commitment_to_date").fill_null(_zero)
            - pl.col("savings_plan_used_commitment").fill_null(_zero)
        ).cast(MONEY)
    )
    .when(
        _type.is_in([NEGATION, "SavingsPlanUpfrontFee"])
        | ((_type == "Fee") & pl.col("reservation_reservation_a_r_n").is_not_null())
    )
    .then(_zero)
    .otherwise(_billed)
)
_list: Final = (
    pl.when(_type.is_in(["Tax", "Credit", NEGATION]))
    .then(_zero)
    .otherwise(
        pl.coalesce(
            pl.col("pricing_public_on_demand_cost"),
            (
                pl.col("pricing_public_on_demand_rate").cast(MONEY)
                * pl.col("line_item_usage_amount")
            ).cast(MONEY),
            _net,
        )
    )
)
_contracted: Final = (
    pl.when(_type == "DiscountedUsage")
    .then(_list)
    .when(_type == NEGATION)
    .then(_zero)
    .otherwise(_net)
)
_plan_arn: Final = pl.col("savings_plan_savings_plan_a_r_n")
_reservation_arn: Final = pl.col("reservation_reservation_a_r_n")
_code: Final = pl.col("line_item_product_code")
_is_spot: Final = pl.col("line_item_usage_type").str.contains("SpotUsage", literal=True)
_is_split: Final = pl.col("split_line_item_parent_resource_id").is_not_null()


def _service(part: int) -> pl.Expr:
    table = {code: entry[part] for code, entry in SERVICES.items()}
    return _code.replace_strict(table, default=None, return_dtype=TEXT)


def _by_type(table: dict[str, str], default: str | None) -> pl.Expr:
    return _type.replace_strict(table, default=default, return_dtype=TEXT)


_category: Final = (
    pl.when((_type == "Refund") & pl.col("line_item_tax_type").is_not_null())
    .then(pl.lit("Tax"))
    .otherwise(_by_type(CATEGORIES, "Adjustment"))
)
_is_usage: Final = _category == "Usage"


def _same(column: str, native: str, reason: str = "the same fact") -> Rule:
    return Rule(column, pl.col(native), reason)


RULES: Final = (
    Rule(
        "billed_cost", _billed, "covered usage is paid by the plan's fee; its negation cancels it"
    ),
    Rule("effective_cost", _effective, "amortised: a fee keeps only what was not used"),
    Rule("list_cost", _list, "public price, for covered rows too; none for taxes and credits"),
    Rule("contracted_cost", _contracted, "net of discounts, before commitments; else the list"),
    _same("list_unit_price", "pricing_public_on_demand_rate"),
    Rule("charge_category", _category, "see CATEGORIES; an unknown type is an Adjustment"),
    Rule(
        "charge_class",
        pl.when((_type == "Refund") & (pl.col("bill_bill_type") == "Refund")).then(
            pl.lit("Correction")
        ),
        "a refund of a closed period",
    ),
    Rule("charge_frequency", _by_type(FREQUENCIES, "One-Time"), "see FREQUENCIES"),
    _same("charge_description", "line_item_line_item_description"),
    _same("charge_period_start", "line_item_usage_start_date"),
    _same("charge_period_end", "line_item_usage_end_date", "exclusive on both sides"),
    _same("billing_period_start", "bill_billing_period_start_date"),
    _same("billing_period_end", "bill_billing_period_end_date", "exclusive on both sides"),
    _same("billing_account_id", "bill_payer_account_id", "the payer gets the invoice"),
    _same("billing_account_name", "bill_payer_account_name"),
    _same("billing_currency", "line_item_currency_code"),
    _same("invoice_id", "bill_invoice_id"),
    Rule(
        "invoice_issuer_name",
        pl.coalesce(
            pl.col("bill_invoicing_entity"),
            pl.col("line_item_legal_entity"),
            pl.lit("Amazon Web Services, Inc."),
        ),
        "the seller of record; AWS itself where none is named",
    ),
    Rule("provider_name", pl.lit("AWS"), "as AWS writes it in its FOCUS export"),
    Rule("service_provider_name", pl.lit("AWS"), "as above"),
    Rule("host_provider_name", pl.lit("AWS"), "as above"),
    Rule(
        "publisher_name",
        pl.coalesce(pl.col("line_item_legal_entity"), pl.lit("Amazon Web Services, Inc.")),
        "on the Marketplace the seller is another",
    ),
    _same("sub_account_id", "line_item_usage_account_id", "text: 12 digits, zeros in front"),
    _same("sub_account_name", "line_item_usage_account_name"),
    Rule(
        "service_name",
        pl.coalesce(
            pl.col("product_servicename"),
            _service(0),
            _code,
            pl.col("bill_billing_entity"),
            pl.lit("AWS"),
        ),
        "CUR 2.0 dropped product_servicename; the code is the last that tells",
    ),
    Rule("service_category", pl.coalesce(_service(1), pl.lit("Other")), "not in the export"),
    Rule("service_subcategory", pl.coalesce(_service(2), pl.lit("Other (Other)")), "as above"),
    _same("resource_id", "line_item_resource_id"),
    Rule(
        "region_id",
        pl.coalesce(pl.col("product_region_code"), pl.col("product_region")),
        "renamed in CUR 2.0",
    ),
    _same("region_name", "product_location"),
    _same("availability_zone", "line_item_availability_zone"),
    Rule("commitment_discount_id", pl.coalesce(_plan_arn, _reservation_arn), "the one there is"),
    Rule(
        "commitment_discount_category",
        pl.when(_plan_arn.is_not_null())
        .then(pl.lit("Spend"))
        .when(_reservation_arn.is_not_null())
        .then(pl.lit("Usage")),
        "a plan commits money, a reservation hours",
    ),
    Rule(
        "commitment_discount_type",
        pl.when(_plan_arn.is_not_null())
        .then(pl.lit("Savings Plan"))
        .when(_reservation_arn.is_not_null())
        .then(pl.lit("Reserved Instance")),
        "the provider's word",
    ),
    Rule(
        "commitment_discount_status",
        pl.when(_type.is_in([COVERED, "DiscountedUsage"]))
        .then(pl.lit("Used"))
        .when(_type.is_in(["RIFee", "SavingsPlanRecurringFee"]))
        .then(pl.lit("Unused")),
        "a fee row's effective cost is the part that nobody used",
    ),
    Rule(
        "consumed_quantity",
        pl.when(_is_usage).then(pl.col("line_item_usage_amount")),
        "only usage is consumed",
    ),
    Rule("consumed_unit", pl.when(_is_usage).then(pl.col("pricing_unit")), "as above"),
    _same("pricing_quantity", "line_item_usage_amount"),
    _same("pricing_unit", "pricing_unit"),
    Rule(
        "pricing_category",
        pl.when(_type.is_in([COVERED, "DiscountedUsage"]))
        .then(pl.lit("Committed"))
        .when(_is_spot)
        .then(pl.lit("Dynamic"))
        .when(_type == "Usage")
        .then(pl.lit("Standard")),
        "spot is known only by its usage type",
    ),
    _same("sku_id", "product_sku"),
    Rule(
        "sku_price_id",
        pl.coalesce(pl.col("pricing_rate_code"), pl.col("pricing_rate_id")),
        "the rate code names SKU, offer and rate",
    ),
    _same("sku_meter", "line_item_usage_type"),
    _same("tags", "resource_tags", "the prefixes user_ and aws_ stay: they tell who set the tag"),
    _same("x_line_item_type", "line_item_line_item_type"),
    _same("x_operation", "line_item_operation"),
    Rule("x_cluster", value_of("resource_tags", CLUSTER_KEYS), "set by split cost allocation"),
    Rule("x_namespace", value_of("resource_tags", NAMESPACE_KEYS), "as above"),
    Rule(
        "allocated_method_id",
        pl.when(_is_split).then(pl.lit("aws-scad")),
        "pod rows repeat the node's cost in columns of their own: kept in x_extra, never added",
    ),
    Rule(
        "allocated_resource_id",
        pl.when(_is_split).then(pl.col("line_item_resource_id")),
        "the pod the row is about",
    ),
)

CUR2: Final = Format(
    name="aws_cur2",
    natives={
        **dict.fromkeys(_TEXTS, TEXT),
        **dict.fromkeys(_MONEY, MONEY),
        **dict.fromkeys(_INSTANTS, INSTANT),
        "pricing_public_on_demand_rate": UNIT_PRICE,
        "resource_tags": TAGS,
    },
    required=(
        *("bill_payer_account_id", *_INSTANTS, "line_item_line_item_type"),
        *("line_item_product_code", "line_item_currency_code", "line_item_unblended_cost"),
    ),
    rules=RULES,
    version=lambda _: "2.0",
    canonical=str.lower,
    native_total=_net,
    known_types=frozenset(CATEGORIES),
    gathered={"resource_tags_": "resource_tags"},
    unpacked={
        "product_servicename": ("product", ("servicename", "product_name", "ProductName")),
        "product_region_code": ("product", ("region_code", "regionCode")),
        "product_region": ("product", ("region",)),
        "product_location": ("product", ("location",)),
        "product_sku": ("product", ("sku",)),
    },
    kept=frozenset(
        {
            *("line_item_product_code", "bill_bill_type", "bill_billing_entity"),
            *("savings_plan_total_commitment_to_date", "savings_plan_used_commitment"),
            "split_line_item_parent_resource_id",
            "line_item_tax_type",
        }
    ),
)

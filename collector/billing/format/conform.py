"""Our own rules of FOCUS over a delivery, with those across rows that the official validator lacks.

Takes    the bill lines of a delivery, as Parquet
Gives    a row per rule: how many were looked at, how many break it, one that does
Never    holds a delivery: providers break rules every day; the table says which and how often
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from warehouse.tables.values import RuleKind

Row = tuple[str, str, int, int, str]

NEVER_NULL: Final = (
    "billed_cost", "effective_cost", "list_cost", "contracted_cost", "billing_account_id",
    "billing_currency", "billing_period_start", "billing_period_end", "charge_category",
    "charge_period_start", "charge_period_end", "invoice_issuer_name", "provider_name",
    "publisher_name", "service_category", "service_name",
)  # fmt: skip

VALUES: Final = {
    "charge_category": ("Usage", "Purchase", "Tax", "Credit", "Adjustment"),
    "charge_class": ("Correction",),
    "charge_frequency": ("One-Time", "Recurring", "Usage-Based"),
    "pricing_category": ("Standard", "Dynamic", "Committed", "Other"),
    "commitment_discount_category": ("Spend", "Usage"),
    "commitment_discount_status": ("Used", "Unused"),
    "capacity_reservation_status": ("Used", "Unused"),
    "service_category": (
        "AI and Machine Learning", "Analytics", "Business Applications", "Compute", "Databases",
        "Developer Tools", "Identity", "Integration", "Internet of Things",
        "Management and Governance", "Media", "Migration", "Mobile", "Multicloud", "Networking",
        "Other", "Security", "Storage", "Web",
    ),
}  # fmt: skip

NEEDS: Final = (
    ("billing_account_name", "billing_account_id"),
    ("sub_account_name", "sub_account_id"),
    ("resource_name", "resource_id"),
    ("region_name", "region_id"),
    ("sku_price_id", "sku_id"),
    ("consumed_quantity", "consumed_unit"),
    ("pricing_quantity", "pricing_unit"),
    ("commitment_discount_name", "commitment_discount_id"),
    ("commitment_discount_category", "commitment_discount_id"),
    ("commitment_discount_type", "commitment_discount_id"),
    ("commitment_discount_status", "commitment_discount_id"),
    ("commitment_discount_quantity", "commitment_discount_unit"),
    ("capacity_reservation_status", "capacity_reservation_id"),
    ("allocated_resource_name", "allocated_resource_id"),
    ("allocated_resource_id", "allocated_method_id"),
)
"""Where the first is told, the second must be."""

PRICES: Final = (
    "list_unit_price", "contracted_unit_price",
    "pricing_currency_list_unit_price", "pricing_currency_contracted_unit_price",
)  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """A fact about each line: where it applies, and what breaks it."""

    text: str
    kind: RuleKind
    applies: pl.Expr
    broken: pl.Expr


def conformance(parts: Sequence[Path]) -> list[Row]:
    """Hold all rules against a delivery."""
    if not parts:
        return []
    lines = pl.scan_parquet(list(parts), hive_partitioning=False)
    return [*_by_line(lines), *_commitments(lines), *_invoices(lines)]


def rules() -> list[Rule]:
    """Give the rules of a line."""
    return [*_nulls(), *_values(), *_times(), *_numbers(), *_pairs()]


def _by_line(lines: pl.LazyFrame) -> list[Row]:
    every = rules()
    counts = lines.select(
        part
        for number, rule in enumerate(every)
        for part in (
            rule.applies.fill_null(value=False).sum().alias(f"checked_{number}"),
            _breaks(rule).sum().alias(f"broken_{number}"),
        )
    ).collect()
    found = counts.row(0, named=True)
    samples = _samples(lines, [rule for n, rule in enumerate(every) if found[f"broken_{n}"]])
    return [
        (
            rule.text,
            rule.kind,
            found[f"checked_{number}"],
            found[f"broken_{number}"],
            samples.get(rule.text) or "",
        )
        for number, rule in enumerate(every)
    ]


def _samples(lines: pl.LazyFrame, broken: Sequence[Rule]) -> dict[str, str | None]:
    """Give a line that breaks each of these rules."""
    if not broken:
        return {}
    name = pl.col("x_line_hash")
    parts = (name.filter(_breaks(rule)).first().alias(rule.text) for rule in broken)
    return lines.select(parts).collect().row(0, named=True)


def _breaks(rule: Rule) -> pl.Expr:
    return (rule.applies & rule.broken).fill_null(value=False)


def _nulls() -> list[Rule]:
    always = pl.lit(value=True) & pl.col("x_line_hash").is_not_null()
    return [
        Rule(f"{name} is never null", "null", always, pl.col(name).is_null()) for name in NEVER_NULL
    ]


def _values() -> list[Rule]:
    listed = [
        Rule(
            f"{name} is an allowed value",
            "value",
            pl.col(name).is_not_null(),
            ~pl.col(name).is_in(allowed),
        )
        for name, allowed in VALUES.items()
    ]
    money = [
        Rule(
            f"{name} is an ISO 4217 code",
            "value",
            pl.col(name).is_not_null(),
            ~pl.col(name).str.contains(r"^[A-Z]{3}$"),
        )
        for name in ("billing_currency", "pricing_currency")
    ]
    return [*listed, *money]


def _times() -> list[Rule]:
    start, end = pl.col("charge_period_start"), pl.col("charge_period_end")
    first, last = pl.col("billing_period_start"), pl.col("billing_period_end")
    seen = start.is_not_null()
    is_last_second = (end.dt.second() == 59) | ((end.dt.hour() == 23) & (end.dt.minute() == 59))
    return [
        Rule("a charge ends after it begins", "time", seen, end <= start),
        Rule("the end of a charge is exclusive", "time", seen, is_last_second),
        Rule("a billing period ends after it begins", "time", seen, last <= first),
        Rule("the end of a billing period is exclusive", "time", seen, last.dt.day() != 1),
        Rule("a billing period begins on the first", "time", seen, first.dt.day() != 1),
    ]


def _numbers() -> list[Rule]:
    is_purchase = pl.col("charge_category") == "Purchase"
    covers = is_purchase & pl.col("commitment_discount_id").is_not_null()
    is_usage = (pl.col("charge_category") == "Usage") & pl.col("charge_class").is_null()
    return [
        *(
            Rule(f"{name} is not negative", "number", pl.col(name).is_not_null(), pl.col(name) < 0)
            for name in PRICES
        ),
        Rule(
            "a purchase that covers later charges has EffectiveCost 0",
            "number",
            covers,
            pl.col("effective_cost") != 0,
        ),
        Rule(
            "ContractedCost is not above ListCost",
            "number",
            is_usage & (pl.col("list_cost") > 0),
            pl.col("contracted_cost") > pl.col("list_cost"),
        ),
    ]


def _pairs() -> list[Rule]:
    reported = [
        Rule(
            f"{name} only with {other}", "pair", pl.col(name).is_not_null(), pl.col(other).is_null()
        )
        for name, other in NEEDS
    ]
    status = pl.col("commitment_discount_status").is_not_null()
    other = ~pl.col("charge_category").is_in(["Usage", "Purchase"])
    unused = pl.col("commitment_discount_status") == "Unused"
    no_use = pl.col("consumed_quantity") != 0
    return [
        *reported,
        Rule("commitment_discount_status only on Usage", "pair", status, other),
        Rule("an unused commitment consumes nothing", "pair", unused, no_use),
    ]


def _commitments(lines: pl.LazyFrame) -> list[Row]:
    """Hold used and unused of a commitment against its purchase, where that is here."""
    category = pl.col("charge_category")
    bought = pl.col("billed_cost").filter(category == "Purchase").sum()
    used = pl.col("effective_cost").filter(category == "Usage").sum()
    groups = (
        lines.filter(pl.col("commitment_discount_id").is_not_null())
        .group_by("commitment_discount_id", "billing_currency")
        .agg(bought.alias("bought"), used.alias("used"), (category == "Purchase").any().alias("is"))
        .filter("is")
        .sort("commitment_discount_id")
        .collect()
    )
    broken = groups.filter(pl.col("bought") != pl.col("used"))
    sample = ""
    if broken.height:
        first = broken.row(0, named=True)
        sample = (
            f"{first['commitment_discount_id']}: {first['bought']} bought, {first['used']} used"
        )
    text = "used and unused of a commitment sum to its purchase"
    return [(text, "sum", groups.height, broken.height, sample)]


def _invoices(lines: pl.LazyFrame) -> list[Row]:
    """Hold the lines of an invoice against each other: one currency, account and issuer."""
    groups = (
        lines.filter(pl.col("invoice_id").is_not_null())
        .group_by("invoice_id")
        .agg(
            pl.col("billing_currency").n_unique().alias("an invoice has one currency"),
            pl.col("billing_account_id").n_unique().alias("an invoice has one billing account"),
            pl.col("invoice_issuer_name").n_unique().alias("an invoice has one issuer"),
        )
        .sort("invoice_id")
        .collect()
    )
    found: list[Row] = []
    for text in groups.columns[1:]:
        broken = groups.filter(pl.col(text) > 1)["invoice_id"]
        found.append((text, "sum", groups.height, len(broken), broken[0] if len(broken) else ""))
    return found

"""One report currency, through rates by day that the user gives.

Takes    a CSV of date, currency, rate: what a unit of the currency is worth in the report currency
Gives    rates; the days a delivery has no rate for; core_cost_report_currency
Refuses  a file that is not there, other columns, a rate that is no positive number, two rates of
         one day and currency (ConfigError, all at once)
Holds    currencies are never added: amounts in the billing currency stand beside the converted
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from meterbook.base.errors import ConfigError, Finding
from meterbook.base.settings import BillingSettings
from warehouse.table import USD
from warehouse.tables.core import COST_REPORT_CURRENCY

RATE: Final = pl.Decimal(38, 12)
KEY: Final = ("charge_date", "currency")
SCHEMA: Final = pl.Schema({"charge_date": pl.Date(), "currency": pl.String(), "x_fx_rate": RATE})
LISTED: Final = 3


def read_rates(settings: BillingSettings) -> pl.DataFrame:
    """Read the rates, with those of the report currency to itself left out. Errors: ConfigError."""
    if not settings.fx_rates:
        return pl.DataFrame(schema=SCHEMA)
    path = Path(settings.fx_rates)
    try:
        texts = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as exc:
        raise ConfigError([Finding("billing.fx_rates", f"{path}: cannot be read: {exc}")]) from exc
    if set(texts.columns) != {"date", "currency", "rate"}:
        raise ConfigError(
            [Finding("billing.fx_rates", f"{path.name}: want the columns date, currency, rate")]
        )
    rates = texts.select(
        pl.col("date").str.to_date("%Y-%m-%d", strict=False).alias("charge_date"),
        pl.col("currency").str.strip_chars(),
        pl.col("rate").str.strip_chars().cast(RATE, strict=False).alias("x_fx_rate"),
    )
    _refuse_wrong(rates, path.name)
    return rates


def _refuse_wrong(rates: pl.DataFrame, name: str) -> None:
    rows = rates.with_row_index("row", offset=1)
    day, rate = pl.col("charge_date"), pl.col("x_fx_rate")
    wrong = {
        "no day and positive rate": day.is_null() | rate.is_null() | (rate <= 0),
        "a second rate of its day and currency": ~pl.struct(KEY).is_first_distinct(),
    }
    findings = [
        Finding("billing.fx_rates", f"{name} row {row}: {what}")
        for what, rule in wrong.items()
        for row in rows.filter(rule)["row"]
    ]
    if findings:
        raise ConfigError(findings)


def problem(parts: Sequence[Path], settings: BillingSettings, rates: pl.DataFrame) -> str:
    """Say for which days a delivery has no rate, or nothing."""
    if not settings.report_currency or not parts:
        return ""
    days = (
        pl.scan_parquet(list(parts), hive_partitioning=False)
        .select(
            pl.col("charge_period_start").dt.date().alias("charge_date"),
            pl.col("billing_currency").alias("currency"),
        )
        .filter(pl.col("currency") != settings.report_currency)
        .unique()
        .collect()
        .join(rates, on=KEY, how="anti")
        .sort(KEY)
    )
    if days.is_empty():
        return ""
    shown = ", ".join(f"{day} {currency}" for day, currency in days.head(LISTED).rows())
    more = ", …" if days.height > LISTED else ""
    return (
        f"no rate to {settings.report_currency} for {days.height} day(s): {shown}{more}; "
        "billing.fx_rates gives them"
    )


def converted(costs: pl.DataFrame, settings: BillingSettings, rates: pl.DataFrame) -> pl.DataFrame:
    """Give core_cost_report_currency of costs by day; without a rate the converted are null."""
    if not settings.report_currency:
        return COST_REPORT_CURRENCY.empty()
    is_own = pl.col("currency") == settings.report_currency
    rate = pl.when(is_own).then(pl.lit(1, dtype=RATE)).otherwise(pl.col("x_fx_rate"))
    return (
        costs.join(rates, on=KEY, how="left", validate="m:1")
        .with_columns(rate.alias("x_fx_rate"))
        .with_columns(
            (pl.col("effective_cost") * pl.col("x_fx_rate"))
            .cast(USD)
            .alias("x_report_effective_cost"),
            (pl.col("billed_cost") * pl.col("x_fx_rate")).cast(USD).alias("x_report_billed_cost"),
            pl.lit(settings.report_currency).alias("report_currency"),
        )
        .select(COST_REPORT_CURRENCY.schema.names())
    )

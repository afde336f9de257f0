"""Bill normalisation: rows per CPU second, beside a floor that only reads and sums.

A month of AWS CUR 2.0 in Parquet and of FOCUS in CSV.gz, made here. The whole load is timed:
identity of the files, parsing, mapping, line names, parts, checks and the switch.
"""

import gzip
import io
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import polars as pl
from peak import Measured, measured, table

from collector.billing.catalog import scan_cost_lines
from collector.billing.load import load, places_of
from meterbook.settings import BillingSettings

NOW: Final = datetime(2026, 11, 2, tzinfo=UTC)
CHUNK: Final = 100_000


def _cost() -> pl.Expr:
    return (pl.col("n") * 7919 % 999_983 + 1) / 10_000_000


def cur(rows: int) -> pl.DataFrame:
    """Make CUR rows: ids, times, costs, tags."""
    hour = datetime(2026, 10, 1, tzinfo=UTC)
    return pl.select(n=pl.int_range(rows)).select(
        pl.lit("000000000001").alias("bill_payer_account_id"),
        pl.lit(hour).alias("bill_billing_period_start_date"),
        pl.lit(datetime(2026, 11, 1, tzinfo=UTC)).alias("bill_billing_period_end_date"),
        pl.format("{}", 100000000000 + pl.col("n") % 40).alias("line_item_usage_account_id"),
        pl.lit("Usage").alias("line_item_line_item_type"),
        (pl.lit(hour) + pl.duration(hours=pl.col("n") % 744)).alias("line_item_usage_start_date"),
        (pl.lit(hour) + pl.duration(hours=pl.col("n") % 744 + 1)).alias("line_item_usage_end_date"),
        pl.lit("AmazonEC2").alias("line_item_product_code"),
        pl.lit("BoxUsage:m6i.xlarge").alias("line_item_usage_type"),
        pl.lit("USD").alias("line_item_currency_code"),
        _cost().alias("line_item_unblended_cost"),
        (_cost() * 0.9).round(10).alias("line_item_net_unblended_cost"),
        pl.lit(1.0).alias("line_item_usage_amount"),
        pl.format("i-{}", pl.col("n") % 5000).alias("line_item_resource_id"),
        pl.format("line {}", "n").alias("identity_line_item_id"),
        pl.format('{{"user_team": "team-{}"}}', pl.col("n") % 40)
        .str.replace_many(["{{", "}}"], ["{", "}"])
        .alias("resource_tags"),
    )


def focus(rows: int) -> pl.DataFrame:
    """Make FOCUS rows as text."""
    period = {
        "BillingPeriodStart": "2026-10-01T00:00:00Z",
        "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    }
    fixed = {
        "BillingAccountId": "A-1",
        "BillingCurrency": "USD",
        "ChargeCategory": "Usage",
        "ChargePeriodStart": "2026-10-03T00:00:00Z",
        "ChargePeriodEnd": "2026-10-04T00:00:00Z",
        "InvoiceIssuerName": "Cloud",
        "ProviderName": "Cloud",
        "PublisherName": "Cloud",
        "ServiceCategory": "Compute",
        "ServiceName": "Compute",
    }
    cost = _cost().round(10).cast(pl.String)
    return pl.select(n=pl.int_range(rows)).select(
        *(pl.lit(value).alias(name) for name, value in (period | fixed).items()),
        *(
            cost.alias(name)
            for name in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
        ),
        pl.format("r-{}", "n").alias("ResourceId"),
    )


def prepare(kind: str, rows: int) -> Path:
    """Write a month to a folder of its own."""
    folder = Path(tempfile.mkdtemp()) / "bills"
    folder.mkdir()
    if kind == "CUR 2.0 Parquet":
        cur(rows).write_parquet(folder / "cur.parquet")
        return folder
    buffer = io.BytesIO()
    focus(rows).write_csv(buffer)
    (folder / "focus.csv.gz").write_bytes(gzip.compress(buffer.getvalue(), 6))
    return folder


def ours(folder: Path) -> str:
    """Load the month; give the billed cost in force."""
    home = folder.parent / "home"
    report = load(
        places_of([str(folder)]),
        home,
        BillingSettings(settle_seconds=0),
        now=NOW,
        accept=None,
        say=lambda _: None,
    )
    if report.is_refused:
        raise SystemExit(report.text)
    total = scan_cost_lines(home).select(pl.col("billed_cost").sum()).collect().item()
    shutil.rmtree(folder.parent)
    return str(total.normalize())


def floor(folder: Path) -> str:
    """Read the costs alone and add them up as Decimals."""
    money = pl.Decimal(38, 12)
    (path,) = folder.iterdir()
    if path.suffix == ".parquet":
        column = pl.col("line_item_net_unblended_cost").cast(pl.String)
        total = pl.scan_parquet(path).select(column.cast(money).sum()).collect().item()
    else:
        frame = pl.read_csv(path, columns=["BilledCost"], infer_schema=False)
        total = frame.select(pl.col("BilledCost").cast(money).sum()).item()
    shutil.rmtree(folder.parent)
    return str(Decimal(total).normalize())


def _row(kind: str, what: str, rows: int, found: Measured) -> dict[str, object]:
    return {
        "bill": kind,
        "what": what,
        "rows": f"{rows:,}",
        "wall s": f"{found.wall_seconds:.1f}",
        "CPU s": f"{found.cpu_seconds:.1f}",
        "rows per CPU s": f"{rows / found.cpu_seconds:,.0f}",
        "peak MiB": f"{found.peak_mib:.0f}",
    }


def run(*, quick: bool) -> list[dict[str, object]]:
    """Measure both formats, each beside its floor."""
    rows = 100_000 if quick else 1_000_000
    printed: list[dict[str, object]] = []
    for kind in ("CUR 2.0 Parquet", "FOCUS CSV.gz"):
        mine, least = measured(prepare, ours, kind, rows), measured(prepare, floor, kind, rows)
        if mine.value != least.value:
            raise SystemExit(f"sums differ: {mine.value} and {least.value}")
        printed += [_row(kind, "load", rows, mine), _row(kind, "read and sum", rows, least)]
    return printed


def main() -> None:
    """Print the figures."""
    table("Bills: normalised and in force, sums equal", run(quick="--quick" in sys.argv))


if __name__ == "__main__":
    main()

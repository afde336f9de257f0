"""Bill normalisation: a whole load beside peers, months of 5 million rows, and how it grows.

A month of AWS CUR in Parquet and in CSV.gz, made here in a process of its own. The whole load is
timed as a process: identity of the files, parsing, mapping, line names, parts, checks, the switch.
Beside it DuckDB does the mapping alone in SQL, and focus-converter too where
`build/focus-converter` holds it (focus-converter 1.0.0, multimethod<1.11, click<8.2, typeguard<4).
"""

import gzip
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import duckdb
import polars as pl
import pyarrow.parquet as pq
from peak import Measured, measured, table

from collector.billing.delivery.catalog import scan_cost_lines
from collector.billing.delivery.load import load, places_of
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings

NOW: Final = datetime(2026, 11, 2, tzinfo=UTC)
CHUNK: Final = 100_000
CONVERTER: Final = Path("build/focus-converter/bin/focus-converter")
WANTED_TEXTS: Final = (
    *("bill_bill_type", "bill_invoicing_entity", "line_item_availability_zone"),
    *("line_item_legal_entity", "line_item_line_item_description", "pricing_rate_code"),
    *("pricing_rate_id", "product_sku"),
)
WANTED_NUMBERS: Final = ("reservation_effective_cost", "reservation_total_reserved_units")
"""Columns without which focus-converter does not run."""
SPLITS: Final = {
    "SavingsPlanCoveredUsage": 5,
    "SavingsPlanNegation": 6,
    "Tax": 7,
    "Credit": 8,
}
"""Which of ten rows is of which type; the others are plain use."""


def _cost() -> pl.Expr:
    return (pl.col("n") * 7919 % 999_983 + 1) / 10_000_000


def cur(first: int, rows: int) -> pl.DataFrame:
    """Make CUR rows by their Parquet names: ids, times, costs, tags."""
    hour = datetime(2026, 10, 1, tzinfo=UTC)
    start = pl.lit(hour) + pl.duration(hours=pl.col("n") % 744)
    kind = pl.col("n") % 10
    named = pl.lit("Usage")
    for name, number in SPLITS.items():
        named = pl.when(kind == number).then(pl.lit(name)).otherwise(named)
    # A covered row and its negation stand side by side and cancel each other.
    sign = pl.when(kind.is_in([SPLITS["SavingsPlanNegation"], SPLITS["Credit"]])).then(-1)
    cost = pl.when(kind.is_in([5, 6])).then(0.5).otherwise(_cost()) * sign.otherwise(1)
    return pl.select(n=pl.int_range(first, first + rows)).select(
        pl.lit("000000000001").alias("bill_payer_account_id"),
        pl.lit(hour).alias("bill_billing_period_start_date"),
        pl.lit(datetime(2026, 11, 1, tzinfo=UTC)).alias("bill_billing_period_end_date"),
        pl.lit("AWS").alias("bill_billing_entity"),
        pl.format("{}", 100000000000 + pl.col("n") % 40).alias("line_item_usage_account_id"),
        named.alias("line_item_line_item_type"),
        start.alias("line_item_usage_start_date"),
        (start + pl.duration(hours=1)).alias("line_item_usage_end_date"),
        pl.lit("AmazonEC2").alias("line_item_product_code"),
        pl.lit("BoxUsage:m6i.xlarge").alias("line_item_usage_type"),
        pl.lit("RunInstances").alias("line_item_operation"),
        pl.lit("USD").alias("line_item_currency_code"),
        cost.alias("line_item_unblended_cost"),
        pl.when(kind == SPLITS["SavingsPlanCoveredUsage"])
        .then(0.3)
        .alias("savings_plan_savings_plan_effective_cost"),
        pl.lit(1.0).alias("line_item_usage_amount"),
        _cost().alias("pricing_public_on_demand_cost"),
        pl.lit("Hrs").alias("pricing_unit"),
        pl.format("i-{}", pl.col("n") % 5000).alias("line_item_resource_id"),
        pl.format("line {}", "n").alias("identity_line_item_id"),
        pl.lit("eu-central-1").alias("product_region_code"),
        pl.format("team-{}", pl.col("n") % 40).alias("resource_tags_user_team"),
    )


def prepare(kind: str, rows: int) -> str:
    """Write a month to a folder of its own, in chunks."""
    folder = Path(tempfile.mkdtemp()) / "bills"
    folder.mkdir()
    chunks = (cur(first, min(CHUNK, rows - first)) for first in range(0, rows, CHUNK))
    if kind == "Parquet":
        one = next(chunks).to_arrow()
        with pq.ParquetWriter(folder / "cur.parquet", one.schema) as writer:
            writer.write_table(one)
            for chunk in chunks:
                writer.write_table(chunk.to_arrow())
        return str(folder)
    with gzip.open(folder / "cur.csv.gz", "wb", compresslevel=1) as file:
        for number, chunk in enumerate(chunks):
            file.write(chunk.write_csv(include_header=not number).encode())
    return str(folder)


def given(folder: str) -> Path:
    """Give the folder that another process prepared."""
    return Path(folder)


def ours(folder: Path) -> str:
    """Load the month; give the billed and the amortised cost in force."""
    home = Home(folder.parent / "home")
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
    sums = scan_cost_lines(home).select(pl.col("billed_cost", "effective_cost").sum()).collect()
    shutil.rmtree(home.root)
    return " ".join(str(cost.normalize()) for cost in sums.row(0))


def sql(folder: Path) -> str:
    """Map the month by DuckDB to Parquet, without names of lines, checks or a switch."""
    kind, cost = "line_item_line_item_type", "line_item_unblended_cost"
    (path,) = folder.iterdir()
    out = folder.parent / "out.parquet"

    def money(name: str) -> str:
        return f"CAST(CAST({name} AS VARCHAR) AS DECIMAL(38,12))"

    covered = f"{kind} IN ('SavingsPlanCoveredUsage', 'SavingsPlanNegation')"
    billed = f"CASE WHEN {covered} THEN 0 ELSE {money(cost)} END"
    db = duckdb.connect(config={"threads": 2})
    source = (
        f"read_parquet('{path}')"
        if path.suffix == ".parquet"
        else f"read_csv('{path}', all_varchar=true)"
    )
    plan = money("savings_plan_savings_plan_effective_cost")
    db.cursor().execute(f"""
        COPY (SELECT {billed} AS billed_cost,
          CASE WHEN {kind} = 'SavingsPlanCoveredUsage' THEN {plan} ELSE {billed}
          END AS effective_cost,
          {money("pricing_public_on_demand_cost")} AS list_cost, {money(cost)} AS contracted_cost,
          CASE {kind} WHEN 'Tax' THEN 'Tax' WHEN 'Credit' THEN 'Credit' ELSE 'Usage' END
            AS charge_category, {kind} AS x_line_item_type,
          CAST(line_item_usage_start_date AS TIMESTAMPTZ) AS charge_period_start,
          CAST(line_item_usage_end_date AS TIMESTAMPTZ) AS charge_period_end,
          CAST(bill_billing_period_start_date AS TIMESTAMPTZ) AS billing_period_start,
          CAST(bill_billing_period_end_date AS TIMESTAMPTZ) AS billing_period_end,
          bill_payer_account_id AS billing_account_id, line_item_currency_code AS billing_currency,
          'AWS' AS provider_name, line_item_usage_account_id AS sub_account_id,
          line_item_product_code AS service_name, 'Compute' AS service_category,
          line_item_resource_id AS resource_id, product_region_code AS region_id,
          {money("line_item_usage_amount")} AS consumed_quantity, pricing_unit AS consumed_unit,
          line_item_usage_type AS sku_meter, line_item_operation AS x_operation,
          [{{'key': 'user_team', 'value': resource_tags_user_team}}] AS tags,
          identity_line_item_id AS x_identity
        FROM {source}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)""")
    found = db.cursor().execute(f"SELECT sum(billed_cost), sum(effective_cost) FROM '{out}'")
    sums = found.fetchone()
    out.unlink()
    return " ".join(str(Decimal(value).normalize()) for value in sums or ())


def converter(folder: str) -> Measured | None:
    """Run focus-converter on the month, where it is installed and ends."""
    if not CONVERTER.exists():
        return None
    (path,) = Path(folder).iterdir()
    out = Path(folder).parent / "converted"
    padded = Path(folder).parent / "padded.parquet"
    pl.scan_parquet(path).with_columns(
        *(pl.lit("x").alias(name) for name in WANTED_TEXTS),
        *(pl.lit(0.0).alias(name) for name in WANTED_NUMBERS),
    ).sink_parquet(padded)
    command = [
        *(str(CONVERTER), "convert", "--provider", "aws", "--data-format", "parquet"),
        *("--parquet-data-format", "file", "--data-path", str(padded), "--export-path", str(out)),
    ]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=120)
    except subprocess.TimeoutExpired:
        return None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        return None
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured("", cpu, time.monotonic() - began, after.ru_maxrss / 1024)


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


def _beside(kind: str, rows: int, *, with_peers: bool) -> list[dict[str, object]]:
    """Measure a month: our load, and beside it whoever maps the same."""
    folder = measured(prepare, str, kind, rows).value
    mine = measured(given, ours, folder)
    printed = [_row(kind, "meterbook, whole load", rows, mine)]
    if with_peers:
        theirs = measured(given, sql, folder)
        if theirs.value != mine.value:
            raise SystemExit(f"sums differ: {mine.value} and {theirs.value}")
        printed.append(_row(kind, "DuckDB SQL, mapping only", rows, theirs))
        if kind == "Parquet":
            peer = converter(folder)
            if peer:
                printed.append(_row(kind, "focus-converter", rows, peer))
            else:
                print("focus-converter: not installed in build/, or it did not end")
    shutil.rmtree(Path(folder).parent)
    return printed


def run(*, quick: bool) -> list[dict[str, object]]:
    """Measure growth over 1, 4 and 16 times the rows, peers at the last, and large months."""
    unit = 5_000 if quick else 62_500
    printed: list[dict[str, object]] = []
    for times in (1, 4, 16):
        printed += _beside("Parquet", unit * times, with_peers=times == 16)
        print(*printed[-3:], sep="\n", flush=True)  # a run takes minutes: something to see
    for kind in ("Parquet", "CSV.gz"):
        printed += _beside(kind, unit * 80, with_peers=False)
        print(printed[-1], flush=True)
    return printed


def main() -> None:
    """Print the figures."""
    table("Bills: normalised and in force, sums equal", run(quick="--quick" in sys.argv))


if __name__ == "__main__":
    main()

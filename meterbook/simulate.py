"""What a plan would leave of the series of a day in the lake: labels dropped or folded.

Reads    raw_series and raw_histogram of one day
Gives    per metric: series, stored series and money a month, now and after; a total
Refuses  a plan that names a metric or label the day does not have (ConfigError, all at once)
"""

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import polars as pl

from meterbook.errors import ConfigError, Finding
from meterbook.plain import plain
from meterbook.settings import Settings
from transforms import simulation
from transforms.fingerprint import wide
from transforms.metric_facts import metric_facts, sizes
from transforms.savings import Prices, monthly_cost
from warehouse.lake import Lake
from warehouse.tables import raw

WIDTH: Final = 48


def parsed(
    drops: Sequence[str], normalise: Sequence[str], top: Sequence[str]
) -> list[simulation.Drop]:
    """Read the options of the command. Errors: ConfigError with every one that is wrong."""
    plan: list[simulation.Drop] = []
    findings: list[Finding] = []
    for key, texts in (("--drop", drops), ("--normalise", normalise), ("--top-k", top)):
        for text in texts:
            name, _, count = text.rpartition(":") if key == "--top-k" else (text, "", "1")
            metric, _, label = name.rpartition(":")
            if not metric or not label or not count.isdecimal() or int(count) < 1:
                want = "metric:label:k" if key == "--top-k" else "metric:label"
                findings.append(Finding(key, f"'{text}'; want {want}, `*` for every metric"))
            elif key == "--top-k":
                plan.append(simulation.TopK(metric, label, int(count)))
            else:
                step = simulation.Drop if key == "--drop" else simulation.Normalise
                plan.append(step(metric, label))
    if not plan and not findings:
        findings.append(Finding("--drop", "nothing to try; want --drop, --normalise or --top-k"))
    if findings:
        raise ConfigError(findings, "command line")
    return plan


def simulate(settings: Settings, plan: Sequence[simulation.Drop], day: date | None) -> pl.DataFrame:
    """Give what would remain of each metric of a day, the last one if none is named."""
    lake = Lake(settings.lake)
    days = lake.days()
    chosen = day or max(days, default=None)
    if chosen is None or chosen not in days:
        raise ConfigError([Finding("--day", f"{day or settings.lake}: no telemetry is there")])
    series = lake.series_once([chosen])
    laid_out = wide(series)
    if lost := simulation.unknown(laid_out, plan):
        raise ConfigError(
            [Finding(f"{one.metric}:{one.label}", f"no such label on {chosen}") for one in lost],
            "plan",
        )
    none = wide(raw.SERIES.empty().lazy())
    facts = metric_facts(laid_out, none, series, sizes(lake.scan(raw.HISTOGRAM, [chosen])))
    price = settings.cardinality.price_per_1000_series_month
    prices = Prices(Decimal(price) if price else None)
    stored = pl.col("left").cast(pl.Int128) * pl.col("stored") // pl.col("series")
    return (
        simulation.simulated(laid_out, plan)
        .join(facts.select("metric", "stored"), on="metric", how="left", validate="1:1")
        .select(
            pl.lit(chosen).alias("day"),
            "metric",
            pl.col("series").alias("series_count"),
            pl.col("left").alias("series_after_count"),
            pl.col("stored").alias("stored_series_count"),
            stored.cast(pl.Int64).alias("stored_after_count"),
            monthly_cost(pl.col("stored"), prices).alias("monthly_cost"),
            monthly_cost(stored, prices).alias("monthly_cost_after"),
        )
        .with_columns((pl.col("monthly_cost") - pl.col("monthly_cost_after")).alias("saved_cost"))
        .sort("metric")
    )


def total(frame: pl.DataFrame) -> dict[str, object]:
    """Sum what can be summed; money is nothing where no price is known."""
    sums = frame.select(pl.exclude("day", "metric").sum()).row(0, named=True)
    has_price = not frame["monthly_cost"].null_count()
    return {
        name: value if has_price or "cost" not in name else None for name, value in sums.items()
    }


def as_json(frame: pl.DataFrame) -> str:
    """Give every metric and the total."""
    facts = {"metrics": frame.to_dicts(), "total": total(frame)}
    return json.dumps(facts, indent=1, default=plain)


def as_text(frame: pl.DataFrame, source: str) -> str:
    """Give the metrics that change, and the total."""
    changed = frame.filter(pl.col("series_count") != pl.col("series_after_count"))
    head = f"{'metric':<{WIDTH}}  {'series':>12}  {'after':>12}  {'saved a month':>16}"
    rows = [*changed.to_dicts(), {"metric": "all metrics", **total(frame)}]
    lines = [
        f"{row['metric']:<{WIDTH}}  {row['series_count']:>12,}  {row['series_after_count']:>12,}"
        f"  {_money(row['saved_cost']):>16}"
        for row in rows
    ]
    end = [f"{frame['day'][0] if frame.height else ''}; price: {source}"]
    if changed.is_empty():
        end.insert(0, "nothing merges: the plan saves bytes, not series")
    return "\n".join([head, *lines, *end])


def _money(amount: object) -> str:
    return "-" if amount is None else f"{Decimal(str(amount)):,.2f}"

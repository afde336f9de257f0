"""What a plan would leave of the series of a day in the lake: labels dropped or folded.

Reads    raw_series and raw_histogram of one day
Gives    per metric: series, stored series and money a month, now and after; a total
Refuses  a plan that names a metric or label the day does not have (ConfigError, all at once)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

import polars as pl

from meterbook.base.errors import ConfigError, Finding
from meterbook.base.home import Home
from meterbook.base.plain import to_json
from meterbook.base.settings import CardinalitySettings
from transforms.cardinality import cardinality, simulation
from transforms.cardinality.fingerprint import wide
from transforms.cardinality.metric_facts import metric_facts, sizes
from transforms.cardinality.metric_parts import metric_parts, pieces_of
from transforms.cardinality.savings import Prices, monthly_cost
from warehouse.store.lake import Lake
from warehouse.tables import raw

WIDTH: Final = 32
GAP: Final = 13


@dataclass(frozen=True)
class Asked:
    """What the command line asks for, by option."""

    drop: Sequence[str] = ()
    normalise: Sequence[str] = ()
    top_k: Sequence[str] = ()
    drop_metric: Sequence[str] = ()
    halve_bounds: Sequence[str] = ()


def parsed(asked: Asked) -> list[simulation.Drop]:
    """Read the options of the command. Errors: ConfigError with every one that is wrong."""
    plan: list[simulation.Drop] = []
    findings: list[Finding] = []
    for key, texts, read in (
        ("--drop", asked.drop, _drops),
        ("--normalise", asked.normalise, _normalises),
        ("--top-k", asked.top_k, _top),
        ("--drop-metric", asked.drop_metric, _removes),
        ("--halve-bounds", asked.halve_bounds, _halves),
    ):
        for text in texts:
            try:
                plan += read(text)
            except ValueError as exc:
                findings.append(Finding(key, f"'{text}'; want {exc}"))
    if not plan and not findings:
        findings.append(Finding("--drop", "nothing to try; see --help for what can be"))
    if findings:
        raise ConfigError(findings, "command line")
    return plan


def _named(text: str) -> tuple[str, str]:
    metric, _, label = text.rpartition(":")
    if not metric or not label:
        raise ValueError("metric:label, `*` for every metric")
    return metric, label


def _drops(text: str) -> list[simulation.Drop]:
    metric, labels = _named(text)
    return [simulation.Drop(metric, label) for label in labels.split("+")]


def _normalises(text: str) -> list[simulation.Drop]:
    return [simulation.Normalise(*_named(text))]


def _top(text: str) -> list[simulation.Drop]:
    name, _, count = text.rpartition(":")
    metric, _, label = name.rpartition(":")
    if not metric or not label or not count.isdecimal() or int(count) < 1:
        raise ValueError("metric:label:k, `*` for every metric")
    return [simulation.TopK(metric, label, int(count))]


def _removes(text: str) -> list[simulation.Drop]:
    if text in {"", simulation.EVERY}:
        raise ValueError("the name of a metric")
    return [simulation.Remove(text, "")]


def _halves(text: str) -> list[simulation.Drop]:
    if not text:
        raise ValueError("the name of a metric, `*` for every one")
    return [simulation.Halve(text, "")]


def day_to_try(lake: Lake, day: date | None, today: date) -> date:
    """Give the day named, else the last that is over, else the last. Errors: ConfigError."""
    days = lake.days()
    chosen = day or max((one for one in days if one < today), default=max(days, default=None))
    if chosen is None or chosen not in days:
        raise ConfigError([Finding("--day", f"{day or lake.root}: no telemetry is there")])
    return chosen


def simulate(
    home: Home,
    chosen: CardinalitySettings,
    plan: Sequence[simulation.Drop],
    day: date | None,
    *,
    today: date,
) -> pl.DataFrame:
    """Give what would remain of each metric of a day, the last one that is over if none is named.

    Errors: ConfigError where no telemetry is there, or the plan names what the day does not have.
    """
    lake = Lake(home.lake)
    tried = day_to_try(lake, day, today)
    series = lake.series_once([tried])
    sized = sizes(lake.scan(raw.HISTOGRAM, [tried]))
    none = wide(raw.SERIES.empty().lazy())
    known: dict[str, set[str]] = {}
    counts = []
    for part in metric_parts([series], chosen.part_series):
        laid_out, sent = cardinality.laid_out(pieces_of(series, part), sized)
        known |= simulation.labels_of(laid_out)
        facts = metric_facts(laid_out, none, sent, sized)
        after = simulation.simulated(laid_out, plan)
        stored = facts.select("metric", "metric_kind", "stored")
        counts.append(after.join(stored, on="metric", how="left", validate="1:1"))
    if lost := simulation.unknown(known, plan):
        raise ConfigError(
            [Finding(_written(step), f"{what} on {tried}") for step, what in lost], "plan"
        )
    return _priced(pl.concat(counts), plan, chosen, tried)


def _written(step: simulation.Drop) -> str:
    return f"{step.metric}:{step.label}" if step.label else step.metric


def _priced(
    counts: pl.DataFrame, plan: Sequence[simulation.Drop], chosen: CardinalitySettings, day: date
) -> pl.DataFrame:
    """Add stored series and money, now and after."""
    price = chosen.price_per_1000_series_month
    prices = Prices(Decimal(price) if price else None)
    halved = [step.metric for step in plan if isinstance(step, simulation.Halve)]
    is_halved = (pl.col("metric_kind") == "histogram") & (
        pl.lit(simulation.EVERY in halved) | pl.col("metric").is_in(halved)
    )
    bounds = pl.col("stored") - 3 * pl.col("series")
    kept = pl.when(is_halved).then(3 * pl.col("series") + bounds // 2).otherwise("stored")
    stored = (pl.col("left").cast(pl.Int128) * kept // pl.col("series")).cast(pl.Int64)
    return (
        counts.select(
            pl.lit(day).alias("day"),
            "metric",
            pl.col("series").alias("series_count"),
            pl.col("left").alias("series_after_count"),
            pl.col("stored").alias("stored_series_count"),
            stored.alias("stored_after_count"),
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
    """Give the day, every metric and the total."""
    day = frame["day"][0] if frame.height else None
    facts = {"day": day, "metrics": frame.to_dicts(), "total": total(frame)}
    return to_json(facts)


def as_text(frame: pl.DataFrame, source: str, today: date) -> str:
    """Give the metrics that change, and the total; stored series where they are others."""
    changed = frame.filter(
        (pl.col("series_count") != pl.col("series_after_count"))
        | (pl.col("stored_series_count") != pl.col("stored_after_count"))
    ).sort(["saved_cost", "metric"], descending=[True, False], nulls_last=True)
    rows = [*changed.to_dicts(), {"metric": "all metrics", **total(frame)}]
    width = max(WIDTH, *(len(row["metric"]) for row in rows))
    columns = ("series", "after", "stored", "after", "saved a month")
    lines = [f"{'metric':<{width}}" + "".join(f"  {name:>{GAP}}" for name in columns)]
    for row in rows:
        counts = [f"{row[name]:,}" for name in _COUNTS]
        cells = [*counts, _money(row["saved_cost"])]
        lines.append(f"{row['metric']:<{width}}" + "".join(f"  {cell:>{GAP}}" for cell in cells))
    if changed.is_empty():
        lines.append("nothing merges: the plan saves bytes, not series")
    day = frame["day"][0] if frame.height else today
    so_far = "" if day < today else ", so far: the day is not over"
    return "\n".join([*lines, f"{day}{so_far}; price: {source}"])


_COUNTS: Final = (
    "series_count", "series_after_count", "stored_series_count", "stored_after_count",
)  # fmt: skip


def _money(amount: object) -> str:
    return "-" if amount is None else f"{Decimal(str(amount)):,.2f}"

"""Active series per metric, and what dropping each label would save: all answers at once.

Reads    raw_series of a day and of the day before, raw_histogram of the day
Writes   mart_cardinality_metric, mart_cardinality_label, mart_cardinality_value,
         mart_cardinality_set, mart_cardinality_rewrite, mart_churn_metric
Units    series; money a month at a price per 1,000 series
Holds    `series_without_count` equals a recount after really dropping the label; metrics are
         independent, so parting by metric changes nothing; memory is that of one part

Formulas. multiplier = S / D with S series and D series without the label. Explained growth =
1 - (D2 - D1) / (S2 - S1), where a label that is new has D1 = S1; the root cause is the label with
the largest, ties by growth of distinct values, then by name. A metric grows when S2 - S1 is more
than the guard. Stored series per series: explicit histograms bounds + 3,
summaries quantiles + 2, others 1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from transforms.cardinality.churn import churn_mart
from transforms.cardinality.fingerprint import Wide, united, wide
from transforms.cardinality.metric_facts import Sizes, metric_facts, senders, sizes
from transforms.cardinality.metric_parts import metric_parts, pieces_of
from transforms.cardinality.savings import Prices, monthly_cost, rewrite_mart, set_mart
from transforms.cardinality.value_shapes import classes, redacted, sampled
from warehouse.tables import BY_NAME
from warehouse.tables.mart_cardinality import (
    CARDINALITY_LABEL,
    CARDINALITY_METRIC,
    CARDINALITY_REWRITE,
    CARDINALITY_SET,
    CARDINALITY_VALUE,
)

LABEL: Final = ("metric", "level", "label")
READ: Final = (
    "series_id", "tenant", "metric_name", "metric_kind", "unit", "scope_name",
    "resource_attributes", "point_attributes",
)  # fmt: skip


@dataclass(frozen=True)
class Given:
    """What all parts of a day share."""

    day: date
    prices: Prices
    sizes: Sizes
    is_first_day: bool
    """Nothing is known of the day before."""


def cardinality_day(
    today: pl.LazyFrame,
    before: pl.LazyFrame,
    histograms: pl.LazyFrame,
    day: date,
    prices: Prices,
) -> Mapping[str, pl.LazyFrame]:
    """Give the marts of a day, some metrics after the other where they are many."""
    is_first = before.select("series_id").head(1).collect().is_empty()
    given = Given(day, prices, sizes(histograms), is_first)
    largest = pl.DataFrame(schema={"metric": pl.String(), "series": pl.Int64()})
    made: list[Mapping[str, pl.LazyFrame]] = []
    for part in metric_parts((today, before), prices.part_series):
        then = united(wide(piece) for piece in pieces_of(before, part))
        now, sent = laid_out(pieces_of(today, part), given.sizes)
        found, largest = _part(now, then, sent, largest, given)
        made.append(found)
    return {name: _whole(name, [part[name] for part in made], largest) for name in made[0]}


def laid_out(pieces: Iterable[pl.LazyFrame], sized: Sizes) -> tuple[Wide, pl.DataFrame]:
    """Read each series once, piece by piece: the layout of all, and who sends them."""
    layouts, sent = [], []
    for piece in pieces:
        once = piece.filter(pl.col("series_id").is_first_distinct()).select(READ).collect().lazy()
        layouts.append(wide(once))
        sent.append(senders(once, sized))
    return united(layouts), pl.concat(sent)


def _part(
    now: Wide, then: Wide, sent: pl.DataFrame, largest: pl.DataFrame, given: Given
) -> tuple[Mapping[str, pl.LazyFrame], pl.DataFrame]:
    """Give the marts of a part, and the metrics with most series of all parts until now."""
    prices, day = given.prices, given.day
    most = pl.concat([largest, now.series]).sort(["series", "metric"], descending=[True, False])
    largest = most.head(prices.searched_metrics)
    searched = set(largest["metric"])
    metrics = metric_facts(now, then, sent, given.sizes)
    if not given.is_first_day:
        metrics = metrics.with_columns(pl.col("previous").fill_null(0))
    labels = _growth(what_if(now), what_if(then), metrics, prices)
    made = {
        "mart_cardinality_metric": _metric_mart(metrics, prices, day),
        "mart_cardinality_label": _label_mart(now, labels, metrics, prices, day),
        "mart_cardinality_value": _value_mart(now, prices.top_values, day),
        "mart_cardinality_set": set_mart(now, metrics, prices, day, searched),
        "mart_cardinality_rewrite": rewrite_mart(now, metrics, prices, day, searched),
        "mart_churn_metric": churn_mart(now, then, labels, day),
    }
    return {name: frame.collect().lazy() for name, frame in made.items()}, largest


def _whole(name: str, parts: Sequence[pl.LazyFrame], largest: pl.DataFrame) -> pl.LazyFrame:
    """Put the parts of a table together; only the metrics with most series were to be searched."""
    is_large = pl.col("metric").is_in(largest["metric"].to_list())
    frame = pl.concat(parts)
    if name == CARDINALITY_SET.name:
        frame = frame.filter(is_large)
    if name == CARDINALITY_REWRITE.name:  # a histogram's bounds need no search
        frame = frame.filter(is_large | (pl.col("label") == ""))
    return frame.sort(BY_NAME[name].key)


def what_if(series: Wide) -> pl.DataFrame:
    """Give per metric and label: series, distinct values, series left without the label."""
    label = ["metric_id", "level", "label"]
    values = series.values.group_by(label).agg(pl.len().cast(pl.Int64).alias("distinct"))
    return (
        series.slots.join(series.left, on=["metric_id", "slot"], how="left", validate="1:1")
        .join(values, on=label, how="left", validate="1:1")
        .drop("slot", "metric_id")
    )


def _growth(
    counted: pl.DataFrame, earlier: pl.DataFrame, metrics: pl.DataFrame, prices: Prices
) -> pl.DataFrame:
    """Add how much of its metric's growth goes away without each label, and the root cause."""
    former = earlier.select(*LABEL, pl.col("left").alias("left_1"), pl.col("distinct").alias("d_1"))
    joined = counted.join(former, on=LABEL, how="left", validate="1:1").join(
        metrics.select("metric", "previous"), on="metric", how="left", validate="m:1"
    )
    grown = pl.col("series") - pl.col("previous")
    guard = pl.max_horizontal(
        pl.lit(float(prices.guard_series)), pl.col("previous") * float(prices.guard_ratio)
    )
    left_1 = pl.coalesce("left_1", "previous")
    explained = pl.when(grown > guard).then(1 - (pl.col("left") - left_1) / grown)
    ranked = joined.with_columns(
        explained.alias("explained_growth"),
        (pl.col("distinct") - pl.col("d_1").fill_null(0)).alias("distinct_growth"),
    ).sort(
        ["metric", "explained_growth", "distinct_growth", "label", "level"],
        descending=[False, True, True, False, False],
        nulls_last=True,
    )
    is_first = pl.int_range(pl.len()).over("metric") == 0
    return ranked.with_columns(
        (is_first & (pl.col("explained_growth") > 0)).fill_null(value=False).alias("is_root_cause")
    )


def _metric_mart(metrics: pl.DataFrame, prices: Prices, day: date) -> pl.LazyFrame:
    return (
        metrics.lazy()
        .with_columns(
            pl.lit(day).alias("day"),
            pl.col("team").fill_null("").alias("top_team"),
            monthly_cost(pl.col("stored"), prices).alias("monthly_cost"),
        )
        .rename(
            {
                "series": "series_count",
                "stored": "stored_series_count",
                "previous": "previous_series_count",
                "is_overflow": "is_lower_bound",
            }
        )
        .select(CARDINALITY_METRIC.schema.names())
        .cast(CARDINALITY_METRIC.schema)
        .sort(CARDINALITY_METRIC.key)
    )


def _label_mart(
    now: Wide, labels: pl.DataFrame, metrics: pl.DataFrame, prices: Prices, day: date
) -> pl.LazyFrame:
    stored = metrics.select("metric", "stored")
    saved = pl.col("series") - pl.col("left")
    stored_saved = saved.cast(pl.Int128) * pl.col("stored") // pl.col("series")
    return (
        labels.lazy()
        .join(stored.lazy(), on="metric", how="left", validate="m:1")
        .join(_shapes(now), on=LABEL, how="left", validate="1:1")
        .with_columns(
            pl.lit(day).alias("day"),
            saved.alias("saved_count"),
            (saved == 0).alias("is_safe"),
            (pl.col("series") / pl.col("left")).alias("multiplier"),
            monthly_cost(stored_saved, prices).alias("saved_cost"),
        )
        .rename({"distinct": "distinct_count", "left": "series_without_count"})
        .select(CARDINALITY_LABEL.schema.names())
        .cast(CARDINALITY_LABEL.schema)
        .sort(CARDINALITY_LABEL.key)
    )


def _shapes(now: Wide) -> pl.LazyFrame:
    """Give the class of each label's values and the personal data in them."""
    key = ["metric_id", "level", "label"]
    found = classes(sampled(now.values.lazy(), key), key)
    named = found.join(now.metrics.lazy(), on="metric_id", how="left", validate="m:1")
    return named.drop("metric_id")


def _value_mart(now: Wide, top: int, day: date) -> pl.LazyFrame:
    """Give the values that most series bear; what names people or machines is taken out."""
    key = [*LABEL]
    order = [*key, "series_count", "value"]
    falling = [False, False, False, True, False]
    place = pl.int_range(pl.len()).over(key)
    return (
        now.values.join(now.metrics, on="metric_id", how="left", validate="m:1")
        .lazy()
        .group_by(*key, "value")
        .agg(pl.col("series_count").sum())
        .sort(order, descending=falling)
        .filter(place < top)
        .with_columns(redacted(pl.col("value")))
        .group_by(*key, "value")
        .agg(pl.col("series_count").sum())
        .sort(order, descending=falling)
        .with_columns((place + 1).cast(pl.Int32).alias("value_rank"), pl.lit(day).alias("day"))
        .select(CARDINALITY_VALUE.schema.names())
        .cast(CARDINALITY_VALUE.schema)
        .sort(CARDINALITY_VALUE.key)
    )

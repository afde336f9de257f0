"""What is known of each metric besides its labels: kind, unit, team, stored series, yesterday.

Reads    raw_series of a day (a series may stand in many rows), raw_histogram of the day
Gives    one row per metric
Holds    stored series are bounds + 3 per explicit histogram, quantiles + 2 per summary, else 1;
         each distinct resource of a metric is looked at once
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from transforms.cardinality.fingerprint import Wide
from transforms.usage.attributes import first_of, value_of

OVERFLOW: Final = "otel.metric.overflow"
TEAMS: Final = ("k8s.pod.label.team", "k8s.pod.labels.team", "team")


@dataclass(frozen=True)
class Sizes:
    """How large the histograms and summaries of a day are."""

    of_series: pl.LazyFrame
    """`series_id bound_count quantile_count layout`: the most that a series had."""
    layouts: pl.LazyFrame
    """`layout bounds`: each set of bounds once, as text."""


def sizes(histograms: pl.LazyFrame) -> Sizes:
    """Look at every histogram and summary once."""
    bounds = pl.col("bounds")
    reported = histograms.select(
        "series_id",
        bounds.list.len().cast(pl.Int64).alias("bound_count"),
        pl.col("quantiles").list.len().cast(pl.Int64).alias("quantile_count"),
        bounds.hash(7).alias("layout"),
    )
    text = bounds.cast(pl.List(pl.String)).list.join(" ")
    layouts = histograms.group_by(bounds.hash(7).alias("layout")).agg(text.first().alias("bounds"))
    of_series = reported.group_by("series_id").agg(
        pl.col("bound_count", "quantile_count").max(),
        pl.col("layout").sort_by("bound_count", "layout").last(),
    )
    return Sizes(of_series.collect().lazy(), layouts.collect().lazy())


def metric_facts(now: Wide, then: Wide, sent: pl.DataFrame, sized: Sizes) -> pl.DataFrame:
    """Give one row per metric: counts, kind, unit, team, stored series.

    `sent` are `senders` of all its series, `sized` are `sizes`.
    """
    counted, previous = now.series, then.series.rename({"series": "previous"})
    labels = now.slots.group_by("metric").agg(pl.len().cast(pl.Int64).alias("label_count"))
    folded = now.values.filter(level="point", label=OVERFLOW).select("metric_id").unique()
    is_overflow = now.metrics.join(folded, on="metric_id", how="semi").select(
        "metric", pl.lit(value=True).alias("is_overflow")
    )
    return (
        counted.join(_described(sent, sized), on="metric", how="left", validate="1:1")
        .join(labels, on="metric", how="left", validate="1:1")
        .join(is_overflow, on="metric", how="left", validate="1:1")
        .join(previous, on="metric", how="left", validate="1:1")
        .with_columns(
            pl.col("label_count").fill_null(0),
            pl.col("is_overflow").fill_null(value=False),
        )
    )


def senders(today: pl.LazyFrame, sized: Sizes) -> pl.DataFrame:
    """Give what each resource of a metric sends; those of several pieces may be put together."""
    kind, resource = pl.col("metric_kind"), "resource_attributes"
    stored = (
        pl.when(kind == "histogram")
        .then(pl.col("bound_count").fill_null(0) + 3)
        .when(kind == "summary")
        .then(pl.col("quantile_count").fill_null(0) + 2)
        .otherwise(1)
    )
    return (
        today.filter(pl.col("series_id").is_first_distinct())
        .select("series_id", pl.col("metric_name").alias("metric"), "metric_kind", "unit", resource)
        .join(sized.of_series, on="series_id", how="left", validate="1:1")
        .group_by("metric", pl.col(resource).hash(7).alias("sender"))
        .agg(
            pl.col("metric_kind", "unit").min(),
            pl.col(resource).first(),
            stored.sum().cast(pl.Int64).alias("stored"),
            pl.len().alias("series"),
            pl.col("layout").filter(kind == "histogram").value_counts(),
        )
        .with_columns(first_of(*(value_of(resource, key) for key in TEAMS)).alias("team"))
        .collect()
    )


def _described(sent: pl.DataFrame, sized: Sizes) -> pl.DataFrame:
    """Give kind, unit, stored series and the team with most series of each metric."""
    teams = sent.filter(pl.col("team") != "").group_by("metric", "team").agg(pl.col("series").sum())
    teams = teams.sort(["metric", "series", "team"], descending=[False, True, False])
    return (
        sent.group_by("metric")
        .agg(pl.col("metric_kind", "unit").min(), pl.col("stored").sum())
        .join(
            teams.group_by("metric", maintain_order=True).agg(pl.col("team").first()),
            on="metric",
            how="left",
            validate="1:1",
        )
        .join(_bounds(sent, sized), on="metric", how="left", validate="1:1")
        .with_columns(pl.col("bounds").fill_null(""))
    )


def _bounds(sent: pl.DataFrame, sized: Sizes) -> pl.DataFrame:
    """Give the bounds that most histograms of a metric have, ties by their text."""
    return (
        sent.lazy()
        .select("metric", pl.col("layout").alias("of"))
        .explode("of")
        .unnest("of")
        .drop_nulls("layout")
        .join(sized.layouts, on="layout", how="left", validate="m:1")
        .group_by("metric", "bounds")
        .agg(pl.col("count").sum())
        .sort(["metric", "count", "bounds"], descending=[False, True, False])
        .group_by("metric", maintain_order=True)
        .agg(pl.col("bounds").first())
        .collect()
    )

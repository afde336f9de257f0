"""Series that came and went between two days, and the labels that explain growth and churn.

Takes    the wide layout of both days, the root cause of each metric
Writes   mart_churn_metric
Holds    previous + new = series + gone, per metric; equal labels under two metrics are two series

Growth is explained by the label without which it goes away. Churn is explained by the labels whose
values are new: pods that are replaced leave as many series as before, and no label by itself takes
the change away where name, uid and address change together.

What either day has is counted once, metric by metric side by side: new = either - previous and
gone = either - series. No join of all series with all series.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import polars as pl

from transforms.cardinality.distinct import WORKING_ROWS, Numbers, distinct
from transforms.cardinality.fingerprint import Wide
from warehouse.tables.mart_cardinality import CHURN_METRIC

Part = tuple[list[str], Numbers, Numbers]
"""Metrics, the fingerprints that either day has of them, and of which metric each is."""


def churned(now: Wide, then: Wide) -> pl.DataFrame:
    """Count per metric: `metric series previous either new gone`."""
    with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
        counts = list(pool.map(_either, _side_by_side(now, then)))
    schema = {"metric": pl.String(), "either": pl.Int64()}
    previous = then.series.rename({"series": "previous"})
    return (
        pl.concat([pl.DataFrame(schema=schema), *counts])
        .join(now.series, on="metric", how="left", validate="1:1")
        .join(previous, on="metric", how="left", validate="1:1")
        .with_columns(pl.col("series", "previous").fill_null(0))
        .with_columns(
            new=pl.col("either") - pl.col("previous"), gone=pl.col("either") - pl.col("series")
        )
        .sort("metric")
    )


def _side_by_side(now: Wide, then: Wide) -> Iterator[Part]:
    """Give the fingerprints of both days, some whole metrics at a time."""
    both = now.extents.join(
        then.extents, on="metric", how="full", coalesce=True, validate="1:1", suffix="_then"
    ).sort("metric")
    names: list[str] = []
    found: list[tuple[int, Numbers]] = []
    places = both.select("metric", "first", "rows", "first_then", "rows_then")
    for metric, *days in places.rows():
        for day, first, rows in ((now, *days[:2]), (then, *days[2:])):
            if rows:
                found.append((len(names), day.rows["fp"].slice(first, rows).to_numpy()))
        names.append(metric)
        if sum(len(part) for _, part in found) >= WORKING_ROWS:
            yield _part(names, found)
            names, found = [], []
    if names:
        yield _part(names, found)


def _part(names: list[str], found: list[tuple[int, Numbers]]) -> Part:
    groups = np.repeat([group for group, _ in found], [len(part) for _, part in found])
    return names, np.concatenate([part for _, part in found]), groups


def _either(part: Part) -> pl.DataFrame:
    """Count what either day has."""
    names, fingerprints, groups = part
    either = distinct([fingerprints], groups, len(names))[0]
    return pl.DataFrame({"metric": names, "either": either})


def churn_mart(now: Wide, then: Wide, labels: pl.DataFrame, day: date) -> pl.LazyFrame:
    """Give the metrics of which any series came or went."""
    causes = labels.filter("is_root_cause").select(
        "metric",
        pl.col("label").alias("root_cause_label"),
        pl.col("level").alias("root_cause_level"),
    )
    return (
        churned(now, then)
        .lazy()
        .filter(pl.col("new") + pl.col("gone") > 0)
        .join(causes.lazy(), on="metric", how="left", validate="1:1")
        .join(new_values(now, then).lazy(), on="metric", how="left", validate="1:1")
        .with_columns(
            pl.lit(day).alias("day"),
            pl.col("new").alias("new_count"),
            pl.col("gone").alias("gone_count"),
            pl.col("root_cause_label", "root_cause_level", "new_value_labels").fill_null(""),
            pl.min_horizontal(pl.col("new_value_count").fill_null(0), "new"),
        )
        .select(CHURN_METRIC.schema.names())
        .cast(CHURN_METRIC.schema)
        .sort(CHURN_METRIC.key)
    )


def new_values(now: Wide, then: Wide) -> pl.DataFrame:
    """Give per metric of both days the labels whose new values most series bear.

    A series with a value that nobody had is new, so the dictionaries tell: no series is looked at.
    """
    value = ["metric", "level", "label", "hash"]
    today, before = (
        day.values.join(day.metrics, on="metric_id", how="left", validate="m:1")
        for day in (now, then)
    )
    known = today.join(then.metrics.select("metric"), on="metric", how="semi")
    counts = (
        known.join(before.select(value), on=value, how="anti")
        .group_by(value[:3])
        .agg(pl.col("series_count").sum())
    )
    most = counts.filter(pl.col("series_count") == pl.col("series_count").max().over("metric"))
    return (
        most.sort(value[:3])
        .group_by("metric", maintain_order=True)
        .agg(
            pl.format("{}:{}", "level", "label").str.join(" + ").alias("new_value_labels"),
            pl.col("series_count").first().alias("new_value_count"),
        )
    )

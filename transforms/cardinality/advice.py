"""What to do first about cardinality: one change per metric, so that what it saves adds up.

Reads    mart_cardinality_metric, mart_cardinality_label, mart_cardinality_value,
         mart_cardinality_set, mart_cardinality_rewrite, mart_metric_use
Writes   mart_cardinality_advice: metrics of the last whole day, what saves most first
Units    series and stored series; money a month at the configured price
Holds    a metric is in it once; what a change saves is what its what-if says; a label or metric
         that a given dashboard or rule uses is never to be dropped

Of the changes that save at least nine tenths of what the best would save the gentlest is taken, in
this order: a metric nobody uses, a label nobody uses, half the bounds, path to template, status to
class, the top values and `other`, a label of unknown use, labels that say the same, a set of
labels. Attributes of the resource stay: without them series of several senders would meet. Gauges
keep all labels. Of unknown use only labels of many values are named.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

import polars as pl

from transforms.cardinality.label_sets import KEPT
from warehouse.tables.mart_cardinality import CARDINALITY_ADVICE
from warehouse.tables.values import ACTIONS, REWRITES

LOSS: Final = {action: place for place, action in enumerate(ACTIONS)}
NAMES: Final = ("enum", "free_text")
"""Shapes of values of which some may stand for the rest; of ids none does."""
ADDED_UP: Final = ("sum", "histogram", "exponential_histogram")
"""Kinds of which series may meet in one: of a gauge nobody can say how."""
MANY: Final = 50
GROWTH_DAYS: Final = 14
TENTHS: Final = 9
_KEY: Final = ["metric", "level", "label"]


def advice(marts: Mapping[str, pl.LazyFrame], *, now: date) -> pl.LazyFrame:
    """Give the change to make first for each metric; `marts` are those read.

    The day is the last that is over, or the last there is: a day that still runs lacks metrics.
    """
    metrics = marts["mart_cardinality_metric"]
    is_over = pl.col("day").filter(pl.col("day") < now).max()
    today = metrics.filter(pl.col("day") == pl.coalesce(is_over, pl.col("day").max()))
    day = today.select("day", "metric")
    causes = _causes(marts["mart_cardinality_label"], metrics, today)
    labels, values, sets, rewrites = (
        marts[f"mart_cardinality_{name}"].join(day, on=["day", "metric"], how="semi")
        for name in ("label", "value", "set", "rewrite")
    )
    used = marts["mart_metric_use"]
    shown = values.group_by(_KEY).agg(pl.col("series_count").sum().alias("top_count"))
    shapes = labels.select(*_KEY, "value_class").join(shown, on=_KEY, how="left", validate="1:1")
    tried = pl.concat(
        [
            _metrics(today, used),
            _labels(labels, used),
            _sets(sets, labels, used),
            _folds(rewrites, shapes, today),
        ],
        how="diagonal",
    )
    found = tried.join(today.select(_FACTS), on="metric", how="inner", validate="m:1").filter(
        (pl.col("action") == "drop_metric") | pl.col("metric_kind").is_in(ADDED_UP)
    )
    whole = used.filter(pl.col("label") == "").select(
        "metric", pl.col("use_state").alias("metric_use"), pl.col("places").alias("metric_places")
    )
    return (
        _gentlest(_stored(found))
        .join(causes, on="metric", how="left", validate="1:1")
        .join(whole, on="metric", how="left", validate="1:1")
        .with_columns(
            pl.col("root_cause_label").fill_null(""),
            pl.coalesce("use_state", "metric_use", pl.lit("unknown")).alias("use_state"),
            pl.coalesce("places", "metric_places", pl.lit("")).alias("places"),
        )
        .with_columns(_verdict().alias("verdict"))
        .sort(
            ["saved_cost", "saved_stored", "metric"],
            descending=[True, True, False],
            nulls_last=True,
        )
        .with_columns(pl.int_range(1, pl.len() + 1).alias("advice_rank"))
        .select(CARDINALITY_ADVICE.schema.names())
        .cast(CARDINALITY_ADVICE.schema)
        .sort(CARDINALITY_ADVICE.key)
    )


_ORDER: Final = ["saved_cost", "saved_stored", "metric"]
_FACTS: Final = (
    "day", "metric", "metric_kind", "top_team", "series_count", "stored_series_count",
    "monthly_cost",
)  # fmt: skip


def _causes(labels: pl.LazyFrame, metrics: pl.LazyFrame, today: pl.LazyFrame) -> pl.LazyFrame:
    """Give how much each metric grew in two weeks, and the last label that explains growth."""
    last = today.select("metric", pl.col("day").alias("last"), pl.col("series_count").alias("now"))
    age = (pl.col("last") - pl.col("day")).dt.total_days()
    recent = (age >= 0) & (age <= GROWTH_DAYS)
    causes = (
        labels.filter("is_root_cause")
        .join(last, on="metric", how="inner", validate="m:1")
        .filter(recent)
        .sort("metric", "day", "label")
        .group_by("metric", maintain_order=True)
        .agg(pl.col("label").last().alias("root_cause_label"))
    )
    grown = (pl.col("now") - pl.col("series_count")).alias("growth_count")
    return (
        metrics.join(last, on="metric", how="inner", validate="m:1")
        .filter(recent)
        .sort("metric", "day")
        .unique("metric", keep="first", maintain_order=True)
        .select("metric", grown)
        .join(causes, on="metric", how="left", validate="1:1")
    )


def _metrics(today: pl.LazyFrame, used: pl.LazyFrame) -> pl.LazyFrame:
    unused = used.filter((pl.col("label") == "") & (pl.col("use_state") == "unused"))
    return today.join(unused, on="metric", how="semi").select(
        "metric",
        pl.lit("drop_metric").alias("action"),
        pl.lit("").alias("labels"),
        pl.lit(0, pl.Int64).alias("series_after_count"),
        pl.col("monthly_cost").alias("saved_cost"),
        pl.lit("unused").alias("use_state"),
        pl.lit("").alias("places"),
    )


def _labels(labels: pl.LazyFrame, used: pl.LazyFrame) -> pl.LazyFrame:
    """Give the labels of points that save something and that nobody is known to use.

    Of unknown use only those that have many values or made the metric grow: a label of few values
    (a direction, a unit) tells things apart that must not be added up.
    """
    ours = labels.filter(
        (pl.col("level") == "point") & (pl.col("saved_count") > 0) & ~pl.col("label").is_in(KEPT)
    )
    state = pl.col("use_state").fill_null("unknown")
    is_many = (pl.col("distinct_count") >= MANY) | pl.col("is_root_cause")
    return (
        ours.join(used.select(*_KEY, "use_state", "places"), on=_KEY, how="left", validate="1:1")
        .filter((state == "unused") | ((state == "unknown") & is_many))
        .select(
            "metric",
            pl.when(state == "unused")
            .then(pl.lit("drop_unused_label"))
            .otherwise(pl.lit("drop_label"))
            .alias("action"),
            pl.col("label").alias("labels"),
            pl.col("series_without_count").alias("series_after_count"),
            "saved_cost",
            state.alias("use_state"),
            pl.lit("").alias("places"),
        )
    )


def _sets(sets: pl.LazyFrame, labels: pl.LazyFrame, used: pl.LazyFrame) -> pl.LazyFrame:
    """Give sets of labels of points, all of many values, none of which is known to be used."""
    members = (
        sets.filter(
            pl.col("set_kind").is_in(["equivalent", "budget"])
            & (pl.col("saved_count") > 0)
            & ~pl.col("labels").str.contains("resource:", literal=True)
        )
        .select(
            "metric",
            pl.col("set_kind").replace_strict(
                {"equivalent": "drop_equivalent", "budget": "drop_set"}
            ).alias("action"),
            "labels",
            pl.col("series_without_count").alias("series_after_count"),
            "saved_cost",
            pl.col("labels").str.split(" + ").alias("label"),
        )
        .explode("label")
        .with_columns(pl.col("label").str.strip_prefix("point:"), pl.lit("point").alias("level"))
    )  # fmt: skip
    state = pl.col("use_state").fill_null("unknown")
    return (
        members.join(used.select(*_KEY, "use_state"), on=_KEY, how="left", validate="m:1")
        .join(labels.select(*_KEY, "distinct_count"), on=_KEY, how="left", validate="m:1")
        .group_by("metric", "action", "labels", "series_after_count", "saved_cost")
        .agg(
            (state == "used").any().alias("is_used"),
            (state == "unused").all().alias("is_unused"),
            pl.col("label").is_in(KEPT).any().alias("is_kept"),
            (pl.col("distinct_count") >= MANY).all().alias("is_many"),
        )
        .filter(pl.col("is_many") & ~pl.col("is_used") & ~pl.col("is_kept"))
        .select(
            "metric",
            "action",
            pl.col("labels").str.replace_all("point:", "", literal=True),
            "series_after_count",
            "saved_cost",
            pl.when("is_unused")
            .then(pl.lit("unused"))
            .otherwise(pl.lit("unknown"))
            .alias("use_state"),
            pl.lit("").alias("places"),
        )
    )


def _folds(rewrites: pl.LazyFrame, shapes: pl.LazyFrame, today: pl.LazyFrame) -> pl.LazyFrame:
    """Give what folds values of points or bounds.

    A top is kept only of names, not of ids, and where its values bear half of the series.
    """
    is_point = (pl.col("level") == "point") | (pl.col("label") == "")
    is_name = pl.col("value_class").is_in(NAMES)
    has_top = (is_name & (pl.col("top_count") * 2 >= pl.col("series_count"))).fill_null(value=False)
    return (
        rewrites.filter(is_point & ~pl.col("label").is_in(KEPT))
        .join(shapes, on=_KEY, how="left", validate="m:1")
        .join(today.select("metric", "series_count"), on="metric", how="left", validate="m:1")
        .filter((pl.col("rewrite") != "top_k") | has_top)
        .select(
            "metric",
            pl.col("rewrite").alias("action"),
            pl.col("label").alias("labels"),
            "series_after_count",
            "stored_after_count",
            "saved_cost",
        )
    )


def _stored(found: pl.LazyFrame) -> pl.LazyFrame:
    """Add how many stored series are left and saved."""
    stored, series = pl.col("stored_series_count"), pl.col("series_count")
    saved = (series - pl.col("series_after_count")).cast(pl.Int128) * stored // series
    after = pl.coalesce("stored_after_count", stored - saved.cast(pl.Int64))
    return found.with_columns(after.alias("stored_after_count")).with_columns(
        (stored - pl.col("stored_after_count")).alias("saved_stored")
    )


def _gentlest(found: pl.LazyFrame) -> pl.LazyFrame:
    """Keep one change per metric: the gentlest that saves nearly as much as the best."""
    best = pl.col("saved_stored").max().over("metric")
    loss = pl.col("action").replace_strict(LOSS, return_dtype=pl.Int32())
    order = ["metric", "loss", "saved_stored", "labels"]
    return (
        found.filter((pl.col("saved_stored") > 0) & (pl.col("saved_stored") * 10 >= best * TENTHS))
        .with_columns(loss.alias("loss"))
        .sort(order, descending=[False, False, True, False])
        .unique("metric", keep="first", maintain_order=True)
    )


def _verdict() -> pl.Expr:
    """Say how safe it is, as far as the given dashboards and rules tell."""
    return (
        pl.when(pl.col("action").is_in(REWRITES))
        .then(pl.lit("loses_detail"))
        .when(pl.col("use_state") == "unused")
        .then(pl.lit("unused"))
        .otherwise(pl.lit("look_first"))
    )

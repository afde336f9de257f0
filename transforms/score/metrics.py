"""The metrics of services as the Instrumentation Score sees them.

Reads    raw_series_day, raw_histogram; core_score_metric_daily
Writes   core_score_metric_daily; what MET-001 … MET-006 found in a window
Holds    a metric counts once in a window, however many days it was sent on; MET-003 and MET-004
         go by service, and look at the last 14 days only
"""

import re
from datetime import date, datetime, timedelta
from typing import Final

import polars as pl

from transforms.cardinality.metric_facts import OVERFLOW
from transforms.coverage.signals import is_infrastructure
from transforms.score import ucum
from transforms.score.advisories import SAMPLE_COUNT
from transforms.score.findings import HOURS, ScoreTerms, service
from transforms.score.semconv_keys import ATTRIBUTE_KEYS
from transforms.usage.attributes import value_of
from warehouse.tables.mart_score import METRIC_DAILY

VALUE_LIMIT: Final = 10_000
LAYOUT_DAYS: Final = 14
_METRIC: Final = ["service_name", "metric_name"]
_WORDS: Final = {
    "s": ("second", "seconds"),
    "ms": ("millisecond", "milliseconds", "millis"),
    "us": ("microsecond", "microseconds", "micros"),
    "ns": ("nanosecond", "nanoseconds", "nanos"),
    "min": ("minute", "minutes"),
    "h": ("hour", "hours"),
    "d": ("day", "days"),
    "By": ("byte", "bytes"),
    "bit": ("bit", "bits"),
    "kBy": ("kilobyte", "kilobytes"),
    "KiBy": ("kibibyte", "kibibytes"),
    "MBy": ("megabyte", "megabytes"),
    "MiBy": ("mebibyte", "mebibytes"),
    "GBy": ("gigabyte", "gigabytes"),
    "GiBy": ("gibibyte", "gibibytes"),
    "%": ("percent",),
    "Cel": ("celsius",),
    "V": ("volt", "volts"),
    "A": ("ampere", "amperes"),
    "W": ("watt", "watts"),
    "J": ("joule", "joules"),
    "Hz": ("hertz",),
    "m": ("meter", "meters", "metre", "metres"),
    "g": ("gram", "grams"),
}


def has_unit(metric: str, unit: str) -> bool:
    """Tell whether a word of a metric's name is its own unit, as symbol or written out."""
    if not unit.isalpha() and unit not in _WORDS:
        return False
    words = set(re.split(r"[._\-/]", metric))
    return unit in words or bool({word.lower() for word in words} & set(_WORDS.get(unit, ())))


def metrics_seen(
    series: pl.LazyFrame,
    histograms: pl.LazyFrame,
    day: date,
    terms: ScoreTerms,
    *,
    limit: int = VALUE_LIMIT,
) -> pl.LazyFrame:
    """Give core_score_metric_daily. Keys are counted where a metric has `limit` series an hour."""
    own = series.filter(~is_infrastructure(terms.infrastructure_scopes)).select(
        service(), "metric_name", "unit", "series_id", *HOURS, "hours", "point_attributes"
    )
    bounds = pl.col("bounds").cast(pl.List(pl.String)).list.join(" ")
    layouts = (
        histograms.filter(pl.col("bounds").list.len() > 0)
        .select("series_id", "bounds")
        .unique()
        .select("series_id", bounds.alias("layout"))
    )
    named = own.join(layouts, on="series_id", how="left", validate="m:m")
    key = [*_METRIC, "unit", "layout"]
    return (
        named.with_columns(pl.col("layout").fill_null(""))
        .group_by(key)
        .agg(
            value_of("point_attributes", OVERFLOW).is_not_null().any().alias("is_overflow"),
            pl.col("first_hour_at").min().alias("first_seen_at"),
            pl.col("last_hour_at").max().alias("last_seen_at"),
        )
        .join(_widest(own, limit), on=_METRIC, how="left", validate="m:1")
        .with_columns(pl.col("widest_key_count").fill_null(0), pl.lit(day).alias("day"))
        .select(METRIC_DAILY.schema.names())
        .cast(METRIC_DAILY.schema)
        .sort(METRIC_DAILY.key)
    )


def _widest(own: pl.LazyFrame, limit: int) -> pl.LazyFrame:
    """Give the most values that one attribute key of a metric has in an hour."""
    hour = [*_METRIC, "hour"]
    number = pl.col("series_id").n_unique().alias("n")
    many = own.group_by(_METRIC).agg(number).filter(pl.col("n") >= limit)
    hours = pl.LazyFrame({"hour": range(24)}, schema={"hour": pl.UInt32()})
    is_sent = (pl.col("hours") & pl.lit(2, pl.Int32).pow(pl.col("hour"))) != 0
    sent = own.join(many, on=_METRIC, how="semi").join(hours, how="cross").filter(is_sent)
    wide = sent.group_by(hour).agg(number)
    labels = (
        sent.join(wide.filter(pl.col("n") >= limit).select(hour), on=hour, how="semi")
        .select(*hour, "point_attributes")
        .filter(pl.col("point_attributes").list.len() > 0)
        .explode("point_attributes")
        .unnest("point_attributes")
    )
    counted = labels.group_by(*hour, "key").agg(
        pl.struct("type", "value").n_unique().alias("values")
    )
    return counted.group_by(_METRIC).agg(
        pl.col("values").max().cast(pl.Int64).alias("widest_key_count")
    )


def metric_findings(sent: pl.LazyFrame, now: datetime, *, limit: int = VALUE_LIMIT) -> pl.LazyFrame:
    """Judge MET-001 … MET-006 on the metrics of a window: one row per service and rule."""
    pairs = sent.select("metric_name", "unit").unique().collect()
    units = pairs["unit"].unique().to_list()
    valid = [unit for unit in units if ucum.is_valid(unit)]
    named = [has_unit(metric, unit) for metric, unit in zip(*pairs, strict=True)]
    with_unit = pairs.with_columns(pl.Series("has_unit", named, pl.Boolean)).lazy()
    marked = sent.join(with_unit, on=["metric_name", "unit"], how="left", validate="m:1")
    name, unit = pl.col("metric_name"), pl.col("unit")
    simple = [
        _rated(marked, "MET-001", pl.col("widest_key_count") >= limit, name),
        _rated(marked, "MET-002", ~unit.is_in(valid), _with_unit()),
        _rated(marked, "MET-005", pl.col("has_unit"), _with_unit()),
        _rated(marked, "MET-006", name.is_in(sorted(ATTRIBUTE_KEYS)), name),
    ]
    late = sent.filter(pl.col("day") > (now - timedelta(days=LAYOUT_DAYS)).date())
    units_of = late.with_columns(unit.n_unique().over(_METRIC).alias("n"))
    layouts = late.filter(pl.col("layout") != "")
    layouts_of = layouts.with_columns(pl.col("layout").n_unique().over(_METRIC).alias("n"))
    several = pl.col("n") > 1
    simple += [
        _rated(units_of, "MET-003", several, _with_unit()),
        _rated(layouts_of, "MET-004", several, pl.format("{}: bounds {}", "metric_name", "layout")),
    ]
    return pl.concat(simple)


def _with_unit() -> pl.Expr:
    unit = pl.when(pl.col("unit") == "").then(pl.lit("no unit")).otherwise(pl.col("unit"))
    return pl.format("{} ({})", "metric_name", unit)


def _rated(sent: pl.LazyFrame, rule: str, is_broken: pl.Expr, sample: pl.Expr) -> pl.LazyFrame:
    """Count per service the metrics, and those of which any row breaks the rule."""
    marked = sent.with_columns(is_broken.alias("is_broken"), sample.alias("sample"))
    broken, name = pl.col("is_broken"), pl.col("metric_name")
    return marked.group_by("service_name").agg(
        pl.lit(rule).alias("rule"),
        name.n_unique().cast(pl.Int64).alias("checked_count"),
        name.filter(broken).n_unique().cast(pl.Int64).alias("violating_count"),
        pl.col("first_seen_at").filter(broken).min(),
        pl.col("last_seen_at").filter(broken).max(),
        pl.col("sample").filter(broken).unique().sort().head(SAMPLE_COUNT).alias("samples"),
    )

"""Keys of attributes, and the level of OTLP at which they stand: RES-004, and deprecated ones.

Reads    raw_series_day, raw_signal; core_score_key_daily
Writes   core_score_key_daily; what RES-004 found in a window
Holds    keys that neither belong at one level only nor are deprecated are not kept; keys of points
         are no matter of RES-004
"""

from datetime import date
from typing import Final

import polars as pl

from transforms.coverage.signals import is_infrastructure
from transforms.score.advisories import SAMPLE_COUNT
from transforms.score.findings import HOURS, SEPARATOR, ScoreTerms, service
from transforms.score.semconv_deprecated import DEPRECATED_KEYS
from transforms.score.semconv_keys import ITEM_KEYS, RESOURCE_KEYS
from warehouse.tables.mart_score import KEY_DAILY

_FIELD: Final = pl.element().struct.field
_OLD: Final = sorted(DEPRECATED_KEYS)
_LEVELLED: Final = sorted(RESOURCE_KEYS | ITEM_KEYS | DEPRECATED_KEYS.keys())


def keys_seen(
    seen: pl.LazyFrame, series: pl.LazyFrame, signals: pl.LazyFrame, day: date, terms: ScoreTerms
) -> pl.LazyFrame:
    """Give core_score_key_daily: keys with a level of their own, and old ones, where they stood."""
    of_resources = seen.select(
        "service_name",
        pl.lit("resource").alias("level"),
        pl.col("keys").str.split(SEPARATOR).alias("key"),
        "first_at",
        "last_at",
    )
    names = pl.col("point_attributes").list.eval(_FIELD("key").filter(_FIELD("key").is_in(_OLD)))
    of_points = (
        series.filter(~is_infrastructure(terms.infrastructure_scopes))
        .select(service(), names.alias("key"), *HOURS)
        .filter(pl.col("key").list.len() > 0)
        .select(
            "service_name",
            pl.lit("point").alias("level"),
            "key",
            pl.col("first_hour_at").alias("first_at"),
            pl.col("last_hour_at").alias("last_at"),
        )
    )
    of_items = signals.filter(~is_infrastructure(terms.infrastructure_scopes, None)).select(
        service(),
        pl.when(pl.col("signal") == "logs")
        .then(pl.lit("log"))
        .otherwise(pl.lit("span"))
        .alias("level"),
        pl.col("attribute_keys").alias("key"),
        pl.col("event_hour").alias("first_at"),
        pl.col("event_hour").alias("last_at"),
    )
    return (
        pl.concat([of_resources, of_points, of_items])
        .filter(pl.col("key").list.len() > 0)
        .explode("key")
        .filter(pl.col("key").is_in(_LEVELLED))
        .group_by("service_name", "level", "key")
        .agg(
            pl.col("first_at").min().alias("first_seen_at"),
            pl.col("last_at").max().alias("last_seen_at"),
        )
        .with_columns(pl.lit(day).alias("day"))
        .select(KEY_DAILY.schema.names())
        .cast(KEY_DAILY.schema)
        .sort(KEY_DAILY.key)
    )


def key_findings(keys: pl.LazyFrame) -> pl.LazyFrame:
    """Judge RES-004: keys of items on the resource, keys of resources on logs or spans."""
    level, key = pl.col("level"), pl.col("key")
    is_low = (level == "resource") & key.is_in(sorted(ITEM_KEYS))
    is_high = (level != "resource") & key.is_in(sorted(RESOURCE_KEYS))
    broken = pl.col("is_broken")
    place = pl.format("{} on a {}", "key", "level")
    rated = keys.filter((level != "point") & key.is_in(sorted(RESOURCE_KEYS | ITEM_KEYS)))
    return (
        rated.with_columns((is_low | is_high).alias("is_broken"), place.alias("place"))
        .group_by("service_name")
        .agg(
            pl.lit("RES-004").alias("rule"),
            pl.col("place").n_unique().cast(pl.Int64).alias("checked_count"),
            pl.col("place").filter(broken).n_unique().cast(pl.Int64).alias("violating_count"),
            pl.col("first_seen_at").filter(broken).min(),
            pl.col("last_seen_at").filter(broken).max(),
            pl.col("place").filter(broken).unique().sort().head(SAMPLE_COUNT).alias("samples"),
        )
    )

"""What is odd about a service's telemetry and no rule of the score asks for.

Reads    raw_series; core_score_finding_daily, core_score_metric_daily, core_score_key_daily
Writes   findings of core_score_finding_daily; mart_advisory
Holds    nothing here is a rule of the specification, so nothing here enters the score; samples name
         keys and classes, never a value
"""

from typing import Final

import polars as pl

from transforms.cardinality.value_shapes import classes, redacted, sampled
from transforms.coverage.identity import UNKNOWN
from transforms.score.semconv_deprecated import DEPRECATED_KEYS, DEPRECATED_METRICS
from warehouse.tables.mart_score import ADVISORY

SAMPLE_COUNT: Final = 5
DEFAULT_NAME: Final = "default_service_name"
DEBUG_ANYWHERE: Final = "debug_without_environment"
PERSONAL_DATA: Final = "personal_data"
DEPRECATED: Final = "deprecated_name"
ADVISORIES: Final = {
    DEFAULT_NAME: "a name that an SDK, a gateway or an example sets: nobody named the service",
    DEBUG_ANYWHERE: "DEBUG without deployment.environment.name: nobody can tell whether it is "
    "production",
    PERSONAL_DATA: "values of a metric's label look like e-mail addresses, IP addresses, telephone "
    "or card numbers",
    DEPRECATED: "the semantic conventions have another name for it by now",
    "bel_for_bytes": "unit `B` is bel in UCUM; bytes are `By`",
    "metric_overflow": "the SDK folded series (otel.metric.overflow): counts are lower bounds",
}
_PLACEHOLDERS: Final = (
    *("OTLPResourceNoServiceName", "my-service", "my_service", "my.service", "myservice"),
    *("my-service-name", "your-service-name", "service-name", "service_name", "service.name"),
    *("my-app", "myapp", "undefined", "null", "none", "default"),
)
MACHINE_KEYS: Final = (
    *("server.address", "server.socket.address", "network.local.address", "host.ip"),
    *("k8s.pod.ip", "instance", "net.host.ip", "net.host.name", "net.sock.host.addr"),
)
"""Labels whose addresses are those of machines that serve."""

_MOST_VALUES: Final = 1000


def is_placeholder(name: pl.Expr) -> pl.Expr:
    """Tell names that nobody chose: an SDK's default, a gateway's, or that of an example."""
    known = [text.lower() for text in _PLACEHOLDERS]
    return name.str.starts_with(UNKNOWN) | name.str.to_lowercase().is_in(known)


def personal_labels(own: pl.LazyFrame) -> pl.LazyFrame:
    """Find labels that name people: a row per service and label, `personal_data` a class or empty.

    `own` has `service_name`, `first_hour_at`, `last_hour_at` and `point_attributes`.
    """
    label = ["service_name", "key"]
    values = (
        own.filter(pl.col("point_attributes").list.len() > 0)
        .explode("point_attributes")
        .unnest("point_attributes")
        .group_by(*label, "value")
        .agg(
            pl.col("first_hour_at").min().alias("first_at"),
            pl.col("last_hour_at").max().alias("last_at"),
        )
    )
    times = values.group_by(label).agg(pl.col("first_at").min(), pl.col("last_at").max())
    found = classes(sampled(values.select(*label, "value"), label, _MOST_VALUES), label)
    personal = pl.col("personal_data")
    is_machine = (personal == "ip") & pl.col("key").is_in(MACHINE_KEYS)
    return found.join(times, on=label, how="left", validate="1:1").select(
        *label,
        pl.when(is_machine).then(pl.lit("")).otherwise(personal).alias("personal_data"),
        "first_at",
        "last_at",
    )


def personal_sample() -> pl.Expr:
    """Name a label and what is in it; no value."""
    return pl.format("{} ({})", redacted(pl.col("key")), pl.col("personal_data"))


def advisories(days: pl.LazyFrame, metrics: pl.LazyFrame, keys: pl.LazyFrame) -> pl.LazyFrame:
    """Give mart_advisory of findings added up over days, metrics and keys."""
    of_days = days.filter(pl.col("rule").is_in(list(ADVISORIES)) & (pl.col("violating_count") > 0))
    parts = [
        of_days.rename({"rule": "advisory"}).drop("checked_count"),
        _counted(metrics.filter(pl.col("unit") == "B"), "bel_for_bytes", pl.col("metric_name")),
        _counted(metrics.filter("is_overflow"), "metric_overflow", pl.col("metric_name")),
        _counted(_old_names(metrics, keys), DEPRECATED, pl.col("name")),
    ]
    return (
        pl.concat(parts, how="diagonal_relaxed")
        .with_columns(pl.col("advisory").replace_strict(ADVISORIES, default="").alias("text"))
        .select(ADVISORY.schema.names())
        .cast(ADVISORY.schema)
        .sort(ADVISORY.key)
    )


def _old_names(metrics: pl.LazyFrame, keys: pl.LazyFrame) -> pl.LazyFrame:
    """Give the deprecated names that a service uses, each with what replaces it."""
    seen = ["service_name", "name", "first_seen_at", "last_seen_at"]
    place = pl.format("{} on a {}", "key", "level")
    old = [
        metrics.filter(pl.col("metric_name").is_in(list(DEPRECATED_METRICS))).select(
            "service_name",
            _with_new("metric_name", pl.format("metric {}", "metric_name"), DEPRECATED_METRICS),
            *seen[2:],
        ),
        keys.filter(pl.col("key").is_in(list(DEPRECATED_KEYS))).select(
            "service_name", _with_new("key", place, DEPRECATED_KEYS), *seen[2:]
        ),
    ]
    return pl.concat(old)


def _with_new(column: str, shown: pl.Expr, known: dict[str, str]) -> pl.Expr:
    new = pl.col(column).replace_strict(known, default="", return_dtype=pl.String)
    new = new.str.replace_all(",", " or ", literal=True)
    return pl.when(new == "").then(shown).otherwise(pl.format("{}: {}", shown, new)).alias("name")


def _counted(rows: pl.LazyFrame, name: str, sample: pl.Expr) -> pl.LazyFrame:
    """Count per service the different samples."""
    return rows.group_by("service_name").agg(
        pl.lit(name).alias("advisory"),
        sample.n_unique().cast(pl.Int64).alias("violating_count"),
        pl.col("first_seen_at").min(),
        pl.col("last_seen_at").max(),
        sample.unique().sort().head(SAMPLE_COUNT).alias("samples"),
    )

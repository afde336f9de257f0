"""What containers asked for and used, and what nodes offer, hour by hour.

Reads    raw_series of a day; raw_point of it and of the days beside it, for the samples around
         midnight
Writes   core_usage_hourly        one row per container and hour
         core_node_hourly         one row per node and hour in which it was heard of
Units    core-seconds, byte-seconds, seconds
Time     UTC hours; a sample at the hour's start belongs to that hour
Holds    counters count their increases, resets from 0, gaps bridged in proportion; gauges hold
         until the next sample, at most 3 times the series' median interval of the day; one source
         per fact, container and hour
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import polars as pl

from transforms.attributes import ANNOTATION, first_of, value_of
from transforms.facts import (
    ALLOCATABLE_RANK,
    CONTROLLERS,
    CPU_REQUEST,
    CPU_USE,
    FACTS,
    GPU_REQUEST,
    MEMORY_REQUEST,
    MEMORY_USE,
    NODE_CPU,
    NODE_GPU,
    NODE_MEMORY,
    PHASE,
    SPELLINGS,
    spelling,
)
from warehouse.tables.core import NODE_HOURLY, USAGE_HOURLY

HOUR: Final = timedelta(hours=1)
HOLD_INTERVALS: Final = 3
RUNNING: Final = 2
POD: Final = ("cluster", "namespace", "pod_key")
CONTAINER: Final = (*POD, "container")
CONTAINER_FACTS: Final = (CPU_USE, MEMORY_USE, CPU_REQUEST, MEMORY_REQUEST, GPU_REQUEST)
OFFERED: Final = (
    "cpu_capacity_cores", "memory_capacity_bytes", "gpu_capacity_count",
    "cpu_allocatable_cores", "memory_allocatable_bytes",
)  # fmt: skip
NODE_IDS: Final = ("k8s.node.provider_id", "host.id", "cloud.resource_id", "provider_id")


def usage_hourly(known: pl.LazyFrame, samples: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give core_usage_hourly of a UTC day from what `known_series` and `samples_of` give."""
    pods = known.filter(pl.col("pod") != "")
    runs = _runs(pods, samples)
    told = pods.join(runs, on=POD, how="inner", validate="m:1")
    amounts = _amounts(_segments(told, samples, day), day)
    wide = _wide(_one_source(told, amounts))
    return (
        _run_seconds(runs, day)
        .join(wide, on=[*POD, "usage_hour"], how="left", validate="1:m")
        .join(_identity(pods), on=POD, how="left", validate="m:1")
        .with_columns(
            pl.col("container").fill_null(""),
            pl.col(CONTAINER_FACTS).fill_null(0.0),
            pl.col("cpu_source", "memory_source").fill_null(""),
            pl.col("duplicate_source_count").fill_null(0),
            pl.col("usage_hour").dt.date().alias("usage_date"),
        )
        .rename(
            {
                CPU_REQUEST: "cpu_request_core_seconds",
                GPU_REQUEST: "gpu_request_gpu_seconds",
                CPU_USE: "cpu_usage_core_seconds",
                MEMORY_REQUEST: "memory_request_byte_seconds",
                MEMORY_USE: "memory_usage_byte_seconds",
                "cpu_source": "cpu_usage_source",
                "memory_source": "memory_usage_source",
            }
        )
        .select(USAGE_HOURLY.schema.names())
        .cast(USAGE_HOURLY.schema)
        .sort(USAGE_HOURLY.key)
    )


def node_hourly(known: pl.LazyFrame, samples: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give core_node_hourly of a UTC day: hours with a sample of the node or of a pod on it."""
    on_nodes = known.filter(pl.col("node") != "")
    node = ["cluster", "node"]
    hourly = (
        samples.filter(pl.col("event_at").dt.date() == day)
        .group_by("series_id", usage_hour=pl.col("event_at").dt.truncate("1h"))
        .agg(pl.len().cast(pl.Int64).alias("sample_count"), pl.col("value").max())
        .join(
            on_nodes.select("series_id", *node, "fact", "rank"),
            on="series_id",
            how="inner",
            validate="m:1",
        )
    )
    identity = on_nodes.group_by(node).agg(
        pl.col("provider_id").filter(pl.col("provider_id") != "").sort().last()
    )
    return (
        hourly.group_by(*node, "usage_hour")
        .agg(
            pl.col("sample_count").sum(),
            _capacity(NODE_CPU).alias("cpu_capacity_cores"),
            _capacity(NODE_MEMORY).alias("memory_capacity_bytes"),
            _capacity(NODE_GPU).alias("gpu_capacity_count"),
            _capacity(NODE_CPU, ALLOCATABLE_RANK).alias("cpu_allocatable_cores"),
            _capacity(NODE_MEMORY, ALLOCATABLE_RANK).alias("memory_allocatable_bytes"),
        )
        .join(identity, on=node, how="left", validate="m:1")
        .sort([*node, "usage_hour"])
        .with_columns(
            pl.col(OFFERED).forward_fill().backward_fill().over(node).fill_null(0.0),
            pl.col("provider_id").fill_null(""),
            pl.col("usage_hour").dt.date().alias("usage_date"),
            pl.lit(HOUR.total_seconds()).alias("run_seconds"),
        )
        .select(NODE_HOURLY.schema.names())
        .cast(NODE_HOURLY.schema)
        .sort(NODE_HOURLY.key)
    )


def _capacity(fact: str, from_rank: int = 0) -> pl.Expr:
    """Give cores, bytes or GPUs by the source with the lowest rank, of those from a rank on."""
    mine = (pl.col("fact") == fact) & (pl.col("rank") >= from_rank)
    best = pl.col("rank").filter(mine).min()
    return pl.col("value").filter(mine & (pl.col("rank") == best)).max()


def known_series(series: pl.LazyFrame) -> pl.LazyFrame:
    """Give one row per series that tells a fact, with who it is about."""
    chosen = (
        series.with_columns(spelling(pl.col("metric_name")).alias("spelling"))
        .filter(pl.col("spelling").is_in(SPELLINGS))
        .unique("series_id", keep="last", maintain_order=True)
    )
    pod = first_of(
        value_of("resource_attributes", "k8s.pod.name"),
        value_of("point_attributes", "exported_pod"),
        value_of("point_attributes", "pod"),
    )
    named = chosen.select(
        "series_id",
        "metric_kind",
        "temporality",
        "is_monotonic",
        "spelling",
        "resource_attributes",
        first_of(value_of("point_attributes", "resource")).alias("resource"),
        pl.coalesce(
            value_of("resource_attributes", "k8s.cluster.name"),
            value_of("resource_attributes", "k8s.cluster.uid"),
            value_of("point_attributes", "cluster"),
            pl.lit("default"),
        ).alias("cluster"),
        first_of(
            value_of("resource_attributes", "k8s.namespace.name"),
            value_of("point_attributes", "exported_namespace"),
            value_of("point_attributes", "namespace"),
        ).alias("namespace"),
        pod.alias("pod"),
        first_of(
            value_of("resource_attributes", "k8s.pod.uid"), value_of("point_attributes", "uid")
        ).alias("pod_uid"),
        first_of(
            value_of("resource_attributes", "k8s.container.name"),
            value_of("point_attributes", "exported_container"),
            value_of("point_attributes", "container"),
        ).alias("container"),
        first_of(
            value_of("resource_attributes", "k8s.node.name"), value_of("point_attributes", "node")
        ).alias("node"),
        first_of(
            *(value_of("resource_attributes", key) for key in NODE_IDS),
            value_of("point_attributes", "provider_id"),
        ).alias("provider_id"),
        *(first_of(value_of("resource_attributes", key)).alias(kind) for kind, key in CONTROLLERS),
    )
    return (
        named.join(FACTS.lazy(), on=["spelling", "resource"], how="left", validate="m:1")
        .filter(pl.col("fact").is_not_null() & (pl.col("container") != "POD"))
        .with_columns(
            pl.when(pl.col("pod_uid") != "")
            .then(pl.col("pod_uid"))
            .otherwise(pl.col("pod"))
            .alias("pod_key")
        )
    )


def samples_of(known: pl.LazyFrame, points: pl.LazyFrame) -> pl.LazyFrame:
    """Give the points of known series, in order, each instant of a series once."""
    return (
        points.filter(pl.col("value").is_not_null())
        .select("series_id", "event_at", "start_at", "value")
        .join(known.select("series_id"), on="series_id", how="semi")
        .unique(["series_id", "event_at"], keep="last")
        .sort("series_id", "event_at")
    )


def _runs(pods: pl.LazyFrame, samples: pl.LazyFrame) -> pl.LazyFrame:
    """Give when each pod ran: from its first to its last sample in phase Running.

    Where no phase was sent, any sample of the pod counts.
    """
    at, running = pl.col("event_at"), pl.col("value") == RUNNING
    spans = samples.group_by("series_id").agg(
        at.min().alias("first"),
        at.max().alias("last"),
        at.filter(running).min().alias("first_running"),
        at.filter(running).max().alias("last_running"),
    )
    phased = pl.col("fact") == PHASE

    def bound(running_name: str, name: str, *, is_first: bool) -> pl.Expr:
        known, other = pl.col(running_name).filter(phased), pl.col(name)
        pair = (known.min(), other.min()) if is_first else (known.max(), other.max())
        return pl.when(phased.any()).then(pair[0]).otherwise(pair[1])

    return (
        pods.select("series_id", *POD, "fact")
        .join(spans, on="series_id", how="inner", validate="1:1")
        .group_by(POD)
        .agg(
            bound("first_running", "first", is_first=True).alias("run_start"),
            bound("last_running", "last", is_first=False).alias("run_end"),
        )
        .filter(pl.col("run_start").is_not_null())
    )


def _segments(told: pl.LazyFrame, samples: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give stretches of constant rate: of a counter between samples, of a gauge after one.

    What a gauge holds is cut to the time its pod ran.
    """
    is_sum = (pl.col("metric_kind") == "sum") & (
        pl.col("is_monotonic") | (pl.col("temporality") == "delta")
    )
    forms = told.filter(pl.col("fact").is_in(CONTAINER_FACTS)).select(
        "series_id",
        is_sum.alias("is_sum"),
        (is_sum & (pl.col("temporality") == "delta")).alias("is_delta"),
        "run_start",
        "run_end",
    )
    series = samples.join(forms, on="series_id", how="inner", validate="m:1", maintain_order="left")
    at, value = pl.col("event_at"), pl.col("value")
    marked = series.with_columns(
        at.shift(1).over("series_id").alias("before"),
        at.shift(-1).over("series_id").alias("after"),
        value.shift(1).over("series_id").alias("was"),
    )
    step = (pl.col("after") - at).dt.total_microseconds()
    usual = pl.coalesce(step.filter(at.dt.date() == day).median(), step.median())
    hold = pl.duration(microseconds=(usual.over("series_id") * HOLD_INTERVALS).cast(pl.Int64))
    restarted = (pl.col("start_at") > pl.col("before")).fill_null(value=False)
    increase = (
        pl.when(pl.col("is_delta") | (value < pl.col("was")) | restarted)
        .then(value)
        .otherwise(value - pl.col("was"))
    )
    begins = pl.when("is_delta").then(pl.coalesce("start_at", "before")).otherwise("before")
    seconds = (at - begins).dt.total_microseconds() / 1e6
    until = pl.min_horizontal(pl.col("after"), at + hold, pl.col("run_end"))
    return marked.select(
        "series_id",
        pl.when("is_sum")
        .then(begins)
        .otherwise(pl.max_horizontal(at, "run_start"))
        .alias("from_at"),
        pl.when("is_sum").then(at).otherwise(until).alias("to_at"),
        pl.when("is_sum").then(increase / seconds).otherwise(value).alias("rate"),
    ).filter(pl.col("to_at") > pl.col("from_at"))


def _amounts(segments: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Add up rate times seconds per series and hour of the day."""
    start = datetime.combine(day, time(), UTC)
    end = start + timedelta(days=1)
    cut = segments.with_columns(
        pl.max_horizontal("from_at", pl.lit(start)).alias("from_at"),
        pl.min_horizontal("to_at", pl.lit(end)).alias("to_at"),
    ).filter(pl.col("to_at") > pl.col("from_at"))
    first = pl.col("from_at").dt.truncate("1h")
    last = (pl.col("to_at") - timedelta(microseconds=1)).dt.truncate("1h")
    hourly = cut.with_columns(
        pl.datetime_ranges(first, last, interval="1h", time_zone="UTC").alias("usage_hour")
    ).explode("usage_hour")
    hour = pl.col("usage_hour")
    overlap = pl.min_horizontal(pl.col("to_at"), hour + HOUR) - pl.max_horizontal(
        pl.col("from_at"), hour
    )
    amount = pl.col("rate") * overlap.dt.total_microseconds() / 1e6
    return (
        hourly.with_columns(amount.alias("amount"))
        .sort("series_id", "usage_hour", "from_at")
        .group_by("series_id", "usage_hour", maintain_order=True)
        .agg(pl.col("amount").sum())
    )


def _one_source(told: pl.LazyFrame, amounts: pl.LazyFrame) -> pl.LazyFrame:
    """Take the source of lowest rank; use told only per pod counts where no container tells it."""
    container = [*CONTAINER, "fact", "usage_hour"]
    pod = [*POD, "fact", "usage_hour"]
    has_container = (pl.col("container") != "").any().over(pod)
    return (
        amounts.join(
            told.select("series_id", *CONTAINER, "fact", "rank", "source"),
            on="series_id",
            how="inner",
            validate="m:1",
        )
        .sort([*container, "rank", "series_id"])
        .group_by([*container, "rank", "source"], maintain_order=True)
        .agg(pl.col("amount").sum())
        .filter((pl.col("container") != "") | ~has_container)
        .sort([*container, "rank"])
        .group_by(container, maintain_order=True)
        .agg(
            pl.col("amount").first(),
            pl.col("source").first(),
            (pl.len() - 1).cast(pl.Int32).alias("duplicates"),
        )
    )


def _wide(facts: pl.LazyFrame) -> pl.LazyFrame:
    """Give one row per container and hour with each fact in a column."""

    def of(fact: str, column: str) -> pl.Expr:
        return pl.col(column).filter(pl.col("fact") == fact).first()

    return facts.group_by([*CONTAINER, "usage_hour"]).agg(
        *(of(fact, "amount").alias(fact) for fact in CONTAINER_FACTS),
        of(CPU_USE, "source").alias("cpu_source"),
        of(MEMORY_USE, "source").alias("memory_source"),
        pl.col("duplicates").sum().alias("duplicate_source_count"),
    )


def _run_seconds(runs: pl.LazyFrame, day: date) -> pl.LazyFrame:
    """Give the seconds each pod ran in each hour of the day."""
    start = datetime.combine(day, time(), UTC)
    hours = pl.LazyFrame({"usage_hour": [start + HOUR * n for n in range(24)]}).cast(
        USAGE_HOURLY.schema["usage_hour"]
    )
    hour = pl.col("usage_hour")
    overlap = pl.min_horizontal(pl.col("run_end"), hour + HOUR) - pl.max_horizontal(
        pl.col("run_start"), hour
    )
    return (
        runs.join(hours, how="cross")
        .with_columns((overlap.dt.total_microseconds() / 1e6).alias("run_seconds"))
        .filter(pl.col("run_seconds") > 0)
        .select(*POD, "usage_hour", "run_seconds")
    )


def _identity(known: pl.LazyFrame) -> pl.LazyFrame:
    """Give what a pod is: its name, node, controller and labels."""
    kinds = [kind for kind, _ in CONTROLLERS]
    workload = pl.coalesce(
        *(pl.when(pl.col(kind) != "").then(pl.col(kind)) for kind in kinds), pl.col("pod")
    )
    kind = pl.coalesce(
        *(pl.when(pl.col(kind) != "").then(pl.lit(kind)) for kind in kinds), pl.lit("Pod")
    )
    names = ("pod", "pod_uid", "node", *kinds)
    pods = known.group_by(POD).agg(pl.col(name).max() for name in names)
    return (
        pods.with_columns(workload.alias("workload"), kind.alias("workload_kind"))
        .drop(kinds)
        .join(_labels(known), on=POD, how="left", validate="1:1")
        .with_columns(pl.col("labels").fill_null("{}"))
    )


def _labels(known: pl.LazyFrame) -> pl.LazyFrame:
    """Give the labels of each pod as a JSON object, sorted by key; pod beats namespace.

    Annotations stand among them as `annotation:` and their key.
    """
    pattern = r"^k8s\.(pod|namespace)\.(?:labels?|(annotation)s?)\.(.+)$"
    key = pl.col("key")
    kind = pl.when(key.str.extract(pattern, 2).is_not_null()).then(pl.lit(ANNOTATION))
    plain = key.is_in(["team", "owner"])
    quoted = [
        pl.col(name)
        .str.replace_all("\\", "\\\\", literal=True)
        .str.replace_all('"', '\\"', literal=True)
        for name in ("label", "value")
    ]
    return (
        known.select(*POD, "resource_attributes")
        .explode("resource_attributes")
        .unnest("resource_attributes")
        .with_columns(
            pl.when(plain)
            .then(key)
            .otherwise(kind.otherwise(pl.lit("")) + key.str.extract(pattern, 3))
            .alias("label"),
            pl.when(plain)
            .then(2)
            .otherwise((key.str.extract(pattern, 1) == "namespace").cast(pl.Int32))
            .alias("place"),
        )
        .filter(pl.col("label").is_not_null())
        .sort(*POD, "label", "place", "value")
        .unique([*POD, "label"], keep="first", maintain_order=True)
        .group_by(POD, maintain_order=True)
        .agg(
            pl.concat_str(pl.lit('"'), quoted[0], pl.lit('":"'), quoted[1], pl.lit('"')).alias(
                "items"
            )
        )
        .select(
            *POD,
            pl.concat_str(pl.lit("{"), pl.col("items").list.join(","), pl.lit("}")).alias("labels"),
        )
    )

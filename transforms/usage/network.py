"""How many bytes each pod sent, hour by hour, and each workload received in the day.

Reads    `known_series` and `samples` of a day
Writes   core_network_hourly    one row per pod, hour and class of traffic
         core_received_daily    one row per workload
Units    bytes
Holds    counters count their increases, as in transforms.usage; of several metrics or senders that
         tell it of a pod and hour, one counts: of the lowest rank, then who told most
"""

from datetime import date
from typing import Final

import polars as pl

from transforms.exact.steady import steady_sum
from transforms.usage.containers import amounts_of
from transforms.usage.facts import RECEIVED, SENT
from transforms.usage.pods import POD, Observed
from warehouse.tables.core_usage import NETWORK_HOURLY, RECEIVED_DAILY

SENDER: Final = ("rank", "source", "teller")


def network_hourly(observed: Observed, day: date) -> pl.LazyFrame:
    """Give core_network_hourly of a UTC day."""
    return (
        _counted(observed, day, SENT)
        .select(NETWORK_HOURLY.schema.names())
        .cast(NETWORK_HOURLY.schema)
        .sort(NETWORK_HOURLY.key)
    )


def received_daily(observed: Observed, day: date) -> pl.LazyFrame:
    """Give core_received_daily of a UTC day; no line of a bill is shared by it."""
    return (
        _counted(observed, day, RECEIVED)
        .group_by(RECEIVED_DAILY.key)
        .agg(pl.col("bytes").sum())
        .select(RECEIVED_DAILY.schema.names())
        .cast(RECEIVED_DAILY.schema)
        .sort(RECEIVED_DAILY.key)
    )


def _counted(observed: Observed, day: date, fact: str) -> pl.LazyFrame:
    """Give the bytes of each pod, hour and class, with who the pod is."""
    reported = _reported(observed, fact)
    hour = [*POD, "usage_hour"]
    sums = (
        amounts_of(reported, observed.samples, day)
        .join(
            reported.select("series_id", *POD, *SENDER, "class"),
            on="series_id",
            how="inner",
            validate="m:1",
        )
        .sort(*hour, *SENDER, "series_id")
        .group_by(*hour, *SENDER, "class", maintain_order=True)
        .agg(steady_sum(pl.col("amount", "seconds")))
        .with_columns((pl.col("seconds").sum().over(*hour, *SENDER) / 60).round().alias("minutes"))
        .sort(*hour, "rank", "minutes", "teller", descending=[False] * 5 + [True, False])
        .filter(pl.struct(SENDER) == pl.struct(SENDER).first().over(hour))
    )
    return sums.join(observed.identities, on=POD, how="left", validate="m:1").with_columns(
        pl.col("amount").round(0).cast(pl.Int64).alias("bytes"),
        pl.col("usage_hour").dt.date().alias("usage_date"),
    )


def _reported(observed: Observed, fact: str) -> pl.LazyFrame:
    """Give the series that count bytes of pods on a network of their own."""
    pods = observed.pods
    counting = pods.filter((pl.col("fact") == fact) & (pl.col("interface") != "lo"))
    on_host = pods.filter(pl.col("host_network") == "true").select(POD).unique()
    return (
        counting.join(on_host, on=POD, how="anti")
        .join(observed.runs, on=POD, how="inner", validate="m:1")
        .with_columns(_class())
        .with_columns(pl.struct(*POD, *SENDER, "interface", "class").hash().alias("fact_id"))
        .with_columns((pl.len().over("fact_id") > 1).alias("is_reported_twice"))
    )


def _class() -> pl.Expr:
    """Give the class that the exporter tells of its traffic."""
    internet, zone, region = (pl.col(key) for key in ("internet", "same_zone", "same_region"))
    return (
        pl.when(internet == "true")
        .then(pl.lit("internet"))
        .when(region == "false")
        .then(pl.lit("cross_region"))
        .when(zone == "false")
        .then(pl.lit("cross_zone"))
        .when(zone == "true")
        .then(pl.lit("internal"))
        .otherwise(pl.lit("unknown"))
        .alias("class")
    )

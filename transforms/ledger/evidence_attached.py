"""How lines of volumes, traffic, balancers, and those a provider has divided, were shared.

Takes    lines of a day (transforms.ledger.lines), core_volume_hourly, core_traffic_hourly,
         core_balancer_hourly
Gives    chains (see `trace`), one per line, hour, receiver and stretch, node or part
Holds    the last results of a receiver's chains add up to its rows of the ledger
"""

from typing import Final

import polars as pl

from transforms.ledger import balancers as behind
from transforms.ledger.balancer_lines import backing, observed
from transforms.ledger.network import by_receiver
from transforms.ledger.receivers import NO_TELEMETRY, labelled
from transforms.ledger.shares import LINE, RECEIVER
from transforms.ledger.split_lines import placed, with_unused
from transforms.ledger.trace import bucketed, chains, stepped
from transforms.ledger.volume_lines import seen
from transforms.ledger.volumes import by_hours, by_pods, by_time, cut_intervals

AMOUNT: Final = pl.col("effective").alias("amount")


def provider_chains(lines: pl.DataFrame, *, apart: bool) -> pl.DataFrame:
    """Give the chains of lines that a provider has divided: what was used, what was not."""
    divided = with_unused(labelled(lines), apart=apart).with_columns(AMOUNT)
    text = pl.lit("what the provider says was used and unused")
    done = placed(stepped(divided, "provider", text, group=["row"], order=["is_unused"]))
    is_whole = pl.len().over("row") == 1
    step = pl.when(~is_whole).then("step_provider").alias("step_provider")
    return chains(done.with_columns(step), pl.lit("line"))


def volume_chains(lines: pl.DataFrame, volumes: pl.DataFrame) -> pl.DataFrame:
    """Give the chains of volumes' lines (transforms.ledger.volume_lines): hour, stretch, pods."""
    known, mounts = seen(volumes)
    ready = lines.with_columns(AMOUNT)
    daily = by_hours(ready.lazy(), known).collect()
    text = pl.lit("hour in which the volume was heard of")
    even = stepped(daily, "hour", text, group=["x_line_hash"], order=["charge_hour"])
    hourly = pl.concat(
        [ready.filter(pl.col("charge_hour").is_not_null()), even.drop("weight")],
        how="diagonal_relaxed",
    )
    intervals = cut_intervals(known, mounts)
    text = pl.lit("stretch of time, in µs")
    timed = stepped(by_time(hourly.lazy(), intervals).collect(), "stretch", text, group=LINE,
                    order=["begins"])  # fmt: skip
    is_whole = pl.len().over(LINE) == 1
    timed = timed.with_columns(pl.when(~is_whole).then("step_stretch").alias("step_stretch"))
    is_silent = pl.col("begins").is_null()
    silent = bucketed(timed.filter(is_silent), NO_TELEMETRY, "no_telemetry")
    shared = by_pods(timed.filter(~is_silent).lazy(), intervals, mounts).collect()
    text = pl.lit("pods that had it mounted")
    done = stepped(shared, "share", text, group=LINE, order=RECEIVER)
    done = done.with_columns(pl.col("x_line_hash").str.replace(r"@\d+$", ""))
    since = pl.format("volume from {}", pl.col("begins").dt.strftime("%H:%M:%S"))
    return pl.concat(
        [chains(done, since), chains(silent.with_columns(node=pl.lit("-")), pl.lit("volume"))],
        how="diagonal_relaxed",
    )


def traffic_chains(lines: pl.DataFrame, traffic: pl.DataFrame) -> pl.DataFrame:
    """Give the chains of traffic's lines (`network_lines`): bytes over all bytes."""
    rows = by_receiver(lines.with_columns(AMOUNT).lazy(), traffic.lazy()).collect()
    text = pl.format("bytes sent ({})", pl.col("class"))
    done = stepped(rows, "share", text, group=LINE, order=RECEIVER)
    is_reported = pl.col("reason") == "workload"
    part = (
        pl.when(is_reported).then(pl.format("from {}", pl.col("node"))).otherwise(pl.lit("traffic"))
    )
    return chains(done.with_columns(part.alias("from_node"), node=pl.lit("-")), pl.col("from_node"))


def balancer_chains(lines: pl.DataFrame, balancers: pl.DataFrame) -> pl.DataFrame:
    """Give the chains of balancers' lines (`balancer_lines`): overlap over all overlap."""
    reported, silent = observed(lines.with_columns(AMOUNT), balancers)
    rows = behind.by_receiver(reported.lazy(), backing(balancers, lines).lazy()).collect()
    text = pl.lit("time that its pods stood behind it, in µs")
    done = stepped(rows, "share", text, group=LINE, order=RECEIVER)
    part = pl.lit("balancer")
    return pl.concat([chains(done, part), chains(silent, part)], how="diagonal_relaxed")

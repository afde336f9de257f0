"""Who stands on each node in each hour, and what they weigh there, in whole numbers.

Reads    core_usage_hourly, core_node_hourly; the nodes that bill lines pay for
Gives    recipients: all that can bear a node's cost, numbered in the order of their names;
         entries: per node-hour and recipient its weights
Units    microcore-seconds, KiB-seconds, micro-GPU-seconds, whole numbers
Holds    an entry stands once; what several containers of a workload weigh adds up

Names are looked up once. Node-hours (`place`) and recipients are numbers from there on, which are
joined, sorted and compared in a fraction of the time.
"""

from typing import Final

import polars as pl

from transforms.exact.units import KIB
from transforms.ledger.idle import IDLE_SHARE
from transforms.ledger.node_price import PARTS
from transforms.ledger.receivers import IDLE, NO_TELEMETRY, SYSTEM
from transforms.owners.policy import Policy

PLACE: Final = ("cluster", "node", "namespace", "workload", "labels")
HOUR: Final = ("cluster", "node", "usage_hour")
NODE: Final = ("cluster", "node")
WORK, IDLES, TAKEN = 0, 1, 2
"""Kinds of entries: a workload, what stood idle, what the system keeps for itself."""
KINDS: Final = {"idle": IDLES, "system": TAKEN}


def recipients_of(workloads: pl.DataFrame, placed: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Give a number to all that can bear a node's cost: workloads, idle, hours not heard.

    `workloads` are the distinct PLACE of usage; `number` is their row there.
    """
    used = workloads.with_row_index("number").with_columns(pl.lit("workload").alias("reason"))
    node = placed.select(NODE).unique()

    def bucket(name: str, reason: str) -> pl.DataFrame:
        text = [pl.lit(name).alias("namespace"), pl.lit(name).alias("workload")]
        return node.with_columns(*text, labels=pl.lit(""), reason=pl.lit(reason))

    every = [used, bucket(IDLE, "idle"), bucket(NO_TELEMETRY, "no_telemetry")]
    if policy.is_allocatable:
        every.append(bucket(SYSTEM, "system"))
    if policy.idle == "share":
        node_of = pl.col("node") if policy.idle_scope == "node" else pl.lit("-").alias("node")
        shares = used.drop("number").with_columns(node_of, pl.lit(IDLE_SHARE).alias("reason"))
        every.append(shares.unique())
    blank = ("account", "service", "resource", "charge_category")
    return (
        pl.concat(every, how="diagonal")
        .sort(*PLACE, "reason")
        .with_columns(pl.lit("").alias(name) for name in blank)
        .with_row_index("recipient")
    )


def entries_of(
    usage: pl.DataFrame,
    number: pl.Series,
    observed: pl.DataFrame,
    recipients: pl.DataFrame,
    basis: str,
) -> pl.DataFrame:
    """Give per node-hour and recipient the weights and the kind; buckets weigh nothing yet.

    `heard` are the hours of nodes, numbered by `place`. Usage of a node in an hour in which the
    node was not heard bears nothing of it.
    """
    claimed = _asked_or_used(usage, number, observed, recipients, basis)
    kind = pl.col("reason").replace_strict(KINDS, return_dtype=pl.Int8).alias("kind")
    buckets = (
        recipients.filter(pl.col("reason").is_in(list(KINDS)))
        .join(observed, on=NODE, how="inner", validate="m:m")
        .select(_entry(), kind, *(pl.lit(0, pl.Int64).alias(name) for name in PARTS))
    )
    ordered = pl.concat([claimed, buckets]).sort("entry")
    if (ordered["entry"] == ordered["entry"].shift(1)).any():  # several containers of a workload
        whole = pl.col("kind").first(), pl.col(PARTS).sum()
        ordered = ordered.group_by("entry", maintain_order=True).agg(*whole)
    place, recipient = pl.col("entry") // 2**32, pl.col("entry") % 2**32
    return ordered.select(
        place.cast(pl.UInt32).alias("place"),
        recipient.cast(pl.UInt32).alias("recipient"),
        "kind",
        *PARTS,
    )


def _asked_or_used(
    usage: pl.DataFrame,
    number: pl.Series,
    observed: pl.DataFrame,
    recipients: pl.DataFrame,
    basis: str,
) -> pl.DataFrame:
    """Give what each container asks for or uses in an hour; `number` is its workload's."""
    hosts = observed.select(NODE).unique().with_row_index("host")
    hours = observed.join(hosts, on=NODE, how="left", validate="m:1").select("place", _moment())
    work = (
        recipients.filter(pl.col("number").is_not_null())
        .sort("number")
        .join(hosts, on=NODE, how="left", validate="m:1", maintain_order="left")
        .select("host", "recipient")
    )
    return (
        work[number]
        .with_columns(usage["usage_hour"])
        .select("recipient", _moment())
        .join(hours, on="moment", how="left", validate="m:1", maintain_order="left")
        .select(_entry(), pl.lit(WORK, pl.Int8).alias("kind"))
        .with_columns(usage.select(**weights(basis)))
        .drop_nulls("entry")
    )


def _entry() -> pl.Expr:
    """Give node-hour and recipient in one number."""
    return (pl.col("place").cast(pl.UInt64) * 2**32 + pl.col("recipient")).alias("entry")


def _moment() -> pl.Expr:
    """Give node and hour in one number."""
    hour = pl.col("usage_hour").dt.epoch("s").cast(pl.UInt64)
    return (pl.col("host").cast(pl.UInt64) * 2**32 + hour).alias("moment")


def weights(basis: str) -> dict[str, pl.Expr]:
    """Give what a container asks for or uses of an hour, by part, as whole numbers."""
    gpu = (pl.col("gpu_request_gpu_seconds") * 1e6).round(0).cast(pl.Int64)
    return {
        "cpu": _whole("cpu", "core", 1e6, basis),
        "memory": _whole("memory", "byte", 1 / KIB, basis),
        "gpu": gpu,
    }


def _whole(name: str, unit: str, scale: float, basis: str) -> pl.Expr:
    request, use = (pl.col(f"{name}_{kind}_{unit}_seconds") for kind in ("request", "usage"))
    chosen = {"max": pl.max_horizontal(request, use), "request": request, "usage": use}
    return (chosen[basis] * scale).round(0, mode="half_to_even").cast(pl.Int64)

"""When the clock alone changes what coverage says: no telemetry, no bill, no file need come.

Takes    what the steps of coverage read, and what they have made
Gives    the moments, as frames with a column `at`; some lie in the past, some change nothing
Holds    between two of these moments, one after the other, nothing changes

What goes by the day of `now` alone turns at midnight, and is not told here.
"""

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from transforms.coverage.continuity import WINDOW_HOURS
from transforms.coverage.coverage import LAST, expected_of, latest, unexpected_of
from transforms.coverage.expected import HISTORY, Expectations
from transforms.coverage.findings import SHOWN_DAYS
from transforms.coverage.identity import IDENTITY
from warehouse.table import INSTANT

TICK: Final = timedelta(microseconds=1)
"""The least time there is between two instants."""


def lines_that_leave(lines: pl.LazyFrame, billed: pl.LazyFrame) -> pl.LazyFrame:
    """Give when the first tagged line leaves the 30 days, which end with the last line billed."""
    last = lines.select(pl.col("charge_period_end").max().alias("last"))
    leaves = pl.col("first_seen_at") + HISTORY
    return (
        billed.select(leaves.alias("at"))
        .join(last, how="cross")
        .filter(pl.col("at") <= pl.col("last"))
    )


def ages(sources: pl.LazyFrame) -> pl.LazyFrame:
    """Give when each source of mart_inventory_source is an hour older, and when it is stale."""
    at, hours = pl.col("updated_at"), pl.duration(hours=pl.col("max_age_hours"))
    older = at + pl.duration(hours=pl.col("age_hours") + 1)
    return pl.concat([sources.select(at=older), sources.select(at=at + hours + TICK)])


def services(
    inventory: pl.LazyFrame, signals: pl.LazyFrame, *, now: datetime, terms: Expectations
) -> pl.LazyFrame:
    """Give when signals of services go stale, exemptions end, and hours enter or leave the week."""
    known = inventory.collect()
    seen = latest(signals, known)
    every = [*_stale(expected_of(seen, known, terms)), *_stale(unexpected_of(seen, terms))]
    return pl.concat([*every, exemptions(inventory), _hours(signals), _young(inventory, now)])


def _stale(received: pl.DataFrame) -> list[pl.LazyFrame]:
    """Give when each signal is no longer fresh."""
    window = pl.duration(hours=pl.col("window_hours"))
    return [received.lazy().select(at=pl.col(last) + window + TICK) for last in LAST]


def exemptions(inventory: pl.LazyFrame) -> pl.LazyFrame:
    """Give the midnights after the last days of exemptions."""
    after = pl.col("exempt_until") + timedelta(days=1)
    return inventory.filter(pl.col("exempt_reason") != "").select(at=after.cast(INSTANT))


def _hours(signals: pl.LazyFrame) -> pl.LazyFrame:
    """Give when each hour with telemetry enters the window of whole hours, and when it leaves."""
    hours = pl.LazyFrame({"hour": range(24)}, schema={"hour": pl.UInt32()})
    is_in = (pl.col("hours") & pl.lit(2, pl.Int32).pow(pl.col("hour"))) != 0
    days = signals.group_by("day").agg(pl.col("hours").bitwise_or())
    over = pl.col("day").cast(INSTANT) + pl.duration(hours=pl.col("hour") + 1)
    enters = days.join(hours, how="cross").filter(is_in).select(at=over)
    return pl.concat([enters, enters.select(pl.col("at") + timedelta(hours=WINDOW_HOURS))])


def _young(inventory: pl.LazyFrame, now: datetime) -> pl.LazyFrame:
    """Give when services first seen within the window have lived an hour more."""
    began = pl.col("first_seen_at").dt.truncate("1h")
    hour = now.replace(minute=0, second=0, microsecond=0)
    older = pl.max_horizontal(began, pl.lit(hour)) + timedelta(hours=1)
    is_young = older <= began + timedelta(hours=WINDOW_HOURS)
    return inventory.filter(is_young).select(at=older)


def findings(inventory: pl.LazyFrame, signals: pl.LazyFrame, found: pl.LazyFrame) -> pl.LazyFrame:
    """Give when telemetry told of in mart_coverage_finding is too old, and exemptions end."""
    shown = signals.join(found, on=IDENTITY, how="semi")
    old = pl.col("last_received_at") + timedelta(days=SHOWN_DAYS)
    return pl.concat([shown.select(at=old), exemptions(inventory)])

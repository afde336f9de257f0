"""Which series each tenant has: those that were sent within the last 24 hours.

Takes    the series of a request, the tenant's limit, the hour
Gives    the series beyond the limit; a request without their points
Holds    a series that is known goes on; a new one is refused while the limit is reached, and again
         and again until another has been silent for a day
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from collector.otlp.wire.series import describe, series_id
from meterbook.base.errors import UndecodableError
from warehouse.tables import raw

HOURS: Final = 24
Tenant = str


class ActiveSeries:
    """The series of all tenants that have a quota of series."""

    def __init__(self) -> None:
        """Begin with none."""
        self._of: dict[Tenant, dict[int, int]] = {}
        self._pruned_at: dict[Tenant, int] = {}

    def count(self, tenant: Tenant) -> int:
        """Give how many series a tenant has."""
        return len(self._of.get(tenant, ()))

    def take(self, tenant: Tenant, series: Collection[int], limit: int, hour: int) -> set[int]:
        """Take up the series of a request in an hour; give those that are beyond."""
        known = self._of.setdefault(tenant, {})
        if self._pruned_at.get(tenant, hour) != hour:
            known = {found: seen for found, seen in known.items() if seen > hour - HOURS}
            self._of[tenant] = known
        self._pruned_at[tenant] = hour
        refused: set[int] = set()
        for found in series:
            if found in known or len(known) < limit:
                known[found] = hour
            else:
                refused.add(found)
        return refused


def take_up(active: ActiveSeries, lake: Path, now: datetime) -> None:
    """Take up what a former run stored, so that a restart makes no room."""
    first = now - timedelta(hours=HOURS)
    days = {first.date(), now.date()}
    files = [file for day in days for file in _files(lake, day)]
    if not files:
        return
    found = (
        pl.scan_parquet(files, schema=raw.SERIES.schema, hive_partitioning=False)
        .filter(pl.col("event_hour") > first)
        .select("tenant", "series_id", hour=pl.col("event_hour").dt.epoch("s") // 3600)
        .collect()
    )
    for (tenant, hour), part in found.partition_by("tenant", "hour", as_dict=True).items():
        active.take(tenant, part["series_id"].to_list(), limit=found.height, hour=hour)


def _files(lake: Path, day: date) -> list[Path]:
    return sorted((lake / raw.SERIES.name / f"date={day}").glob("hour=*/*.parquet"))


def hour_of(seconds: float) -> int:
    """Give the hour since the epoch."""
    return int(seconds) // 3600


def without(body: bytes, tenant: Tenant, refused: Collection[int]) -> bytes:
    """Give a request of metrics without the points of some series.

    Errors: UndecodableError where its text is not UTF-8: only whole requests can be taken then.
    """
    request = ExportMetricsServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as exc:
        raise UndecodableError(f"beyond the quota of series, and not UTF-8: {exc}") from None
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                _drop(metric, tenant, resource, scope, refused)
    return request.SerializeToString()


def _drop(metric: Any, tenant: Tenant, resource: Any, scope: Any, refused: Collection[int]) -> None:
    kind = metric.WhichOneof("data")
    if kind is None:
        return
    data = getattr(metric, kind)
    kept = [
        point
        for point in data.data_points
        if series_id(
            describe(
                tenant=tenant,
                kind=kind,
                name=metric.name.encode(),
                unit=metric.unit.encode(),
                temporality=getattr(data, "aggregation_temporality", 0),
                is_monotonic=getattr(data, "is_monotonic", False),
                resource=resource.resource.SerializeToString(),
                scope=scope.scope.SerializeToString(),
                attributes=[item.SerializeToString() for item in point.attributes],
            )
        )
        not in refused
    ]
    del data.data_points[:]
    data.data_points.extend(kept)

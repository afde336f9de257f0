"""Builders of small telemetry and bills for the tests of transforms."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tests.conftest import CASES
from transforms.ledger import allocation, cost
from transforms.owners.ownership import Ownership
from transforms.usage import balancer_hours, containers, network, pods, volumes
from warehouse.tables import raw
from warehouse.tables.core import COST_LEDGER, NODE_HOURLY, USAGE_HOURLY
from warehouse.tables.core_usage import (
    BALANCER_HOURLY,
    NETWORK_HOURLY,
    RECEIVED_DAILY,
    VOLUME_HOURLY,
)

DAY = date(2026, 10, 1)
START = datetime(2026, 10, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
Samples = Sequence[tuple[float, float]]


def typed(values: Mapping[str, object]) -> list[dict[str, str]]:
    """Give attributes as raw_series keeps them; numbers are ints."""
    return [
        {"key": key, "type": "int" if isinstance(value, int) else "string", "value": str(value)}
        for key, value in sorted(values.items())
    ]


class Telemetry:
    """Series and points of one day; times in hours from its start."""

    def __init__(self) -> None:
        """Begin empty."""
        self._series: list[dict[str, Any]] = []
        self._points: list[dict[str, Any]] = []
        self._state: tuple[date, int, int] | None = None
        self._observed = pods.Observed(*(pl.LazyFrame() for _ in pods.Observed._fields))

    def add(
        self,
        metric: str,
        resource: Mapping[str, object],
        samples: Samples = ((0, 1),),
        kind: str = "gauge",
        labels: Mapping[str, object] | None = None,
        temporality: str = "",
        starts: Sequence[float] = (),
        scope: str = "",
    ) -> "Telemetry":
        """Add a series; a `counter` is a cumulative monotonic sum."""
        is_counter = kind == "counter"
        ident = len(self._series) + 1
        self._series.append(
            {
                **raw.SERIES.sample(1).select(*raw.ONCE_SCHEMA).to_dicts()[0],
                "first_hour_at": START,
                "last_hour_at": START,
                "hours": 1,
                "series_id": ident,
                "tenant": "default",
                "metric_name": metric,
                "metric_kind": "sum" if is_counter else kind,
                "temporality": temporality or ("cumulative" if is_counter else "unspecified"),
                "is_monotonic": is_counter,
                "resource_attributes": typed(resource),
                "scope_name": scope,
                "scope_attributes": [],
                "point_attributes": typed(labels or {}),
                "point_count": 1,
                "received_at": START,
            }
        )
        begun: Sequence[float | None] = starts or [None] * len(samples)
        for (at, value), start in zip(samples, begun, strict=True):
            self._points.append(
                {
                    "series_id": ident,
                    "event_at": START + at * HOUR,
                    "start_at": None if start is None else START + start * HOUR,
                    "value": float(value),
                    "flags": 0,
                    "x_segment": 1,
                    "x_seq": 1,
                }
            )
        return self

    def node(
        self,
        name: str,
        cores: float,
        gib: float,
        samples: Sequence[float],
        *,
        cluster: str = "c",
        gpus: float = 0,
        labels: Mapping[str, str] | None = None,
    ) -> "Telemetry":
        """Add a node with its capacity, seen at these hours."""
        resource = {"k8s.cluster.name": cluster, "k8s.node.name": name, "host.id": f"i-{name}"}
        resource |= {f"k8s.node.label.{key}": text for key, text in (labels or {}).items()}
        offered = {"cpu": cores, "memory": gib * 2**30, "nvidia_com_gpu": gpus}
        for kind, value in offered.items():
            at = [(hour, value) for hour in samples]
            self.add("kube_node_status_capacity", resource, at, labels={"resource": kind})
        return self

    def pod(
        self,
        name: str,
        node: str,
        namespace: str,
        start: float,
        end: float,
        request: float | None = None,
        use: Sequence[float] = (),
        labels: Mapping[str, str] | None = None,
        *,
        gib: float = 0,
        gpus: float = 0,
        cluster: str = "c",
        annotations: Mapping[str, str] | None = None,
    ) -> "Telemetry":
        """Add a pod with hourly samples from start to end; `use` is cores per hour."""
        hours = [start + n for n in range(int(end - start) + 1)]
        if hours[-1] != end:
            hours.append(end)
        pod = {
            "k8s.cluster.name": cluster,
            "k8s.namespace.name": namespace,
            "k8s.pod.name": name,
            "k8s.pod.uid": f"uid-{name}",
            "k8s.node.name": node,
            "k8s.deployment.name": f"{name}-app",
            **{f"k8s.pod.label.{key}": value for key, value in (labels or {}).items()},
            **{f"k8s.pod.annotation.{key}": text for key, text in (annotations or {}).items()},
        }
        container = {**pod, "k8s.container.name": "main"}
        self.add("k8s.pod.phase", pod, [(hour, 2) for hour in hours])
        if request is not None:
            at = [(hour, request) for hour in hours]
            self.add("k8s.container.cpu_request", container, at)
        if gib:
            at = [(hour, gib * 2**30) for hour in hours]
            self.add("k8s.container.memory_request", container, at)
        if gpus:
            at = [(hour, gpus) for hour in hours]
            which = {"resource": "nvidia_com_gpu"}
            self.add("kube_pod_container_resource_requests", container, at, labels=which)
        if use:
            total, counted = 0.0, [(hours[0], 0.0)]
            for hour, cores in zip(hours[1:], use, strict=True):
                total += cores * 3600
                counted.append((hour, total))
            self.add("container.cpu.time", container, counted, "counter")
        return self

    @property
    def series(self) -> pl.LazyFrame:
        """Give raw_series_day."""
        return pl.LazyFrame(self._series, schema=raw.DAY_SERIES_SCHEMA)

    @property
    def points(self) -> pl.LazyFrame:
        """Give raw_point."""
        return pl.LazyFrame(self._points, schema=raw.POINT.schema)

    def observed(self, day: date = DAY) -> pods.Observed:
        """Give what a day is made from, collected once."""
        state = (day, len(self._series), len(self._points))
        if state != self._state:
            known = containers.known_series(self.series).collect().lazy()
            samples = containers.samples_of(known, self.points, day).collect().lazy()
            frames = pods.observed(known, samples)
            self._state = state
            self._observed = pods.Observed(*(frame.collect().lazy() for frame in frames))
        return self._observed

    def samples(self, day: date = DAY) -> pl.DataFrame:
        """Give the points that a day is made from."""
        return self.observed(day).samples.collect()

    def reported(self, day: date = DAY) -> pl.LazyFrame:
        """Give what each source told of each container and hour."""
        return containers.fact_hours(self.observed(day), day)

    def usage(self, day: date = DAY) -> pl.DataFrame:
        """Give core_usage_hourly, checked."""
        made = containers.usage_hourly(self.observed(day), self.reported(day), day)
        return USAGE_HOURLY.check(made.collect())

    def nodes(self, day: date = DAY) -> pl.DataFrame:
        """Give core_node_hourly, checked."""
        known, samples = self.observed(day)[:2]
        return NODE_HOURLY.check(containers.node_hourly(known, samples, day).collect())

    def volumes(self, day: date = DAY) -> pl.DataFrame:
        """Give core_volume_hourly, checked."""
        made = volumes.volume_hourly(self.observed(day), day)
        return VOLUME_HOURLY.check(made.collect())

    def network(self, day: date = DAY) -> pl.DataFrame:
        """Give core_network_hourly, checked."""
        made = network.network_hourly(self.observed(day), day)
        return NETWORK_HOURLY.check(made.collect())

    def received(self, day: date = DAY) -> pl.DataFrame:
        """Give core_received_daily, checked."""
        made = network.received_daily(self.observed(day), day)
        return RECEIVED_DAILY.check(made.collect())

    def balancers(self, day: date = DAY) -> pl.DataFrame:
        """Give core_balancer_hourly, checked."""
        made = balancer_hours.balancer_hourly(self.observed(day), day)
        return BALANCER_HOURLY.check(made.collect())


class Bill:
    """Bill lines; times in hours from the day's start."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lines: list[dict[str, Any]] = []

    def add(
        self,
        cost: str,
        start: float = 0,
        hours: float = 24,
        resource: str | None = None,
        tags: Mapping[str, str] | None = None,
        **facts: object,
    ) -> "Bill":
        """Add a line; billed cost is the effective cost unless said."""
        blank = dict.fromkeys(raw.COST_LINE.schema.names())
        self._lines.append(
            {
                **blank,
                "x_line_hash": f"{len(self._lines) + 1:032x}",
                "x_source": "test",
                "x_source_format": "focus",
                "x_source_version": "1.2",
                "x_delivery_id": "d",
                "x_file": "f",
                "x_row_number": len(self._lines) + 1,
                "billing_account_id": "payer",
                "billing_currency": "USD",
                "billing_period_start": START,
                "billing_period_end": START + 31 * 24 * HOUR,
                "charge_category": "Usage",
                "charge_period_start": START + start * HOUR,
                "charge_period_end": START + (start + hours) * HOUR,
                "service_name": "Compute",
                "provider_name": "AWS",
                "effective_cost": Decimal(cost),
                "billed_cost": Decimal(cost),
                "resource_id": resource,
                "tags": [{"key": k, "value": v} for k, v in sorted((tags or {}).items())],
                "x_extra": [],
                **facts,
            }
        )
        return self

    @property
    def lines(self) -> pl.LazyFrame:
        """Give raw_cost_line."""
        return pl.LazyFrame(self._lines, schema=raw.COST_LINE.schema)

    def of_day(self, day: date = DAY) -> pl.LazyFrame:
        """Give the part of the lines that falls on a day."""
        return allocation.day_lines(self.lines, day)


@pytest.fixture
def telemetry() -> Telemetry:
    """Give empty telemetry."""
    return Telemetry()


@pytest.fixture
def bill() -> Bill:
    """Give an empty bill."""
    return Bill()


Ledger = Callable[..., pl.DataFrame]


@pytest.fixture
def ledger() -> Ledger:
    """Give the ledger of a day, checked against its table and against the bill."""

    def make(bill: Bill, telemetry: Telemetry, ownership: Ownership | None = None) -> pl.DataFrame:
        lines = bill.of_day()
        made = allocation.ledger(
            lines,
            telemetry.usage().lazy(),
            telemetry.nodes().lazy(),
            ownership or Ownership.default(),
            day=DAY,
            now=START,
            volumes=telemetry.volumes().lazy(),
            network=telemetry.network().lazy(),
            balancers=telemetry.balancers().lazy(),
        )
        frame = COST_LEDGER.check(made.collect())
        proof = cost.reconciliation_daily(lines, frame.lazy()).collect()
        assert proof["difference"].to_list() == [0] * proof.height
        assert proof["bill_billed_cost"].equals(proof["ledger_billed_cost"], check_names=False)
        return frame

    return make


def costs_by(frame: pl.DataFrame, column: str) -> dict[str, Decimal]:
    """Sum the effective cost by a column."""
    sums = frame.group_by(column).agg(pl.col("effective_cost").sum())
    return dict(zip(sums[column], sums["effective_cost"], strict=True))


@pytest.fixture
def by() -> Callable[[pl.DataFrame, str], dict[str, Decimal]]:
    """Give the function that sums by a column."""
    return costs_by


@pytest.fixture
def case() -> Callable[[str, str], dict[str, Any]]:
    """Give a case of `tests/cases` by its folder and its id, with which its file's name begins."""

    def read(folder: str, ident: str) -> dict[str, Any]:
        path = next((CASES / folder).glob(f"{ident}*.json"))
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return document

    return read

"""What services send of their own, day by day."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from tests.transforms.conftest import DAY, START, Telemetry, typed
from tests.transforms.rows import rows
from transforms.coverage.identity import IDENTITY
from transforms.coverage.signals import is_infrastructure, signals_seen
from warehouse.tables.core import SIGNAL_DAILY
from warehouse.tables.raw import SIGNAL

WEB = {"service.name": "web", "service.namespace": "shop"}


def seen(series: pl.LazyFrame, *signals: dict[str, Any], scopes: Any = ()) -> pl.DataFrame:
    """Give core_signal_daily, checked."""
    made = signals_seen(
        series, rows(SIGNAL, *signals).lazy(), DAY, infrastructure_scopes=scopes,
        environment="production",
    )  # fmt: skip
    return SIGNAL_DAILY.check(made.collect())


def sent(signal: str, hour: int, count: int, **facts: Any) -> dict[str, Any]:
    """Give logs or traces of shop/web in an hour, received when it ended."""
    at = START + timedelta(hours=hour)
    return {
        "signal": signal, "event_hour": at, "item_count": count, "resource_attributes": typed(WEB),
        "received_at": at + timedelta(hours=1), **facts,
    }  # fmt: skip


def test_metrics_about_a_workload_cover_nobody(telemetry: Any) -> None:
    """By scope or by name; what a service measures itself does."""
    scopes = ["*kubeletstatsreceiver*"]
    telemetry.add("container.cpu.time", WEB, scope="otelcol/kubeletstatsreceiver/x")
    telemetry.add("queue.depth", WEB, scope="otelcol/kubeletstatsreceiver/x")
    telemetry.add("k8s.pod.phase", WEB)

    assert seen(telemetry.series, scopes=scopes).is_empty()
    telemetry.add("queue.depth", WEB, scope="shop.worker")
    assert seen(telemetry.series, scopes=scopes).select(*IDENTITY[:2], "signal").rows() == [
        ("shop", "web", "metrics")
    ]


@pytest.mark.parametrize("name", ["", "unknown_service:java"])
def test_a_workload_stands_in_for_a_missing_name(telemetry: Any, name: str) -> None:
    """Without a usable name the controller and its namespace are the identity."""
    workload = {"k8s.deployment.name": "web", "k8s.namespace.name": "shop"}
    telemetry.add("http.requests", {"service.name": name, **workload})

    assert seen(telemetry.series).select(IDENTITY).rows() == [("shop", "web", "production")]


def test_items_are_added_and_hours_joined() -> None:
    """Logs of 1:00 twice and of 3:00: 3 + 4 + 5 items in two hours, bits 1 and 3: 2 + 8.

    What came last counts as the time of receipt; traces stand apart.
    """
    made = seen(
        Telemetry().series, sent("logs", 1, 3), sent("logs", 3, 5), sent("logs", 1, 4),
        sent("traces", 0, 9),
    )  # fmt: skip

    assert made.select("signal", "item_count", "hours", "hour_count").rows() == [
        ("logs", 12, 10, 2),
        ("traces", 9, 1, 1),
    ]
    assert made["last_received_at"].to_list() == [
        START + timedelta(hours=4),
        START + timedelta(hours=1),
    ]


def test_metrics_count_the_hours_of_their_series(telemetry: Any) -> None:
    """One series in hours 0 and 5, another in hour 5: three items, two hours (1 + 32)."""
    telemetry.add("queue.depth", WEB).add("queue.age", WEB)
    hours = pl.when(pl.col("series_id") == 1).then(33).otherwise(32).cast(pl.Int32)

    made = seen(telemetry.series.with_columns(hours=hours))

    assert made.select("item_count", "hours", "hour_count").rows() == [(3, 33, 2)]


@pytest.mark.parametrize(
    ("resource", "identity"),
    [
        (WEB | {"deployment.environment.name": "staging"}, ("shop", "web", "staging")),
        ({"service.name": "web"}, ("", "web", "production")),
        ({"service.name": "web", "k8s.deployment.name": "other"}, ("", "web", "production")),
        ({"k8s.namespace.name": "pay", "k8s.deployment.name": "api"}, ("pay", "api", "production")),
        ({"service.namespace": "shop"}, ("shop", "unknown_service", "production")),
        ({"service.name": "unknown_service:go"}, ("", "unknown_service:go", "production")),
        ({"k8s.cronjob.name": "c", "k8s.job.name": "c-1"}, ("", "c", "production")),
    ],
)
def test_who_sent_it(telemetry: Any, resource: dict[str, str], identity: tuple[str, ...]) -> None:
    """The service by its name; without one its topmost workload; nobody stays nobody."""
    telemetry.add("queue.depth", resource)

    assert seen(telemetry.series).select(IDENTITY).rows() == [identity]


@pytest.mark.parametrize(
    ("scope", "metric", "want"),
    [
        ("otelcol/kubeletstatsreceiver", "queue.depth", True),
        ("otelcol.kubeletstatsreceiver", "queue.depth", False),
        ("x/otelcol/kubeletstatsreceiver", "queue.depth", False),
        ("otelcol/hostmetricsX", "queue.depth", True),
        ("otelcol/hostmetricsXY", "queue.depth", False),
        ("shop", "container_cpu", True),
        ("shop", "container.cpu", True),
        ("shop", "containers.open", False),
        ("shop", "my.k8s.metric", False),
    ],
)
def test_what_tells_about_workloads(scope: str, metric: str, want: object) -> None:
    """A scope is the whole of a pattern, where a point is a point; a metric begins so."""
    frame = pl.DataFrame({"scope_name": [scope], "metric_name": [metric]})
    scopes = ["otelcol/kubelet*", "otelcol/hostmetrics?"]

    assert frame.select(is_infrastructure(scopes)).item() is want


def test_without_patterns_only_names_tell_about_workloads() -> None:
    """Logs have no metric: without any scope nothing of them is infrastructure."""
    frame = pl.DataFrame({"scope_name": ["x", "y"]})

    assert frame.select(is_infrastructure([], metric=None)).to_series().to_list() == [False]


def test_a_day_without_signals_is_empty() -> None:
    """No series, no logs, no traces: no rows, and no service with zero."""
    assert seen(Telemetry().series).is_empty()

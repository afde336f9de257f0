"""Who runs, as the cluster's own metrics tell it."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from tests.transforms.conftest import DAY, START, Telemetry
from transforms.coverage.workloads import workloads_seen
from warehouse.tables.core import WORKLOAD_DAILY

POD = {"k8s.cluster.name": "c", "k8s.namespace.name": "shop", "k8s.pod.name": "p"}


def seen(series: pl.LazyFrame) -> pl.DataFrame:
    """Give core_workload_daily, checked."""
    return WORKLOAD_DAILY.check(workloads_seen(series, DAY, "production").collect())


def test_workloads_are_seen_by_the_cluster(telemetry: Any) -> None:
    """Infrastructure metrics name the topmost controller, its kind and its team's label."""
    telemetry.add(
        "k8s.pod.phase",
        {
            "k8s.cluster.name": "c",
            "k8s.namespace.name": "batch",
            "k8s.pod.name": "nightly-1-x",
            "k8s.job.name": "nightly-1",
            "k8s.cronjob.name": "nightly",
            "k8s.pod.label.team": "search",
        },
    )

    frame = WORKLOAD_DAILY.check(workloads_seen(telemetry.series, DAY, "production").collect())

    row = frame.row(0, named=True)
    assert (row["namespace"], row["workload"], row["workload_kind"], row["team"]) == (
        "batch",
        "nightly",
        "CronJob",
        "search",
    )


@pytest.mark.parametrize(
    ("metric", "resource"),
    [
        ("queue.depth", POD),  # a service's own metric tells nothing of a workload
        ("kubelet.x", POD),
        ("k8s.node.uptime", {"k8s.node.name": "n"}),
        ("k8s.pod.phase", {"k8s.pod.name": "p"}),
        ("k8s.namespace.phase", {"k8s.namespace.name": "shop"}),
    ],
)
def test_what_is_no_workload(telemetry: Any, metric: str, resource: dict[str, str]) -> None:
    """Nothing without both a namespace and a pod or controller."""
    telemetry.add(metric, resource)

    assert seen(telemetry.series).is_empty()


def test_series_of_one_workload_are_one_row(telemetry: Any) -> None:
    """From the first hour of any to the last of any; the team that one of its pods names.

    Without an environment of its own it runs where the settings say, without a cluster in default.
    """
    web = {"k8s.namespace.name": "shop", "k8s.deployment.name": "web"}
    telemetry.add("k8s.pod.phase", web | {"k8s.pod.name": "a", "team": "x"})
    telemetry.add("k8s.pod.phase", web | {"k8s.pod.name": "b"})
    hours = pl.duration(hours=pl.col("series_id").cast(pl.Int64) * 3)
    series = telemetry.series.with_columns(
        first_hour_at=pl.col("first_hour_at") + hours, last_hour_at=pl.col("last_hour_at") + hours
    )

    row = seen(series).row(0, named=True)

    assert (row["cluster"], row["workload"], row["environment"]) == ("default", "web", "production")
    assert (row["workload_kind"], row["team"]) == ("Deployment", "x")
    assert row["first_event_at"] == START + timedelta(hours=3)
    assert row["last_event_at"] == START + timedelta(hours=6)


def test_clusters_and_environments_stand_apart(telemetry: Any) -> None:
    """The same name in two clusters, and in two environments of one."""
    for more in ({}, {"k8s.cluster.name": "d"}, {"deployment.environment.name": "test"}):
        telemetry.add("k8s.pod.phase", POD | more)

    assert seen(telemetry.series).select("cluster", "environment").rows() == [
        ("c", "production"), ("c", "test"), ("d", "production"),
    ]  # fmt: skip


def test_the_label_of_a_pod_names_its_team_before_its_resource(telemetry: Any) -> None:
    """`k8s.pod.label.team`, then `k8s.pod.labels.team`, then `team`."""
    for n, keys in enumerate(
        (["k8s.pod.label.team", "k8s.pod.labels.team", "team"], ["k8s.pod.labels.team", "team"])
    ):
        teams = dict(zip(keys, "abc", strict=False))
        telemetry.add("k8s.pod.phase", POD | {"k8s.pod.name": f"p{n}"} | teams)

    assert seen(telemetry.series)["team"].to_list() == ["a", "a"]


def test_a_day_without_metrics_is_empty() -> None:
    """No rows, in the declared types."""
    assert seen(Telemetry().series).is_empty()

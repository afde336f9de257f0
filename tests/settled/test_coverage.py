"""Settled: coverage; see docs/reference/settled.md."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from tests.transforms.coverage.listed import catalogue, services, workloads
from tests.transforms.coverage.test_coverage import ALL, covered, received, states
from transforms.coverage.signals import signals_seen
from transforms.coverage.workloads import workloads_seen
from warehouse.tables.raw import SIGNAL

DAY = date(2026, 10, 1)


def sent(telemetry: Any, *scopes: str) -> pl.DataFrame:
    """Give core_signal_daily of what a builder holds."""
    made = signals_seen(
        telemetry.series,
        SIGNAL.empty().lazy(),
        DAY,
        infrastructure_scopes=scopes,
        environment="production",
    )
    return made.collect()


def test_settled_a_service_outside_the_inventory_is_unregistered() -> None:
    """It stands in its own list, beside the one that is expected."""
    frame = covered(services(catalogue("shop,web")), received({"shop/web": ALL, "x/new": ALL}))

    assert states(frame) == {"complete": ["web"], "unregistered": ["new"]}


@pytest.mark.parametrize("metric", ["k8s.pod.phase", "container.cpu.time", "kube_pod_info"])
def test_settled_metrics_about_a_workload_tell_that_it_exists(telemetry: Any, metric: str) -> None:
    """It becomes a member of the inventory, and is dark: the metric covers nobody."""
    telemetry.add(metric, {"k8s.namespace.name": "shop", "k8s.deployment.name": "web"})

    running = workloads_seen(telemetry.series, DAY, "production").collect()
    frame = covered(services(catalogue(), running.lazy()), sent(telemetry).lazy())

    assert states(frame) == {"dark": ["web"]}


def test_settled_every_workload_seen_is_expected_in_the_environments_in_scope() -> None:
    """Of a workload in production and one in staging the first is expected."""
    elsewhere = workloads("shop/trial").with_columns(environment=pl.lit("staging"))
    running = pl.concat([workloads("shop/web"), elsewhere])

    assert states(covered(services(catalogue(), running), received({}))) == {"dark": ["web"]}


def test_settled_system_namespaces_are_exempted_in_the_inventory_with_a_reason() -> None:
    """Nothing is left out by its namespace's name: `kube-system` is expected until it is exempt."""
    running = workloads("kube-system/dns", "kube-system/proxy")
    exempt = catalogue("kube-system,dns,service,t,2,the provider runs it,2027-01-01")

    found = states(covered(services(exempt, running), received({})))

    assert found == {"exempt": ["dns"], "dark": ["proxy"]}


@pytest.mark.parametrize(
    ("name", "environment"),
    [("x/unknown_service", "production"), ("unknown_service:java", "production"),
     ("shop/old", "production"), ("x/new", "staging")],
)  # fmt: skip
def test_settled_unregistered_leaves_out_the_nameless_the_exempt_and_what_is_out_of_scope(
    name: str, environment: str
) -> None:
    """`shop/old` is exempt; only production is in scope; a plain stranger would be listed."""
    known = services(catalogue("shop,old,service,t,2,moves,2027-01-01"))

    frame = covered(known, received({name: ALL}, environment=environment))

    assert "unregistered" not in states(frame)


def test_settled_the_environment_is_deployment_environment_name(telemetry: Any) -> None:
    """A service that names staging is staging's."""
    telemetry.add("m", {"service.name": "web", "deployment.environment.name": "staging"})

    assert sent(telemetry)["environment"].to_list() == ["staging"]

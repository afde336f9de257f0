"""Which pods stood behind which balancer, and in which hours a balancer was observed."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from tests.transforms.conftest import DAY, START, Telemetry
from tests.transforms.services import HOST, UID, leads, scraped, served
from transforms.usage.balancer_hours import balancer_hourly
from warehouse.tables.core_usage import BALANCER_HOURLY


def stood(telemetry: Telemetry) -> list[tuple[Any, ...]]:
    """Give who stood behind which balancer in the first hour, and for how long."""
    hours = telemetry.balancers().filter(pl.col("usage_hour").dt.hour() == 0)
    return hours.select("kind", "balancer", "pod", "overlap_seconds").rows()


def test_every_way_to_tell_who_stands_behind(telemetry: Any) -> None:
    """Slices, addresses, selected labels of OpenCost's exporter and of OpenTelemetry."""
    labels = {"app.kubernetes.io/name": "web", "tier": "front"}
    telemetry.pod("a", "n", "shop", 0, 1, request=1, labels=labels)
    telemetry.pod("b", "n", "shop", 0, 1, request=1, labels={"tier": "front"})
    cost = "kubecost_load_balancer_cost"
    for service in ("sliced", "addressed", "selecting"):
        scraped(telemetry, cost, namespace="shop", service_name=service, ingress_ip="192.0.2.1")
    leads(telemetry, "b", "sliced")
    info = {"namespace": "shop", "pod": "a", "pod_ip": "10.0.0.7"}
    scraped(telemetry, "kube_pod_info", **info)
    scraped(
        telemetry, "kube_endpoint_address", namespace="shop", endpoint="addressed", ip="10.0.0.7"
    )
    selected = {"label_app_kubernetes_io_name": "web", "label_tier": "front"}
    for service in ("selecting", "sliced"):
        scraped(telemetry, "service_selector_labels", namespace="shop", service=service, **selected)
    reported = {
        "k8s.cluster.name": "c",
        "k8s.namespace.name": "shop",
        "k8s.service.name": "native",
        "k8s.service.type": "LoadBalancer",
        "k8s.service.selector.app.kubernetes.io/name": "web",
    }
    telemetry.add("k8s.service.load_balancer.ingress.count", reported, [(0, 1)])

    assert sorted(stood(telemetry)) == [
        ("service", "shop/addressed", "a", 3600.0),
        ("service", "shop/native", "a", 3600.0),
        ("service", "shop/selecting", "a", 3600.0),
        ("service", "shop/sliced", "b", 3600.0),
    ]


def test_what_an_exporter_says_of_itself_is_not_the_service(telemetry: Any) -> None:
    """Scraped by a ServiceMonitor without honor_labels, the metric's own labels are `exported_`."""
    telemetry.pod("a", "n", "shop", 0, 1, request=1)
    leads(telemetry, "a")
    scraped(
        telemetry, "kube_service_spec_type", namespace="monitoring", service="ksm",
        exported_namespace="shop", exported_service="web", type="LoadBalancer",
    )  # fmt: skip

    assert stood(telemetry) == [("service", "shop/web", "a", 3600.0)]


def hours(telemetry: Telemetry) -> list[tuple[int, str, str, float]]:
    """Give hour, balancer, pod and seconds of core_balancer_hourly, checked."""
    made = BALANCER_HOURLY.check(balancer_hourly(telemetry.observed(), DAY).collect())
    rows = made.select("usage_hour", "balancer", "pod", "overlap_seconds").rows()
    return [((at - START) // timedelta(hours=1), *row) for at, *row in rows]


def test_a_balancer_has_a_row_in_each_hour_in_which_it_was_observed(telemetry: Any) -> None:
    """Told at 0:00, 1:00 and 4:00; its pod runs until 1:30: an hour, half an hour, nobody.

    At 2:00 the pod's successor runs behind it, but nothing was told of the balancer: no row.
    """
    served(telemetry, hours=(0, 1, 4))
    telemetry.pod("a", "n", "shop", 0, 1.5, request=1).pod("b", "n", "shop", 2, 3, request=1)
    leads(telemetry, "a")
    leads(telemetry, "b")

    assert hours(telemetry) == [
        (0, "shop/web", "a", 3600.0),
        (1, "shop/web", "a", 1800.0),
        (4, "shop/web", "", 0.0),
    ]


def test_a_pod_stands_once_behind_an_ingress_whose_paths_lead_to_it_twice(telemetry: Any) -> None:
    """Two services of one ingress lead to a: an hour of it, not two."""
    for service in ("web", "api"):
        leads(telemetry, "a", service)
        about = {"namespace": "shop", "ingress": "edge", "service_name": service}
        scraped(telemetry, "kube_ingress_path", (0,), **about)
    telemetry.pod("a", "n", "shop", 0, 1, request=1)

    assert hours(telemetry) == [(0, "shop/edge", "a", 3600.0)]


def test_a_cluster_that_tells_no_backends_has_no_rows(telemetry: Any) -> None:
    """A service alone does not tell that nobody is behind it."""
    served(telemetry)
    telemetry.pod("a", "n", "shop", 0, 1, request=1)

    assert hours(telemetry) == []
    assert hours(Telemetry()) == []


@pytest.mark.parametrize(("kind", "rows"), [("LoadBalancer", 1), ("ClusterIP", 0), ("", 0)])
def test_only_a_service_of_type_load_balancer_has_one(telemetry: Any, kind: str, rows: int) -> None:
    """kube_service_spec_type tells of every service: one without a type there is none."""
    about = {"namespace": "shop", "service": "web"} | ({"type": kind} if kind else {})
    scraped(telemetry, "kube_service_spec_type", (0,), **about)
    leads(telemetry, "a")
    telemetry.pod("a", "n", "shop", 0, 1, request=1)

    assert hours(telemetry) == [(0, "shop/web", "a", 3600.0)] * rows


def test_address_and_uid_stand_on_a_services_rows_and_not_on_an_ingress(telemetry: Any) -> None:
    """What a bill line may call the service; an ingress is known by its name alone."""
    served(telemetry, hours=(0,))
    about = {"namespace": "shop", "ingress": "edge", "service_name": "web", "hostname": HOST}
    scraped(telemetry, "kube_ingress_path", (0,), **about)
    leads(telemetry, "a")
    telemetry.pod("a", "n", "shop", 0, 1, request=1)

    made = balancer_hourly(telemetry.observed(), DAY).collect()

    assert made.select("kind", "address", "service_uid").rows() == [
        ("ingress", "", ""),
        ("service", HOST, UID),
    ]

"""Which pods a service leads to, by slices, addresses and labels."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest

from tests.transforms.conftest import typed
from transforms.usage.balancer_pods import backends
from transforms.usage.facts import (
    BALANCER,
    ENDPOINT,
    ENDPOINT_SLICE,
    PHASE,
    POD_INFO,
    POD_LABELS,
    SELECTOR,
)

ATTRIBUTES = pl.List(pl.Struct({"key": pl.String(), "type": pl.String(), "value": pl.String()}))
TEXTS = (
    "cluster", "namespace", "pod", "fact", "service", "endpoint", "address", "slice",
    "slice_service", "target", "target_kind", "target_namespace", "pod_ip",
)  # fmt: skip
REPORTED = {
    "series_id": pl.UInt64(),
    **dict.fromkeys(TEXTS, pl.String()),
    "resource_attributes": ATTRIBUTES,
    "point_attributes": ATTRIBUTES,
}
OF_PODS = ("series_id", "cluster", "namespace", "pod", "pod_key", "fact")
PODS = {
    **{name: REPORTED.get(name, pl.String()) for name in OF_PODS},
    "resource_attributes": ATTRIBUTES,
    "point_attributes": ATTRIBUTES,
}


def series(fact: str, **facts: Any) -> dict[str, Any]:
    """Give a series about services of namespace shop."""
    blank: dict[str, Any] = dict.fromkeys(TEXTS, "")
    blank |= {"resource_attributes": [], "point_attributes": []}
    return {**blank, "cluster": "c", "namespace": "shop", "fact": fact, **facts}


def names(pod: str, slice_name: str = "web-x7k2p", **facts: Any) -> dict[str, Any]:
    """Give an endpoint of a slice that names a pod."""
    return series(ENDPOINT, slice=slice_name, target=pod, target_kind="Pod") | facts


def pod(name: str, labels: Mapping[str, object] | None = None, space: str = "shop") -> Any:
    """Give a pod with its labels."""
    attributes = typed({f"k8s.pod.label.{key}": text for key, text in (labels or {}).items()})
    return {
        "cluster": "c", "namespace": space, "pod": name, "pod_key": f"uid-{name}",
        "fact": PHASE, "resource_attributes": attributes, "point_attributes": [],
    }  # fmt: skip


def behind(reported: list[dict[str, Any]], pods: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Give service and pod."""
    numbered = [{**row, "series_id": n} for n, row in enumerate(reported)]
    known = [{**row, "series_id": n} for n, row in enumerate(pods)]
    made = backends(pl.LazyFrame(numbered, REPORTED), pl.LazyFrame(known, PODS)).collect()
    assert made.columns == ["cluster", "namespace", "service", "pod_key"]
    return sorted(made.select("service", "pod_key").rows())


@pytest.mark.parametrize(
    ("slices", "name", "service"),
    [
        ([], "web-x7k2p", "web"),
        ([], "by-hand", "by-hand"),
        ([("web-x7k2p", "shop-front")], "web-x7k2p", "shop-front"),
        ([("web-x7k2p", "")], "web-x7k2p", "web"),
    ],
)
def test_a_slices_service_by_its_label_else_by_its_name(
    slices: list[tuple[str, str]], name: str, service: str
) -> None:
    """Kubernetes adds five signs to the service's name; a slice made by hand has its own."""
    labelled = [series(ENDPOINT_SLICE, slice=key, slice_service=value) for key, value in slices]

    assert behind([*labelled, names("a", name)], [pod("a")]) == [(service, "uid-a")]


def test_of_several_ways_the_first_counts_and_per_service() -> None:
    """web: its slice names a, its address b, its labels c: a. api has no slice: b by address.

    That a balancer has the address of a pod makes it no endpoint.
    """
    address = {"address": "10.0.0.2"}
    reported = [
        names("a"),
        series(ENDPOINT, endpoint="web", **address),
        series(ENDPOINT, endpoint="api", **address),
        series(POD_INFO, pod="b", pod_ip="10.0.0.2"),
        series(BALANCER, service="lone", **address),
        *(
            series(SELECTOR, service=name, point_attributes=typed({"label_app": "web"}))
            for name in ("web", "api")
        ),
    ]

    found = behind(reported, [pod("a"), pod("b"), pod("c", {"app": "web"})])

    assert found == [("api", "uid-b"), ("web", "uid-a")]


def test_a_pod_has_all_the_labels_that_a_service_selects() -> None:
    """Of app=web and tier=front, b has only one; c another value; a has both and one more.

    OpenCost's exporter writes `.` and `/` as `_`; OpenTelemetry names them whole.
    """
    both = {"app.io/name": "web", "tier": "front"}
    scraped = typed({"label_app_io_name": "web", "label_tier": "front"})
    whole = typed({f"k8s.service.selector.{key}": value for key, value in both.items()})
    reported = [
        series(SELECTOR, service="scraped", point_attributes=scraped),
        series(BALANCER, service="whole", resource_attributes=whole),
    ]
    pods = [
        pod("a", both | {"zone": "z"}), pod("b", {"app.io/name": "web"}),
        pod("c", both | {"tier": "back"}),
    ]  # fmt: skip

    assert behind(reported, pods) == [("scraped", "uid-a"), ("whole", "uid-a")]


def test_labels_of_the_namespace_select_no_pod() -> None:
    """A service selects what the pod itself bears: its attributes or kube_pod_labels."""
    selector = series(SELECTOR, service="web", point_attributes=typed({"label_app": "web"}))
    of_namespace = pod("a")
    of_namespace["resource_attributes"] = typed({"k8s.namespace.label.app": "web"})
    of_pod = pod("b") | {"fact": POD_LABELS, "point_attributes": typed({"label_app": "web"})}

    assert behind([selector], [of_namespace, of_pod]) == [("web", "uid-b")]


def test_a_selector_without_labels_leads_nowhere() -> None:
    """A service that selects nothing (external, or by hand) does not lead to every pod."""
    assert behind([series(SELECTOR, service="web")], [pod("a", {"app": "web"}), pod("b")]) == []


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({}, ["uid-a"]),
        ({"target_kind": ""}, ["uid-a"]),
        ({"target_kind": "Node"}, []),
        ({"target_namespace": "pay"}, ["uid-of-pay"]),
        ({"target": ""}, []),
        ({"target": "gone"}, []),
        ({"cluster": "d"}, []),
    ],
)
def test_a_slices_target_is_a_pod_of_its_own_namespace_unless_told(
    facts: dict[str, str], found: list[str]
) -> None:
    """A node, or a pod that the day does not know, stands behind nothing."""
    of_pay = pod("a", space="pay") | {"pod_key": "uid-of-pay"}

    got = behind([names("a") | facts], [pod("a"), of_pay])

    assert [key for _, key in got] == found


def test_an_address_counts_within_its_namespace_only() -> None:
    """A pod of another namespace with the same address is another one's."""
    reported = [
        series(ENDPOINT, endpoint="web", address="10.0.0.2"),
        series(POD_INFO, namespace="pay", pod="b", pod_ip="10.0.0.2"),
    ]

    assert behind(reported, [pod("b", space="pay"), pod("b")]) == []


def test_nothing_told_leads_nowhere() -> None:
    """No series and no pods: no rows."""
    assert behind([], []) == []

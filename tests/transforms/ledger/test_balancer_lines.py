"""Bill lines that pay for a load balancer: whose they are, and who bears them."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transforms.conftest import START, Bill
from tests.transforms.rows import rows
from tests.transforms.services import HOST, UID, leads, scraped, served
from transforms.ledger import google_names
from transforms.ledger.balancer_lines import backing, balancer_lines, observed
from transforms.ledger.lines import priced
from warehouse.tables.core_usage import BALANCER_HOURLY

HOUR = timedelta(hours=1)
NAME = "a0b5a1c9e111122223333444455556666"[:32]
ARN = "arn:aws:elasticloadbalancing:eu-west-1:000000000001:loadbalancer/"
GOOGLE = f"k8s2-tcp-7kpbhpki-shop-web-{google_names.digest('7kpbhpki;shop;web')}"
ALL_DAY = [hour / 2 for hour in range(48)]


def test_a_balancer_is_split_by_the_time_pods_ran_behind_it(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """One for the hour, one for a third of it; the hour after, nobody; then silence."""
    served(telemetry)
    telemetry.pod("a", "n", "shop", 0, 1, request=1).pod("z", "n", "shop", 0, 1 / 3, request=1)
    telemetry.pod("other", "n", "shop", 0, 1, request=1)
    leads(telemetry, "a")
    leads(telemetry, "z")
    for hour in (0, 1, 5):
        bill.add("4", hour, 1, f"{ARN}net/shop-web/0123456789abcdef")

    frame = ledger(bill, telemetry)

    assert by(frame, "workload") == {
        "a-app": 3,
        "z-app": 1,
        "service shop/web": 4,
        "__no_telemetry__": 4,
    }
    alone = frame.filter(pl.col("workload") == "service shop/web")
    assert alone.select("cluster", "namespace", "team", "reason", "rule_id").rows() == [
        ("c", "__unmounted__", "__unmounted__", "unmounted", "")
    ]


@pytest.mark.parametrize(
    ("resource", "tags"),
    [
        (f"{ARN}net/shop-web/0123456789abcdef", {}),
        (f"{ARN}{NAME}", {}),
        (f"//compute.googleapis.com/projects/p/regions/r/forwardingRules/{NAME}", {}),
        (f"/subscriptions/s/providers/Microsoft.Network/publicIPAddresses/kubernetes-{NAME}", {}),
        (f"//compute.googleapis.com/projects/p/regions/r/forwardingRules/{GOOGLE}", {}),
        (f"projects/p/global/forwardingRules/{GOOGLE}-a-ipv6", {}),
        ("r", {"kubernetes.io/service-name": "shop/web"}),
        ("r", {"user_service_k8s_aws_stack": "shop/web"}),
        ("r", {"k8s-azure-service": "shop/web"}),
    ],
)  # fmt: skip
def test_a_line_is_known_by_name_uid_or_tag(
    telemetry: Any, bill: Any, ledger: Any, by: Any, resource: str, tags: dict[str, str]
) -> None:
    """However the cloud calls the balancer, the pod behind it pays."""
    served(telemetry)
    telemetry.pod("a", "n", "shop", 0, 1, request=1)
    leads(telemetry, "a")
    bill.add("1", 0, 1, resource, tags)

    assert by(ledger(bill, telemetry), "workload") == {"a-app": 1}


def test_an_ingress_leads_to_the_pods_of_its_services(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """A pod behind two paths counts once; a group has the ingresses that name it."""
    for pod, service in (("a", "web"), ("a", "api"), ("z", "api"), ("y", "docs")):
        leads(telemetry, pod, service)
    for pod in "azy":
        telemetry.pod(pod, "n", "shop", 0, 1, request=1)
    for ingress, service in (("edge", "web"), ("edge", "api"), ("help", "docs")):
        about = {"namespace": "shop", "ingress": ingress}
        scraped(telemetry, "kube_ingress_path", service_name=service, **about)
        group = {"annotation_alb_ingress_kubernetes_io_group_name": "public"}
        scraped(telemetry, "kube_ingress_annotations", **about, **group)
    bill.add("2", 0, 1, f"{ARN}app/k8s-edge/1", {"ingress.k8s.aws/stack": "shop/edge"})
    bill.add("6", 0, 1, f"{ARN}app/k8s-public/2", {"ingress.k8s.aws/stack": "public"})

    got = by(ledger(bill, telemetry), "workload")

    assert got == {"a-app": 3, "z-app": 3, "y-app": 2}


def test_a_tag_of_what_is_gone_is_unmounted_where_the_cluster_speaks(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """A balancer whose service was deleted still costs; another cluster's line stays a line."""
    served(telemetry)
    telemetry.pod("a", "n", "shop", 0, 1, request=1)
    leads(telemetry, "a")
    gone = {"kubernetes.io/service-name": "shop/old"}
    bill.add("1", 0, 1, "r1", gone | {"elbv2.k8s.aws/cluster": "c"})
    bill.add("2", 0, 1, "r2", gone)
    bill.add("4", 9, 1, "r3", gone | {"elbv2.k8s.aws/cluster": "c"})

    frame = ledger(bill, telemetry)

    assert by(frame, "team") == {"__unmounted__": 1, "__unallocated__": 2, "__no_telemetry__": 4}
    assert "service shop/old" in frame["workload"].to_list()


def test_without_telemetry_of_endpoints_nothing_is_called_unmounted(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """A service alone does not tell that no pod is behind it."""
    served(telemetry)
    telemetry.pod("a", "n", "shop", 0, 1, request=1)
    bill.add("1", 0, 1, f"{ARN}net/shop-web/0123456789abcdef")

    assert telemetry.balancers().is_empty()
    assert by(ledger(bill, telemetry), "team") == {"__unallocated__": 1}


def test_a_daily_line_is_split_by_the_overlap_of_the_day(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """Six hours and two: three parts and one."""
    served(telemetry, hours=ALL_DAY)
    telemetry.pod("a", "n", "shop", 0, 6, request=1).pod("z", "n", "shop", 2, 4, request=1)
    leads(telemetry, "a")
    leads(telemetry, "z")
    bill.add("8", 0, 24, f"{ARN}net/shop-web/0123456789abcdef")

    assert by(ledger(bill, telemetry), "workload") == {"a-app": 6, "z-app": 2}


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), max_size=4)
costs = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 5]), st.decimals(-50, 900, places=12), st.sampled_from([1, 24])
    ),
    min_size=1,
    max_size=4,
)


@settings(
    deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pods=spans, lines=costs)
def test_balancers_cost_what_their_lines_cost(
    telemetry: Any, bill: Any, ledger: Any, pods: Any, lines: Any
) -> None:
    """Per line the ledger is the bill, however pods come and go."""
    telemetry, bill = type(telemetry)(), type(bill)()
    served(telemetry)
    for number, (start, length) in enumerate(pods):
        telemetry.pod(f"p{number}", "n", "shop", start / 60, (start + length) / 60, request=1)
        leads(telemetry, f"p{number}")
    for start, amount, hours in lines:
        bill.add(str(amount), start if hours == 1 else 0, hours, f"{ARN}{NAME}")

    frame = ledger(bill, telemetry)

    got = frame.group_by("x_line_hash").agg(pl.col("effective_cost").sum()).sort("x_line_hash")
    assert got["effective_cost"].to_list() == [Decimal(amount) for _, amount, _ in lines]


def test_a_name_of_google_without_the_services_digest_is_not_the_service(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """`shop-we/b` in the text is `shop/web` for the eye; the digest tells them apart."""
    served(telemetry)
    telemetry.pod("a", "n", "shop", 0, 1, request=1)
    leads(telemetry, "a")
    other = google_names.digest("7kpbhpki;shop-web;x")
    bill.add("1", 0, 1, f"p/forwardingRules/k8s2-tcp-7kpbhpki-shop-web-{other}")

    assert by(ledger(bill, telemetry), "team") == {"__unallocated__": 1}


def test_googles_ingress_is_known_by_its_text(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """`k8s2-fr-…-shop-front-…` is the ingress shop/front, which leads to the pods of web."""
    served(telemetry)
    telemetry.pod("a", "n", "shop", 0, 1, request=1)
    leads(telemetry, "a")
    about = {"namespace": "shop", "ingress": "front"}
    scraped(telemetry, "kube_ingress_path", host="x", path="/", service_name="web", **about)
    bill.add("1", 0, 1, "p/global/forwardingRules/k8s2-fs-7kpbhpki-shop-front-0123abcd")

    frame = ledger(bill, telemetry)

    assert by(frame, "workload") == {"a-app": 1}
    assert frame["line_item"].to_list() == ["ingress shop/front"]


def test_an_address_that_services_share_is_paid_by_the_pods_of_all(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """One pod of each service and one of both, that counts once; a service that is gone is none."""
    served(telemetry)
    served(telemetry, "api")
    for name in ("a", "b", "ab"):
        telemetry.pod(name, "n", "shop", 0, 1, request=1)
    for pod, service in (("a", "web"), ("ab", "web"), ("b", "api"), ("ab", "api")):
        leads(telemetry, pod, service)
    bill.add("3", 0, 1, "ip-1", {"k8s-azure-service": "shop/web, shop/api,shop/gone"})
    bill.add("1", 0, 1, "ip-2", {"k8s-azure-service": "shop/gone,shop/lost"})

    frame = ledger(bill, telemetry)

    assert by(frame.filter(pl.col("line_kind") == "balancer"), "workload") == {
        "a-app": 1,
        "ab-app": 1,
        "b-app": 1,
    }
    assert by(frame, "team")["__unallocated__"] == 4
    assert "service shop/web,shop/api,shop/gone" in frame["line_item"].to_list()


def hour_of(pod: str = "", name: str = "shop/web", **facts: Any) -> dict[str, Any]:
    """Give an hour of a service's balancer, with a pod behind it for the whole of it, or none."""
    behind = {"namespace": "shop", "pod": pod, "workload": pod, "overlap_seconds": 3600.0}
    place = {"cluster": "c", "kind": "service", "balancer": name, "namespace": "-"}
    return place | (behind if pod else {}) | facts


def found(bill: Bill, *hours: dict[str, Any]) -> list[tuple[int, str, str]]:
    """Give line, cluster and balancer of the lines that pay for one."""
    made = balancer_lines(priced(bill.of_day()), rows(BALANCER_HOURLY, *hours))
    return sorted(made.select("line", "cluster", "balancer").rows())


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (HOST, "net/shop-web"),
        ("internal-shop-web-1234567890.eu-west-1.elb.amazonaws.com", "app/shop-web"),
        ("SHOP-WEB-1234567890.eu-west-1.elb.amazonaws.com", "shop-web"),
        (HOST, "gwy/shop-web"),
    ],
)
def test_a_host_name_of_aws_holds_the_balancers_name(address: str, name: str) -> None:
    """Of a network balancer, and of the others, which may be internal; the ARN says the same."""
    bill = Bill().add("1", 0, 1, f"{ARN}{name}/0123456789abcdef")

    assert found(bill, hour_of(address=address)) == [(0, "c", "service shop/web")]


def test_a_resource_is_asked_before_tags() -> None:
    """The uid says shop/web, the tag shop/api: web. A tag counts where the resource is unknown."""
    tags = {"kubernetes.io/service-name": "shop/api"}
    bill = Bill().add("1", 0, 1, NAME, tags).add("2", 0, 1, "unknown", tags)

    got = found(bill, hour_of(service_uid=UID), hour_of(name="shop/api"))

    assert got == [(0, "c", "service shop/web"), (1, "c", "service shop/api")]


def test_a_tag_of_what_is_gone_counts_only_where_the_cluster_speaks() -> None:
    """shop/old is no balancer (any more) of c, which tells of others; d tells nothing."""
    tags = {"kubernetes.io/service-name": "shop/old"}
    bill = Bill().add("1", 0, 1, "r", tags, x_cluster="c").add("2", 0, 1, "r", tags, x_cluster="d")
    bill.add("4", 0, 1, "r", tags)

    assert found(bill, hour_of()) == [(0, "c", "service shop/old")]


def test_a_name_of_two_clusters_needs_the_lines_own() -> None:
    """shop/web is in c and d: the line's tag of its cluster tells which; without it, none."""
    tags = {"kubernetes.io/service-name": "shop/web"}
    bill = Bill().add("1", 0, 1, "r", tags | {"elbv2.k8s.aws/cluster": "d"})
    bill.add("2", 0, 1, "r", tags)

    assert found(bill, hour_of(), hour_of(cluster="d")) == [(0, "d", "service shop/web")]


def test_an_hour_is_silent_only_if_no_balancer_of_the_cluster_was_observed() -> None:
    """Web was observed at 0:00 and api at 1:00: both hours are known of c; 2:00 is silent.

    A daily line is never silent: some hour of its day was observed.
    """
    hours = rows(BALANCER_HOURLY, hour_of(), hour_of(name="shop/api", usage_hour=START + HOUR))
    lines = priced(
        Bill().add("1", 0, 1).add("1", 1, 1).add("1", 2, 1).add("1").of_day()
    ).with_columns(cluster=pl.lit("c"))

    reported, silent = observed(lines, hours)

    assert reported["charge_hour"].to_list() == [START, START + HOUR, None]
    assert silent.select("charge_hour", "namespace", "reason").rows() == [
        (START + 2 * HOUR, "__no_telemetry__", "no_telemetry")
    ]


def test_a_pod_of_two_services_stands_once_behind_their_address() -> None:
    """A is behind both, for an hour and for half of one: once, for the longer; b behind api."""
    hours = rows(
        BALANCER_HOURLY, hour_of("a"), hour_of("a", "shop/api", overlap_seconds=1800.0),
        hour_of("b", "shop/api"),
    )  # fmt: skip
    shared = "service shop/web,shop/api"
    lines = pl.DataFrame({"cluster": ["c"], "balancer": [shared]})

    made = backing(hours, lines).filter(balancer=shared)

    assert sorted(made.select("pod", "overlap_seconds").rows()) == [("a", 3600.0), ("b", 3600.0)]

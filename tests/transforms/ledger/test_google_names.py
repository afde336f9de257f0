"""Names of Google's forwarding rules, and the services and ingresses they lead to."""

import polars as pl
import pytest

from transforms.ledger import google_names

CLUSTER = "7kpbhpki"


@pytest.mark.parametrize(
    ("service", "digest"), [("namespace;name", "956p2p7x"), ("default;netlb-service", "y6efeqo7")]
)
def test_googles_digest_is_googles(service: str, digest: str) -> None:
    """The names that ingress-gce's own tests expect of the cluster 7kpbhpki."""
    assert google_names.digest(f"7kpbhpki;{service}") == digest


def test_long_names_are_cut_as_google_cuts_them() -> None:
    """Two names of 63 signs in 35: 18 and 17; what has room stays."""
    long = "0123456789" * 6 + "abc"

    assert google_names.cut(35, long, long) == [long[:18], long[:17]]
    assert google_names.cut(36, "shop", "web") == ["shop", "web"]


def keys_of_rule(name: str) -> list[str | None]:
    """Give the keys of a forwarding rule: as a service's, as an ingress'."""
    row = pl.DataFrame({"name": [name]}).select(
        key.alias(str(place)) for place, key in enumerate(google_names.keys_of_rule(pl.col("name")))
    )
    return list(row.row(0))


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        (f"k8s2-tcp-{CLUSTER}-shop-web-0123abcd", [f"{CLUSTER} 0123abcd", None]),
        (f"k8s2-udp-{CLUSTER}-shop-web-0123abcd-ipv6", [f"{CLUSTER} 0123abcd", None]),
        (f"k8s2-l3-{CLUSTER}-shop-web-0123abcd-2-ipv6", [f"{CLUSTER} 0123abcd", None]),
        (f"k8s2-fr-{CLUSTER}-shop-edge-0123abcd", [None, "ingress shop-edge"]),
        (f"k8s2-fs-{CLUSTER}-shop-edge-0123abcd", [None, "ingress shop-edge"]),
        ("k8s2-tcp-short-shop-web-0123abcd", [None, None]),
        ("a0b5a1c9e11112222333344445555666", [None, None]),
    ],
)
def test_a_rules_name_is_a_services_or_an_ingress(name: str, keys: list[str | None]) -> None:
    """A service's by cluster and digest, whatever follows it; an ingress' by its text."""
    assert keys_of_rule(name) == keys


def test_a_service_has_a_key_in_each_cluster_and_an_ingress_one() -> None:
    """What is made of the names is what is read from the rule; a group has no key."""
    digest = google_names.digest(f"{CLUSTER};shop;web")

    service = list(google_names.keys_of([CLUSTER, "other000"], "service", "shop/web"))

    assert service[0] == f"{CLUSTER} {digest}"
    assert keys_of_rule(f"k8s2-tcp-{CLUSTER}-shop-web-{digest}")[0] == service[0]
    assert len(set(service)) == 2
    assert list(google_names.keys_of([CLUSTER], "ingress", "shop/edge")) == ["ingress shop-edge"]
    assert list(google_names.keys_of([CLUSTER], "group", "public")) == []


def test_clusters_are_those_of_services_rules_each_once() -> None:
    """In order; an ingress' rule names its cluster too, but needs no digest of it."""
    texts = pl.Series(
        ["k8s2-tcp-zzzzzzzz-a-b-0123abcd", f"k8s2-udp-{CLUSTER}-a-b-0123abcd", None,
         f"k8s2-tcp-{CLUSTER}-c-d-0123abcd", "k8s2-fr-ingress0-a-b-0123abcd", "i-0a"]
    )  # fmt: skip

    assert google_names.clusters_of(texts) == [CLUSTER, "zzzzzzzz"]


@pytest.mark.parametrize(
    ("lengths", "want"),
    [((18, 18), [18, 18]), ((19, 18), [19, 17]), ((36, 1), [36, 0]), ((40, 40), [18, 18])],
)
def test_names_are_cut_to_their_room(lengths: tuple[int, int], want: list[int]) -> None:
    """36 signs are whole. Of 19 and 18, one too many: 19 - 19 // 37 - 1 and 18 - 18 // 37 - 1.

    That is 18 and 17; the one that is left goes to the first: 19 and 17. Of 36 and 1: 35 and 0,
    so 36 and 0. Of 40 and 40, 44 too many: 40 - 40 * 44 // 80 - 1 = 17 each, two left: 18 and 18.
    """
    texts = ["x" * length for length in lengths]

    assert [len(text) for text in google_names.cut(36, *texts)] == want

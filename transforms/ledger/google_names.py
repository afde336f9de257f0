"""Names that Google's controllers give to the balancers of a cluster's services and ingresses.

Takes    names of forwarding rules; namespaces and names of services and ingresses
Gives    one key for both
Holds    a service's key is proved by the digest that its name ends in; an ingress' by its text

A rule's name is `k8s2-<protocol>-<cluster>-<namespace>-<name>-<digest>`, of eight signs each for
the cluster and the digest; long names are cut, more rules of a service end in a number or `-ipv6`.
The digest of a service is of the cluster's eight signs, its namespace and its name; that of an
ingress is of the uid of the cluster's kube-system, which telemetry need not tell.
(ingress-gce, pkg/utils/namer: l4_namer.go, frontendnamer.go)
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

import polars as pl

_SIGNS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_OF_SERVICE: Final = r"k8s2-(?:tcp|udp|l3)-([0-9a-z]{8})-"
_DIGEST: Final = r"-([0-9a-z]{8})(?:-[0-9a-z]{1,4})?(?:-ipv6)?$"
_OF_INGRESS: Final = r"k8s2-f[rs]-[0-9a-z]{8}-(.+)-[0-9a-z]{8}$"
ROOM: Final = 36
"""Signs of an ingress' namespace and name together; of longer ones each is cut."""


def keys_of_rule(text: pl.Expr) -> list[pl.Expr]:
    """Give what a forwarding rule's name may be known by; null where it is no such name."""
    cluster = text.str.extract(_OF_SERVICE, 1)
    service = pl.concat_str(cluster, text.str.extract(_DIGEST, 1), separator=" ")
    return [service, pl.concat_str(pl.lit("ingress"), text.str.extract(_OF_INGRESS, 1),
                                   separator=" ")]  # fmt: skip


def clusters_of(texts: pl.Series) -> list[str]:
    """Give the clusters, by their eight signs, that forwarding rules are of."""
    return texts.str.extract(_OF_SERVICE, 1).drop_nulls().unique().sort().to_list()


def keys_of(clusters: Iterable[str], kind: str, balancer: str) -> Iterator[str]:
    """Give the keys that the rules of a service or ingress (`namespace/name`) may have."""
    namespace, _, name = balancer.partition("/")
    if kind == "service":
        for cluster in clusters:
            yield f"{cluster} {digest(f'{cluster};{namespace};{name}')}"
    elif kind == "ingress":
        yield f"ingress {'-'.join(cut(ROOM, namespace, name))}"


def digest(text: str) -> str:
    """Give the eight signs by which Google's controllers tell names apart."""
    return "".join(_SIGNS[byte % 36] for byte in hashlib.sha256(text.encode()).digest()[:8])


def cut(room: int, *texts: str) -> list[str]:
    """Cut texts so that they have room together, the longer ones by more."""
    whole = sum(map(len, texts))
    if whole <= room:
        return list(texts)
    lengths = [len(text) - len(text) * (whole - room) // whole - 1 for text in texts]
    more = room - sum(lengths)
    return [text[: length + (n < more)] for n, (text, length) in
            enumerate(zip(texts, lengths, strict=True))]  # fmt: skip

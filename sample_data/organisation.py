"""Teams, clusters, namespaces and services of the sample world: who exists, and who owns what.

Takes    the size of the world
Gives    the same organisation for every seed; only what happens in it depends on the seed
"""

from collections.abc import Iterator
from typing import Final, Literal

from sample_data.model import (
    UNALLOCATED,
    Cluster,
    Namespace,
    Service,
    SignalName,
    Size,
    State,
    Team,
    Workload,
)

PROD_EU: Final = Cluster(
    "prod-eu", "aws", "eu-central-1", "EU (Frankfurt)", "004455667788", "shop-prod-eu"
)
PROD_US: Final = Cluster(
    "prod-us", "aws", "us-east-1", "US East (N. Virginia)", "005566778899", "shop-prod-us"
)
DATA_EU: Final = Cluster(
    "data-eu", "gcp", "europe-west3", "Frankfurt", "0042-shop-data", "shop-data"
)
CLUSTERS: Final = (PROD_EU, PROD_US, DATA_EU)

DEPARTMENTS: Final = {
    "shop": ("catalog", "checkout", "growth", "mobile"),
    "money": ("logistics", "payments"),
    "insight": ("analytics", "data-platform", "recommendations", "search"),
}
"""Teams by department; the others have none."""
_DEPARTMENT_OF: Final = {team: name for name, teams in DEPARTMENTS.items() for team in teams}

TEAMS: Final = tuple(
    Team(
        name,
        name.replace("-", " ").title(),
        f"CC-{1000 + 101 * number}",
        _DEPARTMENT_OF.get(name, ""),
    )
    for number, name in enumerate(
        (
            *("analytics", "catalog", "checkout", "data-platform", "growth", "identity"),
            *("logistics", "mobile", "payments", "platform", "recommendations", "search"),
        )
    )
)
TEAM_IDS: Final = frozenset(team.id for team in TEAMS)

ALIASES: Final = {
    "pay": "payments",
    "payments-team": "payments",
    "group:default/payments": "payments",
    "data": "data-platform",
    "recs": "recommendations",
    "id": "identity",
}
TAG_KEYS: Final = ("team", "owner", "squad", "k8s.pod.label.team", "k8s.namespace.label.team")
INVALID: Final = ("none", "n/a", "unknown", "todo", "")
SYSTEM_NAMESPACES: Final = ("kube-system", "istio-system")
UNKNOWN_LABEL: Final = "ghost-squad"

_NAMESPACES: Final = {
    PROD_EU: (
        ("checkout", "checkout", "label", "checkout"),
        ("payments", "payments", "label", "Payments"),
        ("ledger", "payments", "rule", ""),
        ("fraud", "payments", "label", "payments-team"),
        ("search", "search", "label", "search"),
        ("ranking", "search", "label", "Search"),
        ("catalog", "catalog", "label", "catalog"),
        ("pricing", "checkout", "label", "checkout"),
        ("identity", "identity", "label", "id"),
        ("sessions", "identity", "label", "identity"),
        ("mobile-bff", "mobile", "label", "mobile"),
        ("web-shop", "mobile", "label", "mobile"),
        ("notifications", "mobile", "changed", ""),
        ("campaigns", "growth", "label", "growth"),
    ),
    PROD_US: (
        ("checkout-us", "checkout", "label", "checkout"),
        ("payments-us", "payments", "label", "pay"),
        ("search-us", "search", "label", "search"),
        ("catalog-us", "catalog", "label", "catalog"),
        ("identity-us", "identity", "label", "identity"),
        ("orders", "logistics", "label", "logistics"),
        ("shipping", "logistics", "label", "logistics"),
        ("warehouse-ops", "logistics", "namespace_label", "logistics"),
        ("returns", "logistics", "label", "logistics"),
        ("growth-lab", "growth", "label", "growth"),
        ("experiments", "growth", "label", UNKNOWN_LABEL),
        ("edge-gateway", "platform", "rule", ""),
    ),
    DATA_EU: (
        ("ingest", "data-platform", "label", "data"),
        ("streams", "data-platform", "label", "data-platform"),
        ("lake", "data-platform", "label", "data-platform"),
        ("airflow", "data-platform", "rule", ""),
        ("features", "recommendations", "label", "recs"),
        ("recommend", "recommendations", "label", "recommendations"),
        ("training", "recommendations", "label", "recommendations"),
        ("reports", "analytics", "label", "analytics"),
        ("dashboards", "analytics", "namespace_label", "analytics"),
        ("sandbox", "", "none", ""),
    ),
}
CHANGED_FROM: Final = "growth"

_SIGNALS: Final[dict[str, frozenset[SignalName]]] = {
    "service": frozenset({"logs", "metrics", "traces"}),
    "datastore": frozenset({"logs", "metrics"}),
    "cronjob": frozenset({"logs"}),
}
DARK: Final = ("returns", "fraud", "campaigns", "sandbox", "catalog-us")
PARTIAL: Final[dict[str, frozenset[SignalName]]] = {
    "catalog": frozenset({"logs", "metrics"}),
    "orders": frozenset({"logs", "metrics"}),
    "sessions": frozenset({"logs", "metrics"}),
    "web-shop": frozenset({"metrics", "traces"}),
    "search-us": frozenset({"metrics", "traces"}),
    "streams": frozenset({"metrics"}),
    "airflow": frozenset({"logs"}),
}
EXEMPT: Final = {"training": "model training by hand, ends with the quarter"}
TIER_1: Final = (
    *("checkout", "payments", "search", "catalog", "identity", "orders", "shipping", "web-shop"),
    *("mobile-bff", "checkout-us", "payments-us", "edge-gateway", "ledger"),
)
PATCHY: Final = {"pricing": 3}
"""Complete, but logs and traces come twice a day only: at this hour, and half a day later."""
SYSTEM_REASON: Final = "part of the cluster, watched by the platform team's own alerts"

Role = Literal["api", "worker", "store", "nightly"]
_SMALL_EXTRA: Final[dict[int, tuple[Role, str]]] = {
    3: ("store", "-store"),
    7: ("nightly", "-nightly"),
}
_PLAIN: Final[tuple[Role, ...]] = ("api", "worker", "store")


def namespaces() -> tuple[Namespace, ...]:
    """List the namespaces: products by cluster, then what the clusters need for themselves."""
    products = [
        Namespace(cluster, name, team, _how(how), label)
        for cluster, rows in _NAMESPACES.items()
        for name, team, how, label in rows
    ]
    system = [
        Namespace(cluster, name, "platform", "system")
        for cluster in CLUSTERS
        for name in SYSTEM_NAMESPACES
        if name == "kube-system" or cluster.cloud == "aws"
    ]
    return (*products, *system)


def _how(text: str) -> Literal["label", "namespace_label", "rule", "changed", "none"]:
    for known in ("label", "namespace_label", "rule", "changed"):
        if text == known:
            return known
    return "none"


def roles(number: int, size: Size) -> list[tuple[Role, str]]:
    """List the services of the namespace with this number: role, and suffix of the name."""
    if size == "small":
        extra = _SMALL_EXTRA.get(number % 12)
        return [("api", ""), extra] if extra else [("api", "")]
    plain: list[tuple[Role, str]] = [("api", ""), ("worker", "-worker"), ("store", "-store")]
    if size == "medium":
        return [*plain, ("nightly", "-nightly")] if number % 3 == 0 else plain
    more: list[tuple[Role, str]] = []
    for copy in (2, 3):
        more += [(role, f"-{role}-{copy}") for role in _PLAIN]
    return [*plain, ("nightly", "-nightly"), *more]


def service_of(workload: Workload, role: Role) -> Service:
    """Give the service that a workload runs, with what it sends."""
    kind: Literal["service", "datastore", "cronjob"] = (
        "datastore" if role == "store" else "cronjob" if role == "nightly" else "service"
    )
    name = workload.name
    state: State = "complete"
    signals = _SIGNALS[kind]
    if name in DARK:
        state, signals = "dark", frozenset()
    elif name in PARTIAL:
        state, signals = "partial", PARTIAL[name]
    elif name in EXEMPT:
        state, signals = "exempt", frozenset()
    tier = 1 if name in TIER_1 else 2 if role in {"api", "store"} else 3
    reason = EXEMPT.get(name, "")
    place = workload.namespace
    return Service(
        place.name, name, place.team, kind, tier, state, signals, workload, exempt_reason=reason
    )


def services_outside() -> tuple[Service, ...]:
    """List what runs outside the clusters: a dark database, an unknown gateway, a preview."""
    everything = _SIGNALS["service"]
    return (
        Service("ledger", "ledger-db", "payments", "datastore", 1, "dark", frozenset()),
        Service(
            *("legacy", "legacy-billing-gateway", UNALLOCATED, "service", 3),
            *("unregistered", everything),
            is_listed=False,
        ),
        Service(
            *("checkout", "checkout-preview", "checkout", "service", 3, "complete", everything),
            environment="staging",
        ),
    )


def system_services(workloads: Iterator[Workload]) -> tuple[Service, ...]:
    """List the exempted parts of the clusters, each name once."""
    found = {(workload.namespace.name, workload.name): workload for workload in workloads}
    return tuple(
        Service(
            *(namespace, name, "platform", "service", 3, "exempt", frozenset(), workload),
            exempt_reason=SYSTEM_REASON,
        )
        for (namespace, name), workload in sorted(found.items())
    )

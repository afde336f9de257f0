"""Services with a balancer and the pods behind them, as kube-state-metrics tells of them."""

from typing import Any

from tests.transforms.conftest import Telemetry

KSM = {"k8s.cluster.name": "c", "k8s.namespace.name": "monitoring", "k8s.pod.name": "ksm-0"}
UID = "0b5a1c9e-1111-2222-3333-444455556666"
HOST = "shop-web-0123456789abcdef.elb.eu-west-1.amazonaws.com"


def scraped(telemetry: Telemetry, name: str, hours: Any = (0, 0.5, 1, 1.5), **labels: str) -> None:
    """Add a metric of kube-state-metrics or OpenCost's exporter."""
    telemetry.add(name, KSM, [(hour, 1) for hour in hours], labels=labels)


def served(telemetry: Telemetry, service: str = "web", hours: Any = (0, 0.5, 1, 1.5)) -> None:
    """Let a service of type LoadBalancer be told, with its address."""
    about = {"namespace": "shop", "service": service, "uid": UID}
    scraped(telemetry, "kube_service_spec_type", hours, type="LoadBalancer", **about)
    scraped(
        telemetry, "kube_service_spec_type", hours, type="ClusterIP", **(about | {"service": "db"})
    )
    ingress = "kube_service_status_load_balancer_ingress"
    scraped(telemetry, ingress, hours, hostname=HOST, ip="", **about)


def leads(telemetry: Telemetry, pod: str, service: str = "web") -> None:
    """Let the service's slice name a pod."""
    slice_ = f"{service}-x7k2p"
    scraped(
        telemetry, "kube_endpointslice_endpoints", namespace="shop", endpointslice=slice_,
        targetref_kind="Pod", targetref_name=pod, ready="true",
    )  # fmt: skip

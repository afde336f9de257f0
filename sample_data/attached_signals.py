"""What is told of volumes, traffic, balancers and GPUs in a stretch of time.

Takes    a World, a pod or a cluster, and a window of hours
Gives    series with the attributes of their resource
Holds    a silent node tells nothing of its pods; the cluster's own view of claims goes on
"""

from collections.abc import Iterator
from typing import Final

from sample_data.attached import (
    UNKNOWN_BYTES,
    TrafficClass,
    Volume,
    classes_of,
    has_traffic,
    volumes,
    volumes_of,
)
from sample_data.balancers import Balancer, backends, balancers
from sample_data.model import Cluster, Pod, World
from sample_data.signals import (
    KUBELET,
    MIB,
    PROMETHEUS,
    Clock,
    Sent,
    Window,
    clock,
    container_resource,
    pod_resource,
    pod_samples,
    samples,
)
from sample_data.wire import Attributes, Metric, Series

NETWORK: Final = Metric(KUBELET, "k8s.pod.network.io", "By", "sum_int")
EGRESS: Final = Metric(PROMETHEUS, "kubecost_pod_network_egress_bytes_total", "By", "sum_int")
GPU_REQUEST: Final = Metric(PROMETHEUS, "kube_pod_container_resource_requests", "", "gauge")
VOLUME_SIZE: Final = Metric(KUBELET, "k8s.volume.capacity", "By", "gauge_int")
CLAIM: Final = Metric(PROMETHEUS, "kube_persistentvolumeclaim_info", "", "gauge")
DISK: Final = Metric(PROMETHEUS, "kube_persistentvolume_info", "", "gauge")
SERVICE: Final = Metric(PROMETHEUS, "kube_service_spec_type", "", "gauge")
ADDRESS: Final = Metric(PROMETHEUS, "kube_service_status_load_balancer_ingress", "", "gauge")
ENDPOINT: Final = Metric(PROMETHEUS, "kube_endpointslice_endpoints", "", "gauge")
LABELS: Final[dict[TrafficClass, Attributes]] = {
    "internet": (("internet", "true"), ("same_region", "false"), ("same_zone", "false")),
    "cross_zone": (("internet", "false"), ("same_region", "true"), ("same_zone", "false")),
}
DIRECTIONS: Final = (("receive", 48_000), ("transmit", UNKNOWN_BYTES))
When = list[tuple[int, int]]


def pod_attached(world: World, pod: Pod, window: Window) -> Iterator[Sent]:
    """Give what is told of a pod's traffic, its volumes and the GPUs it asked for."""
    when, time = pod_samples(world, pod, window), clock(world)
    if not when:
        return
    traffic = list(_traffic(world, pod, when, time))
    if traffic:
        yield pod_resource(pod), traffic
    for volume in volumes_of(world, pod.workload):
        yield _mounted(pod, volume), [Series(VOLUME_SIZE, (), _level(volume.gib, when, time))]
    if pod.workload.gpu_request:
        labels = (("resource", "nvidia_com_gpu"), ("unit", "integer"))
        count = float(pod.workload.gpu_request)
        points = [(0, time.at(*at), count) for at in when]
        yield container_resource(pod), [Series(GPU_REQUEST, labels, points)]


def _level(gib: int, when: When, time: Clock) -> list[tuple[int, int, float]]:
    return [(0, time.at(*at), gib * 1024 * MIB) for at in when]


def _traffic(world: World, pod: Pod, when: When, time: Clock) -> Iterator[Series]:
    """Give the bytes in and out: they follow the use of CPU."""
    birth = time.at(pod.start)
    reported = [(EGRESS, LABELS[kind], scale) for kind, scale in classes_of(pod).items()]
    if has_traffic(world, pod):
        reported += [
            (NETWORK, (("direction", direction), ("interface", "eth0")), scale)
            for direction, scale in DIRECTIONS
        ]
    for metric, labels, scale in reported:
        points = [(birth, time.at(*at), pod.cpu_sum[at[0] - pod.start] * scale) for at in when]
        yield Series(metric, labels, points)


def _mounted(pod: Pod, volume: Volume) -> Attributes:
    return (
        *pod_resource(pod),
        ("k8s.persistentvolumeclaim.name", volume.claim),
        ("k8s.volume.name", volume.claim),
        ("k8s.volume.type", "persistentVolumeClaim"),
    )


def cluster_attached(world: World, cluster: Cluster, window: Window) -> Iterator[Sent]:
    """Give what the cluster tells of its claims and of the disks behind them."""
    hours = samples(0, world.hours, window)
    points = [(0, clock(world).at(*at), 1.0) for at in hours if at[0] < world.hours]
    if not points:
        return
    mine = [volume for volume in volumes(world) if volume.cluster == cluster]
    fronts = [balancer for balancer in balancers(world) if balancer.cluster == cluster]
    reported = (
        *((CLAIM, _claim(volume)) for volume in mine),
        *((DISK, _disk(volume)) for volume in mine),
        *((SERVICE, (*_service(one), ("type", "LoadBalancer"))) for one in fronts),
        *((ADDRESS, (*_service(one), ("hostname", one.host), ("ip", ""))) for one in fronts),
    )
    series = [Series(metric, labels, points) for metric, labels in reported]
    for one in fronts:
        series += _endpoints(world, one, window)
    if series:
        yield (("k8s.cluster.name", cluster.name),), series


def _service(balancer: Balancer) -> Attributes:
    return (
        ("namespace", balancer.namespace),
        ("service", balancer.service),
        ("uid", balancer.uid),
    )


def _endpoints(world: World, balancer: Balancer, window: Window) -> Iterator[Series]:
    """Name the pods that the service leads to, as long as each runs."""
    time = clock(world)
    for pod in backends(world, balancer):
        points = [(0, time.at(*at), 1.0) for at in samples(pod.start, pod.end, window)]
        labels: Attributes = (
            ("endpointslice", f"{balancer.service}-x7k2p"),
            ("namespace", balancer.namespace),
            ("ready", "true"),
            ("targetref_kind", "Pod"),
            ("targetref_name", pod.name),
        )
        if points:
            yield Series(ENDPOINT, labels, points)


def _claim(volume: Volume) -> Attributes:
    return (
        ("namespace", volume.namespace),
        ("persistentvolumeclaim", volume.claim),
        ("volumename", volume.name),
    )


def _disk(volume: Volume) -> Attributes:
    return ("csi_volume_handle", volume.disk), ("persistentvolume", volume.name)

"""Which metrics tell which fact, in every generation of names.

A fact is what the ledger needs of a container, a pod or a node. Of several metrics that tell the
same fact the one with the lowest rank gives all of it: OpenTelemetry semantic conventions first,
then the Collector receivers' names, then Prometheus'. Source of the names: the semantic
conventions' Kubernetes page, the kubeletstats, k8s_cluster and hostmetrics receivers, cAdvisor,
kube-state-metrics, NVIDIA's DCGM exporter and OpenCost's exporter.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

CPU_USE: Final = "cpu_use"
MEMORY_USE: Final = "memory_use"
GPU_USE: Final = "gpu_use"
CPU_REQUEST: Final = "cpu_request"
MEMORY_REQUEST: Final = "memory_request"
GPU_REQUEST: Final = "gpu_request"
PHASE: Final = "phase"
RUNNING_POD: Final = "running_pod"
UPTIME: Final = "uptime"
POD_INFO: Final = "pod_info"
POD_OWNER: Final = "pod_owner"
REPLICASET_OWNER: Final = "replicaset_owner"
JOB_OWNER: Final = "job_owner"
POD_LABELS: Final = "pod_labels"
NAMESPACE_LABELS: Final = "namespace_labels"
NODE_CPU: Final = "node_cpu"
NODE_MEMORY: Final = "node_memory"
NODE_GPU: Final = "node_gpu"
NODE_CPU_ALLOCATABLE: Final = "node_cpu_allocatable"
NODE_MEMORY_ALLOCATABLE: Final = "node_memory_allocatable"
NODE_SEEN: Final = "node_seen"
NODE_LABELS: Final = "node_labels"
VOLUME: Final = "volume"
SENT: Final = "network_sent"
RECEIVED: Final = "network_received"
POD_CLAIM: Final = "pod_claim"
CLAIM_INFO: Final = "claim_info"
VOLUME_INFO: Final = "volume_info"

BALANCER: Final = "balancer"
INGRESS: Final = "ingress"
INGRESS_GROUP: Final = "ingress_group"
ENDPOINT: Final = "endpoint"
ENDPOINT_SLICE: Final = "endpoint_slice"
SELECTOR: Final = "selector"

OF_BALANCERS: Final = (BALANCER, INGRESS, INGRESS_GROUP, ENDPOINT, ENDPOINT_SLICE, SELECTOR)
"""Which services and ingresses have a balancer, and which pods stand behind them."""

WITHOUT_POD: Final = (NAMESPACE_LABELS, NODE_LABELS, CLAIM_INFO, VOLUME_INFO, *OF_BALANCERS)
"""Facts of no pod: one that their samples name is the exporter's own."""

INFO: Final = (
    POD_INFO,
    POD_OWNER,
    REPLICASET_OWNER,
    JOB_OWNER,
    POD_LABELS,
    NAMESPACE_LABELS,
    NODE_LABELS,
    POD_CLAIM,
    CLAIM_INFO,
    VOLUME_INFO,
    *OF_BALANCERS,
)
"""Facts told by attributes; their samples say nothing about what runs."""

CONTROLLERS: Final = (
    ("CronJob", "k8s.cronjob.name"),
    ("Deployment", "k8s.deployment.name"),
    ("StatefulSet", "k8s.statefulset.name"),
    ("DaemonSet", "k8s.daemonset.name"),
    ("Job", "k8s.job.name"),
    ("ReplicaSet", "k8s.replicaset.name"),
)
"""Kinds of controllers with the attribute that names them, the topmost first."""


POOL_LABELS: Final = (
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
    "eks.amazonaws.com/nodegroup",
    "alpha.eksctl.io/nodegroup-name",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "agentpool",
    "kops.k8s.io/instancegroup",
    "doks.digitalocean.com/node-pool",
    "k8s.scaleway.com/pool-name",
)
"""Labels by which providers and provisioners name a node's pool, the first that is there counts."""


@dataclass(frozen=True)
class Name:
    """A metric that tells a fact; `resource` is what its point attribute of that name must be."""

    fact: str
    rank: int
    name: str
    resource: str = ""
    scale: float = 1.0


_REQUESTS: Final = "kube_pod_container_resource_requests"
_CAPACITY: Final = "kube_node_status_capacity"
_ALLOCATABLE: Final = "kube_node_status_allocatable"

NAMES: Final = (
    Name(CPU_USE, 1, "container.cpu.time"),
    Name(CPU_USE, 2, "container.cpu.usage"),
    Name(CPU_USE, 3, "container.cpu.utilization"),
    Name(CPU_USE, 4, "container_cpu_usage_seconds_total"),
    Name(CPU_USE, 11, "k8s.pod.cpu.time"),
    Name(CPU_USE, 12, "k8s.pod.cpu.usage"),
    Name(CPU_USE, 13, "k8s.pod.cpu.utilization"),
    Name(MEMORY_USE, 1, "container.memory.working_set"),
    Name(MEMORY_USE, 4, "container_memory_working_set_bytes"),
    Name(MEMORY_USE, 11, "k8s.pod.memory.working_set"),
    Name(GPU_USE, 1, "DCGM_FI_PROF_GR_ENGINE_ACTIVE"),
    Name(GPU_USE, 2, "DCGM_FI_DEV_GPU_UTIL", scale=0.01),
    Name(CPU_REQUEST, 1, "k8s.container.cpu.request.current"),
    Name(CPU_REQUEST, 2, "k8s.container.cpu.request.desired"),
    Name(CPU_REQUEST, 3, "k8s.container.cpu_request"),
    Name(CPU_REQUEST, 4, _REQUESTS, "cpu"),
    Name(CPU_REQUEST, 5, "kube_pod_container_resource_requests_cpu_cores"),
    Name(MEMORY_REQUEST, 1, "k8s.container.memory.request.current"),
    Name(MEMORY_REQUEST, 2, "k8s.container.memory.request.desired"),
    Name(MEMORY_REQUEST, 3, "k8s.container.memory_request"),
    Name(MEMORY_REQUEST, 4, _REQUESTS, "memory"),
    Name(MEMORY_REQUEST, 5, "kube_pod_container_resource_requests_memory_bytes"),
    Name(GPU_REQUEST, 4, _REQUESTS, "gpu"),
    Name(GPU_REQUEST, 5, "container_gpu_allocation"),
    Name(PHASE, 1, "k8s.pod.phase"),
    Name(RUNNING_POD, 2, "k8s.pod.status.phase"),
    Name(RUNNING_POD, 3, "kube_pod_status_phase"),
    Name(RUNNING_POD, 4, "kube_pod_container_status_running"),
    Name(UPTIME, 1, "k8s.pod.uptime"),
    Name(UPTIME, 2, "container.uptime"),
    Name(POD_INFO, 1, "kube_pod_info"),
    Name(POD_OWNER, 1, "kube_pod_owner"),
    Name(REPLICASET_OWNER, 1, "kube_replicaset_owner"),
    Name(JOB_OWNER, 1, "kube_job_owner"),
    Name(POD_LABELS, 1, "kube_pod_labels"),
    Name(NAMESPACE_LABELS, 1, "kube_namespace_labels"),
    Name(NODE_CPU, 1, _CAPACITY, "cpu"),
    Name(NODE_CPU, 2, "kube_node_status_capacity_cpu_cores"),
    Name(NODE_CPU, 3, "system.cpu.logical.count"),
    Name(NODE_MEMORY, 1, _CAPACITY, "memory"),
    Name(NODE_MEMORY, 2, "kube_node_status_capacity_memory_bytes"),
    Name(NODE_MEMORY, 3, "system.memory.limit"),
    Name(NODE_GPU, 1, _CAPACITY, "gpu"),
    Name(NODE_GPU, 2, "node_gpu_count"),
    Name(NODE_GPU, 3, "k8s.node.allocatable_nvidia_com_gpu"),
    Name(NODE_GPU, 4, "k8s.node.allocatable_amd_com_gpu"),
    Name(NODE_GPU, 5, _ALLOCATABLE, "gpu"),
    Name(NODE_CPU_ALLOCATABLE, 1, "k8s.node.cpu.allocatable"),
    Name(NODE_CPU_ALLOCATABLE, 2, "k8s.node.allocatable_cpu"),
    Name(NODE_CPU_ALLOCATABLE, 3, _ALLOCATABLE, "cpu"),
    Name(NODE_CPU_ALLOCATABLE, 4, "kube_node_status_allocatable_cpu_cores"),
    Name(NODE_MEMORY_ALLOCATABLE, 1, "k8s.node.memory.allocatable"),
    Name(NODE_MEMORY_ALLOCATABLE, 2, "k8s.node.allocatable_memory"),
    Name(NODE_MEMORY_ALLOCATABLE, 3, _ALLOCATABLE, "memory"),
    Name(NODE_MEMORY_ALLOCATABLE, 4, "kube_node_status_allocatable_memory_bytes"),
    Name(NODE_LABELS, 1, "kube_node_labels"),
    Name(NODE_SEEN, 1, "kube_node_info"),
    Name(NODE_SEEN, 2, "k8s.node.condition_ready"),
    Name(NODE_SEEN, 3, "k8s.node.uptime"),
    Name(SENT, 1, "kubecost_pod_network_egress_bytes_total"),
    Name(SENT, 2, "k8s.pod.network.io"),
    Name(SENT, 3, "container_network_transmit_bytes_total"),
    Name(RECEIVED, 3, "container_network_receive_bytes_total"),
    Name(VOLUME, 1, "k8s.pod.volume.capacity"),
    Name(VOLUME, 2, "k8s.pod.volume.available"),
    Name(VOLUME, 3, "k8s.pod.volume.usage"),
    Name(VOLUME, 4, "k8s.volume.capacity"),
    Name(VOLUME, 5, "k8s.volume.available"),
    Name(POD_CLAIM, 1, "kube_pod_spec_volumes_persistentvolumeclaims_info"),
    Name(CLAIM_INFO, 1, "kube_persistentvolumeclaim_info"),
    Name(VOLUME_INFO, 1, "kube_persistentvolume_info"),
    Name(BALANCER, 1, "k8s.service.load_balancer.ingress.count"),
    Name(BALANCER, 2, "kube_service_status_load_balancer_ingress"),
    Name(BALANCER, 3, "kube_service_spec_type"),
    Name(BALANCER, 4, "kubecost_load_balancer_cost"),
    Name(INGRESS, 1, "kube_ingress_path"),
    Name(INGRESS_GROUP, 1, "kube_ingress_annotations"),
    Name(ENDPOINT, 1, "kube_endpointslice_endpoints"),
    Name(ENDPOINT, 2, "kube_endpoint_address"),
    Name(ENDPOINT_SLICE, 1, "kube_endpointslice_labels"),
    Name(SELECTOR, 1, "k8s.service.endpoint.count"),
    Name(SELECTOR, 2, "service_selector_labels"),
)
"""Every accepted name; `docs/reference/telemetry.md` is made from it."""

GPU_RESOURCE: Final = r"^(nvidia|amd)_com_(gpu|mig)|^gpu_intel_com_"
"""Extended resources that are GPUs; a MIG slice `nvidia_com_mig_3g_20gb` is 3/7 of one."""
IN_QUARTERS: Final = r"_mig_(1g_6gb|2g_12gb|4g_24gb|2g_48gb|4g_96gb)"
"""Slices of GPUs that are cut in four (A30, RTX PRO 6000 Blackwell), as far as their names tell."""

_SUFFIXES: Final = ("_bytes", "_seconds_total", "_seconds", "_ratio", "_cores", "_total")
_SUFFIX: Final = rf"({'|'.join(_SUFFIXES)})$"


def _bare(name: str) -> str:
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _facts() -> pl.DataFrame:
    rows: dict[tuple[str, str], tuple[str, int, str, float, bool]] = {}
    spelled = [(name, name.name.replace(".", "_").lower()) for name in NAMES]
    for name, text in [*spelled, *((name, _bare(text)) for name, text in spelled)]:
        reported = (name.fact, name.rank, name.name, name.scale, "." not in name.name)
        rows.setdefault((text, name.resource), reported)
    return pl.DataFrame(
        [(*key, *value) for key, value in rows.items()],
        schema={
            "spelling": pl.String(),
            "resource_kind": pl.String(),
            "fact": pl.String(),
            "rank": pl.Int32(),
            "source": pl.String(),
            "scale": pl.Float64(),
            "is_prometheus": pl.Boolean(),
        },
        orient="row",
    )


FACTS: Final = _facts()
"""One row per spelling and kind of resource: the fact, its rank, and what it stands for."""

SPELLINGS: Final = FACTS["spelling"].unique().sort().to_list()
BY_RESOURCE: Final = FACTS.filter(pl.col("resource_kind") != "")["spelling"].unique().to_list()
PROMETHEUS: Final = FACTS.filter("is_prometheus")["spelling"].unique().to_list()


def spelling(name: pl.Expr) -> pl.Expr:
    """Give a metric's name as FACTS spells it: lower case, `_`, without a unit if need be."""
    text = name.str.to_lowercase().str.replace_all(".", "_", literal=True)
    return pl.when(text.is_in(SPELLINGS)).then(text).otherwise(text.str.replace(_SUFFIX, ""))


def resource_kind(resource: pl.Expr) -> pl.Expr:
    """Give cpu, memory or gpu for the value of the point attribute `resource`."""
    return pl.when(resource.str.contains(GPU_RESOURCE)).then(pl.lit("gpu")).otherwise(resource)

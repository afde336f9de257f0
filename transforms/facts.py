"""Which metrics tell which fact, in every generation of names.

A fact is what the ledger needs of a container, a pod or a node. Of several metrics that tell the
same fact the one with the lowest rank gives all of it: OpenTelemetry semantic conventions first,
then the Collector receivers' names, then Prometheus'. Source of the names: the semantic
conventions' Kubernetes page, the kubeletstats, k8s_cluster and hostmetrics receivers, cAdvisor and
kube-state-metrics.
"""

from typing import Final

import polars as pl

CPU_USE: Final = "cpu_use"
MEMORY_USE: Final = "memory_use"
CPU_REQUEST: Final = "cpu_request"
MEMORY_REQUEST: Final = "memory_request"
GPU_REQUEST: Final = "gpu_request"
PHASE: Final = "phase"
NODE_CPU: Final = "node_cpu"
NODE_MEMORY: Final = "node_memory"
NODE_GPU: Final = "node_gpu"
NODE_SEEN: Final = "node_seen"
ALLOCATABLE_RANK: Final = 3
"""From this rank on, a node's metric tells what pods may take, not what there is."""

CONTROLLERS: Final = (
    ("CronJob", "k8s.cronjob.name"),
    ("Deployment", "k8s.deployment.name"),
    ("StatefulSet", "k8s.statefulset.name"),
    ("DaemonSet", "k8s.daemonset.name"),
    ("Job", "k8s.job.name"),
    ("ReplicaSet", "k8s.replicaset.name"),
)
"""Kinds of controllers with the attribute that names them, the topmost first."""

_NAMES: Final = (
    (CPU_USE, 1, "container.cpu.time"),
    (CPU_USE, 2, "container.cpu.usage"),
    (CPU_USE, 3, "container.cpu.utilization"),
    (CPU_USE, 4, "container_cpu_usage_seconds_total"),
    (CPU_USE, 11, "k8s.pod.cpu.time"),
    (CPU_USE, 12, "k8s.pod.cpu.usage"),
    (MEMORY_USE, 1, "container.memory.working_set"),
    (MEMORY_USE, 4, "container_memory_working_set_bytes"),
    (MEMORY_USE, 11, "k8s.pod.memory.working_set"),
    (CPU_REQUEST, 1, "k8s.container.cpu.request.current"),
    (CPU_REQUEST, 2, "k8s.container.cpu.request.desired"),
    (CPU_REQUEST, 3, "k8s.container.cpu_request"),
    (CPU_REQUEST, 4, "kube_pod_container_resource_requests"),
    (MEMORY_REQUEST, 1, "k8s.container.memory.request.current"),
    (MEMORY_REQUEST, 2, "k8s.container.memory.request.desired"),
    (MEMORY_REQUEST, 3, "k8s.container.memory_request"),
    (MEMORY_REQUEST, 4, "kube_pod_container_resource_requests"),
    (GPU_REQUEST, 1, "kube_pod_container_resource_requests"),
    (PHASE, 1, "k8s.pod.phase"),
    (NODE_CPU, 1, "kube_node_status_capacity"),
    (NODE_CPU, 2, "system.cpu.logical.count"),
    (NODE_CPU, 3, "k8s.node.cpu.allocatable"),
    (NODE_CPU, 4, "k8s.node.allocatable_cpu"),
    (NODE_CPU, 5, "kube_node_status_allocatable"),
    (NODE_MEMORY, 1, "kube_node_status_capacity"),
    (NODE_MEMORY, 2, "system.memory.limit"),
    (NODE_MEMORY, 3, "k8s.node.memory.allocatable"),
    (NODE_MEMORY, 4, "k8s.node.allocatable_memory"),
    (NODE_MEMORY, 5, "kube_node_status_allocatable"),
    (NODE_GPU, 1, "kube_node_status_capacity"),
    (NODE_GPU, 3, "kube_node_status_allocatable"),
    (NODE_SEEN, 1, "kube_node_info"),
    (NODE_SEEN, 2, "k8s.node.condition_ready"),
    (NODE_SEEN, 3, "k8s.node.uptime"),
)
_BY_RESOURCE: Final = {
    "kube_pod_container_resource_requests",
    "kube_node_status_capacity",
    "kube_node_status_allocatable",
}
"""One name for CPU, memory and GPUs: the point attribute `resource` tells which."""

_RESOURCES: Final = {
    "cpu": ("cpu",),
    "memory": ("memory",),
    "gpu": ("nvidia_com_gpu", "amd_com_gpu"),
}

_SUFFIXES: Final = ("_bytes", "_seconds_total", "_seconds", "_ratio", "_cores", "_total")
_SUFFIX: Final = rf"({'|'.join(_SUFFIXES)})$"


def _bare(name: str) -> str:
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _facts() -> pl.DataFrame:
    rows: dict[tuple[str, str], tuple[str, int, str]] = {}
    names = [(fact, rank, name, name.replace(".", "_").lower()) for fact, rank, name in _NAMES]
    spelled = [(fact, rank, name, text) for fact, rank, name, text in names]
    spelled += [(fact, rank, name, _bare(text)) for fact, rank, name, text in names]
    for fact, rank, name, text in spelled:
        kind = next((kind for kind in _RESOURCES if kind in fact), "")
        for resource in _RESOURCES[kind] if name in _BY_RESOURCE else ("",):
            rows.setdefault((text, resource), (fact, rank, name))
    return pl.DataFrame(
        [(*key, *value) for key, value in rows.items()],
        schema={
            "spelling": pl.String(),
            "resource": pl.String(),
            "fact": pl.String(),
            "rank": pl.Int32(),
            "source": pl.String(),
        },
        orient="row",
    )


FACTS: Final = _facts()
"""One row per spelling and `resource`: the fact it tells, its rank, and the name it stands for."""

SPELLINGS: Final = FACTS["spelling"].unique().sort().to_list()


def spelling(name: pl.Expr) -> pl.Expr:
    """Give a metric's name as FACTS spells it: lower case, `_`, without a unit if need be."""
    text = name.str.to_lowercase().str.replace_all(".", "_", literal=True)
    return pl.when(text.is_in(SPELLINGS)).then(text).otherwise(text.str.replace(_SUFFIX, ""))

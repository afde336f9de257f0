"""One pod of one container, as each sender names it, and an hour of samples."""

from typing import Final

CLUSTER: Final = {"k8s.cluster.name": "c"}
POD: Final = {
    **CLUSTER,
    "k8s.namespace.name": "shop",
    "k8s.pod.name": "p",
    "k8s.pod.uid": "u-1",
    "k8s.node.name": "n",
}
CONTAINER: Final = {**POD, "k8s.container.name": "main"}
LABELS: Final = {"namespace": "shop", "pod": "p", "container": "main", "node": "n"}
"""The same, as Prometheus' exporters put it on a point."""
AT: Final = [(0, 2), (1, 2)]
"""Phase Running at the start and the end of an hour."""

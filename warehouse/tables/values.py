"""What a column may say that has a few values: spelled once, for texts and for code.

Gives    a tuple of values per column, in the order people read them; names of single values where
         code gives them one by one
Holds    no frame that a test makes has another value (tests/conftest.py)
"""

from typing import Final, Literal, get_args

from meterbook.base.settings import InventorySettings
from warehouse.table import Level

METRIC_KINDS: Final = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
TEMPORALITIES: Final = ("unspecified", "delta", "cumulative")
"""By the numbers that OTLP gives them."""

SOURCE_FORMATS: Final = ("focus", "aws_cur1", "aws_cur2", "gcp_std", "gcp_detailed", "azure")
IN_FORCE: Final = "in_force"
PREVIOUS: Final = "previous"
HELD: Final = "held"
DELIVERY_STATES: Final = (IN_FORCE, PREVIOUS, HELD)
RESTATEMENTS: Final = ("late_usage", "changed", "withdrawn", "refund", "credit", "tax")
PERIOD_STATES: Final = ("open", "estimated", "final")
RuleKind = Literal["null", "value", "time", "number", "pair", "sum"]
RULE_KINDS: Final[tuple[str, ...]] = get_args(RuleKind)

WORKLOAD_KINDS: Final = (
    "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "ReplicaSet", "Pod",
)  # fmt: skip
FACTS: Final = (
    "cpu_use", "memory_use", "gpu_use", "cpu_request", "memory_request", "gpu_request",
)  # fmt: skip
TRAFFIC_CLASSES: Final = ("internet", "cross_region", "cross_zone", "internal", "unknown")
BALANCER_KINDS: Final = ("service", "ingress", "group")
AGGREGATIONS: Final = ("increase", "last")

REASONS: Final = (
    "workload", "idle", "idle_share", "system", "no_telemetry", "unmounted", "provider_split",
    "line", "no_rule", "unknown_team", "pool_share", "pool_unsplit",
)  # fmt: skip
LINE_KINDS: Final = ("node", "volume", "traffic", "balancer", "divided", "other")
SECTIONS: Final = ("direct", "shared", "idle", "no_telemetry", "unmounted", "credit")
CLOSED: Final = "closed"
ADJUSTED: Final = "adjustment"
CHANGES: Final = ("restatement", "rules", "restatement and rules", "telemetry")
BUDGET_STATES: Final = ("ok", "at_risk", "over")
TAG_STATES: Final = ("tagged", "unknown_team", "invalid", "untagged")
ANOMALY_SCOPES: Final = ("team", "namespace")
PROFILES: Final = ("lean", "balanced", "safe")
RIGHTSIZING_STATES: Final = ("ready", "too_little_history")

SERVICE_KINDS: Final = tuple(
    pair.partition("=")[0] for pair in InventorySettings().expected_signals
)
"""Those that the settings have unless told; a file of inventory may use any that they name."""
EXPECTED_STATES: Final = ("complete", "partial", "dark")
COVERAGE_STATES: Final = (*EXPECTED_STATES, "unregistered", "exempt")
FRESHNESS: Final = ("fresh", "stale", "never")
MATCHES: Final = ("alias", "exact", "name")
GRADES: Final = ((90, "A"), (75, "B"), (50, "C"), (0, "D"))
"""From the least score of each."""
EXPIRED: Final = "expired_exemption"
AMBIGUOUS: Final = "ambiguous"
UNATTRIBUTED: Final = "unattributed"
COVERAGE_FINDINGS: Final = (EXPIRED, AMBIGUOUS, UNATTRIBUTED)
INVENTORY_KINDS: Final = ("catalogue", "workload", "bill")

KEY_LEVELS: Final = ("resource", "log", "span", "point")
Impact = Literal["Critical", "Important", "Normal", "Low"]
WEIGHTS: Final[dict[Impact, int]] = {"Critical": 40, "Important": 30, "Normal": 20, "Low": 10}
Target = Literal["Resource", "Log", "Metric", "Span", "SDK"]
TARGETS: Final[tuple[str, ...]] = get_args(Target)
RATED_STATES: Final = ("passed", "failed", "not seen", "not evaluated")
BANDS: Final = ((90, "Excellent"), (75, "Good"), (50, "Needs Improvement"), (0, "Poor"))
"""From the least score of each."""

LEVELS: Final = ("point", "resource")
VALUE_CLASSES: Final = (
    "uuid", "email", "ip", "iso_time", "epoch", "hex_id", "k8s_pod", "url_path", "small_number",
    "number", "prefixed_id", "free_text", "enum",
)  # fmt: skip
PERSONAL_DATA: Final = ("email", "ip", "phone", "card")
SETS: Final = ("equivalent", "instance", "budget")
REWRITES: Final = ("half_the_bounds", "path_template", "status_class", "top_k")
ACTIONS: Final = (
    "drop_metric", "drop_unused_label", *REWRITES, "drop_label", "drop_equivalent", "drop_set",
)  # fmt: skip
"""The gentlest first."""
VERDICTS: Final = ("unused", "loses_detail", "look_first")
USE_STATES: Final = ("used", "unused", "unknown")

RUN_STATES: Final = ("done", "failed")
CHECK_LEVELS: Final[tuple[str, ...]] = get_args(Level)

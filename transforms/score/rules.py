"""The rules of the Instrumentation Score, declared as data.

Source: the specification's rule files, commit e6ee222. Where it is silent or at odds with itself
the words say what is done here.
"""

from dataclasses import dataclass
from typing import Final

from warehouse.tables.values import WEIGHTS, Impact, Target


@dataclass(frozen=True)
class Rule:
    """One rule: what it looks at, how much it weighs, and when it passes."""

    id: str
    impact: Impact
    target: Target
    text: str
    is_defined: bool = True
    """False where the specification itself has no criteria yet: nobody can evaluate it."""

    @property
    def weight(self) -> int:
        """Give the weight of its impact."""
        return WEIGHTS[self.impact]


RULES: Final = (
    Rule("RES-001", "Normal", "Resource", "service.instance.id is present"),
    Rule("RES-002", "Important", "Resource",
         "service.instance.id is unique across the logical resources of a service.name"),
    Rule("RES-003", "Important", "Resource",
         "k8s.pod.uid is present on resources that describe Kubernetes pods"),
    Rule("RES-004", "Important", "Resource",
         "keys of the semantic conventions stand at the right level of OTLP"),
    Rule("RES-005", "Critical", "Resource", "service.name is a non-empty string"),
    Rule("LOG-001", "Important", "Log",
         "no severity text DEBUG in production for longer than 14 days"),
    Rule("LOG-002", "Important", "Log", "the severity number is set, the text is not UNSET"),
    Rule("MET-001", "Important", "Metric",
         "each attribute key of a metric has fewer than 10,000 values in an hour"),
    Rule("MET-002", "Important", "Metric", "the unit is set and valid UCUM"),
    Rule("MET-003", "Important", "Metric", "one unit per metric name over the last 14 days"),
    Rule("MET-004", "Normal", "Metric",
         "one bucket layout per histogram name over the last 14 days"),
    Rule("MET-005", "Normal", "Metric", "the name does not contain the unit"),
    Rule("MET-006", "Important", "Metric",
         "the name is not an attribute key of the semantic conventions"),
    Rule("SPA-001", "Normal", "Span", "at most 10 INTERNAL spans per trace and service.name"),
    Rule("SPA-002", "Normal", "Span", "every parent_span_id exists in the trace"),
    Rule("SPA-003", "Important", "Span", "the specification has no criteria yet",
         is_defined=False),
    Rule("SPA-004", "Important", "Span", "a root span is not of kind CLIENT"),
    Rule("SPA-005", "Important", "Span", "at most 20 spans shorter than 5 ms per trace"),
    Rule("SDK-001", "Low", "SDK", "language and runtime are supported by the SDK's version"),
)  # fmt: skip
BY_ID: Final = {rule.id: rule for rule in RULES}

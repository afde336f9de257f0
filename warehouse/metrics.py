"""The twelve figures that people read, declared once: pages and docs take them from here.

`is_built` says whether a build writes rows of it yet; a page shows "no data" for the others.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Metric:
    """One figure: its question, its formula in words, its target."""

    id: str
    name: str
    question: str
    formula: str
    unit: str
    target: str
    owner: str
    is_built: bool = False


ALL: Final = (
    Metric(
        "M1",
        "API availability",
        "How many requests do our services answer?",
        "1 - requests with status >= 500, or none and an error type / all requests",
        "ratio",
        "99.9 %",
        "product teams",
    ),
    Metric(
        "M2",
        "Pipeline success",
        "How many pipeline runs succeed?",
        "success / (success + failure + error + timeout)",
        "ratio",
        "98 %",
        "platform",
    ),
    Metric(
        "M3",
        "Time to provision",
        "How long until what was asked for is there?",
        "median and 90th percentile of ready - requested",
        "s",
        "to be agreed",
        "platform",
    ),
    Metric(
        "M4",
        "Lead time for change",
        "How long from commit to production?",
        "median of deploy time - commit time of the commits newly deployed",
        "s",
        "to be agreed",
        "product teams",
    ),
    Metric(
        "M5",
        "Time to restore",
        "How long do incidents last?",
        "median and mean of resolved - started",
        "s",
        "to be agreed",
        "product teams",
    ),
    Metric(
        "M6",
        "Error budget burn",
        "How fast is the error budget being spent?",
        "(bad / total) / (1 - objective)",
        "ratio",
        "1",
        "product teams",
    ),
    Metric(
        "M7",
        "Coverage",
        "Which services can be seen in an incident?",
        "services fresh on all expected signals / services in the inventory",
        "ratio",
        "95 %",
        "product teams",
        is_built=True,
    ),
    Metric(
        "M8",
        "Cost per team",
        "What did each team spend?",
        "effective cost of its own + its part of shared pools",
        "currency",
        "budget",
        "finance",
        is_built=True,
    ),
    Metric(
        "M9",
        "Onboarding time",
        "How long until a new person ships?",
        "median days from start to first production deployment",
        "d",
        "to be agreed",
        "platform",
    ),
    Metric(
        "M10",
        "Automatic remediation",
        "How many incidents mend themselves?",
        "automatic remediations that held / eligible incidents",
        "ratio",
        "to be agreed",
        "platform",
    ),
    Metric(
        "M11",
        "Policy enforcement",
        "How many policy evaluations can say no?",
        "evaluations in enforce mode / all evaluations",
        "ratio",
        "to be agreed",
        "platform",
    ),
    Metric(
        "M12",
        "Change failure rate",
        "How many deployments fail?",
        "failed production deployments / production deployments",
        "ratio",
        "to be agreed",
        "product teams",
    ),
)
BY_ID: Final = {metric.id: metric for metric in ALL}

"""What stands between telemetry and the inventory, and what to do about it.

Reads    mart_coverage_finding
Holds    a finding is in no figure of coverage
"""

from typing import Final

from app.kit import words
from app.kit.figure import Figure, Shown, build
from app.kit.filters import Filters
from app.kit.parameters import of_services
from app.kit.reader import Reader

_COUNTED: Final = {
    "expired_exemption": ("exemption is over", "exemptions are over"),
    "ambiguous": ("name is borne by several services", "names are borne by several services"),
    "unattributed": ("sender has no name", "senders have no name"),
}


_FINDINGS: Final = """
    SELECT finding, service_name, service_namespace, environment, team, signals, detail, action,
           last_seen_at, item_count
    FROM mart_coverage_finding
    WHERE ($team = 'all' OR team = $team OR finding <> 'expired_exemption')
      AND ($environment = 'all' OR environment = $environment)
    ORDER BY list_position(['expired_exemption', 'ambiguous', 'unattributed'], finding),
             item_count DESC, service_namespace, service_name, environment
    LIMIT 500
"""


def findings(reader: Reader, filters: Filters) -> Figure:
    """Give exemptions that are over, ambiguous names, and telemetry without a name."""
    answer = reader.ask(_FINDINGS, **of_services(filters))
    return build(
        reader,
        filters,
        answer,
        name="coverage-findings",
        title="What keeps telemetry and inventory apart",
        finding=_counted(answer.frame["finding"].to_list()),
        shown=(
            Shown("finding", "What", "state"),
            Shown("service_name", "Service, as sent or listed"),
            Shown("service_namespace", "Namespace"),
            Shown("environment", "Environment"),
            Shown("signals", "Signals", "signals"),
            Shown("detail", "What is known", "prose"),
            Shown("action", "What to do", "prose"),
            Shown("last_seen_at", "Last seen", "instant"),
        ),
        note="In no figure: it covers nobody and takes nothing away.",
        empty="Every signal of the last seven days finds its service, and no exemption is over.",
        is_tall=True,
    )


def _counted(kinds: list[str]) -> str:
    """Write how many findings there are of each kind."""
    found = [
        f"{words.count(number)} {one if number == 1 else several}"
        for kind, (one, several) in _COUNTED.items()
        if (number := kinds.count(kind))
    ]
    text = f"{words.listed(found)}." if found else "Every signal finds its service."
    return text[0].upper() + text[1:]

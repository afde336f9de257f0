"""What became of what a place delivers, and the points a load passes.

Takes     nothing: words and plain values
Gives    an outcome per delivery or period, the report of a load, the names of its steps
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from collector.billing.delivery.catalog import Catalog
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings
from warehouse.tables.values import HELD

Say = Callable[[str], None]
Step = Callable[[str], None]
UNCHANGED: Final = "unchanged"
LOADED: Final = "loaded"
REPLACED: Final = "replaced"
WAITING: Final = "waiting"
OLDER: Final = "older"
MANIFEST_ID: Final = "manifest:"
NOT_READ: Final = "not read"

STEPS: Final = (
    "lock taken", "catalogue opened", "leftovers removed", "source opened", "files listed",
    "delivery identified", "staging begun", "delivery staged", "files unchanged", "guards passed",
    "restatement told", "parts synced", "place cleared", "place made", "parts moved",
    "place synced", "transaction begun", "files noted", "former set aside", "entry put",
    "before commit", "committed", "staging removed",
)  # fmt: skip
"""The points of a load, in order; a crash at any of them leaves the former state or the new one."""


@dataclass(frozen=True)
class Job:
    """What one place is loaded with: where to, on which terms, when, and whom to tell."""

    name: str
    home: Home
    settings: BillingSettings
    catalog: Catalog
    now: datetime
    accept: str
    say: Say
    step: Step


@dataclass(frozen=True)
class Outcome:
    """What became of a delivery, or of one of its periods."""

    source: str
    title: str
    state: str
    delivery_id: str = ""
    period: str = ""
    account: str = ""
    row_count: int = 0
    rejected_count: int = 0
    effective_cost: str = "0"
    reason: str = ""

    @property
    def text(self) -> str:
        """Give one line."""
        what = f"{self.source} {self.period or self.title}: {self.state}"
        if self.state in {LOADED, REPLACED}:
            return f"{what}, {self.row_count:,} lines, effective cost {self.effective_cost}"
        if self.state == HELD:
            kept = f"{what}: {self.reason}\n  The former one, if any, stays in force."
            if self.delivery_id.startswith(MANIFEST_ID):
                return kept  # there are no files that could be taken
            return f"{kept} `meterbook load --accept {self.delivery_id}` takes it anyway."
        return f"{what}{': ' + self.reason if self.reason else ''}"


@dataclass(frozen=True)
class LoadReport:
    """What a load did."""

    outcomes: tuple[Outcome, ...]

    @property
    def is_refused(self) -> bool:
        """Tell whether something is held."""
        return any(outcome.state in {HELD, NOT_READ} for outcome in self.outcomes)

    @property
    def rows(self) -> list[dict[str, object]]:
        """Give the outcomes as plain values."""
        return [dict(vars(outcome)) for outcome in self.outcomes]

    @property
    def text(self) -> str:
        """Give a line per outcome."""
        return "\n".join(outcome.text for outcome in self.outcomes) or "no billing sources"

"""The log of one build, and the word that ends it early.

Takes    tables with their row counts, when their step began
Gives    the rows of mart_run of this build
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from meterbook.base.errors import MeterbookError

Ask = Callable[[], bool]


class StoppedError(MeterbookError):
    """A load or a build was told to stop; what is finished is kept, the next goes on there."""


def refuse_stopped(is_stopped: Ask) -> None:
    """End the work where it was told to. Errors: StoppedError."""
    if is_stopped():
        raise StoppedError("told to stop: what is finished is kept, and the next run goes on there")


@dataclass
class RunLog:
    """The log of one build: a row per table and partition; and whether it shall go on."""

    id: str
    started_at: datetime
    is_stopped: Ask
    began: float = field(default_factory=monotonic)
    rows: list[dict[str, object]] = field(default_factory=list)

    def note(self, counts: Mapping[str, int], partition: str, since: float) -> None:
        """Note the tables that a step has made since."""
        seconds = monotonic() - since
        for name, count in counts.items():
            self.rows.append(
                {
                    "run_id": self.id,
                    "step": name,
                    "partition": partition,
                    "started_at": self.started_at + timedelta(seconds=since - self.began),
                    "wall_seconds": seconds / len(counts),
                    "row_count": count,
                    "state": "done",
                    "message": "",
                }
            )

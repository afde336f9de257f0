"""What the collector counts: closed sets of names and labels.

Takes    events
Gives    counters by (name, label); they go on where the last run ended
"""

from collections import Counter
from collections.abc import Mapping

from collector.otlp.check import Content
from meterbook.errors import MeterbookError, OverloadedError, TooLargeError


class Counters:
    """Counts since the collector's first start in this home."""

    def __init__(self, start: Mapping[tuple[str, str], int]) -> None:
        """Take up what was counted before."""
        self.counts: Counter[tuple[str, str]] = Counter(dict(start))

    def add(self, name: str, label: str, count: int = 1) -> None:
        """Add to a counter."""
        self.counts[name, label] += count

    def accepted(self, signal: str, found: Content) -> None:
        """Count a request that was taken, its items, and those that were rejected."""
        self.add("accepted_requests", signal)
        self.add("accepted_items", signal, found.items - found.rejected)
        if found.rejected:
            self.add("rejected_items", signal, found.rejected)

    def refused(self, signal: str, error: MeterbookError) -> None:
        """Count a request that was refused, by its cause."""
        cause = "undecodable"
        if isinstance(error, TooLargeError):
            cause = "too_large"
        elif isinstance(error, OverloadedError):
            cause = "overloaded"
        self.add("refused_requests", f"{signal}:{cause}")

"""What the collector counts: closed sets of names and labels.

Takes    events
Gives    counters by (name, label); they go on where the last run ended
Holds    accepted + refused = requests that came, by signal and transport

A label joins the values of a counter's attributes by `:`; `ATTRIBUTES` says which they are.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from collector.otlp.admission.check import Content
from collector.otlp.admission.gate import Sender
from meterbook.base.errors import (
    ForbiddenError,
    MeterbookError,
    OverloadedError,
    QuotaError,
    TooLargeError,
    UnauthenticatedError,
)

_BY_DOOR: Final = ("signal", "transport")
ATTRIBUTES: Final[dict[str, tuple[str, ...]]] = {
    "accepted_requests": _BY_DOOR,
    "accepted_items": _BY_DOOR,
    "rejected_items": _BY_DOOR,
    "refused_requests": (*_BY_DOOR, "cause"),
    "duplicate_requests": _BY_DOOR,
    "received_bytes": _BY_DOOR,
    "rejected_series_points": _BY_DOOR,
    "decoded_requests": ("signal",),
    "decoded_rows": ("table",),
    "dropped_exemplars": ("signal",),
    "slow_path_records": ("signal",),
    "quarantined_records": (),
    "decoder_restarts": (),
}
_CAUSES: Final[tuple[tuple[type[MeterbookError], str], ...]] = (
    (TooLargeError, "too_large"),
    (UnauthenticatedError, "unauthenticated"),
    (ForbiddenError, "forbidden"),
    (QuotaError, "quota"),
    (OverloadedError, "overloaded"),
    (MeterbookError, "undecodable"),
)


class Counters:
    """Counts since the collector's first start in this home."""

    def __init__(self, start: Mapping[tuple[str, str], int]) -> None:
        """Take up what was counted before."""
        self.counts: Counter[tuple[str, str]] = Counter(dict(start))

    def add(self, name: str, label: str = "", count: int = 1) -> None:
        """Add to a counter."""
        self.counts[name, label] += count

    def accepted(self, signal: str, sender: Sender, found: Content, size: int) -> None:
        """Count a request that was taken, its items and bytes, and the items that were rejected."""
        label = f"{signal}:{sender.transport}"
        counts = self.counts
        counts["accepted_requests", label] += 1
        counts["accepted_items", label] += found.items - found.rejected
        counts["received_bytes", label] += size
        if found.rejected:
            counts["rejected_items", label] += found.rejected

    def refused(self, signal: str, transport: str, error: MeterbookError) -> None:
        """Count a request that was refused, by its cause."""
        cause = next(word for kind, word in _CAUSES if isinstance(error, kind))
        self.add("refused_requests", f"{signal}:{transport}:{cause}")

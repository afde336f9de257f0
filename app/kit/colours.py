"""Which colour an entity has, everywhere it appears.

Every colour has a contrast of at least 3:1 on white and on the dark background, so one palette
serves both themes. Colours are never the only sign: names, arrows and signs stand beside them.
"""

from collections.abc import Sequence
from typing import Final

SERIES: Final = ("#3F7FBF", "#B45F06", "#228833", "#7B5BC7", "#C2527A", "#0E8A9A")
OTHER: Final = "#767676"
UNOWNED: Final = "#997700"
UP: Final = "#CC3311"
DOWN: Final = "#0077BB"
LABELS: Final = {"light": "#5D646E", "dark": "#A2A9B3"}
"""Text inside charts; the report's page names the same two."""
BACKGROUNDS: Final = {"light": "#FFFFFF", "dark": "#12151A"}

STATES: Final = {
    "complete": "#228833",
    "partial": "#997700",
    "dark": "#CC3311",
    "unregistered": "#7B5BC7",
    "exempt": "#767676",
}
"""State of a service's telemetry."""

BUCKETS: Final = {
    "Teams, direct": "#3F7FBF",
    "Teams, shared pools": "#7B5BC7",
    "Idle": "#767676",
    "Unallocated": "#B45F06",
    "No telemetry": "#C2527A",
    "Unsplit pools": "#0E8A9A",
    "Without a pod": "#997700",
}
"""Where the money of the bill went."""


def by_name(names: Sequence[str]) -> dict[str, str]:
    """Give the dearest names their colours, in order; the rest is grey."""
    return dict(zip(names, SERIES, strict=False))

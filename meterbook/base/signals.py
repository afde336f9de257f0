"""The kinds of telemetry, by OpenTelemetry's names, in the order people read them."""

from typing import Final

SIGNALS: Final = ("logs", "metrics", "traces")
ITEMS: Final = ("logs", "traces")
"""They come as items, not as series; where room is short they are refused first."""

"""Sizes that weights are counted in."""

from typing import Final

KIB: Final = 1024

"""Terms that note what a step looks up, to be held against what it declares."""

from datetime import UTC, datetime
from typing import Final

from meterbook.base.settings import Settings
from transforms.owners.ownership import Ownership
from transforms.partition import OWNERSHIP

NOW: Final = datetime(2026, 11, 22, tzinfo=UTC)


class Section:
    """A section of the settings that notes what is looked up."""

    def __init__(self, name: str, real: object, seen: set[str]) -> None:
        """Keep the section."""
        self._name, self._real, self._seen = name, real, seen

    def __getattr__(self, key: str) -> object:
        """Give the setting, and note it."""
        self._seen.add(f"{self._name}.{key}")
        return getattr(self._real, key)


class Noting:
    """Settings whose sections note what is looked up."""

    def __init__(self, seen: set[str]) -> None:
        """Start with the defaults."""
        self._seen = seen

    def __getattr__(self, name: str) -> Section:
        """Give a section."""
        return Section(name, getattr(Settings(), name), self._seen)


class NotingTerms:
    """Terms that note what a step asks for."""

    def __init__(self, seen: set[str]) -> None:
        """Start with nothing asked."""
        self.day, self.settings, self._seen = NOW.date(), Noting(seen), seen

    @property
    def now(self) -> datetime:
        """Give the time."""
        self._seen.add("now")
        return NOW

    @property
    def ownership(self) -> Ownership:
        """Give the rules."""
        self._seen.add(OWNERSHIP)
        return Ownership.default()

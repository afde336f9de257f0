"""How a few values are listed for people, in the docs and in messages."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

UNEXPLAINED: Final[Mapping[str, str]] = MappingProxyType({})


def one_of(
    values: Sequence[str], meanings: Mapping[str, str] = UNEXPLAINED, *, quote: str = ""
) -> str:
    """List values: `a, b (what it means) or c`; no text is called empty."""
    named = [f"{quote}{value}{quote}" if value else "empty" for value in values]
    texts = [
        f"{name} ({meanings[value]})" if meanings.get(value) else name
        for name, value in zip(named, values, strict=True)
    ]
    return " or ".join(part for part in (", ".join(texts[:-1]), texts[-1]) if part)

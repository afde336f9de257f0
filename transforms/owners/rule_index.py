"""Which rules may take a resource: an index, so that thousands of rules cost what a few do.

Takes    patterns by rule: the parts of its match, each with its patterns
Gives    for what a resource says the places of the rules that may match it, ascending
Holds    no rule that matches is left out; whether one does is for the caller to see

A rule is filed under one part of its match: under the texts that are plain, and under what the
others surely begin with. Of several parts that one counts whose texts the fewest rules share.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from transforms.owners.model import REGEX

SIGNS: Final = re.compile(r"[*?\[]")
LITERAL: Final = re.compile(r"[A-Za-z0-9 _/:@,=-]*")
"""What a regular expression may begin with and mean as it stands."""
Key = tuple[str, str, bool]
"""What is said of (`namespace`, `label app`), a text, and whether that is the whole of it."""
Part = Sequence[tuple[str, str]]
"""Patterns of which one must hold, each with what it is about."""


class RuleIndex:
    """Rules by what they surely ask for."""

    def __init__(self, rules: Sequence[Iterable[Part]]) -> None:
        """File each rule by its parts; one that may match everything is open."""
        choices = [[_keys(part) for part in parts] for parts in rules]
        count = Counter(key for parts in choices for keys in parts for key in keys)
        self.open: list[int] = []
        self.filed: dict[Key, list[int]] = {}
        for place, parts in enumerate(choices):
            if not parts:
                self.open.append(place)
                continue
            for key in min(parts, key=lambda keys: max(count[key] for key in keys)):
                self.filed.setdefault(key, []).append(place)
        lengths: dict[str, set[int]] = {}
        for name, text, is_whole in self.filed:
            if not is_whole:
                lengths.setdefault(name, set()).add(len(text))
        self.lengths: Mapping[str, set[int]] = lengths

    def places(self, stated: Iterable[tuple[str, str]]) -> Iterable[int]:
        """Give the places of the rules that may match what is said: names and their values."""
        if not self.filed:
            return self.open
        found = (self.filed.get(key, ()) for key in self._asked(stated))
        return sorted({*self.open, *(place for some in found for place in some)})

    def _asked(self, stated: Iterable[tuple[str, str]]) -> Iterator[Key]:
        for name, value in stated:
            yield name, value, True
            for length in self.lengths.get(name, ()):
                if length <= len(value):
                    yield name, value[:length], False


def _keys(part: Part) -> set[Key]:
    return {key for name, text in part for key in _key(name, text)}


def _key(name: str, text: str) -> Iterator[Key]:
    """Give what a text is filed under: itself, or what all that it matches begins with."""
    if text.startswith(REGEX):
        yield name, text, True
        yield name, _beginning(text.removeprefix(REGEX)), False
    elif found := SIGNS.search(text):
        yield name, text[: found.start()], False
    else:
        yield name, text, True


def _beginning(expression: str) -> str:
    """Give the plain text that all matches of a regular expression begin with; it may be empty."""
    if "|" in expression or "(?" in expression:
        return ""
    found = LITERAL.match(expression)
    literal = found[0] if found else ""
    is_counted = expression[len(literal) : len(literal) + 1] in {"*", "?", "{", "+"}
    return literal[:-1] if is_counted else literal

"""Which rules may take a thing: an index, so that thousands of rules cost what a few do.

Takes    the rules of a day in their order
Gives    for a thing the places of the rules that may match it, ascending
Holds    no rule that matches is left out; whether one does is for the caller to see

A rule is filed under one part of its match whose texts are all plain: a label's value, else its
namespace. One without such a part may match everything.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from transforms.ownership_model import REGEX, Match, Rule

TAGGED: Final = ("label", "tag", "annotation")
SIGNS: Final = frozenset("*?[")
Key = tuple[str, str, str]


class RuleIndex:
    """The rules of a day by what they surely ask for."""

    def __init__(self, rules: Sequence[Rule], normal: Callable[[str], str]) -> None:
        """File each rule; `normal` gives a tag's key as it is compared."""
        self.open: list[int] = []
        self.filed: dict[Key, list[int]] = {}
        for place, rule in enumerate(rules):
            keys = _keys(rule.match, normal)
            for key in keys:
                self.filed.setdefault(key, []).append(place)
            if not keys:
                self.open.append(place)

    def places(self, namespace: str, tags: Mapping[str, Mapping[str, str]]) -> Iterable[int]:
        """Give the places of the rules that may match."""
        if not self.filed:
            return self.open
        keys = [(kind, key, value) for kind in TAGGED for key, value in tags[kind].items()]
        found = [self.filed.get(key, ()) for key in (("namespace", "", namespace), *keys)]
        return sorted({*self.open, *(place for some in found for place in some)})


def _keys(match: Match, normal: Callable[[str], str]) -> set[Key]:
    """Give the keys a rule is filed under; none when every thing may match it."""
    for name in (*TAGGED, "namespace"):
        for part, texts in match.parts:
            if part == name and all(_is_plain(text, is_tag=name in TAGGED) for text in texts):
                return {_key(name, text, normal) for text in texts}
    return set()


def _key(name: str, text: str, normal: Callable[[str], str]) -> Key:
    if name not in TAGGED:
        return name, "", text
    key, _, value = text.partition("=")
    return name, normal(key), value.casefold()


def _is_plain(text: str, *, is_tag: bool) -> bool:
    value = text.partition("=")[2] if is_tag else text
    return bool(value) and not value.startswith(REGEX) and not SIGNS & set(value)

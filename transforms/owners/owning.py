"""Which rule owns what: rules and pools applied to distinct owners, not to rows of cost.

Takes    distinct resources that can be owned (workloads with labels, bill lines with tags), an
         `Ownership` and a day
Gives    for each of them the rule, the pool and the receivers with their parts
Holds    first match wins, pools before rules; the same resource gets the same owner on the same day
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fnmatch import translate
from functools import lru_cache
from typing import Final

from transforms.owners.model import REGEX, SHARED, UNALLOCATED, Match, Ownership, Pool, Rule
from transforms.owners.rule_index import SIGNS, RuleIndex
from transforms.usage.attributes import ANNOTATION

KEY_PREFIXES: Final = (
    ANNOTATION,
    "k8s.pod.annotations.",
    "k8s.pod.annotation.",
    "k8s.namespace.annotations.",
    "k8s.namespace.annotation.",
    "k8s.pod.labels.",
    "k8s.pod.label.",
    "k8s.namespace.labels.",
    "k8s.namespace.label.",
    "resource_tags_user_",
    "user:",
    "user_",
    "aws:",
)
IGNORED: Final = re.compile(r"[-_. :/]")
TAGGED: Final = ("label", "tag", "annotation")
STATED: Final = ("cluster", "namespace", "workload", "account", "service", "resource",
               "charge_category")  # fmt: skip


Tags = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Resource:
    """What can be owned. Parts that do not apply are empty."""

    cluster: str = "-"
    namespace: str = "-"
    workload: str = ""
    labels: str = "{}"
    account: str = ""
    service: str = ""
    resource: str = ""
    charge_category: str = ""


@dataclass(frozen=True)
class Owner:
    """Who owns a resource: receivers with their parts of 1, the rule, the reason, the pool."""

    shares: tuple[tuple[str, Decimal], ...]
    rule_id: str
    reason: str
    pool: str = ""


class Matcher:
    """Applies the rules of one day."""

    def __init__(self, ownership: Ownership, day: date) -> None:
        """Keep what is in force on the day."""
        self.ownership = ownership
        self.config_hash = ownership.hash_on(day)
        self.rules = [rule for rule in ownership.rules if rule.holds_on(day)]
        self.pools = [pool for pool in ownership.pools if pool.holds_on(day)]
        self.index = RuleIndex([_asked(rule.match) for rule in self.rules])
        self.keys = [normal_key(key) for key in ownership.tags.keys]
        self.teams = {team.id for team in ownership.teams}
        self.by_value = {team.id.casefold(): team.id for team in ownership.teams}
        self.by_value |= dict(ownership.tags.aliases)

    def owner(self, resource: Resource, reason: str) -> Owner:
        """Give the owner of a resource; `reason` is what an ordinary owner gets."""
        tags = self._tags(resource)
        for pool in self.pools:
            if not self._is_bucket(pool) and self._matches(pool.match, resource, tags):
                return self._pooled(pool, "")
        for place in self.index.places(_stated(resource, tags)):
            rule = self.rules[place]
            if self._matches(rule.match, resource, tags):
                found = self._by_rule(rule, tags, reason)
                if found is not None:
                    return found
        return Owner(((UNALLOCATED, Decimal(1)),), "", "no_rule")

    def _by_rule(self, rule: Rule, tags: Tags, reason: str) -> Owner | None:
        receiver = rule.shares[0][0]
        if receiver == "$tag":
            return self._by_tag(rule, tags, reason)
        if receiver.startswith(SHARED):
            for pool in self.pools:
                if self._is_bucket(pool) and ("bucket", (receiver,)) in pool.match.parts:
                    return self._pooled(pool, rule.id)
            return Owner(rule.shares, rule.id, "pool_unsplit", receiver.removeprefix(SHARED))
        if rule.unknown:
            return Owner(rule.shares, rule.id, "unknown_team")
        unallocated = receiver == UNALLOCATED
        return Owner(rule.shares, rule.id, "no_rule" if unallocated else reason)

    def _by_tag(self, rule: Rule, tags: Tags, reason: str) -> Owner | None:
        """Give the team of the first key that has a value; None when untagged."""
        for key in self.keys:
            value = tags["tag"].get(key, "")
            if value in self.ownership.tags.invalid:
                continue
            team = self.by_value.get(value)
            if team is None:
                return Owner(((UNALLOCATED, Decimal(1)),), rule.id, "unknown_team")
            return Owner(((team, Decimal(1)),), rule.id, reason)
        return None

    def _pooled(self, pool: Pool, rule_id: str) -> Owner:
        if pool.split == "none":
            return Owner(((pool.show_as, Decimal(1)),), rule_id or pool.id, "pool_unsplit", pool.id)
        return Owner(pool.targets, rule_id or pool.id, "pool_share", pool.id)

    def _tags(self, resource: Resource) -> Tags:
        """Give tags by normal key; of keys that become equal the first in order of names counts.

        A label beats an annotation of the same key.
        """
        labels: dict[str, str] = {}
        annotations: dict[str, str] = {}
        for key, value in sorted(json.loads(resource.labels).items()):
            chosen = annotations if key.startswith(ANNOTATION) else labels
            chosen.setdefault(normal_key(key), str(value).strip().casefold())
        return {"label": labels, "annotation": annotations, "tag": annotations | labels}

    @staticmethod
    def _is_bucket(pool: Pool) -> bool:
        return any(name == "bucket" for name, _ in pool.match.parts)

    @staticmethod
    def _matches(match: Match, resource: Resource, tags: Tags) -> bool:
        return all(_part_matches(name, patterns, resource, tags) for name, patterns in match.parts)


def normal_key(key: str) -> str:
    """Give a tag key as it is compared: no exporter's prefix, no case, no `-_. :/`."""
    text = key.casefold()
    for prefix in KEY_PREFIXES:
        text = text.removeprefix(prefix)
    return IGNORED.sub("", text)


def fits(pattern: str, value: str) -> bool:
    """Tell whether a pattern (`*`, `?`, or `re:` and a regular expression) is the whole value."""
    if pattern.startswith(REGEX):
        return _expression(pattern.removeprefix(REGEX), 0).fullmatch(value) is not None
    if SIGNS.search(pattern) is None:
        return pattern == value
    return _expression(translate(pattern), 0).match(value) is not None


@lru_cache(maxsize=2**16)
def _expression(text: str, flags: int) -> re.Pattern[str]:
    """Compile once, however many there are: the library's own memory holds a few hundred."""
    return re.compile(text, flags)


def _asked(match: Match) -> list[list[tuple[str, str]]]:
    """Give what a rule surely asks for: patterns of which one holds, tags by their key.

    A part that may hold for resources without any such tag says nothing.
    """
    return [
        part
        for name, patterns in match.parts
        if (part := [_pattern(name, text) for text in patterns]) and all(about for about, _ in part)
    ]


def _pattern(name: str, text: str) -> tuple[str, str]:
    """Give what a pattern is about, and how it is compared; nothing where it may take all."""
    if name not in TAGGED:
        return name, text
    key, _, value = text.partition("=")
    if text == "*" or (value.startswith(REGEX) and fits(value, "")):
        return "", ""
    return f"{name} {normal_key(key)}", value.casefold() or "*"


def _stated(resource: Resource, tags: Tags) -> Iterator[tuple[str, str]]:
    """Give what a resource says of itself, as rules ask for it."""
    for name in STATED:
        value = getattr(resource, name)
        if value not in {"", "-"}:
            yield name, value
    for kind in TAGGED:
        yield from ((f"{kind} {key}", value) for key, value in tags[kind].items())


def _part_matches(name: str, patterns: tuple[str, ...], resource: Resource, tags: Tags) -> bool:
    if name in tags:
        return any(_tag_matches(pattern, tags[name]) for pattern in patterns)
    if name == "bucket":
        return False
    value = getattr(resource, name)
    return value not in {"", "-"} and any(fits(pattern, value) for pattern in patterns)


def _tag_matches(pattern: str, tags: Mapping[str, str]) -> bool:
    if pattern == "*":
        return True
    key, _, wanted = pattern.partition("=")
    value = tags.get(normal_key(key), "")
    if wanted.startswith(REGEX):
        expression = _expression(wanted.removeprefix(REGEX), re.IGNORECASE)
        return expression.fullmatch(value) is not None
    return bool(value) and (not wanted or fits(wanted.casefold(), value))

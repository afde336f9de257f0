"""What an ownership file says: teams, tags, rules, pools, and which of it is in force on a day.

Holds    a day's digest follows from what is in force on that day and from nothing else, so that a
         rule with a first day changes no day before it
"""

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Final

from meterbook.base.errors import Finding
from transforms.owners.policy import Policy

UNALLOCATED: Final = "__unallocated__"
SHARED: Final = "__shared__/"
REGEX: Final = "re:"
"""A pattern that begins so is a regular expression for the whole text; others know `*` and `?`."""


@dataclass(frozen=True)
class Budget:
    """What a team may spend in a month, from a day on."""

    monthly: Decimal
    since: date


@dataclass(frozen=True)
class Department:
    """Several teams together; its cost centre is that of teams which name none."""

    id: str
    name: str
    cost_center: str = ""


@dataclass(frozen=True)
class Team:
    """A team; its id is stable."""

    id: str
    name: str
    cost_center: str = ""
    budgets: tuple[Budget, ...] = ()
    department: str = ""


@dataclass(frozen=True)
class Match:
    """What a rule or pool applies to: all parts must hold, each by one of its patterns."""

    parts: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Rule:
    """An ordered rule. `shares` maps receivers to parts of 1; `$tag` takes the tag's team.

    `unknown` names an owner that is no team of ours: what it matches is nobody's, for that reason.
    `source` is the kind of catalogue it came from; empty for one of the file itself.
    """

    id: str
    match: Match
    shares: tuple[tuple[str, Decimal], ...]
    since: date = date.min
    until: date = date.max
    unknown: str = ""
    source: str = field(default="", repr=False)

    def holds_on(self, day: date) -> bool:
        """Tell whether the rule is in force; both ends are inclusive."""
        return self.since <= day <= self.until


@dataclass(frozen=True)
class Source:
    """What became of a rule source's files: what was left out and why, what could not be used."""

    id: str
    file_count: int
    rule_count: int
    left_out: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def text(self) -> str:
        """Give one line."""
        left = f"; left out: {', '.join(self.left_out)}" if self.left_out else ""
        return f"rules.{self.id}: {self.rule_count} rules from {self.file_count} files{left}"


@dataclass(frozen=True)
class Pool:
    """A shared pool. `targets` empty: it is shown as `show_as` and not split.

    `metric` and `agg` weigh the targets of `split: metric`; `zero_weight` is the split that is
    taken when nobody has any weight.
    """

    id: str
    match: Match
    split: str
    targets: tuple[tuple[str, Decimal], ...]
    show_as: str
    since: date = date.min
    until: date = date.max
    metric: str = ""
    agg: str = ""
    zero_weight: str = "even"

    def holds_on(self, day: date) -> bool:
        """Tell whether the pool is in force; both ends are inclusive."""
        return self.since <= day <= self.until

    @property
    def buckets(self) -> tuple[str, ...]:
        """Give the buckets it takes: what rules gave to `__shared__/…`; empty for other pools."""
        return tuple(text for name, texts in self.match.parts if name == "bucket" for text in texts)


@dataclass(frozen=True)
class Tags:
    """How tags are read: keys in order, aliases of values, values that count as untagged."""

    keys: tuple[str, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    invalid: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class Ownership:
    """The whole file."""

    teams: tuple[Team, ...] = ()
    tags: Tags = field(default_factory=Tags)
    rules: tuple[Rule, ...] = ()
    pools: tuple[Pool, ...] = ()
    policy: Policy = field(default_factory=Policy)
    basis: str = "max"
    config_hash: str = "none"
    departments: tuple[Department, ...] = ()
    freeze_after_days: int | None = None
    sources: tuple[Source, ...] = ()

    @staticmethod
    def default() -> "Ownership":
        """Give the one that owns nothing: every workload and line is `__unallocated__`."""
        return Ownership()

    @property
    def team_ids(self) -> tuple[str, ...]:
        """Give the teams in order of their id."""
        return tuple(sorted(team.id for team in self.teams))

    def hash_on(self, day: date) -> str:
        """Digest what is in force on a day; names, budgets and cost centres decide no cost."""
        if self.config_hash == "none":
            return self.config_hash
        interval = bisect_right(self._edges, day)
        if interval not in self._hashes:
            parts = (
                self.team_ids,
                self.tags,
                [_undated(rule) for rule in self.rules if rule.holds_on(day)],
                [_undated(pool) for pool in self.pools if pool.holds_on(day)],
                (self.basis, self.policy),
            )
            self._hashes[interval] = hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
        return self._hashes[interval]

    @cached_property
    def _edges(self) -> list[date]:
        """Give the days from which other rules or pools are in force."""
        dated: tuple[Rule | Pool, ...] = (*self.rules, *self.pools)
        ends = {one.until + timedelta(days=1) for one in dated if one.until < date.max}
        return sorted(ends | {one.since for one in dated})

    @cached_property
    def _hashes(self) -> dict[int, str]:
        """Keep the digest of each stretch of days with the same rules."""
        return {}


def _undated(one: Rule | Pool) -> Rule | Pool:
    """Give it without its days: where an old rule ends changes no day before."""
    return replace(one, since=date.min, until=date.max)

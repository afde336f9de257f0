"""Who owns what: the ownership file, read and checked as a whole.

Takes    the text of a YAML file (format: docs/how-to/own-costs.md), and the files that its rule
         sources name (transforms.owners.backstage_rules)
Gives    a frozen `Ownership`
Refuses  unknown teams, fixed splits that do not sum to 1, money that is not quoted text, two rules
         of one match on one day, what is not read yet: all findings at once (ConfigError)
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from meterbook.base.errors import ConfigError, Finding
from transforms.owners.backstage_rules import SourceFile, rules_of
from transforms.owners.model import (
    REGEX,
    SHARED,
    UNALLOCATED,
    Budget,
    Department,
    Match,
    Ownership,
    Pool,
    Rule,
    Source,
    Tags,
    Team,
)
from transforms.owners.policy import Policy, read_policy
from transforms.owners.text import Files, digest_of, document_of, paths_of, source_paths
from warehouse.tables.values import AGGREGATIONS

__all__ = [
    "REGEX",
    "SHARED",
    "UNALLOCATED",
    "Budget",
    "Match",
    "Ownership",
    "Pool",
    "Rule",
    "Source",
    "SourceFile",
    "Tags",
    "Team",
    "parse_ownership",
    "source_paths",
]
MATCH_KEYS: Final = frozenset(
    {
        "namespace",
        "cluster",
        "workload",
        "label",
        "annotation",
        "tag",
        "account",
        "service",
        "resource",
        "bucket",
        "charge_category",
    }
)
SPLITS: Final = frozenset({"even", "proportional", "metric"})
RULE_KEYS: Final = frozenset({"id", "match", "team", "teams", "from", "until"})
SOURCE_KEYS: Final = frozenset({"id", "source", "path", "from", "until"})
POOL_KEYS: Final = frozenset(
    {"id", "pool", "to", "split", "weight", "zero_weight", "show_as", "from", "until"}
)
TEAM_KEYS: Final = frozenset({"id", "name", "department", "cost_center", "budget"})


def parse_ownership(text: str, files: Files | None = None) -> Ownership:
    """Read an ownership file. Errors: ConfigError with every finding and its place."""
    return _Reader(document_of(text), digest_of(text, files or {}), files or {}).read()


class _Reader:
    """Reads the document and gathers findings on the way."""

    def __init__(self, document: Mapping[str, Any], config_hash: str, files: Files) -> None:
        self.document = document
        self.config_hash = config_hash
        self.files = files
        self.tags = Tags()
        self.sources: list[Source] = []
        self.findings: list[Finding] = []
        self.teams: tuple[Team, ...] = ()
        self.departments: tuple[Department, ...] = ()

    def read(self) -> Ownership:
        self.departments = tuple(self._department(*item) for item in self._list("departments"))
        self.teams = tuple(self._team(*item) for item in self._list("teams"))
        self.tags = self._tags()
        rules = tuple(rule for item in self._list("rules") for rule in self._rules(*item))
        pools = tuple(self._pool(*item) for item in self._list("shared"))
        basis = (self.document.get("workload") or {}).get("basis", "max")
        if basis not in {"max", "request", "usage"}:
            self._find("workload.basis", f"'{basis}'; want max, request or usage")
        ownership = Ownership(
            teams=self.teams,
            tags=self.tags,
            rules=rules,
            pools=pools,
            policy=self._policy(),
            basis=basis,
            config_hash=self.config_hash,
            departments=self.departments,
            freeze_after_days=self._freeze(),
            sources=tuple(self.sources),
        )
        self._refuse_equal(rules)
        if self.findings:
            raise ConfigError(self.findings, "ownership")
        return ownership

    def _policy(self) -> Policy:
        policy = read_policy(self.document, self._number, self._find)
        if policy.idle == "owner":
            self._known(policy.idle_owner, "idle.show.owner")
        return policy

    def _find(self, key: str, message: str) -> None:
        self.findings.append(Finding(key, message))

    def _list(self, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        items = self.document.get(name) or []
        if not isinstance(items, list):
            self._find(name, "want a list")
            return
        ids = Counter(str(item["id"]) for item in items if isinstance(item, dict) and "id" in item)
        for ident in sorted(ident for ident, count in ids.items() if count > 1):
            self._find(f"{name}.{ident}", "the id stands twice; each needs its own")
        for number, item in enumerate(items):
            key = f"{name}[{number}]"
            if not isinstance(item, dict) or "id" not in item:
                self._find(key, "want a mapping with an `id`")
                continue
            yield f"{name}.{item['id']}", item

    def _department(self, key: str, item: Mapping[str, Any]) -> Department:
        self._refuse_unknown(key, item, frozenset({"id", "name", "cost_center"}))
        ident = str(item["id"])
        return Department(ident, str(item.get("name", ident)), str(item.get("cost_center", "")))

    def _freeze(self) -> int | None:
        days = (self.document.get("close") or {}).get("freeze_after_days")
        if days is not None and (isinstance(days, bool) or not isinstance(days, int) or days < 0):
            self._find("close.freeze_after_days", f"have {days!r}; want whole days, 0 or more")
            return None
        return days

    def _refuse_unknown(self, key: str, item: Mapping[str, Any], known: frozenset[str]) -> None:
        for name in item:
            if name not in known:
                self._find(f"{key}.{name}", f"no such key; want one of {sorted(known)}")

    def _dates(self, key: str, item: Mapping[str, Any]) -> tuple[date, date]:
        since = self._day(item.get("from"), f"{key}.from", date.min)
        until = self._day(item.get("until"), f"{key}.until", date.max)
        if since > until:
            self._find(f"{key}.until", f"{until} lies before its `from`, {since}: never in force")
        return since, until

    def _team(self, key: str, item: Mapping[str, Any]) -> Team:
        self._refuse_unknown(key, item, TEAM_KEYS)
        department = str(item.get("department", ""))
        centers = {known.id: known.cost_center for known in self.departments}
        if department and department not in centers:
            self._find(f"{key}.department", f"unknown '{department}'; want one of `departments`")
        budget = item.get("budget") or ()
        budgets = budget if isinstance(budget, list) else [budget] if budget else []
        return Team(
            id=str(item["id"]),
            name=str(item.get("name", item["id"])),
            cost_center=str(item.get("cost_center", centers.get(department, ""))),
            department=department,
            budgets=tuple(
                Budget(
                    self._number(part.get("monthly"), f"{key}.budget.monthly"),
                    self._day(part.get("from"), f"{key}.budget.from", date.min),
                )
                for part in budgets
            ),
        )

    def _tags(self) -> Tags:
        tags = self.document.get("tags") or {}
        values = tags.get("values") or {}
        aliases = values.get("aliases") or {}
        for alias, team in aliases.items():
            self._known(str(team), f"tags.values.aliases.{alias}")
        return Tags(
            keys=tuple(str(key) for key in tags.get("keys") or ()),
            aliases=tuple((str(a).strip().casefold(), str(t)) for a, t in aliases.items()),
            invalid=tuple(str(v).strip().casefold() for v in (*(tags.get("invalid") or ()), "")),
        )

    def _rules(self, key: str, item: Mapping[str, Any]) -> tuple[Rule, ...]:
        """Give the rule, or those of the source that stands in its place."""
        if "source" not in item:
            return (self._rule(key, item),)
        self._refuse_unknown(key, item, SOURCE_KEYS)
        since, until = self._dates(key, item)
        if item["source"] != "backstage":
            self._find(f"{key}.source", f"'{item['source']}'; want backstage")
        if not paths_of(item):
            self._find(f"{key}.path", "want a path, or a list: catalog/**/catalog-info.yaml")
        known = {team.id.casefold(): team.id for team in self.teams} | dict(self.tags.aliases)
        files = self.files.get(str(item["id"]), ())
        rules, source = rules_of(str(item["id"]), files, known, since, until)
        self.sources.append(source)
        return rules

    def _rule(self, key: str, item: Mapping[str, Any]) -> Rule:
        self._refuse_unknown(key, item, RULE_KEYS)
        since, until = self._dates(key, item)
        return Rule(
            id=str(item["id"]),
            match=self._match(item.get("match", {}), f"{key}.match"),
            shares=self._shares(key, item),
            since=since,
            until=until,
        )

    def _shares(self, key: str, item: Mapping[str, Any]) -> tuple[tuple[str, Decimal], ...]:
        if "teams" in item:
            return self._fixed(item["teams"], f"{key}.teams")
        team = str(item.get("team", ""))
        if team != "$tag" and not team.startswith("__"):
            self._known(team, f"{key}.team")
        return ((team, Decimal(1)),)

    def _fixed(self, parts: Any, key: str) -> tuple[tuple[str, Decimal], ...]:
        if not isinstance(parts, dict):
            self._find(key, "want a mapping of team to part")
            return ()
        shares = []
        for team, part in sorted(parts.items()):
            self._known(str(team), key)
            shares.append((str(team), self._number(part, f"{key}.{team}")))
        if sum(part for _, part in shares) != 1:
            self._find(key, f"parts sum to {sum(p for _, p in shares)}; want exactly 1")
        return tuple(shares)

    def _pool(self, key: str, item: Mapping[str, Any]) -> Pool:
        self._refuse_unknown(key, item, POOL_KEYS)
        since, until = self._dates(key, item)
        target = item.get("to")
        split = str(item.get("split", "proportional"))
        show_as = str(item.get("show_as", f"{SHARED}{item['id']}"))
        targets: tuple[tuple[str, Decimal], ...] = ()
        if target == "none":
            split = "none"
        elif split == "fixed":
            targets = self._fixed(target, f"{key}.to")
        elif split in SPLITS:
            targets = self._targets(target, f"{key}.to")
        else:
            self._find(f"{key}.split", f"'{split}'; want even, proportional, fixed or metric")
        if item.get("zero_weight", "even") != "even":
            self._find(f"{key}.zero_weight", f"'{item['zero_weight']}'; want even")
        metric, agg = self._weight(key, item, split)
        return Pool(
            id=str(item["id"]),
            match=self._match(item.get("pool", {}), f"{key}.pool"),
            split=split,
            targets=targets,
            show_as=show_as,
            since=since,
            until=until,
            metric=metric,
            agg=agg,
        )

    def _weight(self, key: str, item: Mapping[str, Any], split: str) -> tuple[str, str]:
        """Give metric and aggregation of a pool that is split by one."""
        weight = item.get("weight", "direct_cost")
        if split != "metric":
            if weight != "direct_cost":
                self._find(f"{key}.weight", f"{weight!r}; want direct_cost, or `split: metric`")
            return "", ""
        if not isinstance(weight, dict) or not weight.get("metric"):
            self._find(f"{key}.weight", "want {metric: name, agg: increase or last}")
            return "", ""
        self._refuse_unknown(f"{key}.weight", weight, frozenset({"metric", "agg"}))
        agg = str(weight.get("agg", "increase"))
        if agg not in AGGREGATIONS:
            self._find(f"{key}.weight.agg", f"'{agg}'; want one of {list(AGGREGATIONS)}")
        return str(weight["metric"]), agg

    def _targets(self, target: Any, key: str) -> tuple[tuple[str, Decimal], ...]:
        chosen = target.get("teams") if isinstance(target, dict) else None
        if chosen == "all":
            chosen = [team.id for team in self.teams]
        if not isinstance(chosen, list) or not chosen:
            self._find(key, "want `{teams: all}`, `{teams: [a, b]}` or `none`")
            return ()
        for team in chosen:
            self._known(str(team), key)
        return tuple((str(team), Decimal(1)) for team in sorted(chosen))

    def _match(self, match: Any, key: str) -> Match:
        if match == "*":
            return Match(())
        if not isinstance(match, dict) or not match:
            self._find(key, 'want a mapping, or "*" for everything')
            return Match(())
        parts = []
        for name, value in match.items():
            if name not in MATCH_KEYS:
                self._find(key, f"unknown '{name}'; want one of {sorted(MATCH_KEYS)}")
            values = value if isinstance(value, list) else [value]
            if isinstance(value, dict):
                values = [f"{inner}={text}" for inner, text in value.items()]
            patterns = tuple(str(item) for item in values)
            self._refuse_broken(patterns, f"{key}.{name}")
            parts.append((str(name), patterns))
        return Match(tuple(parts))

    def _refuse_broken(self, patterns: Sequence[str], key: str) -> None:
        """Find regular expressions that are none; of `key=re:…` the value counts."""
        for pattern in patterns:
            text = pattern if pattern.startswith(REGEX) else pattern.partition("=")[2]
            if text.startswith(REGEX):
                try:
                    re.compile(text.removeprefix(REGEX))
                except re.error as exc:
                    self._find(key, f"'{text}' is no regular expression: {exc}")

    def _known(self, team: str, key: str) -> None:
        if team not in {known.id for known in self.teams}:
            self._find(key, f"unknown team '{team}'; teams are listed under `teams`")

    def _number(self, value: Any, key: str) -> Decimal:
        if not isinstance(value, str):
            self._find(key, f'have {value!r}; want quoted text such as "12.50"')
            return Decimal(0)
        try:
            number = Decimal(value)
        except InvalidOperation:
            self._find(key, f"'{value}' is no number")
            return Decimal(0)
        if not number.is_finite() or number < 0:
            self._find(key, f"'{value}'; want a number >= 0")
        return number

    def _day(self, value: Any, key: str, default: date) -> date:
        if value is None:
            return default
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self._find(key, f"'{value}' is no day; want YYYY-MM-DD")
            return default

    def _refuse_equal(self, rules: Sequence[Rule]) -> None:
        """Refuse rules of the file with one match on one day; a source's are told by `check`."""
        by_match: dict[Match, list[Rule]] = {}
        for rule in rules:
            if rule.source:
                continue
            others = by_match.setdefault(rule.match, [])
            for other in others:
                if rule.since <= other.until and other.since <= rule.until:
                    self._find(
                        f"rules.{rule.id}", f"has the match of '{other.id}' on the same days"
                    )
            others.append(rule)

"""Backstage's catalogue as ownership rules: a component's workloads belong to its owner.

Takes    the files that a rule source names, as texts; which names are teams
Gives    rules in a fixed order, what could not be used (findings), what was left out and why
Refuses  nothing as a whole: a broken document costs its own rules and no other's
Holds    the order of files and documents changes no rule; what a label, a namespace or a selector
         names is meant literally, never as a pattern

A component is found by `backstage.io/kubernetes-label-selector`, else by
`backstage.io/kubernetes-id` (the workload's label of that name), within
`backstage.io/kubernetes-namespace` and `backstage.io/kubernetes-cluster` where it has them. Its
owner is `spec.owner`, else its system's, else its domain's.
"""

import glob
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

import yaml

from meterbook.base.errors import Finding
from transforms.owners.model import REGEX, UNALLOCATED, Match, Rule, Source

API: Final = "backstage.io/"
ID: Final = "backstage.io/kubernetes-id"
SELECTOR: Final = "backstage.io/kubernetes-label-selector"
NAMESPACE: Final = "backstage.io/kubernetes-namespace"
CLUSTER: Final = "backstage.io/kubernetes-cluster"
TEAM: Final = "meterbook/team"
"""On a Group: the team it is, where its name does not say so."""
OWNERS: Final = frozenset({"System", "Domain", "Group", "User"})
LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MARK: Final = re.compile(r"(?m)^---(?=\s|$)")
"""Where a document begins, whatever the one before it holds."""
NOTHING: Final = re.compile(r"(?m)^\s*(#.*|%.*|\.\.\.\s*)?$")
TERM: Final = re.compile(
    r"(?P<no>!?)\s*(?P<key>[^\s=!(),]+)"
    r"(?:\s*(?P<sign>==?|!=)\s*(?P<value>[^\s=!(),]+)|\s+(?P<set>in|notin)\s*\((?P<values>[^)]*)\))?"
)

Entity = Mapping[str, Any]
Part = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class SourceFile:
    """A file of a rule source: the name people know it by, and its text or why there is none."""

    name: str
    text: str = ""
    problem: str = ""


@dataclass
class _Book:
    """What was read so far."""

    findings: list[Finding] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def find(self, place: str, message: str) -> None:
        self.findings.append(Finding(place, message))


def rules_of(
    source: str, files: Sequence[SourceFile], teams: Mapping[str, str], since: date, until: date
) -> tuple[tuple[Rule, ...], Source]:
    """Give the rules of a source, and what became of its files.

    `teams` maps what may be called a team, in lower case, to the team.
    """
    book = _Book()
    placed = [(one, place) for file in files for place, one in _entities(file, book)]
    owners = {_ref(one): one for one, _ in placed if one["kind"] in OWNERS}
    found: dict[str, tuple[Rule, str]] = {}
    for one, place in sorted(placed, key=lambda it: (_ref(it[0]), it[1])):
        if one["kind"] != "Component":
            if one["kind"] not in OWNERS:
                book.left_out[f"kind {one['kind']}: only Components run"] += 1
            continue
        match = _match(one, place, book)
        if match is None:
            continue
        if _ref(one) in found:
            book.find(place, f"{_ref(one)} stands twice; {found[_ref(one)][1]} counts")
            continue
        rule = Rule(_id(source, one), match, ((UNALLOCATED, Decimal(1)),), since, until)
        if owned := _owned(rule, one, place, owners, teams, book):
            found[_ref(one)] = owned, place
    rules = tuple(_distinct(found.values(), book))
    left = tuple(f"{count} of {what}" for what, count in sorted(book.left_out.items()))
    return rules, Source(source, len(files), len(rules), left, tuple(book.findings))


def _entities(file: SourceFile, book: _Book) -> Iterator[tuple[str, Entity]]:
    """Give the entities of a file with their places; a broken document costs no other."""
    if file.problem:
        book.find(file.name, file.problem)
        return
    texts = [text for text in MARK.split(file.text) if NOTHING.sub("", text).strip()]
    for number, text in enumerate(texts, start=1):
        place = f"{file.name} document {number}"
        try:
            one = yaml.load(text, Loader=LOADER)  # noqa: S506 - a safe loader
        except (yaml.YAMLError, ValueError) as exc:
            book.find(place, f"no YAML: {exc}".replace("\n", " "))
            continue
        if not isinstance(one, dict) or not str(one.get("apiVersion", "")).startswith(API):
            book.find(place, "no entity of Backstage; want `apiVersion: backstage.io/…`")
        elif "${{" in str(_part(one, "metadata").get("name", "")):
            book.left_out["templates: their name is still to be filled in"] += 1
        elif not isinstance(one.get("kind"), str) or not _part(one, "metadata").get("name"):
            book.find(place, "an entity without `kind` or `metadata.name`")
        else:
            yield place, one


def _match(one: Entity, place: str, book: _Book) -> Match | None:
    """Give what a component runs as; None when it says nothing of that, or nothing clear."""
    notes = _part(_part(one, "metadata"), "annotations")
    selector, label, space, cluster = (
        str(notes.get(key) or "").strip() for key in (SELECTOR, ID, NAMESPACE, CLUSTER)
    )
    if not (selector or label or space):
        book.left_out["Components without an annotation of Kubernetes"] += 1
        return None
    parts: list[Part] = []
    if selector:
        try:
            parts += _selected(selector)
        except ValueError as exc:
            book.find(place, f"{SELECTOR}: {exc}")
            return None
    elif label:
        parts.append(("label", (f"{ID}={_exact(label)}",)))
    for name, text in (("namespace", space), ("cluster", cluster)):
        if text:
            parts.append((name, tuple(_exact(item.strip()) for item in text.split(","))))
    return Match(tuple(parts))


def _selected(selector: str) -> Iterator[Part]:
    """Give a part for each term of a label selector: all must hold, as in Kubernetes."""
    for text in re.split(r",(?![^(]*\))", selector):
        term = TERM.fullmatch(text.strip())
        if term is None or (term["no"] and (term["sign"] or term["set"])):
            message = f"'{text.strip()}' is no term; want key=value, key in (a,b), key or !key"
            raise ValueError(message)
        key, values = term["key"], [term["value"]]
        if term["set"]:
            values = [value.strip() for value in term["values"].split(",") if value.strip()]
        if term["no"]:
            yield "label", (f"{key}={REGEX}",)
        elif term["sign"] == "!=" or term["set"] == "notin":
            others = "|".join(re.escape(value) for value in values)
            yield "label", (f"{key}={REGEX}(?!(?:{others})$).*",)
        elif term["sign"] or term["set"]:
            yield "label", tuple(f"{key}={_exact(value)}" for value in values)
        else:
            yield "label", (key,)


def _owned(  # noqa: PLR0913, PLR0917 - the rule, where it stands, who may own it
    rule: Rule,
    one: Entity,
    place: str,
    owners: Mapping[str, Entity],
    teams: Mapping[str, str],
    book: _Book,
) -> Rule | None:
    """Give the rule with its team; an owner that is none keeps it `__unallocated__`."""
    owner = _owner(one, owners)
    if not owner:
        book.find(place, f"{_ref(one)} has no owner, nor has its system; it makes no rule")
        return None
    team = _team(owner, owners, teams)
    if team is None:
        book.find(
            place,
            f"owner '{owner}' of {_ref(one)} is no team: what it runs is {UNALLOCATED}; name it "
            "in `teams` or in `tags.values.aliases`",
        )
    shares = ((team or UNALLOCATED, Decimal(1)),)
    unknown = "" if team else owner
    return Rule(rule.id, rule.match, shares, rule.since, rule.until, unknown, source="backstage")


def _owner(one: Entity, owners: Mapping[str, Entity]) -> str:
    """Give the reference of the owner: of the entity, else of its system, else of its domain."""
    seen: Entity | None = one
    for above in ("system", "domain", ""):
        spec = _part(seen or {}, "spec")
        if isinstance(spec.get("owner"), str) and spec["owner"].strip():
            return str(spec["owner"]).strip()
        if above and spec.get(above):
            seen = owners.get(_normal(str(spec[above]), above))
    return ""


def _team(owner: str, owners: Mapping[str, Entity], teams: Mapping[str, str]) -> str | None:
    """Give the team: as the group says, by an alias of any spelling, or by its plain name."""
    whole = _normal(owner, "group")
    kind, _, path = whole.partition(":")
    notes = _part(_part(owners.get(whole, {}), "metadata"), "annotations")
    space, _, name = path.partition("/")
    spellings = [str(notes.get(TEAM, "")), owner, whole, path]
    if kind == "group" and space == "default":
        spellings.append(name)
    known = (teams.get(text.strip().casefold()) for text in spellings if text)
    return next((team for team in known if team is not None), None)


def _distinct(found: Iterable[tuple[Rule, str]], book: _Book) -> Iterator[Rule]:
    """Give the rules, the narrow before the wide; of one match the first component's."""
    first: dict[Match, Rule] = {}
    for rule, place in sorted(found, key=lambda it: (_width(it[0].match), it[0].id)):
        earlier = first.setdefault(rule.match, rule)
        if earlier is rule:
            yield rule
        elif earlier.shares == rule.shares:
            book.left_out["Components that run as another of the same owner"] += 1
        else:
            book.find(
                place, f"{rule.id} runs as {earlier.id} does, which comes first, with another owner"
            )


def _width(match: Match) -> int:
    """Rank a match: labels within a namespace, labels, a whole namespace."""
    names = {name for name, _ in match.parts}
    return 2 - ("label" in names) * (1 + ("namespace" in names))


def _id(source: str, one: Entity) -> str:
    """Name a rule by its source and component: no other namespace than `default` is left out."""
    space, _, name = _ref(one).partition(":")[2].partition("/")
    return f"{source}/{name}" if space == "default" else f"{source}/{space}/{name}"


def _ref(one: Entity) -> str:
    meta = _part(one, "metadata")
    space = str(meta.get("namespace") or "default")
    return f"{one['kind']}:{space}/{meta.get('name')}".lower()


def _normal(reference: str, kind: str) -> str:
    """Give a reference whole: `x`, `group:x` and `group:default/x` are one."""
    head, colon, path = reference.strip().lower().rpartition(":")
    space, slash, name = path.rpartition("/")
    return f"{head if colon else kind}:{space if slash else 'default'}/{name}"


def _exact(text: str) -> str:
    """Give a pattern that is the text and nothing else."""
    return REGEX + re.escape(text) if text.startswith(REGEX) else glob.escape(text)


def _part(one: Entity, name: str) -> Entity:
    part = one.get(name)
    return part if isinstance(part, dict) else {}

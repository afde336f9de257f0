"""What an ownership file says in vain: rules that nothing reaches, pools nobody fills, teams alone.

Takes    an `Ownership` that was read without errors
Gives    findings with the key's path: the file may be used, but says something it does not mean;
         notes on rules that overlap, which may be meant
Holds    a rule is told as never reached only when an earlier one takes all it matches, on all its
         days; the check reads patterns, not telemetry
"""

from collections.abc import Iterator

from meterbook.base.errors import Finding
from transforms.owners.model import REGEX, SHARED, Match, Ownership, Pool, Rule
from transforms.owners.owning import fits
from transforms.owners.rule_index import SIGNS, RuleIndex

ANY = "*"


def advice(ownership: Ownership) -> list[Finding]:
    """Give everything that is said in vain."""
    return [
        *(finding for source in ownership.sources for finding in source.findings),
        *_rules(ownership),
        *_pools(ownership),
        *_buckets(ownership),
        *_teams(ownership),
        *_aliases(ownership),
    ]


def overlaps(ownership: Ownership) -> list[str]:
    """Tell rules that may match the same resource and give it to others; the first of them counts.

    A narrow rule before a wide one is meant; told are those of which neither takes all of the
    other's. Of regular expressions only what they match of plain texts is known.
    """
    rules = ownership.rules
    index = RuleIndex([_patterns(rule.match) for rule in rules])
    pairs = set()
    for number, rule in enumerate(rules):
        stated = [pattern for part in _patterns(rule.match) for pattern in part]
        pairs |= {(min(number, at), max(number, at)) for at in index.places(stated) if at != number}
    return [
        f"rules.{rules[later].id}: may match what '{rules[earlier].id}' does, which comes first "
        f"and counts"
        for earlier, later in sorted(pairs)
        if _overlap(rules[earlier], rules[later])
    ]


def _overlap(one: Rule, other: Rule) -> bool:
    parts, others = (dict(rule.match.parts) for rule in (one, other))
    is_reported = parts.keys() == others.keys() and one.shares != other.shares and _meet(one, other)
    return (
        is_reported
        and not (one.source and other.source)
        and all(any(_both(a, b) for a in parts[name] for b in others[name]) for name in parts)
        and not _covers(one.match, other.match)
        and not _covers(other.match, one.match)
        and not _dead_patterns(one.match, other.match)
    )


def _both(one: str, other: str) -> bool:
    """Tell whether two patterns may match one text, as far as they can be read."""
    if _holds(one, other) or _holds(other, one):
        return True
    if any(text.startswith(REGEX) or "[" in text for text in (one, other)):
        return False
    if not all(SIGNS.search(text) for text in (one, other)):
        return False
    starts, ends = ([SIGNS.split(text)[place] for text in (one, other)] for place in (0, -1))
    begin = starts[0].startswith(starts[1]) or starts[1].startswith(starts[0])
    return begin and (ends[0].endswith(ends[1]) or ends[1].endswith(ends[0]))


def _rules(ownership: Ownership) -> Iterator[Finding]:
    # What takes all of a pattern is equal to it, or begins as it does: as a resource's value would.
    index = RuleIndex([_patterns(rule.match) for rule in ownership.rules])
    for number, rule in enumerate(ownership.rules):
        key = f"rules.{rule.id}"
        stated = [pattern for part in _patterns(rule.match) for pattern in part]
        for place in index.places(stated):
            earlier = ownership.rules[place]
            if place >= number:
                break
            if earlier.source and rule.source:  # a source puts the narrow before the wide
                continue
            if not _may_take_all(earlier) or not _meet(earlier, rule):
                continue
            days = "" if _spans(earlier, rule) else " on some of its days"
            if _covers(earlier.match, rule.match):
                yield Finding(key, f"never reached{days}: '{earlier.id}' comes first and takes all")
                break
            if dead := _dead_patterns(earlier.match, rule.match):
                yield Finding(
                    key, f"{dead} never reached{days}: '{earlier.id}' comes first and takes them"
                )


def _pools(ownership: Ownership) -> Iterator[Finding]:
    given = {team for rule in ownership.rules for team, _ in rule.shares}
    for number, pool in enumerate(ownership.pools):
        key = f"shared.{pool.id}"
        for bucket in pool.buckets:
            if bucket not in given:
                yield Finding(f"{key}.pool.bucket", f"no rule gives anything to {bucket}")
        for earlier in ownership.pools[:number]:
            if _spans(earlier, pool) and _covers(earlier.match, pool.match):
                yield Finding(key, f"never filled: pool '{earlier.id}' comes first and takes all")
                break


def _buckets(ownership: Ownership) -> Iterator[Finding]:
    taken = {bucket for pool in ownership.pools for bucket in pool.buckets}
    for rule in ownership.rules:
        for receiver, _ in rule.shares:
            if receiver.startswith(SHARED) and receiver not in taken:
                yield Finding(
                    f"rules.{rule.id}.team",
                    f"no pool takes {receiver}: it is shown and not split; a pool with "
                    "`to: none` says that this is meant",
                )


def _teams(ownership: Ownership) -> Iterator[Finding]:
    named = {team for rule in ownership.rules for team, _ in rule.shares}
    named |= {team for pool in ownership.pools for team, _ in pool.targets}
    if "$tag" in named:
        return
    for team in ownership.teams:
        if team.id not in named:
            yield Finding(f"teams.{team.id}", "receives nothing: no rule and no pool names it")


def _aliases(ownership: Ownership) -> Iterator[Finding]:
    invalid = set(ownership.tags.invalid)
    for alias, team in ownership.tags.aliases:
        if alias in invalid:
            yield Finding(
                f"tags.values.aliases.{alias}", f"never '{team}': the value is listed as invalid"
            )


def _patterns(match: Match) -> list[list[tuple[str, str]]]:
    return [[(name, text) for text in texts] for name, texts in match.parts]


def _may_take_all(rule: Rule) -> bool:
    """Tell whether a rule keeps all it matches; one of `$tag` lets the untagged pass."""
    return bool(rule.shares) and rule.shares[0][0] != "$tag"


def _meet(one: Rule, other: Rule) -> bool:
    return one.since <= other.until and other.since <= one.until


def _spans(earlier: Rule | Pool, later: Rule | Pool) -> bool:
    return earlier.since <= later.since and later.until <= earlier.until


def _covers(wide: Match, narrow: Match) -> bool:
    """Tell whether everything that `narrow` matches is matched by `wide`, as far as texts tell."""
    return all(
        any(
            inner == name and all(any(_holds(p, text) for p in patterns) for text in texts)
            for inner, texts in narrow.parts
        )
        for name, patterns in wide.parts
    )


def _dead_patterns(wide: Match, narrow: Match) -> list[str]:
    """Give the patterns of a rule that an earlier one takes, when it leaves it others."""
    dead = []
    for number, (name, texts) in enumerate(narrow.parts):
        for text in texts if len(texts) > 1 else ():
            parts = list(narrow.parts)
            parts[number] = (name, (text,))
            if _covers(wide, Match(tuple(parts))):
                dead.append(text)
    return dead


def _holds(wide: str, narrow: str) -> bool:
    """Tell whether a pattern surely takes all that another takes."""
    if wide in {narrow, ANY}:
        return True
    is_plain = not narrow.startswith(REGEX) and not set("*?[") & set(narrow)
    if wide.startswith(REGEX):
        return is_plain and fits(wide, narrow)
    return (
        not narrow.startswith(REGEX)
        and "?" not in wide
        and "[" not in wide
        and (fits(wide, narrow))
    )

"""What is in force on a day, and the digest that follows from it."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from meterbook.base.errors import Finding
from transforms.owners.model import Budget, Match, Ownership, Pool, Rule, Source, Team
from transforms.owners.ownership import parse_ownership

FIRST, LAST = date(2026, 10, 10), date(2026, 10, 20)
DAY = timedelta(days=1)


def rule(ident: str, since: date = date.min, until: date = date.max, team: str = "a") -> Rule:
    """Give a rule of a namespace of its name."""
    match = Match((("namespace", (ident,)),))
    return Rule(ident, match, ((team, Decimal(1)),), since, until)


def pool(ident: str, *buckets: str, since: date = date.min, until: date = date.max) -> Pool:
    """Give a pool of these buckets, or of a service."""
    part = ("bucket", buckets) if buckets else ("service", ("Support",))
    return Pool(ident, Match((part,)), "even", (("a", Decimal(1)),), "", since, until)


def owning(*rules: Rule, **more: object) -> Ownership:
    """Give an ownership that was read from a file."""
    return replace(Ownership(rules=rules, config_hash="file"), **more)  # type: ignore[arg-type]


def test_a_dated_change_leaves_older_days_their_digest() -> None:
    """What begins on a day changes that day's digest and later ones; budgets change none."""
    head = "teams: [{id: a}, {id: b}]\nrules:\n  - {id: r, match: {namespace: n}, team: a"
    dated = "}\n  - {id: s, match: {namespace: m}, team: b, from: 2026-11-16}"
    old, new = parse_ownership(head + "}"), parse_ownership(head + dated)

    assert old.hash_on(date(2026, 11, 15)) == new.hash_on(date(2026, 11, 15))
    assert old.hash_on(date(2026, 11, 16)) != new.hash_on(date(2026, 11, 16))
    assert old.hash_on(date(2026, 11, 15)) == old.hash_on(date(2026, 11, 16))


def test_both_ends_are_inclusive() -> None:
    """A rule and a pool hold on their first and on their last day, and on no day beside."""
    for one in (rule("r", FIRST, LAST), pool("p", since=FIRST, until=LAST)):
        days = (FIRST - DAY, FIRST, LAST, LAST + DAY)
        assert [one.holds_on(day) for day in days] == [False, True, True, False]


def test_a_digest_changes_on_the_first_day_and_on_the_day_after_the_last() -> None:
    """Of a pool as of a rule; before and after it is that of a file without either."""
    without = owning()
    for dated in (
        owning(rule("r", FIRST, LAST)),
        owning(pools=(pool("p", since=FIRST, until=LAST),)),
    ):
        same = [
            dated.hash_on(day) == without.hash_on(day)
            for day in (date.min, FIRST - DAY, FIRST, LAST, LAST + DAY, date.max)
        ]
        assert same == [True, True, False, False, True, True]
        assert dated.hash_on(FIRST) == dated.hash_on(LAST)


def test_where_a_rule_will_end_changes_no_day_before() -> None:
    """Closing an open rule, or moving its first day back, leaves the days it held on alone."""
    open_ended, closed = owning(rule("r", FIRST)), owning(rule("r", FIRST - DAY, LAST))

    assert open_ended.hash_on(FIRST) == closed.hash_on(FIRST)
    assert open_ended.hash_on(LAST) == closed.hash_on(LAST)
    assert open_ended.hash_on(LAST + DAY) != closed.hash_on(LAST + DAY)


def test_what_decides_a_cost_changes_the_digest_and_words_do_not() -> None:
    """Teams' ids, the order of rules, who receives, the basis; not names, budgets, cost centres."""
    plain = owning(rule("r"), rule("s"), teams=(Team("a", "A"),))
    worded = Team("a", "Other", "CC-1", (Budget(Decimal(5), FIRST),), "shop")
    same = replace(plain, teams=(worded,), config_hash="other", freeze_after_days=3)
    others = [
        replace(plain, teams=(*plain.teams, Team("b", "B"))),
        replace(plain, rules=plain.rules[::-1]),
        replace(plain, rules=(rule("r", team="b"), rule("s"))),
        replace(plain, basis="usage"),
        replace(plain, pools=(pool("p"),)),
    ]

    assert same.hash_on(FIRST) == plain.hash_on(FIRST)
    assert len({plain.hash_on(FIRST), *(one.hash_on(FIRST) for one in others)}) == 6


def test_without_a_file_there_is_no_digest() -> None:
    """`none` on every day, and nobody owns anything."""
    assert Ownership.default().hash_on(FIRST) == "none"
    assert Ownership.default().team_ids == ()


def test_teams_stand_in_the_order_of_their_ids() -> None:
    """Not of the file: splits that are broken by order must not follow how it is written."""
    assert owning(teams=(Team("b", "1"), Team("a", "2"))).team_ids == ("a", "b")


def test_a_pools_buckets_and_a_sources_line() -> None:
    """A pool of a service takes none; a source says what it left out only where it did."""
    assert pool("p", "__shared__/x", "__shared__/y").buckets == ("__shared__/x", "__shared__/y")
    assert pool("p").buckets == ()
    whole = Source("cat", 2, 7, (), (Finding("f", "m"),))
    assert whole.text == "rules.cat: 7 rules from 2 files"
    assert replace(whole, left_out=("1 of x", "2 of y")).text.endswith("left out: 1 of x, 2 of y")


days = st.integers(0, 6).map(lambda n: FIRST + n * DAY)


@given(st.lists(st.tuples(st.sampled_from("rst"), days, days), max_size=4), days, days)
def test_a_digest_follows_from_what_is_in_force(
    spans: list[tuple[str, date, date]], one: date, other: date
) -> None:
    """Two days have one digest exactly when the same rules, in the same order, hold on both."""
    rules = [rule(name, min(a, b), max(a, b)) for name, a, b in spans]
    ownership = owning(*rules)

    in_force = [[each.id for each in rules if each.holds_on(day)] for day in (one, other)]

    is_same = ownership.hash_on(one) == ownership.hash_on(other)
    assert is_same == (in_force[0] == in_force[1])

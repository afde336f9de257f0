"""Cents of a statement: rounded once, and they add up."""

from hypothesis import given
from hypothesis import strategies as st

from transforms.exact.cents import CENT, apportion, rounded


@given(st.dictionaries(st.text(max_size=4), st.integers(-(10**18), 10**18), min_size=1))
def test_cents_add_up_to_the_total(amounts: dict[str, int]) -> None:
    """The cents of all are the rounded total, each is its amount rounded down or up."""
    total = rounded(sum(amounts.values()))

    cents = apportion(amounts, total)

    assert sum(cents.values()) == total
    assert all(abs(cents[key] * CENT - amount) < CENT for key, amount in amounts.items())


@given(
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.dictionaries(st.sampled_from("xyz"), st.integers(-(10**14), 10**14), min_size=1),
        min_size=1,
    )
)
def test_lines_add_up_to_their_team(teams: dict[str, dict[str, int]]) -> None:
    """Cents parted twice, to teams and then to lines: lines add up to teams, teams to the bill."""
    sums = {team: sum(lines.values()) for team, lines in teams.items()}
    whole = rounded(sum(sums.values()))

    cents = apportion(sums, whole)
    lines = {team: apportion(parts, cents[team]) for team, parts in teams.items()}

    assert sum(sum(parts.values()) for parts in lines.values()) == whole
    assert all(
        abs(lines[team][key] * CENT - amount) <= CENT
        for team, parts in teams.items()
        for key, amount in parts.items()
    )


def test_three_thirds_of_a_dollar() -> None:
    """$1.00 in three exact thirds is 34 + 33 + 33 cents: the first by name gets the odd one."""
    third = 10**12 // 3

    cents = apportion({"b": third, "a": third + 1, "c": third}, 100)

    assert cents == {"a": 34, "b": 33, "c": 33}


def test_half_a_cent_is_rounded_away_from_zero() -> None:
    """0.005 is 1 cent, -0.005 is -1 cent."""
    assert [rounded(CENT // 2), rounded(-CENT // 2), rounded(CENT // 2 - 1)] == [1, -1, 0]

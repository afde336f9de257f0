"""How a team stands beside the headline: the other figures of coverage, and one letter.

Reads    mart_coverage_team, mart_coverage_grade, mart_coverage_daily
Holds    none of these is the headline: M7 counts whole services that are fresh; coverage and score
         are never made one number
"""

from typing import Any, Final

import polars as pl

from app.kit import words
from app.kit.figure import Card, Figure, Shown, build
from app.kit.filters import ALL, Filters
from app.kit.reader import Reader
from app.kit.target import target

_ALL_TEAMS: Final = "__all__"
_BANDS: Final = {
    "A": "excellent",
    "B": "good",
    "C": "needs improvement",
    "D": "poor",
}
_FIGURES: Final = """
    SELECT team, coverage_ratio, weighted_index, literal_ratio, continuity_ratio, gap_count,
           complete_count, expected_count, dark_count, short_count,
           floor(round(score * 100, 6)) / 100 AS score, grade, is_capped, changed, since,
           is_inventory_stale
    FROM mart_coverage_team
    LEFT JOIN (SELECT team, score, grade, is_capped FROM mart_coverage_grade) USING (team)
    LEFT JOIN (SELECT team, sum(expected_change)::BIGINT AS changed, min(day) AS since
               FROM mart_coverage_daily GROUP BY team) USING (team)
"""


def standing(reader: Reader, filters: Filters) -> Figure:
    """Give the figures beside M7, of the organisation or the chosen team; one row."""
    answer = reader.ask(
        f"{_FIGURES} WHERE team = $who", who=_ALL_TEAMS if filters.team == ALL else filters.team
    )
    rows = answer.frame.to_dicts()
    return build(
        reader,
        filters,
        answer,
        name="coverage-standing",
        title="Coverage in other words",
        finding=_finding(rows[0]) if rows else "No service is expected for this choice.",
        shown=_COLUMNS,
        cards=_cards(rows[0]) if rows else (),
        empty="No service is expected for this choice.",
    )


_TEAMS: Final = f"""
    {_FIGURES}
    WHERE expected_count > 0 AND team <> $whole AND ($team = 'all' OR team = $team)
    ORDER BY short_count DESC, coverage_ratio, dark_count DESC, team
"""


def teams(reader: Reader, filters: Filters) -> Figure:
    """Give how every team stands, the one farthest from the target first."""
    answer = reader.ask(_TEAMS, whole=_ALL_TEAMS, team=filters.team)
    return build(
        reader,
        filters,
        answer,
        name="coverage-teams",
        title="How each team stands",
        finding=_teams_finding(answer.frame, words.ratio(float(target(reader)))),
        shown=_COLUMNS,
        note="M7 counts whole services. The index weighs tiers and gives credit for each signal; "
        "“all three” wants logs, metrics and traces of every kind. The grade is the band of the "
        "score over 30 days, at best C while a tier-1 service misses a signal. In all "
        "environments of the inventory.",
        empty="The inventory is empty.",
        is_tall=True,
    )


def _teams_finding(frame: pl.DataFrame, goal: str) -> str:
    if frame.is_empty():
        return "No services for this choice."
    below = frame.filter(pl.col("short_count") > 0).height
    if not below:
        return f"Every team reaches {goal}."
    are = "is" if below == 1 else "are"
    farthest = words.entity(frame["team"][0])
    return (
        f"{words.plural(below, 'team')} of {frame.height} {are} below {goal}; the farthest is "
        f"{farthest}."
    )


_COLUMNS: Final = (
    Shown("team", "Team", "entity", link="team?team"),
    Shown("coverage_ratio", "Coverage M7", "ratio"),
    Shown("complete_count", "Complete", "count"),
    Shown("expected_count", "Expected", "count"),
    Shown("short_count", "To the target", "count"),
    Shown("dark_count", "Dark", "count"),
    Shown("gap_count", "With gaps", "count"),
    Shown("weighted_index", "Weighted index", "ratio"),
    Shown("literal_ratio", "All three signals", "ratio"),
    Shown("continuity_ratio", "Continuity", "ratio"),
    Shown("score", "Score", "number", missing="-"),
    Shown("grade", "Grade", missing="-"),
)


def _finding(row: dict[str, Any]) -> str:
    text = (
        f"By tier and signal the index is {words.ratio(row['weighted_index'])}; "
        f"{words.ratio(row['literal_ratio'])} send all three signals, whatever their kind."
    )
    gaps = row["gap_count"]
    return f"{text} {words.plural(gaps, 'service')} with gaps." if gaps else text


def _cards(row: dict[str, Any]) -> tuple[Card, ...]:
    return (
        _inventory_card(row),
        Card(
            label="Weighted index",
            value=words.ratio(row["weighted_index"]),
            note="by tier, with credit for each signal",
            help="Tiers weigh 4, 2 and 1 by default. Never the headline.",
        ),
        Card(
            label="All three signals",
            value=words.ratio(row["literal_ratio"]),
            note="whatever the kind of service",
            help="Logs, metrics and traces of every expected service; of cron jobs too.",
        ),
        _continuity_card(row),
        _grade_card(row),
    )


def _inventory_card(row: dict[str, Any]) -> Card:
    changed = row["changed"] or 0
    still = "unchanged" if row["since"] else ""
    stale = " A source of it is older than its limit." if row["is_inventory_stale"] else ""
    return Card(
        label="Inventory",
        value=words.plural(row["expected_count"], "service"),
        note=f"{words.growth(changed)} since {words.day(row['since'])}" if changed else still,
        help=f"What M7 is counted of. A smaller inventory raises M7 without a signal more.{stale}",
    )


def _continuity_card(row: dict[str, Any]) -> Card:
    gaps = row["gap_count"]
    return Card(
        label="Continuity, 7 days",
        value=words.ratio(row["continuity_ratio"]),
        note=f"{words.plural(gaps, 'service') if gaps else 'no service'} with gaps",
        tone="bad" if gaps else "neutral",
        help="Hours with the expected signals over the hours they should have come in.",
    )


def _grade_card(row: dict[str, Any]) -> Card:
    letter, is_capped = row["grade"], row["is_capped"]
    why = ", capped: a tier-1 service misses a signal" if is_capped else f", {_BANDS.get(letter)}"
    return Card(
        label="Grade",
        value=letter or words.NO_DATA,
        note=f"score {words.number(row['score'])}{why}" if letter else "",
        tone="bad" if is_capped or letter == "D" else "neutral",
        help="The band of the Instrumentation Score, where rules apply; at best C while a "
        "tier-1 service misses a signal.",
    )

"""Which services can be seen, and what to fix first.

Reads    mart_coverage_service, mart_service_cost, mart_inventory_source
Holds    M7 is pooled, floored when shown, and compared with its target in whole numbers; money is
         that of the chosen currency, and what stands in others is told beside it
"""

from fractions import Fraction
from typing import Any, Final

import polars as pl

from app.figures.coverage import dark
from app.kit import chart, colours, words
from app.kit.figure import Card, Figure, Shown, build
from app.kit.filters import ALL, Filters
from app.kit.parameters import of_services
from app.kit.reader import Reader
from app.kit.target import short_of, target

STATES: Final = ("complete", "partial", "dark")
GAPS: Final = "gaps"
_SERVICE: Final = (
    Shown("service_name", "Service"),
    Shown("service_namespace", "Namespace"),
    Shown("environment", "Environment"),
    Shown("team", "Team", "entity", link="team?team"),
    Shown("tier", "Tier", "count"),
)
_TICKS: Final = (
    Shown("has_logs", "Logs", "tick"),
    Shown("has_metrics", "Metrics", "tick"),
    Shown("has_traces", "Traces", "tick"),
)


_HEADLINE: Final = """
    SELECT count(*) FILTER (state = 'complete') AS complete_count,
           count(*) FILTER (state = 'partial') AS partial_count,
           count(*) FILTER (state = 'dark') AS dark_count,
           count(*) FILTER (state IN ('complete', 'partial', 'dark')) AS expected_count,
           count(*) FILTER (state = 'unregistered') AS unregistered_count,
           count(*) FILTER (state = 'exempt') AS exempt_count
    FROM mart_coverage_service
    WHERE ($team = 'all' OR team = $team)
      AND ($environment = 'all' OR environment = $environment)
"""


def headline(reader: Reader, filters: Filters) -> Figure:
    """Give M7 and the counts behind it, for the chosen team and environment; one row."""
    answer = reader.ask(_HEADLINE, **of_services(filters))
    cost = dark.cost_text(dark.costs(reader, filters))
    row = answer.frame.row(0, named=True)
    complete, expected = row["complete_count"], row["expected_count"]
    wanted = target(reader)
    return build(
        reader,
        filters,
        answer,
        name="coverage",
        title="Coverage",
        finding=_headline_finding(complete, expected, wanted),
        shown=tuple(
            Shown(f"{state}_count", state.capitalize(), "count")
            for state in (*STATES, "expected", "unregistered", "exempt")
        ),
        cards=_cards(row, wanted, cost),
    )


def _cards(row: dict[str, Any], wanted: Fraction, dark_cost: str) -> tuple[Card, ...]:
    is_expected = bool(row["expected_count"])
    return (
        _m7_card(row["complete_count"], row["expected_count"], wanted),
        _dark_card(row["dark_count"], dark_cost, is_expected=is_expected),
        Card(
            label="Partial",
            value=words.count(row["partial_count"]) if is_expected else words.NO_DATA,
            note="some signals missing" if row["partial_count"] else "none",
            help="Services that send some of the signals expected of them.",
        ),
        Card(
            label="Unregistered",
            value=words.count(row["unregistered_count"]),
            note="seen, not in the inventory" if row["unregistered_count"] else "none",
            help="They are in no other count, so they can neither raise nor lower M7.",
        ),
    )


def _m7_card(complete: int, expected: int, wanted: Fraction) -> Card:
    helping = (
        f"{complete} of {words.plural(expected, 'service')} of the inventory sent all "
        "signals expected of them within their window."
    )
    if not expected:
        return Card("Coverage M7", words.NO_DATA, help=helping)
    return Card(
        label="Coverage M7",
        value=words.ratio(complete / expected),
        note=f"target {words.ratio(float(wanted))}",
        tone="bad" if short_of(wanted, complete, expected) else "good",
        help=helping,
    )


def _dark_card(count: int, cost: str, *, is_expected: bool) -> Card:
    note = "none" if is_expected else ""
    if count:
        note = f"{cost} a month" if cost else "cost unknown"
    return Card(
        label="Dark services",
        value=words.count(count) if is_expected else words.NO_DATA,
        note=note,
        tone="bad" if count else "good",
        help="Services of the inventory that send nothing of their own.",
    )


def _headline_finding(complete: int, expected: int, wanted: Fraction) -> str:
    if not expected:
        return "The inventory has no services for this choice, so there is no coverage figure."
    text = (
        f"{complete} of {words.plural(expected, 'service')} can be seen with every signal "
        f"expected: {words.ratio(complete / expected)}"
    )
    goal = f"the target of {words.ratio(float(wanted))}"
    missing = short_of(wanted, complete, expected)
    if not missing:
        return f"{text}, which reaches {goal}."
    return f"{text}. {missing} more would reach {goal}."


_BY_TEAM: Final = """
    SELECT team, count(*) FILTER (state = 'complete') AS complete_count,
           count(*) FILTER (state = 'partial') AS partial_count,
           count(*) FILTER (state = 'dark') AS dark_count,
           count(*) AS expected_count, complete_count / expected_count AS coverage_ratio
    FROM mart_coverage_service
    WHERE state IN ('complete', 'partial', 'dark')
      AND ($team = 'all' OR team = $team)
      AND ($environment = 'all' OR environment = $environment)
    GROUP BY team ORDER BY expected_count - complete_count DESC, dark_count DESC, team
"""


def by_team(reader: Reader, filters: Filters) -> Figure:
    """Give complete, partial and dark services per team, the most unseen first."""
    answer = reader.ask(_BY_TEAM, **of_services(filters))
    return build(
        reader,
        filters,
        answer,
        name="coverage-by-team",
        title="Services by team",
        finding=_below(answer.frame, target(reader)),
        chart=_states(answer.frame) if answer.frame.height else None,
        alt="Stacked bars: complete, partial and dark services by team",
        empty="The inventory is empty.",
    )


def _below(frame: pl.DataFrame, wanted: Fraction) -> str:
    if frame.is_empty():
        return "No services for this choice."
    part = pl.col("expected_count") * wanted.numerator
    below = frame.filter(pl.col("complete_count") * wanted.denominator < part).height
    are = "is" if below == 1 else "are"
    goal = words.ratio(float(wanted))
    return f"{words.plural(below, 'team')} of {frame.height} {are} below {goal}."


def _states(frame: pl.DataFrame) -> chart.Spec:
    rows = [
        {
            "name": words.entity(row["team"]),
            "part": state,
            "value": row[f"{state}_count"],
            "place": place,
        }
        for row in frame.to_dicts()
        for place, state in enumerate(STATES)
    ]
    return chart.stacked_bars(rows, STATES, colours.STATES)


_SOURCES: Final = """
    SELECT source, updated_at, age_hours, max_age_hours,
           CASE WHEN is_stale THEN 'stale' ELSE 'current' END AS age
    FROM mart_inventory_source ORDER BY is_stale DESC, source
"""


def sources(reader: Reader, filters: Filters) -> Figure:
    """Give the sources of the inventory with their ages, the stale ones first."""
    answer = reader.ask(_SOURCES)
    stale = answer.frame.filter(pl.col("age") == "stale").height
    return build(
        reader,
        filters,
        answer,
        name="inventory-sources",
        title="Where the inventory comes from",
        finding=f"{words.plural(stale, 'source')} older than the limit: coverage may be too high."
        if stale
        else "Every source is within its limit.",
        shown=(
            Shown("source", "Source"),
            Shown("updated_at", "Last changed or heard of", "instant"),
            Shown("age_hours", "Age, hours", "count"),
            Shown("max_age_hours", "Limit, hours", "count"),
            Shown("age", "State", "state"),
        ),
        empty="No source named a service yet.",
        is_tall=True,
    )


_FIXES: Final = f"""
    SELECT fix_rank, service_name, service_namespace, environment, team, kind, tier,
           missing_signals, gain, team_gain, ratio_after, team_ratio_after,
           CASE WHEN $team = 'all' THEN gain ELSE team_gain END AS shown_gain,
           CASE WHEN $team = 'all' THEN ratio_after ELSE team_ratio_after END AS shown_after,
           c.monthly_cost, other_cost
    FROM mart_coverage_service AS s
    {dark.COSTS}
    WHERE fix_rank IS NOT NULL AND ($team = 'all' OR team = $team)
      AND ($environment = 'all' OR environment = $environment)
    ORDER BY fix_rank LIMIT 200
"""  # noqa: S608 - our own text


def fixes(reader: Reader, filters: Filters) -> Figure:
    """Give what to fix first: fewest missing signals, then tier, then cost."""
    answer = reader.ask(_FIXES, currency=filters.currency, **of_services(filters))
    return build(
        reader,
        filters,
        answer,
        name="coverage-fixes",
        title="Next fixes, in order",
        finding=_first_fix(answer.frame),
        shown=(
            Shown("fix_rank", "#", "count"),
            *_SERVICE,
            Shown("missing_signals", "Missing", "signals"),
            *_gains(filters),
            *dark.cost_columns(answer.frame),
        ),
        note="“Then” is coverage when a service and all before it are mended, in all environments.",
        empty=_first_fix(answer.frame),
        is_tall=True,
    )


def _first_fix(frame: pl.DataFrame) -> str:
    if frame.is_empty():
        return "Nothing to fix: every expected signal arrives."
    first = frame.row(0, named=True)
    return (
        f"First {first['service_name']}: it misses {_signals(first['missing_signals'])}; "
        f"fixing it adds {words.points(first['shown_gain'])} to M7, which is then "
        f"{words.ratio(first['shown_after'])}."
    )


def _gains(filters: Filters) -> tuple[Shown, ...]:
    """Give the columns of what a fix helps: the team's own where one is chosen."""
    if filters.team == ALL:
        return (
            Shown("gain", "Gain in M7", "points"),
            Shown("ratio_after", "Then", "ratio"),
            Shown("team_gain", "Gain of its team", "points"),
        )
    return (
        Shown("team_gain", "Gain of the team", "points"),
        Shown("team_ratio_after", "Then", "ratio"),
        Shown("gain", "Gain of all teams", "points"),
    )


_SERVICES: Final = f"""
    SELECT service_name, service_namespace, environment, team, tier, state,
           CASE WHEN has_logs OR is_open OR missing_signals LIKE '%logs%'
                THEN has_logs END AS has_logs,
           CASE WHEN has_metrics OR is_open OR missing_signals LIKE '%metrics%'
                THEN has_metrics END AS has_metrics,
           CASE WHEN has_traces OR is_open OR missing_signals LIKE '%traces%'
                THEN has_traces END AS has_traces,
           last_seen_at, continuity_ratio, has_gaps, c.monthly_cost, other_cost, sources
    FROM (SELECT *, state IN ('unregistered', 'exempt') AS is_open
          FROM mart_coverage_service) AS s
    {dark.COSTS}
    WHERE ($state IN ('all', state) OR $state = 'gaps' AND has_gaps)
      AND ($team = 'all' OR team = $team)
      AND ($environment = 'all' OR environment = $environment)
    ORDER BY list_position(['dark', 'partial', 'unregistered', 'complete', 'exempt'], state),
             c.monthly_cost DESC NULLS LAST, service_namespace, service_name, environment
"""  # noqa: S608 - our own text


def services(reader: Reader, filters: Filters, state: str) -> Figure:
    """Give the services in a state; `gaps` gives those with gaps, `all` every one."""
    answer = reader.ask(_SERVICES, state=state, currency=filters.currency, **of_services(filters))
    which = "" if state in {ALL, GAPS} else f"{state} "
    text = words.plural(answer.frame.height, f"{which}service")
    text += " with gaps" if state == GAPS else ""
    money = dark.in_words(answer.frame, filters.currency)
    titles = {ALL: "Every service and its signals", GAPS: "Services with gaps"}
    return build(
        reader,
        filters,
        answer,
        name=f"coverage-{state}",
        title=titles.get(state, f"{state.capitalize()} services"),
        finding=f"{text}, {money} a month." if money else f"{text}.",
        shown=_service_columns(state, dark.cost_columns(answer.frame)),
        note="A dash: the signal is not expected of a service of this kind.",
        empty=f"No {which}service for this choice.",
        is_tall=True,
    )


def _service_columns(state: str, cost: tuple[Shown, ...]) -> tuple[Shown, ...]:
    """Give the columns of a list; where services of all states stand in it, with their state."""
    seen = (
        *cost,
        *_TICKS,
        Shown("last_seen_at", "Last seen", "instant", missing="never"),
        Shown("continuity_ratio", "Continuity, 7 days", "ratio"),
    )
    if state != ALL:
        return (*_SERVICE, *seen, Shown("sources", "Named by", "signals"))
    here = (column for column in _SERVICE if column.name != "environment")
    return (*here, Shown("state", "State", "state"), *seen)


def every(reader: Reader, filters: Filters) -> Figure:
    """Give the matrix of services and signals."""
    return services(reader, filters, ALL)


def _signals(joined: str) -> str:
    return words.listed(joined.split("+"))

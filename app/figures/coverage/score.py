"""How good the telemetry is: the Instrumentation Score beside coverage, and what breaks its rules.

Reads    mart_score_service, mart_score_rule, mart_advisory, mart_coverage_service,
         mart_service_cost
Holds    score and coverage are never made one number; what was not evaluated stands beside the
         score; a score is rounded down; an advisory is in no score
"""

from typing import Any, Final

import polars as pl

from app.kit import words
from app.kit.figure import Figure, Shown, build, build_listed
from app.kit.filters import ALL, Filters
from app.kit.parameters import Parameters, of_services
from app.kit.reader import Reader

NAMELESS: Final = "(no service.name)"
OF_TEAM: Final = """
    ($team = 'all' AND $environment = 'all' OR service_name IN (
        SELECT service_name FROM mart_coverage_service
        WHERE ($team = 'all' OR team = $team)
          AND ($environment = 'all' OR environment = $environment)))
"""
SCORED: Final = f"""
    SELECT service_name, window_days, points, max_points, score, score_applicable,
           band_applicable, is_complete, not_evaluated, coalesce(failed_count, 0) AS failed_count,
           coverage, coalesce(team, '__unallocated__') AS team, monthly_cost,
           CASE WHEN has_gap AND letter < 'C' THEN 'C, capped' ELSE letter END AS grade
    FROM (SELECT *, CASE band_applicable WHEN 'Excellent' THEN 'A' WHEN 'Good' THEN 'B'
                    WHEN 'Needs Improvement' THEN 'C' WHEN 'Poor' THEN 'D' END AS letter
          FROM mart_score_service)
    LEFT JOIN (SELECT service_name, count(*) FILTER (state = 'failed') AS failed_count
               FROM mart_score_rule WHERE window_days = 30 GROUP BY service_name)
         USING (service_name)
    LEFT JOIN (SELECT service_name, string_agg(DISTINCT state, '+' ORDER BY state) AS coverage,
                      CASE WHEN count(DISTINCT team) = 1 THEN min(team) ELSE 'several teams' END
                        AS team,
                      bool_or(tier = 1 AND missing_count > 0
                              AND state IN ('complete', 'partial', 'dark')) AS has_gap
               FROM mart_coverage_service
               WHERE ($team = 'all' OR team = $team)
                 AND ($environment = 'all' OR environment = $environment)
               GROUP BY service_name) USING (service_name)
    LEFT JOIN (SELECT service_name, sum(monthly_cost) AS monthly_cost FROM mart_service_cost
               WHERE currency = $currency
                 AND ($environment = 'all' OR environment = $environment)
               GROUP BY service_name) USING (service_name)
    WHERE window_days = 30 AND {OF_TEAM}
"""  # noqa: S608 - a part of ours
"""Scored services with their owner, coverage, cost in one currency, and a letter that is at best C
while a tier-1 service misses a signal."""

ORDER: Final = "score_applicable NULLS LAST, failed_count DESC, service_name"
EMPTY: Final = "No telemetry of services was scored yet for this choice."


def chosen(filters: Filters) -> Parameters:
    """Give what the parts above ask for."""
    return _of_team(filters) | {"currency": filters.currency}


def _of_team(filters: Filters) -> Parameters:
    return of_services(filters) | {"nameless": NAMELESS}


_SERVICES: Final = f"""
    SELECT coalesce(nullif(service_name, ''), $nameless) AS service_name, team, grade,
           floor(round(score_applicable * 100, 6)) / 100 AS score_applicable, band_applicable,
           floor(round(current_score * 100, 6)) / 100 AS current_score,
           floor(round(score * 100, 6)) / 100 AS score, failed_count, coverage, monthly_cost,
           CASE WHEN is_complete THEN 'true'
                ELSE 'false, without ' || replace(not_evaluated, '+', ', ') END AS complete,
           not_evaluated
    FROM ({SCORED})
    LEFT JOIN (SELECT service_name, score_applicable AS current_score
               FROM mart_score_service WHERE window_days = 7) USING (service_name)
    ORDER BY {ORDER}
"""  # noqa: S608 - a part of ours


_SCORE_COLUMNS: Final = (
    Shown("service_name", "Service"),
    Shown("team", "Owner", "entity", link="team?team"),
    Shown("grade", "Grade"),
    Shown("score_applicable", "Score, where rules apply", "number"),
    Shown("band_applicable", "Band"),
    Shown("current_score", "Last 7 days", "number"),
    Shown("score", "Strict score", "number"),
    Shown("complete", "Complete"),
    Shown("failed_count", "Failed rules", "count"),
    Shown("coverage", "Coverage", "signals", missing="not in the inventory"),
    Shown("monthly_cost", "Cost a month", "money"),
)


def services(reader: Reader, filters: Filters) -> Figure:
    """Give the score of each service beside its coverage, the worst first."""
    answer = reader.ask(_SERVICES, **chosen(filters))
    return build(
        reader,
        filters,
        answer,
        name="score",
        title="Instrumentation Score, beside coverage",
        finding=_services_finding(answer.frame.to_dicts()),
        shown=_SCORE_COLUMNS,
        note="Over 30 days. “Where rules apply” counts rules whose target was seen; the strict "
        "score lets the others pass. The grade is the band as a letter, at best C while a tier-1 "
        "service misses a signal. The environment is no part of a score.",
        empty=EMPTY,
        is_tall=True,
    )


def _services_finding(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return EMPTY
    good = len([row for row in rows if row["band_applicable"] in {"Excellent", "Good"}])
    text = f"{good} of {words.plural(len(rows), 'service')} are good or excellent."
    missing = sorted({name for row in rows for name in row["not_evaluated"].split("+") if name})
    if not missing:
        return text
    return f"{text} The score is incomplete (complete: false): {words.listed(missing, 8)} " + (
        "is not evaluated." if len(missing) == 1 else "are not evaluated."
    )


_RULES: Final = f"""
    SELECT rule, text, impact,
           CASE WHEN count(*) FILTER (state = 'failed') > 0 THEN 'failed'
                WHEN count(*) FILTER (state = 'not evaluated') > 0 THEN 'not evaluated'
                WHEN count(*) FILTER (state = 'passed') > 0 THEN 'passed'
                ELSE 'not seen' END AS verdict,
           count(*) FILTER (state = 'failed') AS failed_count,
           sum(violating_count)::BIGINT AS violating_count,
           sum(checked_count)::BIGINT AS checked_count,
           sum(violating_count) / nullif(sum(checked_count), 0) AS violating_ratio,
           min(first_seen_at) AS first_seen_at, max(last_seen_at) AS last_seen_at,
           any_value(owners) AS owners,
           array_to_string(list_sort(list_distinct(flatten(list(samples))))
                             [:if($service = 'all', 2, 5)], ', ')
               AS samples,
           max(points_if_fixed) AS points_if_fixed
    FROM mart_score_rule
    WHERE window_days = 30
      AND ($service = 'all' OR coalesce(nullif(service_name, ''), $nameless) = $service)
      AND {OF_TEAM}
    GROUP BY rule, text, impact, weight
    ORDER BY list_position(['failed', 'passed', 'not seen', 'not evaluated'], verdict),
             sum(points_if_fixed) DESC NULLS LAST, weight DESC, rule
"""  # noqa: S608 - a part of ours


_RULE: Final = (
    Shown("rule", "Rule", "code"),
    Shown("text", "Passes when", "prose"),
    Shown("impact", "Impact"),
    Shown("verdict", "State", "state"),
)
_FAILED: Final = Shown("failed_count", "Services", "count")
_EVIDENCE: Final = (
    Shown("violating_count", "Broken", "count"),
    Shown("checked_count", "of", "count"),
    Shown("violating_ratio", "Broken part", "ratio"),
    Shown("points_if_fixed", "Points if fixed", "number", missing="-"),
    Shown("first_seen_at", "First broken", "day", missing="-"),
    Shown("last_seen_at", "Last broken", "day", missing="-"),
    Shown("samples", "Samples", "prose"),
)


def rules(reader: Reader, filters: Filters, service: str = ALL) -> Figure:
    """Give the evidence of each rule of a service; `all` adds the services up."""
    answer = reader.ask(_RULES, service=service, **_of_team(filters))
    return build(
        reader,
        filters,
        answer,
        name="score-rules",
        title="Rules and their evidence",
        finding=_rules_finding(answer.frame, service),
        shown=(*_RULE, *((_FAILED,) if service == ALL else ()), *_EVIDENCE),
        note="A rule that was not seen passes in the strict score. Points are those of one "
        "service's strict score.",
        empty=EMPTY,
        is_tall=True,
    )


def _rules_finding(frame: pl.DataFrame, service: str) -> str:
    if frame.is_empty():
        return EMPTY
    failed = frame.filter(pl.col("verdict") == "failed")["rule"].to_list()
    which = f": {words.listed(failed, 6)}." if failed else "."
    text = f"{words.plural(len(failed), 'rule')} of {frame.height} failed{which}"
    owners = frame["owners"][0]
    return f"{text} Owner: {owners}." if owners and service != ALL else text


_ADVISORIES: Final = f"""
    SELECT coalesce(nullif(service_name, ''), $nameless) AS service_name, advisory, text,
           violating_count, last_seen_at, array_to_string(samples, ', ') AS samples
    FROM mart_advisory WHERE {OF_TEAM}
    ORDER BY violating_count DESC, service_name, advisory
"""  # noqa: S608 - a part of ours


def advisories(reader: Reader, filters: Filters) -> Figure:
    """Give what is odd beside the rules; it is in no score."""
    answer = reader.ask(_ADVISORIES, **_of_team(filters))
    advised = words.plural(answer.frame.height, "advisory", "advisories")
    return build_listed(
        reader,
        filters,
        answer,
        lambda _: f"{advised}; none is in a score.",
        name="score-advisories",
        title="Advisories",
        shown=(
            Shown("service_name", "Service"),
            Shown("advisory", "Advisory", "code"),
            Shown("text", "Meaning", "prose"),
            Shown("violating_count", "Found", "count"),
            Shown("last_seen_at", "Last seen", "instant"),
            Shown("samples", "Samples", "prose"),
        ),
        empty="Nothing odd beside the rules.",
        is_tall=True,
    )

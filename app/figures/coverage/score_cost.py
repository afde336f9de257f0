"""The score beside what services cost, and what to mend first.

Reads    mart_score_service, mart_score_rule, mart_coverage_service, mart_service_cost
Holds    score, coverage and cost stand side by side and are never made one number; costs are of one
         currency; a score is rounded down
"""

from decimal import Decimal
from typing import Any, Final

import polars as pl

from app.figures.coverage.score import EMPTY, ORDER, SCORED, chosen
from app.kit import chart, colours, words
from app.kit.figure import Card, Figure, Shown, build, chart_rows, total
from app.kit.filters import Filters
from app.kit.reader import Reader

GOOD: Final = 75
UNLISTED: Final = "not in the inventory"
MOST_ROWS: Final = 100
FIRST_ROWS: Final = 8
_STATES: Final = (*colours.STATES, UNLISTED)
_PALETTE: Final = {**colours.STATES, UNLISTED: colours.OTHER}
_LABELLED: Final = 5


_AGAINST_COST: Final = f"""
    SELECT coalesce(nullif(service_name, ''), $nameless) AS service_name, team,
           coalesce(coverage, $unlisted) AS coverage, monthly_cost,
           floor(round(score_applicable * 100, 6)) / 100 AS score_applicable, band_applicable,
           failed_count, not_evaluated
    FROM ({SCORED})
    ORDER BY {ORDER}
"""  # noqa: S608 - a part of ours


def against_cost(reader: Reader, filters: Filters) -> Figure:
    """Give each scored service by its cost and its score, coloured by its coverage."""
    answer = reader.ask(_AGAINST_COST, unlisted=UNLISTED, **chosen(filters))
    frame = answer.frame
    return build(
        reader,
        filters,
        answer,
        name="score-cost",
        title="Where money is spent on telemetry that cannot be trusted",
        finding=_spent_finding(frame, filters.currency),
        chart=_scatter(frame, filters.currency) if frame.height else None,
        alt=f"Dots: services by monthly cost in {filters.currency} and score, coloured by coverage",
        cards=_cards(reader, filters, frame) if frame.height else (),
        note="Each dot is a service: the farther right the dearer, the lower the worse. Lines are "
        "the bands: Excellent from 90, Good from 75, Needs Improvement from 50. Dark services send "
        "nothing to score; they are above.",
        empty=EMPTY,
    )


def _scatter(frame: pl.DataFrame, currency: str) -> dict[str, Any]:
    cost = pl.col("monthly_cost").fill_null(0)
    below = pl.col("score_applicable") < GOOD
    dear = pl.when(below).then(cost).rank("ordinal", descending=True) <= _LABELLED
    names = {team: words.entity(team) for team in frame["team"].unique()}
    rows = frame.with_columns(
        cost,
        pl.col("team").replace(names),
        pl.when(dear).then("service_name").otherwise(pl.lit("")).alias("label"),
    ).drop_nulls("score_applicable")
    order = [state for state in _STATES if state in set(rows["coverage"])]
    return chart.scatter(chart_rows(rows), order, _PALETTE, currency)


def _spent_finding(frame: pl.DataFrame, currency: str) -> str:
    if frame.is_empty():
        return EMPTY
    low = _low(frame)
    if low.is_empty():
        return "Every service that was scored is good or excellent."
    spent, whole = total(low, "monthly_cost"), total(frame, "monthly_cost")
    is_one = low.height == 1
    text = f"{words.plural(low.height, 'service')} of {frame.height} "
    text += "is below Good" if is_one else "are below Good"
    if not spent:
        return f"{text}; what {'it costs' if is_one else 'they cost'} is not known."
    dearest = low.sort("monthly_cost", descending=True, nulls_last=True).row(0, named=True)
    return (
        f"{text} and cost{'s' if is_one else ''} {words.money(spent, currency)} of "
        f"{words.money(whole, currency)} a month; the dearest is {dearest['service_name']} "
        f"with a score of {words.number(dearest['score_applicable'])}."
    )


def _low(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("band_applicable").is_in(["Poor", "Needs Improvement"]))


def _cards(reader: Reader, filters: Filters, frame: pl.DataFrame) -> tuple[Card, ...]:
    low = _low(frame)
    spent, whole = total(low, "monthly_cost"), total(frame, "monthly_cost")
    missing = sorted({n for text in frame["not_evaluated"] for n in text.split("+") if n})
    return (
        Card(
            label="Good or excellent",
            value=f"{frame.height - low.height} of {frame.height}",
            note="services that were scored",
            tone="bad" if low.height else "good",
            help="By the rules whose target was seen in 30 days.",
        ),
        Card(
            label="Spent below Good",
            value=words.money(spent, filters.currency),
            note=f"a month, {words.part(float(spent / whole))} of what they all cost"
            if whole
            else "a month",
            tone="bad" if spent else "neutral",
            help="What services cost whose telemetry breaks too many rules to be relied on.",
        ),
        _best_fix(reader, filters),
        Card(
            label="Not evaluated",
            value=words.listed(missing, 2) if missing else "nothing",
            note="the score is incomplete" if missing else "the score is complete",
            help="Rules of the specification that could not be judged; named beside every score.",
        ),
    )


def _best_fix(reader: Reader, filters: Filters) -> Card:
    rows = fixes(reader, filters).data
    if rows.is_empty():
        return Card(label="Broken most often", value="no rule")
    by_rule = rows.group_by("rule").agg(pl.len(), pl.col("points_if_fixed").sum())
    best = by_rule.sort("points_if_fixed", "rule", descending=[True, False]).row(0, named=True)
    return Card(
        label="Broken most often",
        value=best["rule"],
        note=f"{words.plural(best['len'], 'service')}, "
        f"{words.number(best['points_if_fixed'])} points in all",
        help="The rule whose mending adds most, over the services that are shown.",
    )


_FIXES: Final = f"""
    SELECT coalesce(nullif(service_name, ''), $nameless) AS service_name, team, rule, text,
           points_if_fixed, floor(round(score * 100, 6)) / 100 AS score,
           floor(round((score + points_if_fixed) * 100, 6)) / 100 AS score_then,
           violating_count, checked_count, monthly_cost,
           array_to_string(samples[:1], ', ') AS samples
    FROM ({SCORED}) JOIN mart_score_rule AS r USING (service_name, window_days)
    WHERE r.state = 'failed'
    ORDER BY points_if_fixed DESC, monthly_cost DESC NULLS LAST, service_name, rule
    LIMIT $most
"""  # noqa: S608 - a part of ours


_FIX_COLUMNS: Final = (
    Shown("service_name", "Service"),
    Shown("team", "Owner", "entity", link="team?team"),
    Shown("rule", "Rule", "code"),
    Shown("text", "Passes when", "prose"),
    Shown("points_if_fixed", "Points if fixed", "number"),
    Shown("score", "Strict score", "number"),
    Shown("score_then", "Then", "number"),
    Shown("monthly_cost", "Cost a month", "money"),
    Shown("violating_count", "Broken", "count"),
    Shown("checked_count", "of", "count"),
    Shown("samples", "One of them", "prose"),
)


def fixes(reader: Reader, filters: Filters, most: int = MOST_ROWS) -> Figure:
    """Give each broken rule of each service, the one that adds most points first."""
    answer = reader.ask(_FIXES, most=most, **chosen(filters))
    return build(
        reader,
        filters,
        answer,
        name="score-fixes",
        title="What to mend first",
        finding=_fix_finding(answer.frame.to_dicts()),
        shown=_FIX_COLUMNS,
        note=f"By points, then by cost; at most {most} rows. Broken: resources, spans or metrics "
        "that the rule looked at and found wrong.",
        empty="No rule is broken.",
        is_tall=most > FIRST_ROWS,
    )


def first_fixes(reader: Reader, filters: Filters) -> Figure:
    """Give the first few, for the report."""
    return fixes(reader, filters, FIRST_ROWS)


def _fix_finding(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "No rule is broken."
    first = rows[0]
    gain = Decimal(str(first["points_if_fixed"])).quantize(Decimal("0.01"))
    return (
        f"First {first['rule']} of {first['service_name']}: mended, it adds {gain} points to its "
        f"strict score, which is then {words.number(first['score_then'])}."
    )

"""How much of the bill can be explained: by telemetry inside clusters, by tags everywhere.

Reads    mart_cost_daily_namespace, mart_tag_quality_daily
Holds    seen and unseen cost of a cluster add up to its cost; the states of a tag key add up to the
         bill of the period
"""

from typing import Final

import polars as pl

from app.kit import words
from app.kit.figure import Card, Figure, Shown, build, total
from app.kit.filters import Filters
from app.kit.parameters import bill_days
from app.kit.reader import Reader

_TELEMETRY: Final = """
    SELECT cluster, sum({cost}) AS cost,
           sum(CASE WHEN namespace <> '__no_telemetry__' THEN {cost} ELSE 0 END) AS seen_cost,
           sum(CASE WHEN namespace = '__no_telemetry__' THEN {cost} ELSE 0 END) AS unseen_cost,
           sum(CASE WHEN namespace <> '__no_telemetry__' THEN {cost} ELSE 0 END)
             / nullif(sum({cost}), 0) AS seen_ratio,
           bool_or(is_estimated) AS is_estimated
    FROM mart_cost_daily_namespace
    WHERE currency = $currency AND charge_date BETWEEN $start AND $end AND cluster <> '-'
    GROUP BY cluster ORDER BY unseen_cost DESC, cluster
"""


def telemetry(reader: Reader, filters: Filters) -> Figure:
    """Give per cluster the cost whose hours were heard of, idle too, and the cost of the others."""
    answer = reader.ask(_TELEMETRY, {"cost": filters.cost_column}, **bill_days(filters))
    share, missing = _explained(answer.frame, filters.currency)
    return build(
        reader,
        filters,
        answer,
        name="telemetry-quality",
        title="Cost of clusters that telemetry explains",
        finding=f"Telemetry explains {share} of what clusters cost; {missing} was billed for hours "
        "in which nothing was heard of the machine."
        if missing
        else f"No cost of clusters in {filters.period_text}.",
        shown=(
            Shown("cluster", "Cluster"),
            Shown("cost", "Cost", "money"),
            Shown("seen_cost", "Explained", "money"),
            Shown("unseen_cost", "Not heard of", "money"),
            Shown("seen_ratio", "Explained part", "ratio"),
        ),
        cards=(_card(share, missing),),
    )


def _explained(frame: pl.DataFrame, currency: str) -> tuple[str, str]:
    """Write which part of the cost is explained, and how much is not; without cost nothing."""
    whole, seen = total(frame, "cost"), total(frame, "seen_cost")
    if not whole:
        return words.NO_DATA, ""
    return words.ratio(float(seen / whole)), words.money(whole - seen, currency)


def _card(share: str, missing: str) -> Card:
    return Card(
        label="Explained by telemetry",
        value=share,
        note=f"{missing} not heard of" if missing else "",
        help="Cost of clusters in hours with telemetry of the node, idle included, over "
        "all their cost.",
    )


_TAGS: Final = """
    SELECT CASE tag_key WHEN '*' THEN 'All keys, in their order' ELSE tag_key END AS tag_key,
           sum(CASE WHEN state = 'tagged' THEN {cost} ELSE 0 END)
             / nullif(sum({cost}), 0) AS tagged_ratio,
           sum(CASE WHEN state = 'tagged' THEN {cost} ELSE 0 END) AS tagged_cost,
           sum(CASE WHEN state = 'unknown_team' THEN {cost} ELSE 0 END) AS unknown_cost,
           sum(CASE WHEN state = 'invalid' THEN {cost} ELSE 0 END) AS invalid_cost,
           sum(CASE WHEN state = 'untagged' THEN {cost} ELSE 0 END) AS untagged_cost,
           sum(CASE WHEN state = 'tagged' THEN line_count ELSE 0 END)::BIGINT AS tagged_count,
           sum(line_count)::BIGINT AS line_count
    FROM mart_tag_quality_daily
    WHERE currency = $currency AND charge_date BETWEEN $start AND $end
    GROUP BY ALL ORDER BY tagged_cost DESC, tag_key
"""


def tags(reader: Reader, filters: Filters) -> Figure:
    """Give per tag key what part of the bill it names a team for."""
    answer = reader.ask(_TAGS, {"cost": filters.cost_column}, **bill_days(filters))
    return build(
        reader,
        filters,
        answer,
        name="tag-quality",
        title="How well the bill is tagged",
        finding=_finding(answer.frame),
        shown=(
            Shown("tag_key", "Tag key", "code"),
            Shown("tagged_ratio", "Tagged part", "ratio"),
            Shown("tagged_cost", "Tagged", "money"),
            Shown("unknown_cost", "No such team", "money"),
            Shown("invalid_cost", "Invalid value", "money"),
            Shown("untagged_cost", "Untagged", "money"),
            Shown("tagged_count", "Tagged lines", "count"),
            Shown("line_count", "Lines", "count"),
        ),
        empty="The ownership file names no tag keys, or there is no bill for this choice.",
    )


def _finding(frame: pl.DataFrame) -> str:
    every = frame.filter(pl.col("tag_key") == "All keys, in their order")
    if every.is_empty() or every["tagged_ratio"][0] is None:
        return "No tag key tells of any cost."
    return f"Tags name a team for {words.ratio(every['tagged_ratio'][0])} of the bill."

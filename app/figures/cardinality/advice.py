"""What to do first about cardinality, and which labels nobody uses.

Reads    mart_cardinality_advice, mart_cardinality_label, mart_metric_use, mart_cardinality_metric
Units    series of the last day; money a month at the configured price
Holds    one change per metric, so the savings of the list add up
"""

from decimal import Decimal
from typing import Final

import polars as pl

from app.figures.cardinality.cardinality import CURRENCY
from app.figures.platform.whole_day import last_whole
from app.kit import words
from app.kit.figure import Card, Figure, Shown, build_listed, known_total
from app.kit.filters import Filters
from app.kit.reader import Reader

ACTIONS: Final = {
    "drop_metric": (
        "Drop the metric",
        "No dashboard or rule that you gave names it. Those you did not give are not known.",
    ),
    "drop_unused_label": (
        "Drop {}",
        "No query names it. One that shows the metric without grouping shows it all the same.",
    ),
    "half_the_bounds": (
        "Keep every second bound",
        "Quantiles get coarser between the bounds that stay; no series merge.",
    ),
    "path_template": ("Fold {} to templates", "Routes stay, single paths are no longer seen."),
    "status_class": ("Fold {} to classes", "Alerts on one code (429, 503) no longer see it."),
    "top_k": ("Keep the top values of {}", "All others become `other`."),
    "drop_label": ("Drop {}", "Nobody said who uses it: look first. Series merge."),
    "drop_equivalent": ("Drop {} together", "They say the same. Look first who uses them."),
    "drop_set": ("Drop {} together", "One alone saves little. Look first who uses them."),
}
"""What to do, with the labels in it, and what must be known before."""


def _case(part: int) -> str:
    """Write the actions' texts as SQL, with the labels put in."""
    texts = " ".join(
        f"WHEN '{name}' THEN replace('{both[part]}', '{{}}', labels)"
        for name, both in ACTIONS.items()
    )
    return f"CASE action {texts} END"


_SQL: Final = f"""
    SELECT advice_rank, metric, top_team, action, {_case(0)} AS change, stored_series_count,
           stored_after_count, saved_cost,
           CASE verdict WHEN 'unused' THEN 'nobody uses it' WHEN 'loses_detail' THEN 'loses detail'
                        ELSE 'look first' END AS verdict,
           concat_ws(' ',
             if(root_cause_label <> '' AND growth_count > 0,
                format('{{}} explains {{:,}} more series in 14 days.',
                       root_cause_label, growth_count), NULL),
             {_case(1)},
             if(places <> '', concat('Used by ', places, '.'), NULL)) AS warning,
           (SELECT sum(monthly_cost) FROM mart_cardinality_metric AS m
            WHERE m.day = a.day) AS all_cost
    FROM mart_cardinality_advice AS a ORDER BY advice_rank
"""  # noqa: S608 - constants


_COLUMNS: Final = (
    Shown("advice_rank", "#", "count"),
    Shown("metric", "Metric", link="cardinality?metric"),
    Shown("change", "Change", "prose"),
    Shown("top_team", "Team", "entity"),
    Shown("stored_series_count", "Stored series", "count"),
    Shown("stored_after_count", "After", "count"),
    Shown("saved_cost", "Saved a month", "money"),
    Shown("verdict", "Verdict", "state"),
    Shown("warning", "Know before", "prose"),
)


def advice(reader: Reader, filters: Filters) -> Figure:
    """Give the changes to make, what saves most first, with the total of all."""
    answer = reader.ask(_SQL)
    frame = answer.frame
    total = known_total(frame, "saved_cost")
    return build_listed(
        reader,
        filters,
        answer,
        _finding,
        name="advice",
        title="What to do first",
        shown=_COLUMNS,
        cards=(
            Card(
                label="Can be saved a month",
                value=words.money(total, CURRENCY),
                note=_part(frame, total),
                help="All changes of the list below, one per metric, so that they add up.",
            ),
        ),
        note="One change per metric: the gentlest that saves nine tenths of what the best would.",
        empty="Nothing would save series without losing what somebody uses.",
        total=(None, "All changes", None, None, None, None, total, None, None) if total else (),
        is_tall=True,
    )


def _part(frame: pl.DataFrame, total: Decimal | None) -> str:
    if total is None or frame.is_empty() or not frame["all_cost"][0]:
        return words.plural(frame.height, "change")
    part = words.ratio(float(total / frame["all_cost"][0]))
    return f"{part} of all, {words.plural(frame.height, 'change')}"


def _finding(frame: pl.DataFrame) -> str:
    first = frame.row(0, named=True)
    what = first["change"][0].lower() + first["change"][1:]
    of = "," if first["action"] in {"drop_metric", "half_the_bounds"} else " of"
    saved = words.money(first["saved_cost"], CURRENCY)
    aside = f" ({saved} a month)" if first["saved_cost"] is not None else ""
    total = words.money(known_total(frame, "saved_cost"), CURRENCY)
    return f"First: {what}{of} {first['metric']}{aside}. All of the list saves {total} a month."


_UNUSED_LABELS: Final = """
    SELECT u.metric, u.label, l.distinct_count, l.saved_count, l.saved_cost,
           u.use_state, if(l.is_safe, 'safe', 'loses detail') AS verdict
    FROM mart_metric_use AS u
    JOIN mart_metric_use AS whole
      ON whole.metric = u.metric AND whole.label = '' AND whole.use_state = 'used'
    JOIN mart_cardinality_label AS l
      ON l.metric = u.metric AND l.label = u.label AND l.level = u.level
    WHERE u.label <> '' AND u.level = 'point' AND u.use_state = 'unused'
      AND l.saved_count > 0
      AND l.day = (SELECT max(day) FROM mart_cardinality_label WHERE day <= $end)
    ORDER BY l.saved_cost DESC NULLS LAST, l.saved_count DESC, u.metric, u.label LIMIT 200
"""


def unused_labels(reader: Reader, filters: Filters) -> Figure:
    """Give the labels that no dashboard and no rule names, what saves most first."""
    answer = reader.ask(_UNUSED_LABELS, end=last_whole(reader, filters))
    return build_listed(
        reader,
        filters,
        answer,
        _unused_finding,
        name="unused-labels",
        title="Labels that no query names",
        shown=(
            Shown("metric", "Metric", link="cardinality?metric"),
            Shown("label", "Label", "code"),
            Shown("distinct_count", "Values", "count"),
            Shown("saved_count", "Series saved", "count"),
            Shown("saved_cost", "Saved a month", "money"),
        ),
        note="Of metrics that are used. One drop at a time: these savings do not add up.",
        empty="No label of a used metric is known to be unused.",
    )


def _unused_finding(frame: pl.DataFrame) -> str:
    label, metric = frame.select("label", "metric").row(0)
    labels = words.plural(frame.height, "label")
    return f"{labels} of used metrics named by no query; {label} of {metric} costs most."

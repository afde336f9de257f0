"""What workloads use of what they ask for, and what they should ask for.

Reads    mart_workload_efficiency, mart_rightsizing, mart_workload_daily
Units    effective cost, of the days the marts look at
"""

from decimal import Decimal
from typing import Final

import polars as pl

from app.kit import chart, words
from app.kit.figure import Card, Figure, Shown, build, total
from app.kit.filters import Filters
from app.kit.parameters import of_team
from app.kit.reader import Reader

PROFILES: Final = {"balanced": "Balanced", "lean": "Lean", "safe": "Safe"}
_EMPTY: Final = "No workload was seen with cost. It needs a bill and telemetry of the same nodes."


_EFFICIENCY: Final = """
    SELECT namespace, workload, cluster, team, cpu_efficiency, memory_efficiency, efficiency,
           cpu_cost + memory_cost AS cost, unused_cost, first_day, last_day
    FROM mart_workload_efficiency
    WHERE currency = $currency AND ($team = 'all' OR team = $team)
    ORDER BY unused_cost DESC, namespace, workload, cluster
"""


_USE_COLUMNS: Final = (
    Shown("namespace", "Namespace", "entity"),
    Shown("workload", "Workload", "entity"),
    Shown("team", "Team", "entity", link="team?team"),
    Shown("cpu_efficiency", "CPU used", "ratio"),
    Shown("memory_efficiency", "Memory used", "ratio"),
    Shown("efficiency", "Both", "ratio"),
    Shown("cost", "Cost", "money"),
    Shown("unused_cost", "Not used", "money"),
)


def efficiency(reader: Reader, filters: Filters) -> Figure:
    """Give each workload's efficiency and what it paid for and did not use, the dearest first."""
    answer = reader.ask(_EFFICIENCY, **of_team(filters))
    frame = answer.frame
    return build(
        reader,
        filters,
        answer,
        name="efficiency",
        title="Paid for and not used",
        finding=_unused(frame, filters),
        chart=_bars(frame, filters),
        alt="Bars: cost of what was requested and not used, the ten dearest workloads "
        "(cluster in brackets)",
        shown=_USE_COLUMNS,
        cards=_cards(frame, filters),
        note="Used over requested; both together are weighted by their cost. "
        "Above 100 % a workload uses more than it asked for.",
        empty=_EMPTY,
        is_tall=True,
    )


def _cards(frame: pl.DataFrame, filters: Filters) -> tuple[Card, ...]:
    cost, unused = total(frame, "cost"), total(frame, "unused_cost")
    if not cost:
        return (Card("Efficiency", words.NO_DATA), Card("Not used", words.NO_DATA))
    used = float(1 - unused / cost)
    return (
        Card("Efficiency", words.ratio(used), "of the cost of workloads"),
        Card("Not used", words.money(unused, filters.currency), _days(frame)),
    )


def _days(frame: pl.DataFrame) -> str:
    return words.span(frame["first_day"].min(), frame["last_day"].max())  # type: ignore[arg-type]


def _unused(frame: pl.DataFrame, filters: Filters) -> str:
    if frame.is_empty():
        return "No workload was seen with cost."
    name, space, unused = frame.select("workload", "namespace", "unused_cost").row(0)
    return (
        f"{words.money(total(frame, 'unused_cost'), filters.currency)} of "
        f"{words.money(total(frame, 'cost'), filters.currency)} was asked for and not used, "
        f"{_days(frame)}; most by {words.entity(name)} in {words.entity(space)}, "
        f"{words.money(unused, filters.currency)}."
    )


def _bars(frame: pl.DataFrame, filters: Filters) -> chart.Spec | None:
    costs = [
        (f"{row['namespace']} / {row['workload']} ({row['cluster']})", row["unused_cost"])
        for row in frame.head(10).to_dicts()
        if row["unused_cost"] > 0
    ]
    return chart.money_bars(costs, filters.currency)


_RIGHTSIZING: Final = """
    SELECT namespace, workload, container, team,
           round(cpu_request_cores * 1000)::BIGINT AS cpu_now,
           round(cpu_wanted_cores * 1000)::BIGINT AS cpu_wanted,
           round(memory_request_bytes / 1048576)::BIGINT AS memory_now,
           round(memory_wanted_bytes / 1048576)::BIGINT AS memory_wanted, saved_cost,
           if(is_autoscaled, 'autoscaled', '') AS mark, day_count, state
    FROM mart_rightsizing
    WHERE currency = $currency AND ($team = 'all' OR team = $team) AND profile = $profile
      AND state = 'ready' AND saved_cost <> 0
    ORDER BY saved_cost DESC, namespace, workload, container
"""


_SIZE_COLUMNS: Final = (
    Shown("namespace", "Namespace", "entity"),
    Shown("workload", "Workload", "entity"),
    Shown("container", "Container"),
    Shown("cpu_now", "CPU now, millicores", "count"),
    Shown("cpu_wanted", "CPU to ask, millicores", "count"),
    Shown("memory_now", "Memory now, MiB", "count"),
    Shown("memory_wanted", "Memory to ask, MiB", "count"),
    Shown("saved_cost", "Saved a month", "money"),
    Shown("mark", "Note"),
)


def rightsizing(reader: Reader, filters: Filters, profile: str) -> Figure:
    """Give what each container should ask for by a profile, the greatest saving first."""
    answer = reader.ask(_RIGHTSIZING, **of_team(filters), profile=profile)
    saved = words.money(_saved(answer.frame), filters.currency)
    return build(
        reader,
        filters,
        answer,
        name="rightsizing",
        title=f"What to ask for: {PROFILES[profile].lower()}",
        finding=_freed(answer.frame, saved),
        shown=_SIZE_COLUMNS,
        cards=(Card("Can be freed", saved, "a month"),),
        note="Lean: CPU p95, memory max + 15 %. Balanced: both + 15 %. Safe: max / 0.7. "
        "Of the largest replica of each hour; 1,000 millicores are one core. "
        "Autoscaled: a lower request adds replicas.",
        empty="Nothing to recommend: it takes 7 days and 100 container hours of history, "
        "and requests to compare with.",
        is_tall=True,
    )


def _saved(frame: pl.DataFrame) -> Decimal:
    return total(frame.filter(pl.col("saved_cost") > 0), "saved_cost")


def _freed(frame: pl.DataFrame, saved: str) -> str:
    if frame.is_empty():
        return "Nothing to recommend."
    more = frame.filter(pl.col("saved_cost") < 0).height
    raised = f" {words.plural(more, 'container')} should ask for more." if more else ""
    return f"Up to {saved} a month can be freed.{raised} It becomes idle until nodes shrink."

"""From a figure down to bill lines, shares and rules.

Reads    core_cost_ledger, core_cost_line, core_weight_hourly, core_node_hourly
Holds    the lines of a day add up to the team's cost of it; the shares of a line to the line's
"""

from typing import Final

import polars as pl

from app import words
from app.figure import Card, Figure, Shown, build, total
from app.figures.spend import period
from app.filters import Filters
from app.reader import Reader

MOST: Final = 300


def days(reader: Reader, filters: Filters) -> Figure:
    """Give the days of the period with cost, the latest first."""
    answer = reader.ask(
        """
        SELECT strftime(charge_date, '%Y-%m-%d') AS day, sum({cost}) AS cost
        FROM mart_cost_daily_team
        WHERE currency = $currency AND ($team = 'all' OR team = $team)
          AND charge_date BETWEEN $start AND $end
        GROUP BY ALL ORDER BY day DESC
        """,
        {"cost": filters.cost_column},
        **period(filters),
    )
    return build(
        reader, filters, answer, name="explain-days", title="Days",
        finding=f"{words.plural(answer.frame.height, 'day')} with cost.",
        shown=(Shown("day", "Day"), Shown("cost", "Cost", "money")),
    )  # fmt: skip


def lines(reader: Reader, filters: Filters, day: str) -> Figure:
    """Give the bill lines behind a day, the dearest first: each with its part and its rules."""
    answer = reader.ask(
        """
        WITH mine AS (
          SELECT x_line_hash, sum({cost}) AS cost, count(*) AS rows,
                 array_to_string(list_sort(list_distinct(list(concat_ws(' ',
                   replace(reason, '_', ' '), if(rule_id <> '', 'by ' || rule_id, NULL),
                   if(pool <> '', 'from pool ' || pool, NULL))))), ', ') AS how,
                 bool_or(is_estimated) AS is_estimated
          FROM core_cost_ledger
          WHERE currency = $currency AND ($team = 'all' OR team = $team)
            AND charge_date = $day::DATE
          GROUP BY x_line_hash
        ), whole AS (
          SELECT x_line_hash, sum({cost}) AS day_cost FROM core_cost_ledger
          WHERE charge_date = $day::DATE GROUP BY x_line_hash
        )
        SELECT x_line_hash, c.service_name AS service,
               coalesce(c.resource_id, c.charge_description, '-') AS resource,
               w.day_cost, m.cost, m.cost / nullif(w.day_cost, 0) AS share_ratio, m.how, m.rows,
               c.x_file || ' row ' || c.x_row_number AS source, m.is_estimated,
               sum(m.cost) OVER () AS all_cost, count(*) OVER () AS line_count
        FROM mine m JOIN whole w USING (x_line_hash) JOIN core_cost_line c USING (x_line_hash)
        ORDER BY m.cost DESC, x_line_hash LIMIT $most
        """,
        {"cost": filters.cost_column},
        currency=filters.currency,
        team=filters.team,
        day=day,
        most=MOST,
    )
    frame = answer.frame
    count = int(frame["line_count"][0]) if frame.height else 0
    whole = frame["all_cost"][0] if frame.height else None
    more = f" The {MOST} dearest of them are shown." if count > frame.height else ""
    return build(
        reader,
        filters,
        answer,
        name="explain-lines",
        title=f"Bill lines behind {filters.team_text} on {day}",
        finding=f"{words.cents(whole, filters.currency)} come from "
        f"{words.plural(count, 'bill line')}.{more}"
        if count
        else "No bill line reached this team on this day.",
        shown=(
            Shown("service", "Service"),
            Shown("resource", "Resource"),
            Shown("day_cost", "The line, this day", "exact"),
            Shown("share_ratio", "Part", "ratio"),
            Shown("cost", "Cost", "exact"),
            Shown("how", "Reason and rule", "prose"),
            Shown("source", "Delivered in"),
        ),
        total=("All lines", None, None, None, whole, None, None) if count == frame.height else (),
        cards=(
            Card("Cost of the day", words.cents(whole, filters.currency), f"{filters.cost} cost"),
            Card("Bill lines", words.count(count)),
        ),
        empty="No bill line reached this team on this day.",
        is_tall=True,
    )


def shares(reader: Reader, filters: Filters, day: str, line: str) -> Figure:
    """Give who shares one bill line on a day: by hour, with the weights of each share."""
    answer = reader.ask(
        """
        WITH weight AS (
          SELECT usage_hour, cluster, node, namespace, workload,
                 sum(cpu_weight) AS cpu, sum(memory_weight) AS memory
          FROM core_weight_hourly WHERE usage_date = $day::DATE GROUP BY ALL
        ), room AS (
          SELECT n.usage_hour, n.cluster, n.node,
                 greatest(any_value(n.cpu_capacity_cores * n.run_seconds) * 1e6,
                          coalesce(sum(w.cpu), 0)) AS cpu_room,
                 greatest(any_value(n.memory_capacity_bytes * n.run_seconds) / 1024,
                          coalesce(sum(w.memory), 0)) AS memory_room
          FROM core_node_hourly n
          LEFT JOIN weight w USING (usage_hour, cluster, node)
          WHERE n.usage_date = $day::DATE GROUP BY ALL
        )
        SELECT coalesce(strftime(l.charge_hour, '%H:%M'), 'day') AS hour, l.node, l.namespace,
               l.workload, l.team,
               concat_ws(' ', replace(l.reason, '_', ' '),
                 if(l.rule_id <> '', 'by ' || l.rule_id, NULL),
                 if(l.pool <> '', 'from pool ' || l.pool, NULL)) AS how,
               w.cpu / 3.6e9 AS cpu_core_hours, r.cpu_room / 3.6e9 AS cpu_room_core_hours,
               w.memory / 1048576 / 3600 AS memory_gib_hours,
               r.memory_room / 1048576 / 3600 AS memory_room_gib_hours,
               l.{cost} AS cost, l.is_estimated,
               sum(l.{cost}) OVER () AS all_cost, count(*) OVER () AS row_count
        FROM core_cost_ledger l
        LEFT JOIN weight w ON w.usage_hour = l.charge_hour AND w.cluster = l.cluster
          AND w.node = l.node AND w.namespace = l.namespace AND w.workload = l.workload
        LEFT JOIN room r ON r.usage_hour = l.charge_hour AND r.cluster = l.cluster
          AND r.node = l.node
        WHERE l.x_line_hash = $line AND l.charge_date = $day::DATE
        ORDER BY hour, l.node, cost DESC, l.namespace, l.workload, l.team, how LIMIT $most
        """,
        {"cost": filters.cost_column},
        day=day,
        line=line,
        most=MOST,
    )
    frame = answer.frame
    count = int(frame["row_count"][0]) if frame.height else 0
    whole = frame["all_cost"][0] if frame.height else None
    more = f" The first {MOST} are shown." if count > frame.height else ""
    return build(
        reader,
        filters,
        answer,
        name="explain-shares",
        title="Who shares this line, and by what",
        finding=f"{words.exact(whole)} {filters.currency} are shared in "
        f"{words.plural(count, 'row')}; {_teams(frame)}.{more}"
        if count
        else "No row of the ledger for this line and day.",
        shown=(
            Shown("hour", "Hour"),
            Shown("namespace", "Namespace", "entity"),
            Shown("workload", "Workload", "entity"),
            Shown("team", "Team", "entity"),
            Shown("cpu_core_hours", "CPU a, core h", "number"),
            Shown("cpu_room_core_hours", "of D", "number"),
            Shown("memory_gib_hours", "Memory a, GiB h", "number"),
            Shown("memory_room_gib_hours", "of D", "number"),
            Shown("cost", "Cost", "exact"),
            Shown("how", "Reason and rule", "prose"),
        ),
        note="A node's cost is parted into CPU and memory by price times capacity; each part is "
        "shared by a over D, where a = max(request, usage) and D = max(capacity, sum of a). "
        "What a line outside clusters costs goes by its rule alone. Every step in whole numbers: "
        f"meterbook explain --day {day} --team … --json.",
        empty="Choose a bill line above.",
        is_tall=True,
    )


def _teams(frame: pl.DataFrame) -> str:
    by_team = frame.group_by("team").agg(pl.col("cost").sum()).sort("cost", "team", descending=True)
    dearest = by_team["team"][0]
    part = total(by_team.head(1), "cost")
    return f"{words.entity(dearest)} bears most, {words.exact(part)}"

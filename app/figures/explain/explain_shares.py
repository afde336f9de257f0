"""Who shares one bill line, and by what: use, mounts, bytes or time behind a balancer.

Reads    core_cost_ledger, core_weight_hourly, core_node_hourly, core_volume_hourly,
         core_traffic_hourly, core_balancer_hourly
Holds    the rows of a line add up to what it costs on that day
"""

from typing import Any, Final

import polars as pl

from app.figures.explain.explain import MOST, all_of
from app.kit import words
from app.kit.figure import Figure, Shown, build, total
from app.kit.filters import Filters
from app.kit.reader import Answer, Reader

_ABOUT: Final = """
    SELECT line_kind, line_item, cluster, charge_hour FROM core_cost_ledger
    WHERE x_line_hash = $line AND charge_date = $day::DATE
    ORDER BY charge_hour NULLS FIRST LIMIT 1
"""
ROW_KEY: Final = """concat_ws('|', coalesce(strftime(l.charge_hour, '%H:%M'), 'day'),
                 l.cluster, l.node, l.namespace, l.workload, l.team, l.pool, l.rule_id, l.reason)"""
"""What names a row among those of its line and day."""
_ROW: Final = f"""
        SELECT {ROW_KEY} AS row,
               coalesce(strftime(l.charge_hour, '%H:%M'), 'day') AS hour, l.node, l.namespace,
               l.workload, l.team,
               concat_ws(' ', replace(l.reason, '_', ' '),
                 if(l.rule_id <> '', 'by ' || l.rule_id, NULL),
                 if(l.pool <> '', 'from pool ' || l.pool, NULL)) AS how,
"""
_END: Final = """
               l.{cost} AS cost, l.is_estimated,
               sum(l.{cost}) OVER () AS all_cost, count(*) OVER () AS row_count
        FROM core_cost_ledger l
"""
_ORDER: Final = """
        WHERE l.x_line_hash = $line AND l.charge_date = $day::DATE
        ORDER BY hour, l.node, cost DESC, l.namespace, l.workload, l.team, how LIMIT $most
"""
_ON_NODE: Final = f"""
        WITH weight AS (
          SELECT usage_hour, cluster, node, namespace, workload, sum(cpu_weight) AS cpu,
                 sum(memory_weight) AS memory, sum(gpu_weight) AS gpu
          FROM core_weight_hourly WHERE usage_date = $day::DATE GROUP BY ALL
        ), room AS (
          SELECT n.usage_hour, n.cluster, n.node,
                 greatest(any_value(n.cpu_capacity_cores * n.run_seconds) * 1e6,
                          coalesce(sum(w.cpu), 0)) AS cpu_room,
                 greatest(any_value(n.memory_capacity_bytes * n.run_seconds) / 1024,
                          coalesce(sum(w.memory), 0)) AS memory_room,
                 greatest(any_value(n.gpu_capacity_count * n.run_seconds) * 1e6,
                          coalesce(sum(w.gpu), 0)) AS gpu_room
          FROM core_node_hourly n
          LEFT JOIN weight w USING (usage_hour, cluster, node)
          WHERE n.usage_date = $day::DATE GROUP BY ALL
        )
        {_ROW}
               w.cpu / 3.6e9 AS cpu_core_hours, r.cpu_room / 3.6e9 AS cpu_room_core_hours,
               w.memory / 1048576 / 3600 AS memory_gib_hours,
               r.memory_room / 1048576 / 3600 AS memory_room_gib_hours,
               nullif(w.gpu, 0) / 3.6e9 AS gpu_hours,
               nullif(r.gpu_room, 0) / 3.6e9 AS gpu_room_hours,
        {_END}
        LEFT JOIN weight w ON w.usage_hour = l.charge_hour AND w.cluster = l.cluster
          AND w.node = l.node AND w.namespace = l.namespace AND w.workload = l.workload
        LEFT JOIN room r ON r.usage_hour = l.charge_hour AND r.cluster = l.cluster
          AND r.node = l.node
        {_ORDER}
"""  # noqa: S608 - our own parts
_WEIGHED: Final = f"""
        , room AS (SELECT hour, sum(own) AS room FROM taken GROUP BY hour)
        {_ROW} t.own, r.room, {_END}
        LEFT JOIN taken t ON t.hour IS NOT DISTINCT FROM l.charge_hour
          AND t.namespace = l.namespace AND t.workload = l.workload
        LEFT JOIN room r ON r.hour IS NOT DISTINCT FROM l.charge_hour AND t.own IS NOT NULL
        {_ORDER}
"""  # noqa: S608 - our own parts
_TAKEN: Final = {
    "volume": """
        WITH taken AS (
          SELECT usage_hour AS hour, namespace, workload, sum(mounted_seconds) / 3600 AS own
          FROM core_volume_hourly
          WHERE usage_date = $day::DATE AND cluster = $cluster AND pod <> ''
            AND namespace || '/' || claim = $item
          GROUP BY ALL
        )
    """,
    "traffic": """
        WITH sent AS (
          SELECT namespace, workload, class, bytes FROM core_traffic_hourly
          WHERE usage_date = $day::DATE AND cluster = $cluster
            AND ($hour IS NULL OR usage_hour = $hour::TIMESTAMPTZ)
            AND (split_part($item, ' of ', 2) IN ('', node))
        ), taken AS (
          SELECT $hour::TIMESTAMPTZ AS hour, namespace, workload, sum(bytes) / 1e9 AS own
          FROM sent
          WHERE class = split_part($item, ' of ', 1)
            OR NOT EXISTS (FROM sent WHERE class = split_part($item, ' of ', 1))
          GROUP BY ALL
        )
    """,
    "balancer": """
        WITH taken AS (
          SELECT $hour::TIMESTAMPTZ AS hour, namespace, workload, sum(stood) / 3600 AS own
          FROM (
            SELECT usage_hour, namespace, workload, pod, pod_uid, max(overlap_seconds) AS stood
            FROM core_balancer_hourly
            WHERE usage_date = $day::DATE AND cluster = $cluster AND pod <> ''
              AND kind = split_part($item, ' ', 1)
              AND list_contains(string_split(split_part($item, ' ', 2), ','), balancer)
              AND ($hour IS NULL OR usage_hour = $hour::TIMESTAMPTZ)
            GROUP BY ALL
          )
          GROUP BY ALL
        )
    """,
}
_PLAIN: Final = f"{_ROW} {_END} {_ORDER}"
_UNITS: Final = {
    "volume": "Mounted by pods, h",
    "traffic": "Sent, GB",
    "balancer": "Behind it, h",
}
_NOTES: Final = {
    "node": "A node's cost is parted into CPU, memory and GPUs by price times capacity; each part "
    "is shared by a over D, where a = max(request, usage) and D = max(capacity, sum of a).",
    "volume": "Each stretch of time costs the same, and is shared alike by the pods that had the "
    "volume mounted in it.",
    "traffic": "Shared by the bytes that pods sent, of the line's class where that is told.",
    "balancer": "Shared by how long pods stood behind it.",
    "divided": "The provider divided this line among namespaces.",
    "other": "What a line outside clusters costs goes by its rule alone.",
}


def shares(reader: Reader, filters: Filters, day: str, line: str) -> Figure:
    """Give who shares one bill line on a day: by hour, with the weights of each share."""
    kind, answer = _asked(reader, filters, day, line)
    frame = answer.frame
    count, whole = all_of(frame, "row_count")
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
            *_weights(kind, frame),
            Shown("cost", f"Cost, {filters.currency}", "exact"),
            Shown("how", "Reason and rule", "prose"),
        ),
        note=f"{_NOTES.get(kind, _NOTES['other'])} Choose a row below for every step to it.",
        empty="Choose a bill line above.",
        is_tall=True,
    )


def _asked(reader: Reader, filters: Filters, day: str, line: str) -> tuple[str, Answer]:
    """Ask by what a line of its kind is shared."""
    about = reader.ask(_ABOUT, day=day, line=line).frame.to_dicts()
    kind = about[0]["line_kind"] if about else "other"
    params: dict[str, Any] = {"day": day, "line": line, "most": MOST}
    columns = {"cost": filters.cost_column}
    if kind == "node":
        return kind, reader.ask(_ON_NODE, columns, **params)
    if kind not in _TAKEN:
        return kind, reader.ask(_PLAIN, columns, **params)
    params |= {"cluster": about[0]["cluster"], "item": about[0]["line_item"]}
    if kind != "volume":
        params["hour"] = about[0]["charge_hour"]
    return kind, reader.ask(_TAKEN[kind] + _WEIGHED, columns, **params)


def _weights(kind: str, frame: pl.DataFrame) -> tuple[Shown, ...]:
    """Give the columns of what was taken, and of how much."""
    if kind in _TAKEN:
        return Shown("own", _UNITS[kind], "number"), Shown("room", "of", "number")
    if kind != "node":
        return ()
    found = [
        Shown("cpu_core_hours", "CPU a, core h", "number"),
        Shown("cpu_room_core_hours", "of D", "number"),
        Shown("memory_gib_hours", "Memory a, GiB h", "number"),
        Shown("memory_room_gib_hours", "of D", "number"),
    ]
    if frame["gpu_room_hours"].is_not_null().any():
        found += [
            Shown("gpu_hours", "GPU a, h", "number"),
            Shown("gpu_room_hours", "of D", "number"),
        ]
    return tuple(found)


def _teams(frame: pl.DataFrame) -> str:
    by_team = frame.group_by("team").agg(pl.col("cost").sum()).sort("cost", "team", descending=True)
    dearest = by_team["team"][0]
    part = total(by_team.head(1), "cost")
    return f"{words.entity(dearest)} bears most, {words.exact(part)}"

"""The steps from a bill line's cost to a row of the ledger, ready to be read or printed.

Takes    a ledger row; the lines, nodes, weights and ownership file of its snapshot
Gives    ways (one per label set of the workload), each with its resources and their steps
Never    invents: where the rules are not those the ledger was built with, it says so
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

import polars as pl

from meterbook.answers.rules import ownership_of
from transforms.ledger import evidence
from transforms.ledger.allocation import PARTS_SCALE
from transforms.ledger.receivers import BUCKETS, weights_of
from transforms.ledger.trace import STEPS, line_days
from transforms.owners.ownership import Ownership
from transforms.owners.owning import Matcher, Owner, Resource

ATOMS: Final = 10**12
PLACE: Final = ("x_line_hash", "charge_hour", "cluster", "node", "namespace", "workload")

_DIRECT: Final = """
    SELECT team, sum(effective_cost) AS cost FROM core_cost_ledger
    WHERE charge_date = $day AND pool = '' AND reason NOT IN ('idle', 'idle_share') GROUP BY team
"""
_LINES: Final = "SELECT * FROM core_cost_line WHERE list_contains($hashes, x_line_hash)"
_ALL_LINES: Final = """
    SELECT * FROM core_cost_line WHERE x_line_hash IN (
      SELECT x_line_hash FROM core_cost_ledger WHERE charge_date = $day)
"""
_NODES: Final = """
    SELECT * FROM core_node_hourly WHERE usage_date = $day ORDER BY usage_hour, cluster, node
"""
_WEIGHTS: Final = "SELECT * FROM core_weight_hourly WHERE usage_date = $day"
_VOLUMES: Final = "SELECT * FROM core_volume_hourly WHERE usage_date = $day"
_BALANCERS: Final = "SELECT * FROM core_balancer_hourly WHERE usage_date = $day"
_TRAFFIC: Final = "SELECT * FROM core_traffic_hourly WHERE usage_date = $day"

_RULES: Final = "SELECT * FROM core_ownership_file ORDER BY rule_id, name"

Step = dict[str, Any]
Ask = Callable[..., pl.DataFrame]
"""Answers a question in SQL; `$name` stands for the value of that name."""


def rules_of(ask: Ask) -> Ownership:
    """Give the rules that a snapshot's ledger was built with."""
    return ownership_of(ask(_RULES))


@dataclass
class Recipes:
    """What the rows of one day were made from."""

    ownership: Ownership
    matcher: Matcher
    lines: Mapping[str, dict[str, Any]]
    used: Mapping[tuple[object, ...], list[dict[str, Any]]]
    direct: Mapping[str, int]
    measured: pl.DataFrame
    owners: dict[tuple[str, ...], Owner]

    @staticmethod
    def of_day(ask: Ask, ownership: Ownership, day: date, hashes: Sequence[str]) -> "Recipes":
        """Read a day's lines, nodes and weights, and derive what each share was made from."""
        policy = ownership.policy
        needs_all = policy.idle == "share" and policy.idle_scope != "node"
        found = ask(_ALL_LINES, day=day) if needs_all else ask(_LINES, hashes=list(hashes))
        lines = line_days(found.lazy(), day).collect()
        reported = evidence.Reported(
            *(ask(sql, day=day) for sql in (_NODES, _WEIGHTS, _VOLUMES, _TRAFFIC, _BALANCERS))
        )
        asked = pl.Series("x_line_hash", list(hashes), dtype=pl.String())
        ways: dict[tuple[object, ...], list[dict[str, Any]]] = {}
        for row in evidence.explained(lines.lazy(), reported, ownership, asked).to_dicts():
            ways.setdefault(tuple(row[name] for name in PLACE), []).append(row)
        costs = ask(_DIRECT, day=day)
        direct = {team: _atoms(cost) for team, cost in costs.rows()}
        measured = ask("SELECT * FROM core_pool_weight_daily WHERE charge_date = $day", day=day)
        by_hash = {row["x_line_hash"]: row for row in lines.to_dicts()}
        return Recipes(ownership, Matcher(ownership, day), by_hash, ways, direct, measured, {})

    def recipe(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Give the steps of a ledger row, and whether they give its digits."""
        if row["config_hash"] != self.matcher.config_hash:
            note = (
                f"built by ownership {row['config_hash']}, the last build knew "
                f"{self.matcher.config_hash}: build this day again to see the shares"
            )
            return {"is_exact": False, "note": note, "ways": []}
        ways = [self._way(row, way) for way in self._chosen(row)]
        total = sum(way["result_atoms"] for way in ways)
        is_exact = total == _atoms(row["effective_cost"])
        note = "" if is_exact else "the steps do not give this row; please report it"
        return {"is_exact": is_exact, "note": note, "ways": ways}

    def _chosen(self, row: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
        """Give the chains behind a row, by who bore them: labels and reason."""
        recipients: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for use in self.used.get(tuple(row[name] for name in PLACE), []):
            recipients.setdefault((use["labels"], use["reason"]), []).append(use)
        return [uses for recipient, uses in recipients.items() if self._is_of(row, *recipient)]

    def _is_of(self, row: Mapping[str, Any], labels: str, reason: str) -> bool:
        if reason == "line":
            return True
        if reason in BUCKETS:
            return bool(row["reason"] == reason)
        key = (row["cluster"], row["namespace"], row["workload"], labels, reason)
        if key not in self.owners:
            resource = Resource(cluster=key[0], namespace=key[1], workload=key[2], labels=labels)
            self.owners[key] = self.matcher.owner(resource, reason)
        owner = self.owners[key]
        return (owner.rule_id, owner.reason, owner.pool) == (
            row["rule_id"], row["reason"], row["pool"],
        ) and row["team"] in {team for team, _ in owner.shares}  # fmt: skip

    def _way(self, row: Mapping[str, Any], uses: Sequence[dict[str, Any]]) -> dict[str, Any]:
        line = self.lines[row["x_line_hash"]]
        day = _day_step(line)
        resources = [{"part": use["part"], "steps": _steps(day, use)} for use in uses]
        whole = sum(resource["steps"][-1]["result_atoms"] for resource in resources)
        owner = self._owner_step(row, whole)
        return {
            "labels": uses[0]["labels"],
            "resources": resources,
            "sum_atoms": whole,
            "owner": owner,
            "result_atoms": owner["result_atoms"] if owner else whole,
        }

    def _owner_step(self, row: Mapping[str, Any], amount: int) -> Step | None:
        """Give the split to receivers by a rule or pool; None where there is one receiver."""
        receivers, how = self._receivers(row)
        if len(receivers) < 2:
            return None
        if not any(receivers.values()):
            receivers = dict.fromkeys(receivers, 1)
        total = sum(receivers.values())
        size, teams = abs(amount), sorted(receivers)
        left = size - sum(size * receivers[team] // total for team in teams)
        order = sorted(teams, key=lambda team: -(size * receivers[team] % total))  # stable
        team = row["team"]
        rank = order.index(team) + 1
        return _step(how, amount, receivers[team], total, rank=rank, left=left)

    def _receivers(self, row: Mapping[str, Any]) -> tuple[dict[str, int], str]:
        pool = next((p for p in self.matcher.pools if p.id == row["pool"]), None)
        if row["reason"] == "pool_share" and pool is not None:
            if pool.split == "proportional":
                weights = {team: max(0, self.direct.get(team, 0)) for team, _ in pool.targets}
                return weights, f"pool {pool.id}, by direct cost of the day in atoms"
            if pool.split == "metric":
                weights = weights_of(pool, self.measured)
                return weights, f"pool {pool.id}, by {pool.agg} of {pool.metric} in the day"
            fixed = {team: int(part * PARTS_SCALE) for team, part in pool.targets}
            return fixed, f"pool {pool.id}, {pool.split}"
        rule = next((r for r in self.matcher.rules if r.id == row["rule_id"]), None)
        shares = rule.shares if rule is not None and row["pool"] == "" else ()
        return {team: int(part * PARTS_SCALE) for team, part in shares}, f"rule {row['rule_id']}"


def _atoms(amount: Decimal) -> int:
    return int(amount * ATOMS)


def _step(  # noqa: PLR0913 - the numbers of a step
    name: str, amount: int, weight: int, denominator: int, *, rank: int = 1, left: int = 0
) -> Step:
    atom = int(rank <= left)
    size = abs(amount) * weight // denominator + atom
    return {
        "name": name,
        "amount_atoms": amount,
        "weight": weight,
        "denominator": denominator,
        "takes": "part",
        "rank": rank,
        "atoms_left": left,
        "atom": atom,
        "result_atoms": size if amount >= 0 else -size,
    }


def _day_step(line: Mapping[str, Any]) -> Step:
    """Give the day's part of a line that lasts for days: the first days bear the atoms left."""
    amount, count = line["line_atoms"], line["day_count"]
    return _step(
        f"day {line['day_place'] + 1} of {count}", amount, 1, count,
        rank=line["day_place"] + 1, left=abs(amount) % count,
    )  # fmt: skip


def _steps(day: Step, use: Mapping[str, Any]) -> list[Step]:
    """Give a chain from its first step to its last; the day's part stands before all."""
    found = (use.get(f"step_{name}") for name in STEPS)
    return [day, *(_plain(step) for step in found if step is not None and step["name"])]


def _plain(step: Mapping[str, Any]) -> Step:
    return {name: value for name, value in step.items() if value is not None}

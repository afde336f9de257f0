"""From a figure back to the bill lines, shares and rules behind it.

Reads    core_cost_ledger, core_cost_line, core_node_hourly, core_weight_hourly, core_volume_hourly,
         core_traffic_hourly, core_balancer_hourly, core_pool_weight_daily, core_ownership_file of
         the current snapshot
Gives    the ledger rows of a figure, each with its bill line and with every step from the line's
         cost to the row: they sum to the figure, and a person can recompute each digit
Holds    a step is result = sign * (|amount| * weight // denominator + atom), in atoms; `rest` takes
         what the `others` leave, `overlap` what lies in both stretches; a row whose steps do not
         give its own digits says `is_exact: false`
"""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import partial
from typing import Any, Final

import polars as pl

from meterbook.answers.recipe import Ask, Recipes, rules_of
from meterbook.answers.recipe_rows import rows_of, words_of
from meterbook.base.home import Home
from meterbook.base.plain import plain
from warehouse.store.ask import ask
from warehouse.store.snapshot import current, open_snapshot

SQL: Final = """
SELECT l.charge_date, l.charge_hour, l.cluster, l.node, l.namespace, l.workload, l.team,
       l.reason, l.rule_id, l.pool, l.share, l.effective_cost, l.billed_cost, l.currency,
       l.line_kind, l.line_item,
       c.x_line_hash, c.x_file, c.x_row_number, c.service_name, c.resource_id,
       c.charge_description, c.effective_cost AS line_effective_cost, l.config_hash
FROM core_cost_ledger l JOIN core_cost_line c USING (x_line_hash)
WHERE l.charge_date BETWEEN $first AND $last AND ($team IS NULL OR l.team = $team)
  AND ($namespace IS NULL OR l.namespace = $namespace)
  AND ($service IS NULL OR l.service_name = $service)
ORDER BY l.effective_cost DESC, c.x_line_hash, l.charge_date, l.charge_hour, l.namespace,
         l.workload, l.team
"""
SHOWN: Final = 20


@dataclass(frozen=True)
class Question:
    """Which figure: days (inclusive), and a team, namespace or service of them."""

    first: date
    last: date
    team: str | None = None
    namespace: str | None = None
    service: str | None = None

    @property
    def text(self) -> str:
        """Name the figure."""
        names = [name for name in (self.team, self.namespace, self.service) if name]
        days = str(self.first) if self.first == self.last else f"{self.first} to {self.last}"
        return f"{' / '.join(names) or 'everything'} on {days}"


@dataclass(frozen=True)
class Explained:
    """The rows behind a figure, and for each of them the steps (`recipes`, same order)."""

    question: Question
    frame: pl.DataFrame
    recipes: Sequence[dict[str, Any]] = field(default=())


def explain(home: Home, question: Question, *, with_steps: bool = True) -> Explained:
    """Give the ledger rows behind a figure, the dearest first, with their steps."""
    with closing(open_snapshot(current(home.serving))) as con:
        frame = ask(con, SQL, **asdict(question))
        recipes = _recipes(partial(ask, con), frame) if with_steps else ()
    return Explained(question, frame, recipes)


def _recipes(ask: Ask, frame: pl.DataFrame) -> Sequence[dict[str, Any]]:
    """Derive the steps day by day: a month takes the memory of a day."""
    ownership = rules_of(ask)
    made: dict[int, dict[str, Any]] = {}
    numbered = frame.with_row_index("_at")
    for day in frame["charge_date"].unique().sort():
        rows = numbered.filter(pl.col("charge_date") == day)
        recipes = Recipes.of_day(ask, ownership, day, rows["x_line_hash"].unique().to_list())
        made |= {row["_at"]: recipes.recipe(row) for row in rows.to_dicts()}
    return [made[at] for at in range(frame.height)]


def as_json(made: Explained) -> str:
    """Give every row with its steps, each on a line; money is text, so that no digit is lost."""
    rows = [
        {**row, **recipe} for row, recipe in zip(made.frame.to_dicts(), made.recipes, strict=True)
    ]
    return "[\n" + ",\n".join(json.dumps(row, default=plain) for row in rows) + "\n]"


def as_text(made: Explained) -> str:
    """Give the sum, the sums by reason and rule, and the dearest rows with their steps."""
    frame = made.frame
    if frame.is_empty():
        return f"{made.question.text}: no cost in the current snapshot."
    by_reason = (
        frame.group_by("currency", "reason", "rule_id", "pool")
        .agg(pl.col("effective_cost").sum(), pl.len().alias("rows"))
        .sort("currency", "effective_cost", "reason", "rule_id", "pool", descending=True)
    )
    totals = frame.group_by("currency").agg(pl.col("effective_cost").sum()).sort("currency")
    total = " and ".join(f"{row[1]} {row[0]}" for row in totals.rows())
    origin = f"{frame.height} ledger rows of {frame['x_line_hash'].n_unique()} bill lines"
    configs = ", ".join(sorted(frame["config_hash"].unique()))
    lines = [
        f"{made.question.text}: {total} from {origin}",
        f"ownership configuration {configs}",
        "",
        "by reason and rule:",
        *(
            f"  {row['effective_cost']:>24}  {row['rows']:>6} rows  {row['reason']}"
            f"{' by rule ' + row['rule_id'] if row['rule_id'] else ''}"
            f"{' from pool ' + row['pool'] if row['pool'] else ''}"
            for row in by_reason.to_dicts()
        ),
        "",
        f"the dearest {min(SHOWN, frame.height)} (all with --json); an atom is 1e-12:",
        *(
            _row(row, recipe)
            for row, recipe in zip(frame.head(SHOWN).to_dicts(), made.recipes, strict=False)
        ),
    ]
    return "\n".join(lines)


def _row(row: dict[str, Any], recipe: dict[str, Any]) -> str:
    hour = f"{row['charge_hour']:%d %H:%M} " if row["charge_hour"] else f"{row['charge_date']:%d} "
    receiver = f"{row['cluster']}/{row['namespace']}/{row['workload']}"
    head = (
        f"  {row['effective_cost']:>20}  {hour}{receiver}"
        f"  = {row['share']:.6f} of {row['service_name']} {row['resource_id'] or ''}"
        f" ({row['x_file']} row {row['x_row_number']})"
    )
    steps = [recipe["note"]] if recipe["note"] else [words_of(step) for step in rows_of(recipe)]
    return "\n".join([head, *(f"      {text}" for text in steps)])

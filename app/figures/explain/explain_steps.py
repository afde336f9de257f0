"""Every step from a bill line's cost to one row of the ledger, as meterbook explain prints them.

Reads    what meterbook.answers.recipe reads of the snapshot; the rules of the build that made it
Units    atoms (1e-12 of the currency), whole numbers; of effective cost
Holds    the SQL computes each result anew from the numbers beside it; the last results of the
         steps add up to the row
"""

from datetime import date
from decimal import Decimal
from typing import Any, Final

import polars as pl

from app.figures.explain.explain_shares import ROW_KEY
from app.kit import words
from app.kit.figure import Figure, Shown, build
from app.kit.filters import Filters
from app.kit.reader import Answer, Reader
from meterbook.answers.recipe import ATOMS, Recipes, rules_of
from meterbook.answers.recipe_rows import rows_of

_ROW: Final = f"""
    SELECT * FROM core_cost_ledger l
    WHERE l.x_line_hash = $line AND l.charge_date = $day::DATE AND {ROW_KEY} = $row
"""  # noqa: S608 - our own parts
_RESULTS: Final = """
    WITH step(way, part, step, takes, amount, weight, denominator, other_1, other_2, scope_amount,
              line_from, own_from, remainder_rank, atoms_left, is_last) AS (VALUES
      {rows}
    ), atom AS (SELECT *, (remainder_rank <= atoms_left)::HUGEINT AS atom FROM step)
    SELECT way, part, step, takes, amount, weight, denominator, other_1, other_2, scope_amount,
           line_from, own_from, remainder_rank, atoms_left, atom,
           sign(amount) * CASE takes
             WHEN 'rest' THEN abs(amount) - abs(amount) * other_1 // denominator
                              - abs(amount) * other_2 // denominator
             WHEN 'overlap' THEN greatest(0,
               least(line_from + abs(amount),
                     own_from + abs(scope_amount) * weight // denominator + atom)
               - greatest(line_from, own_from))
             ELSE abs(amount) * weight // denominator + atom END AS result,
           is_last
    FROM atom
"""
_NUMBERS: Final = (
    "amount_atoms", "weight", "denominator", "other_1", "other_2", "scope_atoms", "line_from",
    "own_from", "rank", "atoms_left",
)  # fmt: skip
_EMPTY: Final = "Choose a row above."


def steps(reader: Reader, filters: Filters, day: str, line: str, row: str) -> Figure:
    """Give every step to a row of the ledger: amount, weight, denominator, rank, atom, result."""
    found = reader.ask(_ROW, day=day, line=line, row=row)
    if found.frame.is_empty():
        return _figure(reader, filters, found, finding="No such row.", shown=())
    (ledger,) = found.frame.to_dicts()

    def ask(sql: str, **params: object) -> pl.DataFrame:
        return reader.ask(sql, None, **params).frame

    recipes = Recipes.of_day(ask, rules_of(ask), date.fromisoformat(day), [line])
    recipe = recipes.recipe(ledger)
    if recipe["note"] or not recipe["ways"]:
        note = recipe["note"] or "its steps are not known"
        return _figure(reader, filters, found, finding=f"{note}.", empty=f"{note}.", shown=())
    rows = rows_of(recipe)
    answer = reader.ask(_RESULTS.replace("{rows}", ",\n      ".join(map(_values, rows))))
    last = answer.frame.filter("is_last")["result"].to_list()
    result = Decimal(int(sum(last))) / ATOMS
    tables = tuple(dict.fromkeys([*found.tables, *_SOURCES]))
    return _figure(
        reader,
        filters,
        Answer(answer.frame, answer.sql, tables),
        finding=f"{words.plural(len(rows), 'step')} in whole numbers: {words.exact(result)} "
        f"{filters.currency}, the row's effective cost, to the last digit.",
        shown=_shown(answer.frame),
    )


_SOURCES: Final = (
    "core_cost_line", "core_node_hourly", "core_weight_hourly", "core_volume_hourly",
    "core_traffic_hourly", "core_balancer_hourly", "core_pool_weight_daily", "core_ownership_file",
)  # fmt: skip


def _values(row: dict[str, Any]) -> str:
    """Write a step as a row of SQL."""
    others = [*row.get("others", ()), 0, 0]
    filled = {**row, "other_1": others[0], "other_2": others[1]}
    texts = [str(row["way"]), *(_quoted(row[name]) for name in ("part", "name", "takes"))]
    numbers = [f"{int(filled.get(name, 0))}::HUGEINT" for name in _NUMBERS]
    return f"({', '.join([*texts, *numbers, str(row['is_last']).lower()])})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _figure(
    reader: Reader, filters: Filters, answer: Answer, *, finding: str, **parts: Any
) -> Figure:
    return build(
        reader, filters, answer, name="explain-steps", title="Every step to this row",
        finding=finding, is_tall=True,
        note="Amounts and results are atoms, 1e-12 of the currency. A result is amount times "
        "weight // denominator, whole; the atoms left over go, one each, to the largest "
        "remainders, by rank. meterbook explain prints the same steps; the SQL beside it "
        "computes each result anew.",
        **({"empty": _EMPTY} | parts),
    )  # fmt: skip


def _shown(frame: pl.DataFrame) -> tuple[Shown, ...]:
    """Give the columns that these steps have numbers in."""
    optional = [
        Shown("other_1", "Another's weight", "count"),
        Shown("other_2", "and a third's", "count"),
        Shown("scope_amount", "All idle, atoms", "count"),
        Shown("line_from", "Line from", "count"),
        Shown("own_from", "Own from", "count"),
    ]
    return (
        *((Shown("way", "Way", "count"),) if frame["way"].max() != 1 else ()),
        Shown("part", "Part"),
        Shown("step", "Step", "prose"),
        Shown("amount", "Amount", "count"),
        Shown("weight", "Weight", "count"),
        Shown("denominator", "Denominator", "count"),
        *(column for column in optional if (frame[column.name] != 0).any()),
        *((Shown("takes", "Takes"),) if (frame["takes"] != "part").any() else ()),
        Shown("remainder_rank", "Rank of the remainder", "count"),
        Shown("atoms_left", "Atoms left over", "count"),
        Shown("atom", "Atom got", "count"),
        Shown("result", "Result", "count"),
    )

"""Statements as files: a CSV and an HTML file to print per receiver, and one summary of all.

Takes    the statements of a month
Gives    files whose names bear the period and the receiver
Units    amounts in cents of the currency, `exact` with every digit
Never    a cell that a spreadsheet would take for a formula
"""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from meterbook.answers.statement import Statement, money
from meterbook.answers.statement_page import page


def write(made: Iterable[Statement], all_of: Sequence[Statement], out: Path) -> list[Path]:
    """Write a CSV and an HTML file per statement, and the summary of all receivers."""
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    many = len({statement.currency for statement in all_of}) > 1
    for statement in made:
        suffix = f"-{statement.currency}" if many else ""
        level = "" if statement.level == "team" else f"{statement.level}."
        stem = f"{statement.period}-{level}{statement.team.replace('/', '.')}{suffix}"
        texts = [(f"{stem}.csv", as_csv(statement)), (f"{stem}.html", page(statement))]
        if statement.adjustments:
            texts.append((f"{stem}-adjustments.csv", adjustments_csv(statement)))
        for name, text in texts:
            path = out / name
            path.write_text(text, encoding="utf-8")
            paths.append(path)
    summary = out / f"{all_of[0].period}-summary.csv"
    summary.write_text(_summary(all_of), encoding="utf-8")
    return [*paths, summary]


def as_csv(statement: Statement) -> str:
    """Write the lines and the total; `exact` has every digit."""
    head = ("period", "team", "cost_center", "section", "environment", "service", "cluster",
            "namespace", "method", "amount", "exact", "currency")  # fmt: skip
    front = (statement.period, statement.team, statement.cost_center)
    rows = [
        (statement.period, x.team or statement.team, statement.cost_center,
         x.section, x.environment, x.service, x.cluster, x.namespace, x.method,
         money(x.cents), format(x.exact, "f"), statement.currency)
        for x in statement.lines
    ]  # fmt: skip
    total = (*front, "total", "", "", "", "", "", money(statement.cents),
             format(statement.exact, "f"), statement.currency)  # fmt: skip
    return _csv([head, *rows, total])


def adjustments_csv(statement: Statement) -> str:
    """Write what changed of closed months, every digit of it, each row with its cause."""
    named = ("original_period", "service_name", "sub_account_id", "charge_category", "cluster",
             "namespace", "pool")  # fmt: skip
    rows = [
        (
            statement.period,
            row["team"],
            *(row[name] for name in named),
            row["reason"],
            row["why"],
            format(row[f"{statement.cost}_cost"], "f"),
            statement.currency,
        )
        for row in statement.adjustments
    ]
    return _csv([("period", "team", *named, "reason", "why", "exact", "currency"), *rows])


def _summary(made: Sequence[Statement]) -> str:
    head = ("period", "team", "name", "cost_center", "amount", "exact", "currency", "cost")
    rows = [
        (x.period, x.team, x.name, x.cost_center, money(x.cents), format(x.exact, "f"),
         x.currency, x.cost)
        for x in made
    ]  # fmt: skip
    bills = {x.currency: x.bill_cents for x in made}
    totals = [(made[0].period, "bill", "", "", money(cents), "", currency, made[0].cost)
              for currency, cents in sorted(bills.items())]  # fmt: skip
    return _csv([head, *rows, *totals])


def _csv(rows: Iterable[Sequence[str]]) -> str:
    """Write rows; text that a spreadsheet would take for a formula is quoted."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
    return buffer.getvalue()


def _harmless(cell: str) -> str:
    is_number = cell[1:2].isdigit() and cell.replace(".", "", 1).lstrip("-").isdigit()
    return f"'{cell}" if cell[:1] in set("=+-@\t\r") and cell != "-" and not is_number else cell

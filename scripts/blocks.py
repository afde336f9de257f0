"""The generated blocks of the docs: tables, metrics, settings, steps, rooms and every `--help`.

Cog calls these; each gives Markdown text.
"""

import dataclasses
import typing
from collections.abc import Sequence

import click
import rooms

from collector.billing.format.mapping import FOLDER, document
from meterbook.base.settings import SECTIONS, Settings
from meterbook.cli import main
from transforms import day_steps, whole_steps
from transforms.partition import Step
from transforms.score.advisories import ADVISORIES
from transforms.score.book import NEVER_EVALUATED
from transforms.score.rules import RULES
from transforms.score.sdk_support import SUPPORTED
from transforms.usage.balancer_hours import ROLES as BALANCER_ROLES
from transforms.usage.facts import NAMES
from transforms.usage.subject import ROLES
from warehouse.metrics import ALL as METRICS
from warehouse.table import Table, sql_type
from warehouse.tables import ALL as TABLES


def tables() -> str:
    """Give a section per table: grain, key, columns with type, unit and meaning."""
    return "\n".join(_table(table) for table in TABLES)


def _table(table: Table) -> str:
    key = ", ".join(f"`{name}`" for name in table.key) or "none"
    rows = [
        f"| `{column.name}` | {_short(sql_type(column.dtype))} | {column.unit or '-'} "
        f"| {column.text}{' (may be null)' if column.is_nullable else ''} |"
        for column in table.columns
    ]
    place = "In every snapshot" if table.is_published else "Not in snapshots"
    checks = [f"- {check.level}: {check.name}" for check in table.checks]
    return "\n".join(
        [
            f"## `{table.name}`",
            "",
            table.text,
            "",
            f"One row per {table.grain}. Key: {key}. {place}.",
            "",
            "| column | type | unit | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
            *(["Checks:", "", *checks, ""] if checks else []),
        ]
    )


def mappings() -> str:
    """Give a section per mapping of a native format, made from the files that are read."""
    return "\n".join(_mapping(path.stem) for path in sorted(FOLDER.glob("*.toml")))


def _mapping(file: str) -> str:
    text = document(file)
    names = [
        f"| `{entry['name']}` | {_meaning(entry)} | {entry.get('reason', '')} |"
        for entry in text.get("name", ())
    ]
    lines = [
        f"| `{line['column']}` | {_meaning(line)} | {line['reason']} |" for line in text["line"]
    ]
    tables = [
        f"- `{name}`: " + ", ".join(f"`{key}` → {value}" for key, value in table.items())
        for name, table in text.get("table", {}).items()
    ]
    return "\n".join(
        [
            f"## {text['title']}",
            "",
            *(["Every FOCUS column not named below is taken as it is.", ""] * ("same" in text)),
            *("| name | stands for | why |", "|---|---|---|", *names, ""),
            *("| column | value | why |", "|---|---|---|", *lines, ""),
            *(["Tables:", "", *tables, ""] if tables else []),
        ]
    )


def _meaning(entry: dict[str, typing.Any]) -> str:
    if "value" in entry:
        return "`" + " ".join(entry["value"].split()).replace("|", "\\|") + "`"
    facts = {key: value for key, value in entry.items() if key not in {"name", "reason"}}
    return ", ".join(f"{key} `{value}`" for key, value in facts.items())


def _short(name: str) -> str:
    return name.replace('"', "").replace("VARCHAR", "text").lower()


def metrics() -> str:
    """Give the table of M1 to M12."""
    rows = [
        f"| {m.id} | {m.name} | {m.question} | {m.formula} | {m.unit} | {m.target} | {m.owner} "
        f"| {'yes' if m.is_built else 'not yet'} |"
        for m in METRICS
    ]
    return "\n".join(
        [
            "| id | name | question | formula | unit | target | owner | built |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
        ]
    )


def settings() -> str:
    """Give a section per table of `meterbook.toml` with keys, variables and defaults."""
    hints = typing.get_type_hints(Settings)
    parts = []
    for name in SECTIONS:
        kind = hints[name]
        rows = [
            f"| `{part.name}` | `MB_{name.upper()}_{part.name.upper()}` | `{_default(part)}` "
            f"| {part.metadata.get('text', '')} |"
            for part in dataclasses.fields(kind)
        ]
        parts += [
            f"## `[{name}]`",
            "",
            str(kind.__doc__).strip(),
            "",
            "| key | variable | default | what |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    return "\n".join(parts)


def _default(part: dataclasses.Field[typing.Any]) -> str:
    if isinstance(part.default, tuple):
        return "[" + ", ".join(f'"{item}"' for item in part.default) + "]"
    return f'"{part.default}"' if isinstance(part.default, str) else str(part.default)


def graph() -> str:
    """Give the steps: what is made from what, and what else makes them due."""
    rows = [
        f"| {kind} | {_coded(step.writes)} | {_coded(step.reads)} | {_coded(step.asks)} "
        f"| {_moment(step)} |"
        for kind, chosen in (("each day", day_steps.DAY), ("all days", whole_steps.WHOLE))
        for step in chosen
    ]
    head = [
        "| runs for | writes | reads | is due too when this changes | and by the clock at |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows])


def _coded(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _moment(step: Step) -> str:
    """Give what the function says that gives the moment."""
    said = (step.holds_until.__doc__ or "").split("\n")[0] if step.holds_until else ""
    return said.removeprefix("Give ").removesuffix(".")


def commands() -> str:
    """Give the help of every command."""
    group = typing.cast("click.Group", main)
    context = click.Context(group, info_name="meterbook", max_content_width=90)
    parts = [_help("meterbook", group.get_help(context))]
    for name in sorted(group.commands):
        inner = click.Context(
            group.commands[name], info_name=name, parent=context, max_content_width=90
        )
        parts.append(_help(f"meterbook {name}", group.commands[name].get_help(inner)))
        for part, command in sorted(getattr(group.commands[name], "commands", {}).items()):
            deeper = click.Context(command, info_name=part, parent=inner, max_content_width=90)
            parts.append(_help(f"meterbook {name} {part}", command.get_help(deeper)))
    return "\n".join(parts)


def _help(title: str, text: str) -> str:
    return f"## `{title}`\n\n```text\n{text}\n```\n"


def facts() -> str:
    """Give a row per accepted metric: fact, rank, name, what its `resource` must be, scale."""
    rows = [
        f"| `{name.fact}` | {name.rank} | `{name.name}` | {name.resource or '-'} | {name.scale:g} |"
        for name in NAMES
    ]
    return "\n".join(
        ["| fact | rank | metric | `resource` | scale |", "|---|---|---|---|---|", *rows]
    )


def roles() -> str:
    """Give a row per thing a series is about, with the attributes that name it, in order."""
    every = [*ROLES.items(), *BALANCER_ROLES.items()]
    rows = [f"| {role} | {', '.join(f'`{key}`' for key in keys)} |" for role, keys in every]
    return "\n".join(["| what | attributes |", "|---|---|", *rows])


def rules() -> str:
    """Give a row per rule of the Instrumentation Score, and whether it is evaluated."""
    rows = [
        f"| {rule.id} | {rule.impact} | {rule.weight} | {rule.target} | {rule.text} "
        f"| {'no' if rule.id in NEVER_EVALUATED else 'yes'} |"
        for rule in RULES
    ]
    head = [
        "| rule | impact | weight | target | passes when | evaluated |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows])


def runtimes() -> str:
    """Give the runtimes that SDKs support, by version."""
    rows = [
        f"| {entry.language} | {'.'.join(map(str, entry.sdk))} | {entry.text} |"
        for entry in SUPPORTED
    ]
    return "\n".join(["| language | SDK from | runtime |", "|---|---|---|", *rows])


def advisories() -> str:
    """Give a row per advisory."""
    rows = [f"| `{name}` | {text} |" for name, text in ADVISORIES.items()]
    return "\n".join(["| advisory | what it means |", "|---|---|", *rows])


def floors() -> str:
    """Give a row per room of each floor of the house, from the top."""
    rows = [f"| {room.level} | `{room.path}` | {room.text} |" for room in rooms.floors()]
    return "\n".join(["| floor | room | what it is |", "|---|---|---|", *rows])


def inner_rooms() -> str:
    """Give a table per package that holds others: what it holds, from the top."""
    return "\n".join(_held(name, held) for name, held in rooms.held().items())


def _held(name: str, held: Sequence[rooms.Room]) -> str:
    rows = [f"| {room.level or '-'} | `{room.path}` | {room.text} |" for room in held]
    title = f"### In `{name.replace('.', '/')}`"
    return "\n".join([title, "", "| level | room | what it is |", "|---|---|---|", *rows, ""])

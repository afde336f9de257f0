"""The facts of `meterbook status` as a person reads them.

Takes    the facts of meterbook.cli.status, as plain values
Gives    text: a paragraph a part, counters by name, deliveries as a table
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

GAP: Final = "  "
FACTS_OF_THE_PROCESS: Final = ("pid", "is_running", "grpc_port", "http_port", "journal_bytes")


def as_text(facts: Mapping[str, Any]) -> str:
    """Give the facts as text."""
    collector = facts["collector"]
    parts = [f"home: {facts['home']}", _snapshot(facts["snapshot"]), _process(collector)]
    if collector:
        parts.append(_counters(collector))
    listed = (name for name in ("deliveries", "reconciliation", "last_build") if name in facts)
    parts += [f"{name.replace('_', ' ')}:\n{_table(facts[name])}" for name in listed]
    return "\n".join(part for part in parts if part)


def _snapshot(snapshot: Mapping[str, Any] | None) -> str:
    if snapshot is None:
        return "snapshot: none yet; `meterbook build` publishes one"
    age = timedelta(seconds=snapshot["age_seconds"])
    return (
        f"snapshot: {snapshot['id']}, built {_text(snapshot['built_at'])} ({age} ago),"
        f" data through {snapshot['data_through']}"
    )


def _process(collector: Mapping[str, Any] | None) -> str:
    if collector is None:
        return "collector: never ran here; `meterbook collect` or `meterbook run` starts it"
    waits = f"{collector['journal_bytes']:,} bytes journaled and not yet decoded"
    if not collector["is_running"]:
        return f"collector: not running; {waits}"
    ports = f"gRPC {collector['grpc_port']}, HTTP {collector['http_port']}"
    return f"collector: running as {collector['pid']}, {ports}; {waits}"


def _counters(collector: Mapping[str, Any]) -> str:
    """Give a row per counter: what it counted of what."""
    found: dict[str, list[str]] = {}
    for key, count in collector.items():
        if key not in FACTS_OF_THE_PROCESS:
            name, _, label = key.partition("{")
            label = label.removesuffix("}")
            found.setdefault(name, []).append(f"{label} {count:,}".strip())
    width = max(map(len, found), default=0)
    return "\n".join(
        f"  {name.replace('_', ' '):{width}}{GAP}{', '.join(counts)}"
        for name, counts in found.items()
    )


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Align rows below their names; numbers stand to the right."""
    if not rows:
        return "  none"
    names = list(rows[0])
    columns = []
    for name in names:
        values = [row[name] for row in rows]
        texts = [name.replace("_", " "), *map(_text, values)]
        width = max(map(len, texts))
        is_number = all(isinstance(value, (int, float, Decimal)) for value in values)
        columns.append([text.rjust(width) if is_number else text.ljust(width) for text in texts])
    return "\n".join("  " + GAP.join(cells).rstrip() for cells in zip(*columns, strict=True))


def _text(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, Decimal):
        return f"{value:,f}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)

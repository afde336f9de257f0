"""What should be seen: the inventory files, CSV or YAML.

Reads    the text of inventory files
Gives    the catalogue
Refuses  missing columns, unknown kinds, exemptions without a reason or a last day: all findings
"""

import csv
import io
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from meterbook.base.errors import ConfigError, Finding
from transforms.coverage.identity import UNKNOWN
from warehouse.tables.values import SERVICE_KINDS

CATALOGUE: Final = pl.Schema(
    {
        "service_namespace": pl.String(),
        "service_name": pl.String(),
        "environment": pl.String(),
        "kind": pl.String(),
        "team": pl.String(),
        "tier": pl.Int32(),
        "exempt_reason": pl.String(),
        "exempt_until": pl.Date(),
        "aliases": pl.String(),
        "period_hours": pl.Int32(),
        "source": pl.String(),
    }
)
COLUMNS: Final = tuple(CATALOGUE)[:8]
"""What a CSV must have; `aliases` and `period_hours` it may have."""


@dataclass(frozen=True)
class Entry:
    """One service as a file names it: where it stands, the source's name, its columns as text."""

    place: str
    source: str
    values: Mapping[str, str]


def parse_inventory(
    text: str, name: str = "inventory", kinds: Collection[str] = SERVICE_KINDS
) -> pl.LazyFrame:
    """Read an inventory CSV; no text gives no rows. Errors: ConfigError with every finding."""
    findings: list[Finding] = []
    made = catalogue(csv_entries(text, name, findings), findings, kinds)
    if findings:
        raise ConfigError(findings, "inventory")
    return made


def csv_entries(text: str, name: str, findings: list[Finding], source: str = "") -> list[Entry]:
    """Read the rows of a CSV; missing columns are a finding."""
    if not text.strip():
        return []
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if missing := [column for column in COLUMNS if column not in (reader.fieldnames or ())]:
        findings.append(Finding(name, f"columns {missing} are missing"))
        return []
    return [
        Entry(
            f"{name} line {n}",
            source or name,
            {key: (value or "") for key, value in row.items() if key},
        )
        for n, row in enumerate(reader, start=2)
    ]


def catalogue(
    entries: Iterable[Entry], findings: list[Finding], kinds: Collection[str] = SERVICE_KINDS
) -> pl.LazyFrame:
    """Give the rows of the inventory; what is wrong with them is added to the findings."""
    rows = [_service(entry, findings, kinds) for entry in entries]
    return pl.LazyFrame(rows, schema=CATALOGUE, orient="row")


def _service(entry: Entry, findings: list[Finding], kinds: Collection[str]) -> tuple[object, ...]:
    value = {name: (entry.values.get(name) or "").strip() for name in CATALOGUE}
    place = entry.place
    if not value["service_name"]:
        findings.append(Finding(place, "has no service_name"))
    if value["service_name"].startswith(UNKNOWN):
        findings.append(Finding(place, f"'{UNKNOWN}' is the name of nobody"))
    if (kind := value["kind"] or "service") not in kinds:
        findings.append(Finding(place, f"kind '{kind}'; want one of {list(kinds)}"))
    tier = _whole(value["tier"] or "3", "tier", place, findings)
    if bool(value["exempt_reason"]) != bool(value["exempt_until"]):
        findings.append(Finding(place, "an exemption needs both exempt_reason and exempt_until"))
    period = value["period_hours"]
    return (
        value["service_namespace"],
        value["service_name"],
        value["environment"] or "production",
        kind,
        value["team"],
        tier,
        value["exempt_reason"],
        _day(value["exempt_until"], place, findings),
        value["aliases"],
        _whole(period, "period_hours", place, findings) if period else None,
        f"catalogue:{entry.source}",
    )


def _whole(text: str, name: str, place: str, findings: list[Finding]) -> int:
    if text.isdecimal() and 0 < int(text) < 10**6:
        return int(text)
    findings.append(Finding(place, f"{name} '{text}' is no number from 1"))
    return 3


def _day(text: str, place: str, findings: list[Finding]) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        findings.append(Finding(place, f"exempt_until '{text}' is no day; want YYYY-MM-DD"))
        return None

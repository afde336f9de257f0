"""All inventory files together: CSV, plain YAML, Backstage's catalogue.

Takes    the names and texts of files
Gives    the catalogue
Refuses  what is no YAML, documents of no known form, and whatever an entry has wrong: all findings
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

import polars as pl
import yaml

from meterbook.base.errors import ConfigError, Finding
from transforms.coverage import backstage
from transforms.coverage.backstage import Placed
from transforms.coverage.inventory import Entry, catalogue, csv_entries
from warehouse.tables.values import SERVICE_KINDS

YAML: Final = frozenset({".yaml", ".yml", ".json"})
LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FIELDS: Final = frozenset(
    {
        *("service_namespace", "service_name", "environment", "kind", "team", "tier"),
        *("exempt_reason", "exempt_until", "aliases", "period_hours"),
    }
)


@dataclass(frozen=True)
class InventoryFile:
    """A file of the inventory: the name people know it by, its source, its text."""

    name: str
    source: str
    text: str


def read_inventory(
    files: Iterable[InventoryFile], kinds: Collection[str] = SERVICE_KINDS
) -> pl.LazyFrame:
    """Give the catalogue of all files. Errors: ConfigError with every finding."""
    findings: list[Finding] = []
    entries: list[Entry] = []
    documents: list[Placed] = []
    for file in files:
        if PurePosixPath(file.name).suffix.lower() not in YAML:
            entries += csv_entries(file.text, file.name, findings, file.source)
            continue
        for place, document in _documents(file, findings):
            if backstage.is_backstage(document):
                documents.append(Placed(place, file.source, document))
            else:
                entries += _plain(file, place, document, findings)
    made = catalogue([*entries, *backstage.entries(documents)], findings, kinds)
    if findings:
        raise ConfigError(findings, "inventory")
    return made


def _documents(file: InventoryFile, findings: list[Finding]) -> Iterator[tuple[str, Any]]:
    try:
        loaded = list(yaml.load_all(file.text, Loader=LOADER))
    except yaml.YAMLError as exc:
        findings.append(Finding(file.name, f"no YAML: {exc}".replace("\n", " ")))
        return
    for number, document in enumerate(loaded, start=1):
        if document is not None:
            yield f"{file.name} document {number}", document


def _plain(
    file: InventoryFile, place: str, document: Any, findings: list[Finding]
) -> Iterator[Entry]:
    """Give the entries of a list under `services`, with the columns of the CSV as keys."""
    rows = document.get("services") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        findings.append(Finding(place, "want a Backstage entity, or a list under `services`"))
        return
    for number, row in enumerate(rows, start=1):
        where = f"{place} service {number}"
        if not isinstance(row, dict) or (unknown := set(row) - FIELDS):
            what = sorted(map(str, unknown)) if isinstance(row, dict) else row
            findings.append(Finding(where, f"{what!r}; want keys of {sorted(FIELDS)}"))
            continue
        yield Entry(where, file.source, {key: _text(value) for key, value in row.items()})


def _text(value: object) -> str:
    if isinstance(value, list):
        return ";".join(map(str, value))
    return "" if value is None else str(value)

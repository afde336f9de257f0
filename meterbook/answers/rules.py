"""The ownership file and the files that its rule sources name: read once, kept with the figures.

Takes    settings, or the files as a build has kept them (core_ownership_file)
Gives    the files as a frame; from them the one `Ownership`
Refuses  a file that is not there, and rules that are wrong (ConfigError with every finding)
Holds    what a build has kept gives the same rules, with the same digest, as the files it read
"""

from pathlib import Path

import polars as pl

from meterbook.base.errors import ConfigError, Finding
from meterbook.base.files import matching, resolved, within
from meterbook.base.settings import OwnershipSettings
from transforms.owners.ownership import Ownership, SourceFile, parse_ownership, source_paths
from warehouse.tables.evidence import OWNERSHIP_FILE


def read_ownership(settings: OwnershipSettings, base: Path) -> Ownership:
    """Read the rules that settings name, or give those that own nothing. Errors: ConfigError."""
    return ownership_of(ownership_files(settings, base))


def ownership_files(settings: OwnershipSettings, base: Path) -> pl.DataFrame:
    """Read the ownership file with what its rule sources name; no rows without one.

    The name of the file counts from `base`, names that it gives count from the file.

    Errors: ConfigError.
    """
    rows: list[tuple[str, str, str, str]] = []
    if settings.rules:
        path = Path(resolved(settings.rules, base))
        if not path.is_file():
            raise ConfigError([Finding("ownership.rules", f"{path}: no such file")])
        text = path.read_text(encoding="utf-8")
        rows.append(("", path.name, text, ""))
        for ident, patterns in source_paths(text).items():
            for found in _sourced(path, ident, patterns):
                file = _source_file(found, path.parent)
                rows.append((ident, file.name, file.text, file.problem))
    return pl.DataFrame(rows, schema=OWNERSHIP_FILE.schema, orient="row").sort(OWNERSHIP_FILE.key)


def ownership_of(files: pl.DataFrame) -> Ownership:
    """Give the rules of files that were read. Errors: ConfigError."""
    sources: dict[str, list[SourceFile]] = {}
    text = None
    for ident, name, content, problem in files.rows():
        if ident:
            sources.setdefault(ident, []).append(SourceFile(name, content, problem))
        else:
            text = content
    return Ownership.default() if text is None else parse_ownership(text, sources)


def _sourced(rules: Path, ident: str, patterns: tuple[str, ...]) -> list[Path]:
    """Find the files of a rule source; its paths count from the ownership file."""
    found = matching(rules.parent, f"{rules.name}: rules.{ident}.path", patterns)
    return sorted({path for path in found if path.is_file()})


def _source_file(path: Path, base: Path) -> SourceFile:
    """Read a file of a rule source; one that cannot be read says why and costs no other."""
    name = within(path, base)
    try:
        return SourceFile(name, path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as exc:
        return SourceFile(name, problem=f"cannot be read: {exc}")

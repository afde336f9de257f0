"""The ownership file as text: its YAML, the files that its rule sources name, its digest.

Takes    the text
Gives    the document; paths by rule; one digest of the file and of what its sources read
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from meterbook.base.errors import ConfigError, Finding
from transforms.owners.backstage_rules import SourceFile

LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Where the library was built with it, a twelfth of the time for thousands of rules."""
Files = Mapping[str, Sequence[SourceFile]]
"""The files of each rule source, by the rule's id."""


def source_paths(text: str) -> dict[str, tuple[str, ...]]:
    """Give the paths that each rule source names, by the rule's id. Errors: ConfigError."""
    rules = document_of(text).get("rules")
    each = rules if isinstance(rules, list) else []
    sourced = (rule for rule in each if isinstance(rule, dict) and "source" in rule)
    return {str(rule.get("id")): paths_of(rule) for rule in sourced}


def document_of(text: str) -> Mapping[str, Any]:
    """Read the YAML. Errors: ConfigError."""
    try:
        document = yaml.load(text, Loader=LOADER)  # noqa: S506 - both are safe
    except yaml.YAMLError as exc:
        raise ConfigError([Finding("ownership", f"no YAML: {exc}")]) from exc
    if not isinstance(document, dict):
        raise ConfigError([Finding("ownership", "want a mapping with `teams` and `rules`")])
    return document


def paths_of(rule: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the paths of a rule source."""
    path = rule.get("path") or ()
    return tuple(str(one) for one in (path if isinstance(path, list | tuple) else (path,)))


def digest_of(text: str, files: Files) -> str:
    """Digest the file, and the files that it names."""
    whole = hashlib.sha256(text.encode())
    for ident, found in sorted(files.items()):
        for file in sorted(found, key=lambda one: one.name):
            whole.update(repr((ident, file)).encode())
    return whole.hexdigest()[:12]

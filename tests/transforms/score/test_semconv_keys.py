"""Attribute keys of the semantic conventions, held against the installed package."""

import ast
from collections.abc import Iterator
from pathlib import Path

from opentelemetry import semconv

from transforms.score.semconv_keys import ATTRIBUTE_KEYS, ITEM_KEYS, RESOURCE_KEYS

ROOT = Path(next(iter(semconv.__path__)))


def declared() -> Iterator[tuple[str, str]]:
    """Give name and value of every constant of the package's attribute modules."""
    for path in sorted(ROOT.glob("**/attributes/*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant):
                yield ast.unparse(node.target), str(node.value.value)


def test_keys_are_those_of_the_installed_conventions() -> None:
    """All with a dot, but for templates: `http.request.header` is only the beginning of a key."""
    keys = {value for name, value in declared() if not name.endswith("_TEMPLATE") and "." in value}

    assert keys == ATTRIBUTE_KEYS


def test_a_key_of_a_level_is_a_key_of_that_level_alone() -> None:
    """Both lists are of the conventions' keys, and no key is in both."""
    assert RESOURCE_KEYS | ITEM_KEYS <= ATTRIBUTE_KEYS
    assert not RESOURCE_KEYS & ITEM_KEYS

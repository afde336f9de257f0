"""The tree of errors lists every error that the product raises on purpose, where it stands."""

import ast
import re
from pathlib import Path

from meterbook.base import errors

ROOT = Path(__file__).parents[3]
PRODUCT = ("app", "collector", "meterbook", "sample_data", "transforms", "warehouse")
LEVEL = 4
"""Characters by which a child stands further right than its parent."""


def defined() -> dict[str, str]:
    """Give each exception class of the product with its parent."""
    return {
        node.name: ast.unparse(node.bases[0])
        for folder in PRODUCT
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and node.bases and node.name.endswith("Error")
    }


def listed() -> dict[str, str]:
    """Give each error of the docstring's tree with the one that it stands under."""
    found: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([│├└─ ]*)(\w+Error)\b", line)
        if match is not None:
            del above[len(match[1]) // LEVEL :]
            found[match[2]] = above[-1] if above else "Exception"
            above.append(match[2])
    return found


def test_the_tree_lists_every_error_under_its_parent() -> None:
    """No error is missing, none is listed that is gone, and the branches are those of the code."""
    found = listed()

    assert found == defined()
    assert len(found) > 20


def test_attributes_of_the_tree_are_those_of_the_classes() -> None:
    """What the tree promises beside an error is kept by it or by its parent."""
    lines = re.findall(r"(\w+Error)\b.*?((?: \.\w+)+)$", errors.__doc__ or "", flags=re.MULTILINE)
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in PRODUCT
        for path in (ROOT / folder).rglob("*.py")
    )

    for name, attributes in lines:
        body = re.search(rf"^class {name}\(.*?(?=^\S)", sources, flags=re.MULTILINE | re.DOTALL)
        parent = re.search(
            rf"^class {listed()[name]}\(.*?(?=^\S)", sources, flags=re.MULTILINE | re.DOTALL
        )
        assert body is not None
        kept = body[0] + (parent[0] if parent is not None else "")
        assert all(f"self{attribute} = " in kept for attribute in attributes.split())

"""Paths of a home are spelled once, and settings are handed on by section."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from meterbook.base.home import KEYS, PARTS, QUARANTINE, Home
from warehouse.tables.raw import COST_LINE

ROOT = Path(__file__).parents[3]
PRODUCT = ("app", "collector", "meterbook", "sample_data", "transforms", "warehouse")
FILES = [
    path
    for folder in (*PRODUCT, "benchmarks", "scripts")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
TREES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in FILES
}
SPELLED = {step for part in PARTS for step in part.name.split("/")} - {"lock", "meterbook.toml"}
"""The journal and the bills each have a `lock`; the sample world has a `meterbook.toml` too."""
WHOLE = {
    "meterbook/build/build.py": {"build", "close"},
    "transforms/partition.py": {"Terms"},
}
"""Who else needs all sections: the terms of steps, and what makes them."""
ROOMS = ("meterbook/cli/", "meterbook/run.py", "meterbook/base/settings")


def joined(tree: ast.Module) -> Iterator[str]:
    """Give where a part of a home, or anything to a home, is joined by `/`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            left, right = ast.unparse(node.left), node.right
            name = str(right.value).split("/")[0] if isinstance(right, ast.Constant) else ""
            is_of_code = "__file__" in left
            if left.endswith(("home", "home.root")) or (name in SPELLED and not is_of_code):
                yield ast.unparse(node)


def takers(tree: ast.Module) -> Iterator[str]:
    """Give the functions and classes that are given whole `Settings`."""
    for node in ast.walk(tree):
        given: list[ast.expr | None] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = [part.annotation for part in ast.walk(node.args) if isinstance(part, ast.arg)]
        elif isinstance(node, ast.ClassDef):
            given = [part.annotation for part in node.body if isinstance(part, ast.AnnAssign)]
        if any(kind is not None and _is_whole(kind) for kind in given):
            yield getattr(node, "name", "")


def _is_whole(annotation: ast.expr) -> bool:
    return re.search(r"\bSettings\b", ast.unparse(annotation)) is not None


def test_every_part_lies_in_the_home() -> None:
    """No two parts share a path, and none leads out of the root."""
    home = Home(Path("/book"))

    paths = [home.root / part.name for part in PARTS]

    assert len(set(paths)) == len(PARTS) > 20
    assert home.tokens == Path("/book/collector/tokens.json")
    assert all(path.is_relative_to(home.root) and ".." not in path.parts for path in paths)
    assert all(part.text for part in PARTS)


def test_what_lies_beside_the_journal() -> None:
    """The journal's room, which knows its own folder only, finds keys and quarantine from there."""
    home = Home(Path("/book"))

    assert home.journal.with_name(KEYS) == home.keys
    assert home.journal.with_name(QUARANTINE) == home.quarantine


def test_bill_lines_lie_where_the_lake_has_their_table() -> None:
    """The folder bears the name of the table, as all of the lake do."""
    home = Home(Path("/book"))

    assert home.bill_lines == home.lake / COST_LINE.name


def test_paths_of_a_home_are_spelled_in_one_place() -> None:
    """Nothing but `Home` joins a part's name to a path, or anything to a home."""
    found = {path: list(joined(tree)) for path, tree in TREES.items()}

    del found["meterbook/base/home.py"]
    assert {path: texts for path, texts in found.items() if texts} == {}


def test_settings_are_handed_on_by_section() -> None:
    """Outside the commands, and what makes the terms of steps, nothing is given whole Settings."""
    found = {path: set(takers(tree)) - WHOLE.get(path, set()) for path, tree in TREES.items()}

    others = {path: names for path, names in found.items() if not path.startswith(ROOMS)}
    assert len(found) > len(others)
    assert {path: names for path, names in others.items() if names} == {}

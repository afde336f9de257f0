"""The hand-worked cases and the sample files: each is read by a test, and in one way only."""

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CASES = TESTS / "cases"
FILES = sorted(path for path in CASES.rglob("*") if path.is_file() and path.name != "README.md")
WORKED = [path for path in FILES if path.parent.name in {"allocation", "coverage-cardinality"}]
MONEY = {"id", "title", "source", "currency", "input", "expected", "tolerance", "derivation"}
FIGURES = {"id", "kind", "title", "input", "expected", "working", "trap", "source"}


def _name(path: Path) -> str:
    """Give what a test asks for: a case by its id, a sample file by its path."""
    if path in WORKED:
        return path.stem.partition("_")[0]
    return path.relative_to(CASES).as_posix()


@cache
def _words(path: Path) -> set[str]:
    """Give the texts that stand in a program."""
    constants = (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant))
    return {node.value for node in constants if isinstance(node.value, str)}


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_every_file_is_read_by_a_test(path: Path) -> None:
    """What no test asks for by its name guards nothing."""
    readers = (test for test in TESTS.rglob("test_*.py") if _name(path) in _words(test))

    assert next(readers, None) is not None


@pytest.mark.parametrize("path", WORKED, ids=_name)
def test_a_case_says_what_it_is(path: Path) -> None:
    """Its id names its file, it has the keys that the README tells of, and expects something."""
    made = json.loads(path.read_text())

    assert path.stem == made["id"]
    assert (MONEY if "currency" in made else FIGURES) <= made.keys()
    assert made["expected"]


def test_files_of_others_are_reached_in_one_way() -> None:
    """Only `sample_file` of tests/conftest.py knows where they lie, so that none is missed."""
    way = re.compile(r"parents\[\d+\] / \"shared")

    users = {path for path in TESTS.rglob("*.py") if way.search(path.read_text())}

    assert users == {TESTS / "conftest.py"}

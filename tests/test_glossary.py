"""The words of the project: each retired one stays retired, and each page's noun is explained."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("app", "collector", "meterbook", "sample_data", "transforms", "warehouse")
GLOSSARY = (ROOT / "docs/reference/glossary.md").read_text()
OF_VOLUMES = ("sample_data/attached", "transforms/usage/volumes", "transforms/usage/facts")
"""Where `claim` is Kubernetes' own."""


def rows(heading: str) -> list[list[str]]:
    """Give the cells of the table below a heading."""
    part = GLOSSARY.split(f"# {heading}\n")[1].split("\n#")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def words(name: str) -> set[str]:
    """Give the words of a name, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])", name)}


def names(text: str) -> Iterator[str]:
    """Give the names of a module's classes, functions and parameters."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        if isinstance(node, ast.arg):
            yield node.arg


RETIRED = {word for row in rows("Retired words") for word in row[0].split(", ")}


@pytest.mark.parametrize("room", PRODUCT)
def test_retired_words_name_nothing(room: str) -> None:
    """No module, class, function or parameter bears a retired word."""
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for name in (path.stem, *names(path.read_text()))
        for word in words(name) & RETIRED
        if not (word == "claim" and str(path.relative_to(ROOT)).startswith(OF_VOLUMES))
    ]

    assert found == []


def test_names_are_taken_apart() -> None:
    """`_toldTwice` and `SEAT_of` hold retired words; `tolding` and `seating` are others."""
    assert words("_toldTwice") & RETIRED == {"told"}
    assert words("SEAT_of") & RETIRED == {"seat"}
    assert not words("tolding_seating") & RETIRED


def test_each_term_has_a_meaning_and_a_source() -> None:
    """A line of the glossary has three filled cells, in order, each term once."""
    terms = rows("Glossary")

    assert all(len(row) == 3 and all(row) for row in terms)
    assert [row[0].lower() for row in terms] == sorted({row[0].lower() for row in terms})

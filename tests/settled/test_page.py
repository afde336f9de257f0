"""The page of settled sentences and its tests: none without the other."""

import ast
import re
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "reference" / "settled.md"
ROW = re.compile(r"\| (S-[A-Z]{3})-(\d+) \| (.+) \| `([\w/]+\.py)::(test_\w+)` \|")


class Row(NamedTuple):
    """A sentence with its test; files count from `tests/`."""

    subject: str
    number: int
    sentence: str
    file: str
    test: str


def rows() -> list[Row]:
    """Give the rows of all tables; each line with an id is one."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| S-")]
    found = [ROW.fullmatch(line) for line in lines]
    assert [line for line, row in zip(lines, found, strict=True) if row is None] == []
    parts = [row.groups() for row in found if row]
    return [Row(subject, int(number), *rest) for subject, number, *rest in parts]


def names_in(path: Path) -> list[str]:
    """Give the names of the tests of a file."""
    body = ast.parse(path.read_text()).body
    functions = [node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [node.name for node in functions if node.name.startswith("test_")]


def settled() -> set[tuple[str, str]]:
    """Give file and name of each test in this folder but those of this file."""
    files = [path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]
    return {(str(path.relative_to(TESTS)), name) for path in files for name in names_in(path)}


def test_each_sentence_has_a_test_that_is_there() -> None:
    """A row names a file of tests, and a function in it."""
    files = {row.file for row in rows()}
    known = {file: names_in(TESTS / file) for file in files if (TESTS / file).is_file()}

    lost = [f"{row.file}::{row.test}" for row in rows() if row.test not in known.get(row.file, ())]

    assert lost == []


def test_each_test_of_this_folder_has_its_sentence() -> None:
    """It is named on the page, once, and says in its name that it settles something."""
    named = [(row.file, row.test) for row in rows() if row.file.startswith("settled/")]

    assert set(named) == settled()
    assert len(named) == len(set(named))
    assert {name for _, name in named if not name.startswith("test_settled_")} == set()


def test_ids_are_in_order_and_each_stands_once() -> None:
    """Each subject stands in one place, its sentences numbered from 1."""
    subjects = [
        (subject, [row.number for row in found])
        for subject, found in groupby(rows(), lambda row: row.subject)
    ]

    assert len(dict(subjects)) == len(subjects)
    assert all(found == list(range(1, len(found) + 1)) for _, found in subjects)


def test_a_sentence_ends_and_is_said_once() -> None:
    """No row repeats another's words, and each is a whole sentence."""
    sentences = [row.sentence for row in rows()]

    assert len(set(sentences)) == len(sentences)
    assert [it for it in sentences if not it.endswith(".")] == []
